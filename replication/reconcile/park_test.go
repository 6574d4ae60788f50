package reconcile

import (
	"slices"
	"testing"

	"dfsd/replication"
	"dfsd/replication/version"
)

// TestLiveDirectoriesMerge: a directory is renamed to where another stands. What
// is in the one that gives way belongs into the other from then on, and goes.
func TestLiveDirectoriesMerge(t *testing.T) {
	b := newBench(t)
	old := remote(directory(1, root("x")), 1, 600, version.Vector{})
	young := remote(directory(2, root("y")), 2, 601, version.Vector{})
	old.Created, young.Created = 500, 501
	b.made(old)
	b.made(young)
	in := remote(file(3, Place{id(1), "a"}, 1), 3, 602, version.Vector{})
	b.installed(in)
	young.Name, young.Stamp.Count, young.Clock = "x", 4, 700
	young.History = young.History.With(young.Stamp)
	b.move(b.step(batch(b.state.Meta().Seen, young)))
	if e := b.entry(id(3)); e.At.Parent != id(2) || e.Known.Stamp != in.Stamp || e.Wanted {
		t.Errorf("child %+v, want it in %v", e, id(2))
	}
	if e, f := b.entry(id(1)), b.entry(id(2)); e.Live() || e.Known.Into != id(2) || f.At != root("x") || b.state.Pending() != 0 {
		t.Errorf("old %+v, young %+v", e, f)
	}
}

// TestCycleFarAway: a user closes a cycle at a directory that the one that must
// give way does not wait for.
func TestCycleFarAway(t *testing.T) {
	b := newBench(t)
	e := remote(directory(1, root("e")), 1, 600, version.Vector{})
	q := remote(directory(3, root("q")), 2, 601, version.Vector{})
	b.made(e)
	b.made(q)
	p := remote(directory(2, Place{id(3), "p"}), 3, 602, version.Vector{})
	e.Parent, e.Stamp.Count, e.Clock = id(2), 4, 700
	e.History = e.History.With(e.Stamp)
	b.step(batch(b.state.Meta().Seen, p, e))
	none[Install](t, b.step(Installed{ID: id(2), Outcome: BadName}))
	if e := b.entry(id(1)); !e.Wanted || e.Known.Parent != id(2) {
		t.Fatalf("entry %+v, want it to wait for %v", e, id(2))
	}
	b.step(Observed{Object: directory(3, Place{id(1), "q"})})
	for n := range byte(3) {
		if below, err := b.state.belongsBelow(id(n+1), replication.FileID{}); below || err != nil {
			t.Errorf("%v still belongs below itself, %v", id(n+1), err)
		}
	}
}

// TestLeavesWhatItEnters: a directory goes into one that stands below it, once
// the one between them has left.
func TestLeavesWhatItEnters(t *testing.T) {
	b := newBench(t)
	e := remote(directory(1, root("e")), 1, 600, version.Vector{})
	q := remote(directory(2, Place{id(1), "q"}), 2, 601, version.Vector{})
	b.made(e)
	b.made(q)
	b.made(remote(directory(3, Place{id(2), "p"}), 3, 602, version.Vector{}))
	e.Parent, e.Stamp.Count, e.Clock = id(3), 4, 700
	e.History = e.History.With(e.Stamp)
	q.Parent, q.Stamp.Count, q.Clock = replication.RootID, 5, 701
	q.History = q.History.With(q.Stamp)
	b.move(b.step(batch(b.state.Meta().Seen, e, q)))
	if got := b.entry(id(1)); got.At.Parent != id(3) || b.state.Pending() != 0 {
		t.Errorf("entry %+v, want it in %v", got, id(3))
	}
}

