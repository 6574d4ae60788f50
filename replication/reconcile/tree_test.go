package reconcile

import (
	"testing"

	"dfsd/replication"
	"dfsd/replication/version"

	"pgregory.net/rapid"
)

func directory(n byte, at Place) Object {
	return Object{ID: id(n), At: at, Kind: replication.Directory, Attr: replication.Attr{Mode: 0o755}}
}

// made brings a directory into the tree of b.
func (b *bench) made(r replication.Record) {
	b.t.Helper()
	b.step(batch(b.state.Meta().Seen, r))
	b.step(Installed{ID: r.ID})
	if e := b.entry(r.ID); e.Wanted || !e.Live() {
		b.t.Fatalf("not made: %+v", e)
	}
}

// TestResurrection: a directory comes back for what outlived it, but only when
// all deletions that its deleter made before are sure to have been seen.
func TestResurrection(t *testing.T) {
	b := newBench(t)
	dir := remote(directory(1, root("x")), 1, 600, version.Vector{})
	b.made(dir)
	child := file(2, Place{id(1), "a"}, 1)
	child.ID = replication.RootID
	b.step(Observed{Object: child, Fresh: id(2)})

	gone := dir.Tombstone()
	gone.Stamp.Count, gone.Clock = 5, 9000
	gone.History = dir.History.With(gone.Stamp)
	early := Received{Batch: Batch{Records: []replication.Record{gone}, Since: b.state.Meta().Seen, Synced: true}}
	none[Install](t, b.step(early))
	if e := b.entry(id(1)); !e.Known.Deleted || !e.Wanted {
		t.Fatalf("before the claim: %+v, want a tombstone that waits", e.Known)
	}
	b.step(batch(b.state.Meta().Seen, gone))
	if e := b.entry(id(1)); e.Known.Deleted || e.Wanted || !e.Known.History.Covers(gone.Stamp) {
		t.Errorf("after the claim: %+v, want a live directory made in knowledge of the deletion", e.Known)
	}
}

// TestDirectoriesMerge: a directory that lost its name passes its children on
// without new versions of theirs.
func TestDirectoriesMerge(t *testing.T) {
	b := newBench(t)
	mine := directory(0, root("x"))
	mine.ID = replication.RootID
	b.step(Observed{Object: mine, Fresh: id(1)})
	child := file(0, Place{id(1), "a"}, 1)
	child.ID = replication.RootID
	b.step(Observed{Object: child, Fresh: id(2)})
	before := b.entry(id(2)).Known.Stamp

	theirs := remote(directory(7, root("x")), 1, 9000, version.Vector{})
	theirs.Created = 9000
	plan := one[Install](t, b.step(batch(b.state.Meta().Seen, theirs))).Plan
	if plan.Op != Adopt || plan.Occupant == nil || plan.Occupant.ID != id(1) {
		t.Fatalf("plan %+v, want %v adopts %v", plan, id(7), id(1))
	}
	b.step(Installed{ID: id(7)})
	if e := b.entry(id(1)); !e.Known.Displaced || e.Known.Into != id(7) || e.Wanted {
		t.Errorf("loser %+v", e)
	}
	if e := b.entry(id(2)); e.At.Parent != id(7) || e.Known.Stamp != before || e.Wanted {
		t.Errorf("child %+v, want it in %v at stamp %v", e, id(7), before)
	}
}

// TestSwap: two objects that change names go by way of the holding directory.
func TestSwap(t *testing.T) {
	b := newBench(t)
	x := remote(file(1, root("a"), 1), 1, 600, version.Vector{})
	y := remote(file(2, root("b"), 2), 2, 601, version.Vector{})
	b.installed(x)
	b.installed(y)
	x2, y2 := x, y
	x2.Name, x2.Stamp.Count, x2.Clock = "b", 3, 700
	y2.Name, y2.Stamp.Count, y2.Clock = "a", 4, 701
	x2.History, y2.History = x.History.With(x2.Stamp), y.History.With(y2.Stamp)
	actions := b.step(batch(b.state.Meta().Seen, x2, y2))
	moves := 0
	for range 10 {
		var next []Action
		for _, a := range actions {
			if in, ok := a.(Install); ok {
				if in.Plan.Op != Move || in.Plan.Preserve != nil {
					t.Fatalf("plan %+v", in.Plan)
				}
				moves++
				next = append(next, b.step(Installed{ID: in.Plan.ID})...)
			}
		}
		actions = next
	}
	if e, f := b.entry(id(1)), b.entry(id(2)); e.At != root("b") || f.At != root("a") || e.Wanted || f.Wanted || moves != 3 {
		t.Errorf("after %d moves %v stands at %v and %v at %v", moves, e.ID, e.At, f.ID, f.At)
	}
}

func TestForeignIsAdoptedOrPreserved(t *testing.T) {
	for _, c := range []struct {
		name string
		hash byte
		want Op
	}{{"same content", 1, Adopt}, {"other content", 2, Create}} {
		t.Run(c.name, func(t *testing.T) {
			b := &bench{t: t, store: NewMemory(), now: 1000}
			b.restart()
			b.step(Begin{Origin: version.Origin{1}})
			o := file(0, root("a"), 1)
			o.ID = replication.RootID
			b.step(Observed{Object: o, Fresh: id(9)})
			b.step(Scanned{})
			if b.state.Meta().Count != 0 {
				t.Fatal("a stamp was given to what stood there before")
			}
			r := remote(file(1, root("a"), c.hash), 1, 600, version.Vector{})
			actions := b.step(batch(version.Vector{}, r))
			if c.want == Create {
				one[Want](t, actions)
				actions = b.step(Fetched{ID: r.ID, Hash: r.Hash, OK: true})
			}
			plan := one[Install](t, actions).Plan
			if plan.Op != c.want || plan.Occupant == nil || (plan.Preserve != nil) != (c.want == Create) {
				t.Errorf("plan %+v, want %v", plan, c.want)
			}
			b.step(Installed{ID: r.ID})
			if got := b.state.Meta().Phase; got != Normal || len(b.store.All()) != 1 {
				t.Errorf("phase %v with %d entries, want %v with 1", got, len(b.store.All()), Normal)
			}
		})
	}
}

// TestNamesHaveOneWinner: the order of those who want one name is total, and
// for two directories it does not depend on their versions.
func TestNamesHaveOneWinner(t *testing.T) {
	records := rapid.Custom(func(t *rapid.T) *replication.Record {
		small := rapid.IntRange(0, 2)
		return &replication.Record{
			ID: id(byte(small.Draw(t, "id"))), Kind: replication.Kind(1 + small.Draw(t, "kind")),
			Fence: uint32(small.Draw(t, "fence")), Created: int64(small.Draw(t, "created")), Clock: int64(small.Draw(t, "clock")),
		}
	})
	rapid.Check(t, func(t *rapid.T) {
		x, y, z := records.Draw(t, "x"), records.Draw(t, "y"), records.Draw(t, "z")
		if x.ID != y.ID && wins(x, y) == wins(y, x) {
			t.Fatalf("%+v and %+v: both or neither wins", x, y)
		}
		if wins(x, y) && wins(y, z) && !wins(x, z) {
			t.Fatalf("wins is not transitive on %+v, %+v, %+v", x, y, z)
		}
		if later := *x; x.Kind == replication.Directory && y.Kind == replication.Directory {
			later.Clock, later.Fence = 9, 9
			if wins(x, y) != wins(&later, y) {
				t.Fatalf("a later version of %+v changes who keeps the name against %+v", x, y)
			}
		}
	})
}
