package index

import (
	"cmp"
	"iter"
	"slices"

	"dfsd/replication"
	"dfsd/replication/reconcile"
	"dfsd/replication/version"
)

// At implements reconcile.Store.
func (s *Store) At(p reconcile.Place) ([]reconcile.Entry, error) {
	ids, err := s.standing(p)
	if err != nil {
		return nil, err
	}
	return s.entries(slices.Concat(ids, s.over.at[p]), func(e *reconcile.Entry) bool { return e.Live() && e.At == p })
}

// standing returns the files that stood at p at the last commit.
func (s *Store) standing(p reconcile.Place) ([]replication.FileID, error) {
	return s.places.get(p, func() ([]replication.FileID, error) { return s.x.t.ids(placeKey(p)) })
}

// bound returns the files whose facts may have named n at the last commit.
func (s *Store) bound(n inode) ([]replication.FileID, error) {
	return s.inodes.get(n, func() ([]replication.FileID, error) { return s.x.t.ids(s.x.t.inodeKey(n)) })
}

// binding returns those of the files bound to n whose facts, as they are by now,
// do name it.
func (s *Store) binding(n inode) ([]replication.FileID, error) {
	ids, err := s.bound(n)
	if err != nil {
		return nil, err
	}
	var binding []replication.FileID
	for _, id := range ids {
		f, ok, err := s.Facts(id)
		if err != nil {
			return nil, err
		}
		if ok && f.inode() == n {
			binding = append(binding, id)
		}
	}
	return binding, nil
}

// entries returns those of the files for which is holds, ascending by ID.
func (s *Store) entries(ids []replication.FileID, is func(*reconcile.Entry) bool) ([]reconcile.Entry, error) {
	if len(ids) > 1 {
		slices.SortFunc(ids, compareIDs)
		ids = slices.Compact(ids)
	}
	var all []reconcile.Entry
	for _, id := range ids {
		e, err := s.entry(id)
		if err != nil {
			return nil, err
		}
		switch buffered := s.over.entries[id] != nil; {
		case e != nil && is(e):
			all = append(all, *e)
		case !buffered:
			return nil, s.x.t.dangling(fileKey(tableEntry, id))
		}
	}
	return all, nil
}

// Children implements reconcile.Store.
func (s *Store) Children(dir replication.FileID) ([]reconcile.Entry, error) {
	var ids []replication.FileID
	for item, err := range s.x.t.prefix(fileKey(tablePlace, dir)) {
		if err != nil {
			return nil, err
		}
		here, err := parseIDs(item.payload)
		if err != nil {
			return nil, s.x.t.damaged(item.key, err)
		}
		ids = append(ids, here...)
	}
	for id, err := range s.x.t.files(fileKey(tableBelongs, dir)) {
		if err != nil {
			return nil, err
		}
		ids = append(ids, id)
	}
	return s.entries(append(ids, s.over.in[dir]...), func(e *reconcile.Entry) bool { return isChild(e, dir) })
}

// Bound returns the facts of all files whose facts name this inode, ascending
// by ID: more than one for hard links.
func (s *Store) Bound(dev, number uint64) ([]Facts, error) {
	node := inode{dev, number}
	ids, err := s.bound(node)
	if err != nil {
		return nil, err
	}
	ids = slices.Concat(ids, s.over.bound[node])
	slices.SortFunc(ids, compareIDs)
	var bound []Facts
	for _, id := range slices.Compact(ids) {
		f, ok, err := s.Facts(id)
		if err != nil {
			return nil, err
		}
		if ok && f.inode() == node {
			bound = append(bound, f)
		}
	}
	return bound, nil
}

// Wanted implements reconcile.Store.
func (s *Store) Wanted() iter.Seq2[reconcile.Entry, error] {
	return s.marked(tableWanted,
		func(o *overlay) *idList { return &o.wanted },
		func(e *reconcile.Entry) bool { return e.Wanted })
}

// Foreign implements reconcile.Store.
func (s *Store) Foreign() iter.Seq2[reconcile.Entry, error] {
	return s.marked(tableForeign,
		func(o *overlay) *idList { return &o.foreign },
		func(e *reconcile.Entry) bool { return e.Foreign })
}