// TestForeignGoesByItself: what stood in the way and could not be preserved is
// deleted by its user.
func TestForeignGoesByItself(t *testing.T) {
	b := &bench{t: t, store: NewMemory(), now: 1000}
	b.restart()
	b.step(Begin{Origin: version.Origin{1}})
	dir, in := directory(0, root("x")), file(0, Place{id(8), "a"}, 7)
	dir.ID, in.ID = replication.RootID, replication.RootID
	b.step(Observed{Object: dir, Fresh: id(8)}, Observed{Object: in, Fresh: id(9)}, Scanned{})
	r := remote(file(1, root("x"), 1), 1, 600, version.Vector{})
	if p := one[Install](t, b.step(batch(version.Vector{}, r), Fetched{ID: r.ID, Hash: r.Hash, OK: true})).Plan; p.ID != id(9) || p.Preserve == nil {
		t.Fatalf("plan %+v, want %v preserved", p, id(9))
	}
	none[Install](t, b.step(Installed{ID: id(9), Outcome: NoSpace}))
	if p := one[Install](t, b.step(Gone{ID: id(9)})).Plan; p.ID != id(8) || p.Op != Rmdir {
		t.Errorf("plan %+v, want %v removed", p, id(8))
	}
}

// TestNewTakesUpWhatWaits: after a crash a Step without events gives again what
// was asked for, and holds back what was held back.
func TestNewTakesUpWhatWaits(t *testing.T) {
	b := newBench(t)
	r := remote(file(1, root("a"), 1), 1, 600, version.Vector{})
	dir := remote(directory(2, root("d")), 2, 600, version.Vector{})
	b.step(batch(version.Vector{}, r, dir))
	held := b.state.Meta().Held
	b.restart()
	actions := b.step()
	if w := one[Want](t, actions); w.Record.ID != id(1) {
		t.Errorf("wants %+v", w)
	}
	if p := one[Install](t, actions).Plan; p.ID != id(2) {
		t.Errorf("plan %+v", p)
	}
	none[Claim](t, actions)
	if got := b.state.Meta().Held; got.Compare(held) != version.Equal || b.state.Pending() != 2 {
		t.Errorf("held %v, was %v; %d pending", got, held, b.state.Pending())
	}
}

// TestBegunComesFirst: what a crash left of an install is known for what it is if
// the places that Begun gives are looked at before the first step, although a
// tombstone has come for it since.
func TestBegunComesFirst(t *testing.T) {
	b := newBench(t)
	old := remote(file(1, root("a"), 1), 1, 600, version.Vector{})
	b.installed(old)
	next := remote(file(1, root("a"), 2), 2, 700, old.History)
	b.step(batch(b.state.Meta().Seen, next))
	if p := one[Install](t, b.step(Fetched{ID: id(1), Hash: next.Hash, OK: true})).Plan; p.Op != Replace {
		t.Fatalf("plan %+v, want a replacement", p)
	}
	gone := next.Tombstone()
	gone.Stamp.Count, gone.Clock, gone.History = 3, 800, next.History.With(version.Stamp{Origin: next.Stamp.Origin, Count: 3})
	b.step(batch(b.state.Meta().Seen, gone))

	b.restart() // and the replacement was done
	var places []Place
	for p, err := range b.state.Begun() {
		if err != nil {
			t.Fatal(err)
		}
		places = append(places, p)
	}
	if !slices.Contains(places, root("a")) {
		t.Fatalf("begun at %v", places)
	}
	o := Object{At: root("a"), Kind: replication.File, Size: next.Size, Hash: next.Hash, Attr: next.Attr}
	actions := b.step(Observed{Object: o, Fresh: id(9), Replaced: id(1)})
	if p := one[Install](t, actions).Plan; p.ID != id(1) || p.Op != Delete || p.Preserve != nil && p.Preserve.Reason == Conflict {
		t.Errorf("plan %+v, want the deletion of what was installed", p)
	}
	if e := b.entry(id(1)); !e.Known.Deleted || e.Disk.Stamp != next.Stamp {
		t.Errorf("entry %+v, want on disk the version that was installed", e)
	}
}

