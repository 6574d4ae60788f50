package index

import (
	"errors"
	"iter"

	"github.com/cockroachdb/pebble/v2"

	"dfsd/replication"
	"dfsd/replication/reconcile"
	"dfsd/replication/version"
)

// Reader reads what was committed. It is safe for concurrent use, beside the
// Store too. Each call sees the index as it is at one instant, and a sequence
// sees it as it is when the range over it begins; ranging keeps what it sees on
// disk, so a range should not wait long. Sequences stop at the first error,
// which they yield. Errors other than ErrNotFound are ErrCorrupt or those of
// the disk. What is returned may share memory and is not to be changed.
type Reader struct {
	Peers Peers
	Lists Lists

	t table
}

func newReader(t table) Reader { return Reader{Peers: Peers{t}, Lists: Lists{t}, t: t} }

// Entry returns the entry of a file, or ErrNotFound.
func (r Reader) Entry(id replication.FileID) (reconcile.Entry, error) {
	e, err := r.t.entry(id)
	if err != nil {
		return reconcile.Entry{}, err
	}
	return *e, nil
}

// Meta returns what the member knows beside its entries: the zero Meta while
// nothing was committed.
func (r Reader) Meta() (reconcile.Meta, error) { return r.t.meta() }

// Totals returns the counts of what stands on this member's disk.
func (r Reader) Totals() (Totals, error) { return r.t.totals() }

// Facts returns the facts of a file, or ErrNotFound.
func (r Reader) Facts(id replication.FileID) (Facts, error) { return r.t.facts(id) }

// Bound returns the facts of all files whose facts name this inode, ascending
// by ID: more than one for hard links.
func (r Reader) Bound(dev, number uint64) ([]Facts, error) {
	t, release := r.t.still()
	defer release()
	ids, err := t.ids(t.inodeKey(inode{dev, number}))
	if err != nil {
		return nil, err
	}
	var bound []Facts
	for _, id := range ids {
		f, err := t.facts(id)
		if err != nil && !errors.Is(err, ErrNotFound) {
			return nil, err
		}
		if err == nil && f.inode() == (inode{dev, number}) {
			bound = append(bound, f)
		}
	}
	return bound, nil
}

// Holders yields the IDs of the files on disk whose content has this hash, or
// one that begins alike: compare the entries where it matters.
func (r Reader) Holders(h replication.Hash) iter.Seq2[replication.FileID, error] {
	return r.t.files(contentKey(h))
}

// Newer yields the records on disk whose stamps v does not cover, tombstones
// among them and foreign ones left out, by origin and then in the order in
// which they were made: what a member that has v lacks. An origin of which
// nothing is new costs one seek.
func (r Reader) Newer(v version.Vector) iter.Seq2[replication.Record, error] {
	return func(yield func(replication.Record, error) bool) {
		t, release := r.t.still()
		defer release()
		t.newer(v)(yield)
	}
}

// Backlog measures what Newer would yield, without reading the records.
func (r Reader) Backlog(v version.Vector) (Backlog, error) {
	t, release := r.t.still()
	defer release()
	return t.backlog(v)
}

// Wanted yields the entries of the work list, ascending by ID.
func (r Reader) Wanted() iter.Seq2[reconcile.Entry, error] {
	return func(yield func(reconcile.Entry, error) bool) {
		t, release := r.t.still()
		defer release()
		for id, err := range t.files([]byte{tableWanted}) {
			var e reconcile.Entry
			if err == nil {
				e, err = valueOf(t.named(id))
			}
			if !yield(e, err) || err != nil {
				return
			}
		}
	}
}

func valueOf(e *reconcile.Entry, err error) (reconcile.Entry, error) {
	if err != nil {
		return reconcile.Entry{}, err
	}
	return *e, nil
}

// Standing is an object at a place on disk.
type Standing struct {
	Name     string
	Entry    reconcile.Entry
	Facts    Facts
	HasFacts bool // whether there are any
}

// Standing yields what stands in a directory, ascending by the bytes of names.
func (r Reader) Standing(dir replication.FileID) iter.Seq2[Standing, error] {
	return func(yield func(Standing, error) bool) {
		t, release := r.t.still()
		defer release()
		for item, err := range t.prefix(fileKey(tablePlace, dir)) {
			var ids []replication.FileID
			if err == nil {
				if ids, err = parseIDs(item.payload); err != nil {
					err = t.damaged(item.key, err)
				}
			}
			if err != nil {
				yield(Standing{}, err)
				return
			}
			for _, id := range ids {
				s, err := t.standing(id)
				if !yield(s, err) || err != nil {
					return
				}
			}
		}
	}
}

// StandingAt returns what stands at p, ascending by ID: one on a healthy tree,
// or none.
func (r Reader) StandingAt(p reconcile.Place) ([]Standing, error) {
	t, release := r.t.still()
	defer release()
	ids, err := t.ids(placeKey(p))
	if err != nil {
		return nil, err
	}
	var all []Standing
	for _, id := range ids {
		s, err := t.standing(id)
		if err != nil {
			return nil, err
		}
		all = append(all, s)
	}
	return all, nil
}

// standing returns a file that a place names.
func (t table) standing(id replication.FileID) (Standing, error) {
	e, err := t.named(id)
	if err != nil {
		return Standing{}, err
	}
	s := Standing{Name: e.At.Name, Entry: *e}
	s.Facts, err = t.facts(id)
	if s.HasFacts = err == nil; err != nil && !errors.Is(err, ErrNotFound) {
		return Standing{}, err
	}
	return s, nil
}

// Snapshot is a Reader of the index as it was at one instant. Close it soon:
// while it is open, what it sees stays on disk.
type Snapshot struct {
	Reader
	s *pebble.Snapshot
}

// Close ends the snapshot. No read of it may be under way or follow.
func (s *Snapshot) Close() error { return s.s.Close() }