// marked yields the entries for which is holds, of the files that a table names
// and of those on a list of what was put since the last commit.
func (s *Store) marked(letter byte, list func(*overlay) *idList, is func(*reconcile.Entry) bool) iter.Seq2[reconcile.Entry, error] {
	return func(yield func(reconcile.Entry, error) bool) {
		f := s.freeze()
		defer f.release()
		for id, err := range union(f.t.files([]byte{letter}), list(f.over).ascending()) {
			var e *reconcile.Entry
			var buffered bool
			if err == nil {
				e, buffered, err = f.entry(id)
			}
			if err != nil {
				yield(reconcile.Entry{}, err)
				return
			}
			if buffered && (e == nil || !is(e)) {
				continue
			}
			if !yield(*e, nil) {
				return
			}
		}
	}
}

// union yields the files of both, each once, in the ascending order that both
// have.
func union(a iter.Seq2[replication.FileID, error], b []replication.FileID) iter.Seq2[replication.FileID, error] {
	return func(yield func(replication.FileID, error) bool) {
		for id, err := range a {
			for ; err == nil && len(b) > 0 && compareIDs(b[0], id) <= 0; b = b[1:] {
				if b[0] != id && !yield(b[0], nil) {
					return
				}
			}
			if !yield(id, err) || err != nil {
				return
			}
		}
		for _, id := range b {
			if !yield(id, nil) {
				return
			}
		}
	}
}

// Newer implements reconcile.Store: as it is when the iteration begins.
func (s *Store) Newer(v version.Vector) iter.Seq2[replication.Record, error] {
	return func(yield func(replication.Record, error) bool) {
		f := s.freeze()
		defer f.release()
		put := f.spoken(v)
		for st, err := range f.t.stamps(v) {
			for ; err == nil && len(put) > 0 && put[0].before(st); put = put[1:] {
				if !yield(put[0].record, nil) {
					return
				}
			}
			var r replication.Record
			if err == nil {
				if _, buffered := f.over.as(st.file, f.seq); buffered {
					continue
				}
				r, err = f.t.stampedRecord(st)
			}
			if !yield(r, err) || err != nil {
				return
			}
		}
		for i := range put {
			if !yield(put[i].record, nil) {
				return
			}
		}
	}
}

// spoken is a record that others may hear of.
type spoken struct{ record replication.Record }

// before tells whether the record comes before st in the table of stamps.
func (p *spoken) before(st stamped) bool {
	return cmp.Or(p.record.Stamp.Compare(st.stamp), compareIDs(p.record.ID, st.file)) < 0
}

// isSpoken tells whether others may hear of what e has on disk.
func isSpoken(e *reconcile.Entry) bool {
	return e.OnRecord && !e.Foreign && !e.Disk.Stamp.IsZero()
}

// frozen is a Store as it was at one instant.
type frozen struct {
	s       *Store
	over    *overlay
	seq     uint64
	commits uint64
	t       table
	thaw    func()
}

// freeze begins an iteration, which release ends.
func (s *Store) freeze() *frozen {
	f := &frozen{s: s, over: s.over, seq: s.seq, commits: s.commits}
	f.t, f.thaw = s.x.t.still()
	s.iterations++
	return f
}

func (f *frozen) release() {
	f.s.iterations--
	f.thaw()
}

// entry returns the entry of a file that a list names; nil only where it was
// buffered as dropped.
func (f *frozen) entry(id replication.FileID) (e *reconcile.Entry, buffered bool, err error) {
	if e, ok := f.over.as(id, f.seq); ok {
		return e, true, nil
	}
	if f.s.commits == f.commits {
		if e, ok := f.s.cache.get(id); ok && e != nil {
			return e, false, nil
		}
	}
	e, err = f.t.named(id)
	return e, false, err
}

// spoken returns the buffered records whose stamps v lacks, ascending by stamp.
func (f *frozen) spoken(v version.Vector) (all []spoken) {
	for id := range f.over.entries {
		if e, ok := f.over.as(id, f.seq); ok && e != nil && isSpoken(e) && !v.Covers(e.Disk.Stamp) {
			all = append(all, spoken{e.Disk})
		}
	}
	slices.SortFunc(all, func(a, b spoken) int {
		return cmp.Or(a.record.Stamp.Compare(b.record.Stamp), compareIDs(a.record.ID, b.record.ID))
	})
	return all
}
