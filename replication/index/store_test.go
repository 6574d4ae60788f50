package index

import (
	"errors"
	"iter"
	"maps"
	"slices"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"pgregory.net/rapid"

	"dfsd/replication"
	"dfsd/replication/reconcile"
	"dfsd/replication/version"
)

var _ reconcile.Store = (*Store)(nil)

// same fails the test unless got prints as want does.
func same(t *rapid.T, what string, got, want any, errs ...error) {
	t.Helper()
	if err := errors.Join(errs...); err != nil {
		t.Fatalf("%s: %v", what, err)
	}
	if g, w := show(got), show(want); g != w {
		t.Fatalf("%s =\n%s, want\n%s", what, g, w)
	}
}

// checkStore compares every query of a store with the model.
func checkStore(t *rapid.T, s reconcile.Store, m *model) {
	t.Helper()
	for n := 1; n <= someFiles; n++ {
		got, ok, err := s.Entry(fileID(n))
		want, has := m.entries[fileID(n)]
		same(t, "Entry", got, want, err)
		same(t, "Entry is there", ok, has)
	}
	for _, dir := range someDirs {
		got, err := s.Children(dir)
		same(t, "Children", got, m.children(dir), err)
		for _, name := range someNames {
			p := reconcile.Place{Parent: dir, Name: name}
			got, err := s.At(p)
			same(t, "At", got, m.at(p), err)
		}
	}
	same(t, "Wanted", all(t, s.Wanted()), m.wanted())
	same(t, "Foreign", all(t, s.Foreign()), m.foreign())
	v := drawVector(t)
	same(t, "Newer", all(t, s.Newer(v)), m.newer(v))
	meta, err := s.Meta()
	same(t, "Meta", meta, m.meta, err)
}

// checkFacts compares what the Store adds to the interface.
func checkFacts(t *rapid.T, s *Store, m *model) {
	t.Helper()
	for n := 1; n <= someFiles; n++ {
		got, ok, err := s.Facts(fileID(n))
		want, has := m.facts[fileID(n)]
		same(t, "Facts", got, want, err)
		same(t, "Facts are there", ok, has)
	}
	for inode := range uint64(someInodes + 1) {
		got, err := s.Bound(1, inode)
		same(t, "Bound", got, m.bound(1, inode), err)
	}
}

// checkReader compares every query of a reader with the model of what was
// committed.
func checkReader(t *rapid.T, r Reader, m *model) {
	t.Helper()
	for n := 1; n <= someFiles; n++ {
		got, err := r.Entry(fileID(n))
		want, has := m.entries[fileID(n)]
		same(t, "Reader.Entry is there", !errors.Is(err, ErrNotFound), has)
		same(t, "Reader.Entry", got, want)
		facts, err := r.Facts(fileID(n))
		wantFacts, has := m.facts[fileID(n)]
		same(t, "Reader.Facts are there", !errors.Is(err, ErrNotFound), has)
		same(t, "Reader.Facts", facts, wantFacts)
	}
	for _, dir := range someDirs {
		same(t, "Standing", all(t, r.Standing(dir)), m.standing(func(p reconcile.Place) bool { return p.Parent == dir }))
		p := reconcile.Place{Parent: dir, Name: rapid.SampledFrom(someNames).Draw(t, "name")}
		got, err := r.StandingAt(p)
		same(t, "StandingAt", got, m.standing(func(q reconcile.Place) bool { return q == p }), err)
	}
	for inode := range uint64(someInodes + 1) {
		got, err := r.Bound(1, inode)
		same(t, "Reader.Bound", got, m.bound(1, inode), err)
	}
	same(t, "Reader.Wanted", all(t, r.Wanted()), m.wanted())
	v := drawVector(t)
	same(t, "Reader.Newer", all(t, r.Newer(v)), m.newer(v))
	backlog, err := r.Backlog(v)
	same(t, "Backlog", backlog, m.backlog(v), err)
	meta, err := r.Meta()
	same(t, "Reader.Meta", meta, m.meta, err)
	totals, err := r.Totals()
	same(t, "Totals", totals, m.totals(), err)
	same(t, "Peers", all(t, r.Peers.All()), slices.Collect(func(yield func(Peer) bool) {
		for _, name := range slices.Sorted(maps.Keys(m.peers)) {
			if !yield(m.peers[name]) {
				return
			}
		}
	}))
	for n := 1; n <= someHashes; n++ {
		same(t, "Holders", all(t, r.Holders(hashOf(n))), m.holders(hashOf(n)))
		for _, g := range []Grain{Coarse, Fine} {
			got, err := r.Lists.Get(g, hashOf(n))
			want, has := m.lists[listName(g, hashOf(n))]
			same(t, "List is there", !errors.Is(err, ErrNotFound), has)
			same(t, "List", got, want)
		}
	}
}

