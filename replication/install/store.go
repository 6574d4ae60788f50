package install

import (
	"errors"
	"io"
	"strconv"
	"time"

	"dfsd/internal/fsx"
)

// oldSuffix marks the slot of a file that was displaced by a link.
const oldSuffix = ".old"

// store is the preserved store with its manifest. Its lock is the
// Installer's; the shelf has one of its own.
type store struct {
	root, private, staging fsx.Dir // the Installer's
	dir                    fsx.Dir
	now                    func() time.Time

	manifest fsx.File
	size     int64 // of the manifest
	next     uint64
	dead     int // lines of the manifest that say nothing any more
	shelf    shelf
}

// openStore reads the manifest, settles what a crash left under way, and
// adopts files that no line speaks of.
func openStore(root, private, staging fsx.Dir, now func() time.Time) (*store, error) {
	st := &store{root: root, private: private, staging: staging, now: now, next: 1}
	var err error
	if st.dir, err = ensureDir(private, preservedDir); err != nil {
		return nil, err
	}
	if err := st.load(); err != nil {
		return nil, errors.Join(err, st.close())
	}
	return st, nil
}

func (st *store) close() error {
	var err error
	if st.manifest != nil {
		err = st.manifest.Close()
	}
	return errors.Join(err, st.dir.Close())
}

func (st *store) load() error {
	b, err := readAll(st.private, manifestFile)
	if err != nil && !errors.Is(err, fsx.ErrNotExist) {
		return err
	}
	lines, whole := parseManifest(b)
	settled := whole && err == nil
	known := map[string]bool{}
	for _, l := range lines {
		st.next = max(st.next, l.ID+1)
		if st.underWay(l) {
			settled = false
			if err := st.recover(l); err != nil {
				return err
			}
		}
		if l.State == kept && l.mend(st.now()) {
			settled = false
		}
		if l.State == kept && st.add(l) == nil {
			known[l.name()] = true
			continue
		}
		st.dead++
	}
	strangers, err := st.adopt(known)
	if err != nil {
		return err
	}
	if !settled || strangers || st.dead > 1 {
		return st.rewrite()
	}
	st.size = int64(len(b))
	st.manifest, err = st.private.Open(manifestFile, fsx.ReadWrite)
	return err
}

// underWay tells whether a crash may have left l's file between the tree and
// the store: its line can reach the disk before its rename does.
func (st *store) underWay(l *line) bool {
	if l.State != kept || l.Slot == "" {
		return l.State == intended
	}
	_, err := st.dir.Stat(l.name())
	return errors.Is(err, fsx.ErrNotExist)
}

// add takes an entry in whose file is there.
func (st *store) add(l *line) error {
	i, err := st.dir.Stat(l.name())
	if err != nil {
		return err
	}
	st.shelf.put(newEntry(l, i))
	return nil
}

// adopt makes entries of the files that the manifest does not know.
func (st *store) adopt(known map[string]bool) (found bool, err error) {
	var lost []*line
	err = st.dir.ReadDir(func(e fsx.Entry) bool {
		id, err := strconv.ParseUint(e.Name, 16, 64)
		if !known[e.Name] && err == nil && entryName(id) == e.Name {
			l := &line{V: manifestVersion, State: kept, ID: id}
			l.mend(st.now())
			lost = append(lost, l)
		}
		return true
	})
	for _, l := range lost {
		st.next = max(st.next, l.ID+1)
		if err := st.add(l); err != nil {
			return true, err
		}
	}
	return len(lost) > 0, err
}

// recover decides about a file that was on its way out when the process died:
// it finds out by the inode what stands in the slot.
func (st *store) recover(l *line) error {
	l.State = gone
	if i, err := st.dir.Stat(l.name()); err == nil {
		l.State = kept
		if l.Why == Superseded || !l.Old.at(i).moved(i) {
			l.Why = Conflicting // the line that said so was lost
		}
		return nil
	}
	for _, slot := range []string{string(l.Slot), string(l.Slot) + oldSuffix} {
		i, err := st.staging.Stat(slot)
		switch {
		case errors.Is(err, fsx.ErrNotExist):
			continue
		case err != nil:
			return err
		case l.Move:
			if err := st.unpark(slot, l); err != nil {
				return err
			}
			continue
		case l.New != 0 && i.Inode == l.New:
			continue // ours; the sweep takes it
		case l.Old.at(i).moved(i) && (l.Why == Superseded || st.stillThere(l, i)):
			if err := st.staging.Remove(slot); err != nil {
				return err
			}
			continue
		case !l.Old.at(i).moved(i):
			l.Why = Conflicting // a user's, who was faster than we
		}
		if err := renameNew(st.staging, slot, st.dir, l.name()); err != nil {
			return err
		}
		l.State = kept
	}
	return nil
}

// stillThere tells whether the displaced file has its old name too: it had
// got its second one when the process died.
func (st *store) stillThere(l *line, slot fsx.Info) bool {
	i, err := st.root.Stat(string(l.Path))
	return err == nil && i.Links > 1 && i.Dev == slot.Dev && i.Inode == slot.Inode
}

// unpark brings what waited in staging for its new name back to its old one.
func (st *store) unpark(slot string, l *line) error {
	_, err := restore(st.root, st.staging, slot, string(l.Path))
	return err
}

// rewrite replaces the manifest by one line for each entry, and one of the
// highest ID, so that none is used twice.
func (st *store) rewrite() error {
	const fresh = manifestFile + ".new"
	if err := st.private.Remove(fresh); err != nil && !errors.Is(err, fsx.ErrNotExist) {
		return err
	}
	var text []byte
	var err error
	for _, e := range st.shelf.entries {
		e.line.State, e.line.Slot, e.line.New = kept, "", 0
		if text, err = e.line.appendTo(text); err != nil {
			return err
		}
	}
	highest := &line{V: manifestVersion, State: gone, ID: st.next}
	if text, err = highest.appendTo(text); err != nil {
		return err
	}
	st.next++
	f, err := st.private.Create(fresh, 0o600)
	if err != nil {
		return err
	}
	_, err = f.WriteAt(text, 0)
	if err == nil {
		err = f.Sync()
	}
	if err == nil {
		err = st.private.Rename(fresh, st.private, manifestFile, fsx.Replace)
	}
	if err == nil {
		err = st.private.Sync()
	}
	if err != nil {
		return errors.Join(err, f.Close())
	}
	if st.manifest != nil {
		_ = st.manifest.Close()
	}
	st.manifest, st.size, st.dead = f, int64(len(text)), 1
	return nil
}

// append writes lines behind the others; they are not yet durable.
func (st *store) append(lines ...*line) error {
	var text []byte
	var err error
	for _, l := range lines {
		if text, err = l.appendTo(text); err != nil {
			return err
		}
	}
	if len(text) == 0 {
		return nil
	}
	if _, err := st.manifest.WriteAt(text, st.size); err != nil {
		_ = st.manifest.Truncate(st.size)
		return err
	}
	st.size += int64(len(text))
	for _, l := range lines {
		l.written = true
	}
	return nil
}

func (st *store) sync() error { return st.manifest.Sync() }

// readAll reads a file of the private area.
func readAll(d fsx.Dir, name string) ([]byte, error) {
	f, err := d.Open(name, fsx.ReadOnly)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	i, err := f.Info()
	if err != nil {
		return nil, err
	}
	b := make([]byte, i.Size)
	n, err := f.ReadAt(b, 0)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	return b[:n], nil
}
