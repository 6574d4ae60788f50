package survey

import (
	"errors"
	"fmt"

	"dfsd/internal/fsx"
	"dfsd/replication"
	"dfsd/replication/index"
	"dfsd/replication/reconcile"
)

// identity is which object something on disk is.
type identity struct {
	id    replication.FileID // RootID: none that the index knows
	stood bool               // it is entry at of those that stand there
	at    int
}

// kindOf is the kind of record for what stands on disk, 0 if none fits.
func kindOf(k fsx.Kind) replication.Kind {
	switch k {
	case fsx.Regular:
		return replication.File
	case fsx.Directory:
		return replication.Directory
	case fsx.Symlink:
		return replication.Symlink
	}
	return 0
}

// sameInode tells whether facts speak of the inode that info describes, and not
// of one that had its number before.
func sameInode(facts *index.Facts, info *fsx.Info) bool {
	return facts.Inode == info.Inode && facts.Dev == info.Dev &&
		(facts.Birth == info.BTime || facts.Birth == 0 || info.BTime == 0)
}

// standingAs returns which entry of group the inode of info is, or -1.
func standingAs(info fsx.Info, group []index.Standing) int {
	for i := range group {
		if s := &group[i]; s.HasFacts && s.Entry.Disk.Kind == kindOf(info.Kind) && sameInode(&s.Facts, &info) {
			return i
		}
	}
	return -1
}

// unchanged tells whether a file or link is as it was when s was noted. Any
// change of content or attributes moves the change time; the rest guards against
// clocks that were set back.
func unchanged(s *index.Standing, info *fsx.Info) bool {
	return s.Entry.Doing == nil && s.Facts.Changed == info.CTime && s.Facts.Modified == info.MTime &&
		(s.Facts.Size == info.Size || info.Kind != fsx.Regular)
}

// quietDir tells whether a directory is as it was when s was noted.
func quietDir(s *index.Standing, info *fsx.Info) bool {
	return s.HasFacts && s.Entry.Doing == nil && s.Facts.Changed == info.CTime && s.Facts.Modified == info.MTime
}

// identify finds which object stands at name in f. The error is the index's.
func (r *run) identify(f *folder, name string, info *fsx.Info, group []index.Standing) (identity, error) {
	if i := standingAs(*info, group); i >= 0 && !r.claimed(group[i].Entry.ID, info) {
		return identity{id: group[i].Entry.ID, stood: true, at: i}, nil
	}
	id, err := r.bound(f, name, info)
	if err != nil || id != replication.RootID {
		return identity{id: id}, err
	}
	// An entry without facts cannot say that it was another inode.
	for i := range group {
		if s := &group[i]; !s.HasFacts && s.Entry.Disk.Kind == kindOf(info.Kind) {
			return identity{id: s.Entry.ID, stood: true, at: i}, nil
		}
	}
	return identity{}, nil
}

// bound finds the object that the index bound to the inode and that stands
// somewhere else.
func (r *run) bound(f *folder, name string, info *fsx.Info) (replication.FileID, error) {
	if info.Inode == 0 {
		return replication.RootID, nil
	}
	all, err := r.o.Index.Bound(info.Dev, info.Inode)
	if err != nil {
		return replication.RootID, fmt.Errorf("objects at inode %d: %w", info.Inode, err)
	}
	for i := range all {
		if !sameInode(&all[i], info) {
			continue
		}
		e, err := r.o.Index.Entry(all[i].ID)
		if errors.Is(err, index.ErrNotFound) {
			continue
		}
		if err != nil {
			return replication.RootID, fmt.Errorf("entry %v: %w", all[i].ID, err)
		}
		if !e.Live() || e.Disk.Kind != kindOf(info.Kind) {
			continue
		}
		free, err := r.claim(&e, fsx.Join(f.path, name), info)
		if err != nil || free {
			return e.ID, err
		}
	}
	return replication.RootID, nil
}

// linked tells whether other names may share the inode.
func linked(info *fsx.Info) bool { return info.Kind != fsx.Directory && info.Links > 1 }

// claim tells whether the object e, which stood elsewhere, is at the path here
// now. Of several names of one inode just one may be, and none while the place
// where e stood still holds the inode.
func (r *run) claim(e *reconcile.Entry, here string, info *fsx.Info) (bool, error) {
	if !linked(info) {
		return true, nil
	}
	held, err := r.stillHeld(e, info)
	if err != nil || held {
		return false, err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if at, taken := r.claims[e.ID]; taken && at != here {
		return false, nil
	}
	r.claims[e.ID] = here
	return true, nil
}

// claimed tells whether another name of the inode was taken for the object id
// already, because its own place could not be found then.
func (r *run) claimed(id replication.FileID, info *fsx.Info) bool {
	if !linked(info) {
		return false
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	_, taken := r.claims[id]
	return taken
}

// stillHeld tells whether the place of e still holds the inode of info. Where
// that cannot be learnt, it does: names are rather kept apart.
func (r *run) stillHeld(e *reconcile.Entry, info *fsx.Info) (bool, error) {
	dir, ok, err := r.pathOf(e.At.Parent)
	if err != nil || !ok {
		return true, err
	}
	d, err := openSteps(r.o.Root, dir)
	if err == nil {
		defer d.Close()
		var old fsx.Info
		old, err = d.Stat(e.At.Name)
		if err == nil {
			return old.Inode == info.Inode && old.Dev == info.Dev, nil
		}
	}
	for _, gone := range [...]error{fsx.ErrNotExist, fsx.ErrNotDirectory, fsx.ErrEscapes} {
		if errors.Is(err, gone) {
			return false, nil
		}
	}
	return true, nil
}

// deepest bounds how many directories lie above each other, so that an index
// with a cycle is noticed.
const deepest = 1 << 16

// pathOf returns where a directory is: as this survey has found it, or else as
// the index has it.
func (r *run) pathOf(dir replication.FileID) (path string, ok bool, err error) {
	path = "."
	for range deepest {
		r.mu.Lock()
		at, moved := r.moved[dir]
		r.mu.Unlock()
		switch {
		case dir == replication.RootID:
			return path, true, nil
		case dir == reconcile.HoldID:
			return join2(r.o.Hold, path), r.o.Hold != "", nil
		case moved:
			return join2(at, path), true, nil
		}
		e, err := r.o.Index.Entry(dir)
		if errors.Is(err, index.ErrNotFound) || err == nil && !e.Live() {
			return "", false, nil
		}
		if err != nil {
			return "", false, fmt.Errorf("entry %v: %w", dir, err)
		}
		path = join2(e.At.Name, path)
		dir = e.At.Parent
	}
	return "", false, nil
}

// join2 joins two paths of which the second may be ".".
func join2(dir, path string) string {
	if path == "." {
		return dir
	}
	return fsx.Join(dir, path)
}