// world is an index on a disk that can lose power, beside what it should hold.
type world struct {
	disk      *vfs.MemFS
	x         *Index
	s         *Store
	now       *model
	committed *model
}

func (w *world) open(t *rapid.T) {
	x, err := Open("index", Options{FS: w.disk, Cache: 1 << 20})
	if err != nil {
		t.Fatal(err)
	}
	if x.Opening().Cause != nil {
		t.Fatal(x.Opening().Cause)
	}
	w.x, w.s, w.now = x, x.Store(), w.committed.clone()
}

// write does to both what a writer does between commits.
func (w *world) write(t *rapid.T) {
	switch rapid.IntRange(0, 12).Draw(t, "write") {
	case 0, 1:
		id := drawID(t)
		same(t, "Drop", w.s.Drop(id), nil)
		delete(w.now.entries, id)
	case 2, 3:
		f := drawFacts(t)
		w.s.PutFacts(f)
		w.now.facts[f.ID] = f
	case 4:
		id := drawID(t)
		w.s.DropFacts(id)
		delete(w.now.facts, id)
	case 5:
		p := drawPeer(t)
		w.s.PutPeer(p)
		w.now.peers[p.Name] = p
	case 6:
		l := drawList(t)
		w.s.PutList(l)
		w.now.lists[listName(l.Grain, l.Hash)] = l.Data
	case 7:
		m := drawMeta(t)
		same(t, "PutMeta", w.s.PutMeta(m), nil)
		w.now.meta = m
	default:
		e := drawEntry(t)
		same(t, "Put", w.s.Put(e), nil)
		w.now.entries[e.ID] = e
	}
}

func (w *world) commit(t *rapid.T) {
	same(t, "Commit", w.s.Commit(), nil)
	w.committed = w.now.clone()
}

// iterate checks that an iteration yields what there was when it began, while
// the writer goes on.
func (w *world) iterate(t *rapid.T) {
	var v version.Vector
	ranges := []struct {
		seq  iter.Seq2[reconcile.Entry, error]
		want []reconcile.Entry
	}{
		{w.s.Wanted(), w.now.wanted()},
		{w.s.Foreign(), w.now.foreign()},
		{disks(w.s.Newer(v)), diskEntries(w.now.newer(v))},
	}
	r := ranges[rapid.IntRange(0, len(ranges)-1).Draw(t, "range")]
	var got []reconcile.Entry
	for e, err := range r.seq {
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, e)
		for range rapid.IntRange(0, 3).Draw(t, "writes") {
			w.write(t)
		}
		if rapid.Bool().Draw(t, "commit") {
			w.commit(t)
		}
	}
	same(t, "iteration beside a writer", got, r.want)
}

func disks(seq iter.Seq2[replication.Record, error]) iter.Seq2[reconcile.Entry, error] {
	return func(yield func(reconcile.Entry, error) bool) {
		for r, err := range seq {
			if !yield(reconcile.Entry{Disk: r}, err) {
				return
			}
		}
	}
}

func diskEntries(records []replication.Record) (all []reconcile.Entry) {
	for _, r := range records {
		all = append(all, reconcile.Entry{Disk: r})
	}
	return all
}

func (w *world) step(t *rapid.T) {
	switch rapid.IntRange(0, 19).Draw(t, "step") {
	case 0:
		same(t, "Close", w.x.Close(), nil)
		w.open(t)
	case 1:
		same(t, "Flush", w.x.db.Flush(), nil)
	case 2:
		crashed := w.disk.CrashClone(vfs.CrashCloneCfg{})
		_ = w.x.Close()
		w.disk = crashed
		w.open(t)
	case 3:
		w.s, w.now = w.x.Store(), w.committed.clone()
	case 4, 5, 6, 7:
		w.commit(t)
	case 8, 9:
		w.iterate(t)
	default:
		w.write(t)
	}
}

// TestStoreIsItsModel writes, commits, reopens, crashes and looks.
func TestStoreIsItsModel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := &world{disk: vfs.NewCrashableMem(), committed: newModel()}
		w.open(t)
		defer func() { _ = w.x.Close() }()
		most := 30
		if underRace {
			most = 6
		}
		for range rapid.IntRange(1, most).Draw(t, "steps") {
			w.step(t)
			checkStore(t, w.s, w.now)
			checkFacts(t, w.s, w.now)
			checkReader(t, w.x.Reader, w.committed)
		}
		then := w.committed
		snap, err := w.x.Snapshot()
		if err != nil {
			t.Fatal(err)
		}
		defer snap.Close()
		w.write(t)
		w.commit(t)
		checkReader(t, snap.Reader, then)
	})
}
