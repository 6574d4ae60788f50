package install

import (
	"cmp"
	"slices"
	"strconv"
	"sync"

	"dfsd/internal/fsx"
	"dfsd/replication"
)

// entry is one preserved file. What others than its shelf may read of it does
// not change.
type entry struct {
	line *line
	info fsx.Info // of the file when it was listed
	hash replication.Hash

	// The neighbours among the entries with the same hash, nil at the ends.
	// The shelf's, as is gone.
	newer, older *entry
	gone         bool
}

// newEntry makes the entry of a line whose file is i.
func newEntry(l *line, i fsx.Info) *entry {
	e := &entry{line: l, info: i}
	if r := l.record(); r != nil && r.Kind == replication.File && l.Old.holds(i) {
		e.hash = r.Hash
	}
	return e
}

// holds tells whether the file of i still has the content of id, whatever
// device number its volume has by now. A file that was displaced in place of
// the expected one has not, and the record of its line is not its own.
func (id Identity) holds(i fsx.Info) bool {
	return id.Kind == fsx.Regular && id.Kind == i.Kind && id.Inode == i.Inode && id.Size == i.Size && id.MTime == i.MTime
}

func (e *entry) public() Entry {
	return Entry{
		ID: e.line.name(), When: e.line.When, Why: e.line.Why, By: e.line.By, Path: string(e.line.Path),
		Size: e.info.Size, Kind: e.info.Kind, Record: e.line.record(),
	}
}

// shelf lists what is in the preserved store. Its lock is held while memory is
// looked at and never while a file is touched, so that nobody who asks waits
// for a Commit. Who changes the list holds the Installer's lock too, which
// alone is enough to read it.
type shelf struct {
	mu      sync.RWMutex
	entries []*entry                    // guarded by mu, as all below; by ID, which is oldest first
	byHash  map[replication.Hash]*entry // the newest entry with this content
	used    int64                       // bytes
}

// put adds an entry.
func (sh *shelf) put(e *entry) {
	sh.mu.Lock()
	defer sh.mu.Unlock()
	i, _ := slices.BinarySearchFunc(sh.entries, e.line.ID, byID)
	sh.entries = slices.Insert(sh.entries, i, e)
	sh.used += e.info.Allocated
	if e.hash == (replication.Hash{}) {
		return
	}
	if e.older = sh.byHash[e.hash]; e.older != nil {
		e.older.newer = e
	}
	if sh.byHash == nil {
		sh.byHash = map[replication.Hash]*entry{}
	}
	sh.byHash[e.hash] = e
}

// take takes entries off, all in one pass: evictions come in thousands.
func (sh *shelf) take(es []*entry) {
	sh.mu.Lock()
	defer sh.mu.Unlock()
	for _, e := range es {
		e.gone = true
		sh.used -= e.info.Allocated
		sh.unlink(e)
	}
	sh.entries = slices.DeleteFunc(sh.entries, func(e *entry) bool { return e.gone })
}

// unlink takes an entry out of those with its hash.
func (sh *shelf) unlink(e *entry) {
	switch {
	case e.hash == (replication.Hash{}):
	case e.newer != nil:
		e.newer.older = e.older
	case e.older != nil:
		sh.byHash[e.hash] = e.older
	default:
		delete(sh.byHash, e.hash)
	}
	if e.older != nil {
		e.older.newer = e.newer
	}
	e.newer, e.older = nil, nil
}

// list returns the entries, oldest first.
func (sh *shelf) list() []*entry {
	sh.mu.RLock()
	defer sh.mu.RUnlock()
	return slices.Clone(sh.entries)
}

// totals returns how many entries there are and how many bytes they take.
func (sh *shelf) totals() (files int, bytes int64) {
	sh.mu.RLock()
	defer sh.mu.RUnlock()
	return len(sh.entries), sh.used
}

// find returns the entry of that name, nil when there is none.
func (sh *shelf) find(name string) *entry {
	id, err := strconv.ParseUint(name, 16, 64)
	if err != nil || entryName(id) != name {
		return nil
	}
	sh.mu.RLock()
	defer sh.mu.RUnlock()
	if i, found := slices.BinarySearchFunc(sh.entries, id, byID); found {
		return sh.entries[i]
	}
	return nil
}

// holding returns an entry with that content, nil when there is none.
func (sh *shelf) holding(h replication.Hash) *entry {
	sh.mu.RLock()
	defer sh.mu.RUnlock()
	return sh.byHash[h]
}

func byID(e *entry, id uint64) int { return cmp.Compare(e.line.ID, id) }
