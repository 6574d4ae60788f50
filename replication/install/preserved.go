package install

import (
	"errors"
	"time"

	"dfsd/internal/fsx"
	"dfsd/replication"
)

// Entry is one preserved file. The record tells what was expected to make way,
// and need not be that of a file which a user put in its place meanwhile.
type Entry struct {
	ID     string
	When   time.Time
	Why    Reason
	By     string // the member whose version took its place; empty when unknown
	Path   string // where it was
	Size   int64  // bytes
	Kind   fsx.Kind
	Record *replication.Record // nil when unknown
}

// maxDead is how many lines may say nothing before the manifest is rewritten.
const maxDead = 10_000

// intend begins the line of a file that an item will displace.
func (st *store) intend(it Item, slot string, fresh uint64) *line {
	l := &line{
		V: manifestVersion, State: intended, ID: st.next, When: st.now().UTC(), Why: it.Preserve.Why, By: it.Preserve.By,
		Path: escaped(it.Path), Slot: escaped(slot), Old: it.Expect, New: fresh,
	}
	if it.Preserve.Record != nil {
		l.Record = it.Preserve.Record.Append(nil)
	}
	st.next++
	return l
}

// keepAll moves the displaced files that are to be kept into the store.
func (st *store) keepAll(lines []*line) error {
	var errs []error
	var done []*line
	for _, l := range lines {
		if l.fate != keep {
			continue
		}
		if err := renameNew(st.staging, string(l.Slot), st.dir, l.name()); err != nil {
			errs = append(errs, err)
			l.fate = wait
			continue
		}
		if err := st.add(l); err != nil {
			errs = append(errs, err)
		}
		l.State = kept
		done = append(done, &line{V: manifestVersion, State: kept, ID: l.ID, Why: l.Why})
	}
	return errors.Join(append(errs, st.append(done...))...)
}

// dropAll removes the displaced files that are superseded, and ends the lines
// of those that were never displaced. What cannot be removed now goes at the
// next Open.
func (st *store) dropAll(lines []*line) {
	var done []*line
	for _, l := range lines {
		if l.fate == drop && st.staging.Remove(string(l.Slot)) != nil {
			continue
		}
		if l.fate == drop || l.fate == void {
			done = append(done, &line{V: manifestVersion, State: gone, ID: l.ID})
		}
	}
	_ = st.append(done...) // lines without a file are ended by the next Open
	st.dead += 2 * len(done)
	if st.dead > maxDead {
		_ = st.rewriteQuiet(lines)
	}
}

// rewriteQuiet rewrites the manifest when no line of the batch waits for the
// next Open.
func (st *store) rewriteQuiet(lines []*line) error {
	for _, l := range lines {
		if l.fate == wait {
			return nil
		}
	}
	return st.rewrite()
}

// forget removes entries with their files; what cannot be removed stays listed.
func (st *store) forget(es ...*entry) error {
	var errs []error
	var done []*entry
	for _, e := range es {
		if err := st.dir.Remove(e.line.name()); err != nil && !errors.Is(err, fsx.ErrNotExist) {
			errs = append(errs, err)
			continue
		}
		done = append(done, e)
	}
	return errors.Join(append(errs, st.end(done...))...)
}

// end takes entries off the list whose files are no longer in the store.
func (st *store) end(es ...*entry) error {
	st.shelf.take(es)
	st.dead += 2 * len(es)
	lines := make([]*line, len(es))
	for i, e := range es {
		lines[i] = &line{V: manifestVersion, State: gone, ID: e.line.ID}
	}
	return st.append(lines...)
}

// Preserved lists the store, oldest first. It never waits for a Commit: of one
// that is under way the list may hold a part.
func (in *Installer) Preserved() []Entry {
	list := in.store.shelf.list()
	out := make([]Entry, len(list))
	for i, e := range list {
		out[i] = e.public()
	}
	return out
}

// PreservedTotals returns how many files are in the store and how many bytes
// they take on disk. The bytes exceed Options.Quota while files that exist
// nowhere else are too young to go. It never waits for a Commit, and costs the
// same however full the store is.
func (in *Installer) PreservedTotals() (files int, bytes int64) { return in.store.shelf.totals() }

// PreservedBytes returns the bytes of PreservedTotals.
func (in *Installer) PreservedBytes() int64 {
	_, bytes := in.store.shelf.totals()
	return bytes
}

// PreservedByHash finds a file in the store whose content has that hash, for
// OpenPreserved; of several it is the one that was listed last. size is in
// bytes. The hash is that of the record the file was preserved with, and
// nobody has read the file since: who takes content from it verifies it. The
// file may be gone by the time it is opened, which is ErrNotPreserved. It
// never waits for a Commit, and costs the same however full the store is.
func (in *Installer) PreservedByHash(h replication.Hash) (id string, size int64, ok bool) {
	e := in.store.shelf.holding(h)
	if e == nil {
		return "", 0, false
	}
	return e.line.name(), e.info.Size, true
}

// entryLocked finds an entry for the methods that hold mu or gate.
func (in *Installer) entryLocked(id string) (*entry, error) {
	if in.closed {
		return nil, ErrClosed
	}
	e := in.store.shelf.find(id)
	if e == nil {
		return nil, ErrNotPreserved
	}
	return e, nil
}

// OpenPreserved opens the content of an entry for reading; the caller closes
// it, and may read on when the entry goes. It never waits for a Commit.
func (in *Installer) OpenPreserved(id string) (fsx.File, error) {
	in.gate.RLock()
	defer in.gate.RUnlock()
	e, err := in.entryLocked(id)
	if err != nil {
		return nil, err
	}
	f, err := in.store.dir.Open(e.line.name(), fsx.ReadOnly)
	if errors.Is(err, fsx.ErrNotExist) { // it went between the two
		return nil, ErrNotPreserved
	}
	return f, err
}

// Restore brings an entry back into the folder: to path, or where it was when
// path is empty. It replaces nothing: if the name is taken the file comes
// back as "name (restored).ext". Directories that are missing are made. It
// returns the path, and takes the entry off the list.
func (in *Installer) Restore(id, path string) (string, error) {
	in.mu.Lock()
	defer in.mu.Unlock()
	e, err := in.entryLocked(id)
	if err != nil {
		return "", err
	}
	if path == "" {
		path = string(e.line.Path)
	}
	if reserved(path) {
		return "", ErrReserved
	}
	path, err = restore(in.root, in.store.dir, e.line.name(), path)
	if err != nil {
		return "", err
	}
	return path, in.store.end(e)
}

// Discard removes an entry for good.
func (in *Installer) Discard(id string) error {
	in.mu.Lock()
	defer in.mu.Unlock()
	e, err := in.entryLocked(id)
	if err != nil {
		return err
	}
	return in.store.forget(e)
}
