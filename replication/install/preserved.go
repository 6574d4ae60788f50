package install

import (
	"errors"
	"time"

	"dfsd/internal/fsx"
	"dfsd/replication"
)

// Entry is one preserved file.
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

// The marks of the quota: above high, in hundredths, the oldest entries go
// until low is reached.
const (
	highMark = 90
	lowMark  = 60
	// maxDead is how many lines may say nothing before the manifest is
	// rewritten.
	maxDead = 10_000
)

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

// trim removes the oldest entries when the store is above its high mark, but
// none from first on.
func (st *store) trim(quota int64, first uint64) {
	if quota <= 0 || st.used*100 <= quota*highMark {
		return
	}
	for len(st.entries) > 0 && st.used*100 > quota*lowMark {
		e := st.entries[0]
		if e.line.ID >= first || st.forget(e) != nil {
			return
		}
	}
}

// forget removes an entry with its file.
func (st *store) forget(e *entry) error {
	if err := st.dir.Remove(e.line.name()); err != nil && !errors.Is(err, fsx.ErrNotExist) {
		return err
	}
	return st.end(e)
}

// end takes an entry off the list whose file is no longer in the store.
func (st *store) end(e *entry) error {
	for i, o := range st.entries {
		if o == e {
			st.entries = append(st.entries[:i:i], st.entries[i+1:]...)
			break
		}
	}
	st.used -= e.info.Allocated
	st.dead += 2
	return st.append(&line{V: manifestVersion, State: gone, ID: e.line.ID})
}

func (st *store) find(id string) (*entry, error) {
	for _, e := range st.entries {
		if e.line.name() == id {
			return e, nil
		}
	}
	return nil, ErrNotPreserved
}

// Preserved lists the store, oldest first.
func (in *Installer) Preserved() []Entry {
	in.mu.Lock()
	defer in.mu.Unlock()
	out := make([]Entry, 0, len(in.store.entries))
	for _, e := range in.store.entries {
		out = append(out, e.public())
	}
	return out
}

func (e *entry) public() Entry {
	out := Entry{
		ID: e.line.name(), When: e.line.When, Why: e.line.Why, By: e.line.By, Path: string(e.line.Path),
		Size: e.info.Size, Kind: e.info.Kind,
	}
	if len(e.line.Record) > 0 {
		if r, _, err := replication.ParseRecord(e.line.Record); err == nil {
			out.Record = &r
		}
	}
	return out
}

// PreservedBytes returns how much of the quota is used.
func (in *Installer) PreservedBytes() int64 {
	in.mu.Lock()
	defer in.mu.Unlock()
	return in.store.used
}

// entryLocked finds an entry for the methods that hold mu.
func (in *Installer) entryLocked(id string) (*entry, error) {
	if in.closed {
		return nil, ErrClosed
	}
	return in.store.find(id)
}

// OpenPreserved opens the content of an entry for reading.
func (in *Installer) OpenPreserved(id string) (fsx.File, error) {
	in.mu.Lock()
	defer in.mu.Unlock()
	e, err := in.entryLocked(id)
	if err != nil {
		return nil, err
	}
	return in.store.dir.Open(e.line.name(), fsx.ReadOnly)
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
