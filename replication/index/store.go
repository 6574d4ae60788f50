package index

import (
	"errors"
	"fmt"

	"dfsd/replication"
	"dfsd/replication/reconcile"
)

// ErrStale is returned by a Store that another one has taken the place of.
var ErrStale = errors.New("another writer has taken over the index")

// Store writes the index: it is the reconcile.Store of one folder. What is put
// is seen by the reads of the Store at once, by those of a Reader after Commit.
// It holds in memory what was put since the last Commit, and a bounded cache of
// entries. A Store is used by one goroutine. Entries that it takes and returns
// are values; what they point to must not be changed.
//
// After an error of Commit, or of a read that is ErrCorrupt, nothing more may be
// expected of a Store; see ErrCorrupt and ErrBroken.
type Store struct {
	x          *Index
	over       *overlay
	cache      *cache
	meta       *reconcile.Meta // as committed; nil: not read yet
	places     recent[reconcile.Place]
	inodes     recent[inode]
	seq        uint64 // of the latest Put or Drop
	commits    uint64 // how many there were
	iterations int    // under way
}

// Store returns the writer of the index, in place of any before: what that one
// has not committed is forgotten, and it can commit no more.
func (x *Index) Store() *Store {
	s := &Store{
		x: x, over: newOverlay(), cache: newCache(),
		places: recent[reconcile.Place]{}, inodes: recent[inode]{},
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	x.writer = s
	return s
}

// Entry implements reconcile.Store.
func (s *Store) Entry(id replication.FileID) (reconcile.Entry, bool, error) {
	e, err := s.entry(id)
	if e == nil || err != nil {
		return reconcile.Entry{}, false, err
	}
	return *e, true, nil
}

// entry returns the entry of a file, nil for none.
func (s *Store) entry(id replication.FileID) (*reconcile.Entry, error) {
	if b := s.over.entries[id]; b != nil {
		return b.now, nil
	}
	return s.committed(id)
}

// committed returns the entry of a file as it was committed, nil for none.
func (s *Store) committed(id replication.FileID) (*reconcile.Entry, error) {
	if e, ok := s.cache.get(id); ok {
		return e, nil
	}
	e, err := s.x.t.entry(id)
	if err != nil && !errors.Is(err, ErrNotFound) {
		return nil, err
	}
	s.cache.put(id, e)
	return e, nil
}

// Put implements reconcile.Store. An entry that could not be read again is
// refused with replication.ErrInvalid: names, targets, attributes and vectors
// beyond the bounds of a record, or a record of another file. Since and Own of
// an entry that is not pending, and Disk of one that is not on record, are not
// kept.
func (s *Store) Put(e reconcile.Entry) error {
	if err := readable(&e); err != nil {
		return fmt.Errorf("put entry %v: %w", e.ID, err)
	}
	normal(&e)
	return s.change(e.ID, &e)
}

// Drop implements reconcile.Store. Facts of the file stay.
func (s *Store) Drop(id replication.FileID) error { return s.change(id, nil) }

// change makes e the entry of id, nil for none.
func (s *Store) change(id replication.FileID, e *reconcile.Entry) error {
	was, err := s.entry(id)
	if err != nil {
		return err
	}
	if e == nil && was == nil || e != nil && was != nil && sameEntry(e, was) {
		return nil
	}
	s.seq++
	b := &buffered{base: was, now: e, seq: s.seq}
	if before := s.over.entries[id]; before != nil {
		b.base = before.base
		if s.iterations > 0 {
			b.older = before
		}
	}
	s.over.entries[id] = b
	if e != nil {
		s.over.note(e)
	}
	return nil
}

// Meta implements reconcile.Store: the zero Meta in a new index.
func (s *Store) Meta() (reconcile.Meta, error) {
	if s.over.meta != nil {
		return *s.over.meta, nil
	}
	if s.meta == nil {
		m, err := s.x.t.meta()
		if err != nil {
			return reconcile.Meta{}, err
		}
		s.meta = &m
	}
	return *s.meta, nil
}

// PutMeta implements reconcile.Store.
func (s *Store) PutMeta(m reconcile.Meta) error {
	if err := readableMeta(&m); err != nil {
		return fmt.Errorf("put meta: %w", err)
	}
	was, err := s.Meta()
	if err != nil || sameMeta(&was, &m) {
		return err
	}
	s.over.meta = &m
	return nil
}

// PutFacts stores what the file system says of a file, in place of what it said
// before, with the next Commit.
func (s *Store) PutFacts(f Facts) {
	s.over.facts[f.ID] = &f
	s.over.bound[f.inode()] = append(s.over.bound[f.inode()], f.ID)
}

// DropFacts drops the facts of a file with the next Commit.
func (s *Store) DropFacts(id replication.FileID) { s.over.facts[id] = nil }

// Facts returns the facts of a file; false for none.
func (s *Store) Facts(id replication.FileID) (Facts, bool, error) {
	if f, ok := s.over.facts[id]; ok {
		if f == nil {
			return Facts{}, false, nil
		}
		return *f, true, nil
	}
	f, err := s.x.t.facts(id)
	if errors.Is(err, ErrNotFound) {
		return Facts{}, false, nil
	}
	return f, err == nil, err
}

// PutPeer stores the state of a peer with the next Commit.
func (s *Store) PutPeer(p Peer) { s.over.peers[p.Name] = p }

// PutList stores a chunk list with the next Commit. The Store keeps l.Data
// until then.
func (s *Store) PutList(l List) { s.over.lists = append(s.over.lists, l) }