// TestSeenBeforeItsInstall: an object that is looked at just before it is moved,
// and belongs back by the time the move is done, is known to stand where the move
// put it.
func TestSeenBeforeItsInstall(t *testing.T) {
	b := newBench(t)
	old := remote(file(1, root("a"), 1), 1, 600, version.Vector{})
	b.installed(old)
	moved := remote(file(1, root("b"), 1), 2, 700, old.History)
	if p := one[Install](t, b.step(batch(b.state.Meta().Seen, moved))).Plan; p.Op != Move {
		t.Fatalf("plan %+v, want a move", p)
	}
	none[Install](t, b.step(Observed{Object: file(1, root("a"), 1)}))
	none[Install](t, b.step(batch(b.state.Meta().Seen, remote(file(1, root("a"), 1), 3, 800, moved.History))))

	p := one[Install](t, b.step(Installed{ID: id(1), Outcome: Done})).Plan
	if p.Op != Move || p.From != root("b") || p.To != root("a") {
		t.Errorf("plan %+v, want the move back from b", p)
	}
}

// TestMemoryLists: Children and At are as Store says, through every change.
func TestMemoryLists(t *testing.T) {
	m := NewMemory()
	live := func(n byte, at, belongs Place) Entry {
		o := file(n, belongs, 1)
		r := o.record()
		return Entry{ID: id(n), Known: r, OnRecord: true, Disk: r, At: at}
	}
	in, out := Place{id(1), "a"}, root("a")
	names := func() (got string) {
		c, _ := m.Children(id(1))
		for _, e := range c {
			got += string('a' + rune(e.ID[0]-2))
		}
		return got
	}
	for _, e := range []Entry{live(2, in, in), live(3, in, out), live(4, out, in)} {
		_ = m.Put(e)
	}
	dead := live(5, in, in)
	dead.Known = dead.Known.Tombstone()
	dead.Disk = dead.Known
	_ = m.Put(dead)
	if got := names(); got != "abc" {
		t.Errorf("children %s, want abc", got)
	}
	dead.Known.Displaced, dead.Known.Into = true, id(1)
	_ = m.Put(dead)
	goes := live(2, in, in)
	goes.Known = goes.Known.Tombstone()
	_ = m.Put(goes)
	_ = m.Put(live(3, out, out))
	c := m.Clone()
	goes.Disk = goes.Known
	_ = m.Put(goes)
	_ = m.Drop(id(4))
	if got := names(); got != "d" {
		t.Errorf("children %s, want d", got)
	}
	if at, _ := m.At(out); len(at) != 1 || at[0].ID != id(3) {
		t.Errorf("at %v: %v", out, at)
	}
	if m = c; names() != "acd" {
		t.Errorf("children of the clone %s, want acd", names())
	}
}

// TestOnePlanForAName: two that want one name do not go for it at once.
func TestOnePlanForAName(t *testing.T) {
	b := newBench(t)
	x := remote(directory(1, root("a")), 1, 600, version.Vector{})
	y := remote(directory(2, root("a")), 2, 601, version.Vector{})
	plan := one[Install](t, b.step(batch(version.Vector{}, x, y))).Plan
	b.move(b.step(Installed{ID: plan.ID}))
	if n := b.state.Pending(); n != 0 {
		t.Errorf("%d pending", n)
	}
}

// TestBlockedEndsTheInitialSync: an object that cannot be installed here does
// not keep the member from being past its initial sync.
func TestBlockedEndsTheInitialSync(t *testing.T) {
	b := &bench{t: t, store: NewMemory(), now: 1000}
	b.restart()
	b.step(Begin{Origin: version.Origin{1}}, Scanned{})
	b.step(batch(version.Vector{}, remote(directory(1, root("x")), 1, 600, version.Vector{})))
	if p := b.state.Meta().Phase; p != Merging {
		t.Fatalf("phase %v, want %v", p, Merging)
	}
	b.step(Installed{ID: id(1), Outcome: BadName})
	if p := b.state.Meta().Phase; p != Normal {
		t.Errorf("phase %v, want %v", p, Normal)
	}
}
