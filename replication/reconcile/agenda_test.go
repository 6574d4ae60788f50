package reconcile

import (
	"errors"
	"fmt"
	"iter"
	"testing"

	"dfsd/replication"
	"dfsd/replication/version"

	"pgregory.net/rapid"
)

// TestWaiting says what each of a chain of objects waits for.
func TestWaiting(t *testing.T) {
	b := newBench(t)
	b.state.Limit(Limits{Plans: 1, Contents: 1})
	dir := remote(directory(1, root("d")), 1, 600, version.Vector{})
	in := remote(file(2, Place{id(1), "a"}, 1), 2, 600, version.Vector{})
	one := remote(file(3, root("a"), 1), 3, 600, version.Vector{})
	two := remote(file(4, root("b"), 2), 4, 600, version.Vector{})
	want := func(what string, words ...string) {
		t.Helper()
		var got []string
		for n := range words {
			got = append(got, b.state.Waiting(id(byte(n+1))))
		}
		if fmt.Sprint(got) != fmt.Sprint(words) {
			t.Errorf("%s: %q, want %q", what, got, words)
		}
	}
	b.step(batch(version.Vector{}, dir, in, one, two))
	want("heard of", "being installed", "waiting for its folder", "fetching", "waiting to be fetched")
	if n := b.state.Pending(); n != 4 {
		t.Errorf("%d pending, want 4", n)
	}
	b.step(Fetched{ID: id(3), Hash: one.Hash, OK: true})
	want("one fetched", "being installed", "waiting for its folder", "waiting to be installed", "waiting to be fetched")
	b.step(Installed{ID: id(1), Outcome: NoSpace})
	want("no space", "no space", "waiting for its folder", "being installed", "waiting to be fetched")
	b.step(Installed{ID: id(3), Outcome: BadName})
	want("the content made room", "no space", "waiting for its folder", "name impossible here", "fetching")
	b.step(Fetched{ID: id(4), Hash: two.Hash})
	want("one failed", "no space", "waiting for its folder", "name impossible here", "content not to be had now")
	b.step(Retry{})
	want("another try", "being installed", "waiting for its folder", "fetching", "waiting to be fetched")
	b.step(Installed{ID: id(1)}, Fetched{ID: id(3), Hash: one.Hash, OK: true})
	want("all is well", "", "waiting to be fetched", "being installed", "waiting to be fetched")
}

// TestExchangeInParts: of two files that changed names one is heard of before
// the other, in another part of the answer. Neither loses its name.
func TestExchangeInParts(t *testing.T) {
	b := newBench(t)
	x := remote(file(1, root("a"), 1), 1, 600, version.Vector{})
	y := remote(file(2, root("b"), 2), 2, 601, version.Vector{})
	b.installed(x)
	b.installed(y)
	x2, y2 := x, y
	x2.Name, x2.Stamp.Count, x2.Clock = "b", 3, 700
	y2.Name, y2.Stamp.Count, y2.Clock = "a", 4, 701
	x2.History, y2.History = x.History.With(x2.Stamp), y.History.With(y2.Stamp)
	whole := batch(b.state.Meta().Seen, x2, y2)
	first, last := whole, whole
	first.Records, first.Claim, first.Synced = whole.Records[1:], version.Vector{}, false
	last.Records = whole.Records[:1]
	none[Install](t, b.step(first))
	b.move(b.step(last))
	if e, f := b.entry(id(1)), b.entry(id(2)); e.At != root("b") || f.At != root("a") || e.Wanted || f.Wanted {
		t.Errorf("%v stands at %v and %v at %v", e.ID, e.At, f.ID, f.At)
	}

	// When the last part never comes, the next Retry decides.
	b = newBench(t)
	b.installed(x)
	b.installed(y)
	none[Install](t, b.step(first))
	if got := one[Install](t, b.step(Retry{})).Plan; got.ID != y2.ID || got.Preserve == nil {
		t.Errorf("plan %+v, want %v to take the name", got, y2.ID)
	}
}

// move answers all installs until none is asked for.
func (b *bench) move(actions []Action) {
	b.t.Helper()
	for len(actions) > 0 {
		var next []Action
		for _, a := range actions {
			if in, ok := a.(Install); ok {
				next = append(next, b.step(Installed{ID: in.Plan.ID})...)
			}
		}
		actions = next
	}
}

// TestSuccessorOfDirectory: what is to take the name of a deleted directory
// that cannot go looks again when something comes to stand in it.
func TestSuccessorOfDirectory(t *testing.T) {
	b := newBench(t)
	dir := remote(directory(1, root("x")), 1, 600, version.Vector{})
	b.made(dir)
	gone := dir.Tombstone()
	gone.Stamp.Count, gone.Clock = 2, 9000
	gone.History = dir.History.With(gone.Stamp)
	next := remote(file(2, root("x"), 1), 3, 9001, version.Vector{})
	b.step(batch(b.state.Meta().Seen, gone, next))
	b.step(Installed{ID: id(1), Outcome: NoSpace})
	none[Install](t, b.step(Fetched{ID: id(2), Hash: next.Hash, OK: true}))
	child := file(0, Place{id(1), "a"}, 3)
	child.ID = replication.RootID
	plan := one[Install](t, b.step(Observed{Object: child, Fresh: id(3)})).Plan
	if plan.ID != id(1) || plan.Op != Move || plan.To.Parent != HoldID {
		t.Errorf("plan %+v, want %v to go aside", plan, id(1))
	}
}

// TestEditedBeforeItWasNoted: a crash came between an install and its note, and
// a user has edited what was installed. The edit knows of the installed version.
func TestEditedBeforeItWasNoted(t *testing.T) {
	b := newBench(t)
	r := remote(file(1, root("a"), 1), 1, 600, version.Vector{})
	b.step(batch(version.Vector{}, r))
	b.step(Fetched{ID: r.ID, Hash: r.Hash, OK: true})
	b.restart()
	b.step(Observed{Object: file(1, root("a"), 2)})
	e := b.entry(id(1))
	if k := e.Known; k.Name != "a" || k.Created != r.Created || !k.History.Covers(r.Stamp) || k.Hash != (replication.Hash{2}) || e.Wanted {
		t.Errorf("entry %+v", e)
	}

	// An object that was never brought here, under an ID that is only heard of.
	b = newBench(t)
	b.step(batch(version.Vector{}, r))
	b.step(Observed{Object: file(1, root("b"), 2)})
	if k := b.entry(id(1)).Disk; k.Name != "b" || k.Created != r.Created || k.History.Covers(r.Stamp) || k.Validate() != nil {
		t.Errorf("disk %+v, %v", k, k.Validate())
	}
}

// TestRefusedAmongOthers: a batch that breaks the protocol is left out whole,
// and the events beside it are not.
func TestRefusedAmongOthers(t *testing.T) {
	b := newBench(t)
	good := remote(file(1, root("a"), 1), 1, 600, version.Vector{})
	twin := remote(directory(2, root("x")), 2, 600, version.Vector{})
	other := remote(file(2, root("x"), 1), 3, 601, version.Vector{})
	claim := batch(version.Vector{})
	claim.Claim = claim.Claim.With(version.Stamp{Origin: version.Origin{1}, Count: 5})
	for name, bad := range map[string]Received{
		"two kinds at once":   batch(version.Vector{}, twin, other),
		"claims what is ours": claim,
	} {
		bad.From = "mallory"
		actions := b.step(bad, batch(b.state.Meta().Seen, good))
		if r := one[Refuse](t, actions); r.From != "mallory" || !errors.Is(r.Err, ErrProtocol) {
			t.Errorf("%s: %+v", name, r)
		}
		if meta := b.state.Meta(); meta.Seen.Count(version.Origin{1}) != 0 || len(b.store.All()) != 1 {
			t.Errorf("%s: seen %v, %d entries", name, meta.Seen, len(b.store.All()))
		}
	}
}

// TestPrimaryStampsAsItScans: it tells what it has found so far, and a crash in
// the first scan changes nothing.
func TestPrimaryStampsAsItScans(t *testing.T) {
	b := &bench{t: t, store: NewMemory(), now: 1000}
	b.restart()
	b.step(Begin{Origin: version.Origin{1}, Primary: true})
	o := file(0, root("a"), 1)
	o.ID = replication.RootID
	if held := one[Claim](t, b.step(Observed{Object: o, Fresh: id(9)})).Held; held.Count(version.Origin{1}) != 1 {
		t.Errorf("claims %v", held)
	}
	if _, head, ok, err := Answer(b.store, version.Vector{}); !ok || head.Synced || err != nil {
		t.Errorf("answers in the first scan: %v, synced %v, %v", ok, head.Synced, err)
	}
	b.restart()
	o.ID = id(9)
	b.step(Observed{Object: o})
	none[Claim](t, b.step(Scanned{}))
	e := b.entry(id(9))
	if m := b.state.Meta(); m.Phase != Normal || m.Count != 1 || m.Fence != 1 || e.Foreign || e.Known.Fence != 1 {
		t.Errorf("meta %+v, entry %+v", m, e)
	}
	if got := b.answer(version.Vector{}); len(got) != 1 {
		t.Errorf("tells %+v", got)
	}
}

type view struct {
	meta    Meta
	records []replication.Record
	err     error
}

func (v view) Meta() (Meta, error) { return v.meta, nil }

func (v view) Newer(version.Vector) iter.Seq2[replication.Record, error] {
	return func(yield func(replication.Record, error) bool) {
		for _, r := range v.records {
			if !yield(r, nil) {
				return
			}
		}
		if v.err != nil {
			yield(replication.Record{}, v.err)
		}
	}
}

func TestAnswer(t *testing.T) {
	held := version.Vector{}.With(version.Stamp{Origin: version.Origin{1}, Count: 3})
	records := []replication.Record{{Name: "a"}}
	broken := errors.New("broken")
	for _, c := range []struct {
		name string
		view view
		seen version.Vector
		ok   bool
		err  error
	}{
		{"while scanning", view{Meta{Phase: Scanning, Held: held}, records, nil}, version.Vector{}, false, nil},
		{"nothing new before the end of the initial sync", view{Meta{Phase: Merging, Held: held}, nil, nil}, held, false, nil},
		{"a record before the end of the initial sync", view{Meta{Phase: Joining, Held: held}, records, nil}, held, true, nil},
		{"a claim before the end of the initial sync", view{Meta{Phase: Merging, Held: held}, nil, nil}, version.Vector{}, true, nil},
		{"nothing new", view{Meta{Phase: Normal, Held: held}, nil, nil}, held, true, nil},
		{"broken store", view{Meta{Phase: Joining, Held: held}, nil, broken}, held, false, broken},
	} {
		got, head, ok, err := Answer(c.view, c.seen)
		if ok != c.ok || !errors.Is(err, c.err) {
			t.Errorf("%s: %v, %v", c.name, ok, err)
		}
		if !ok {
			continue
		}
		n := 0
		for range got {
			n++
		}
		if n != len(c.view.records) || head.Claim.Compare(held) != version.Equal || head.Since.Compare(c.seen) != version.Equal || head.Synced != (c.view.meta.Phase == Normal) {
			t.Errorf("%s: %d records, %+v", c.name, n, head)
		}
	}
}

// TestHoldIsTheMeet: what is kept to compute Held gives what the definition
// does, in any order of coming and going, and after a restart.
func TestHoldIsTheMeet(t *testing.T) {
	me, other := version.Origin{1}, version.Origin{2}
	rapid.Check(t, func(t *rapid.T) {
		var p pending
		items, entries := map[int]*item{}, map[int]*Entry{}
		seen, count := version.Vector{}, uint64(0)
		for range rapid.IntRange(1, 60).Draw(t, "steps") {
			n := rapid.IntRange(0, 9).Draw(t, "n")
			switch rapid.IntRange(0, 4).Draw(t, "what") {
			case 0:
				seen = seen.With(version.Stamp{Origin: other, Count: seen.Count(other) + 1})
			case 1, 2:
				if items[n] != nil {
					p.leave(items[n])
					delete(items, n)
					delete(entries, n)
					break
				}
				e := &Entry{Pending: true, Since: seen}
				if rapid.Bool().Draw(t, "own") {
					count++
					e.Own = count
					seen = seen.With(version.Stamp{Origin: me, Count: count})
				}
				items[n], entries[n] = &item{}, e
				p.note(items[n], e, me)
			case 3:
				p = pending{}
				groups := map[string]*group{}
				for n, e := range entries {
					items[n] = &item{}
					p.restore(items[n], e, me, groups)
				}
				p.arrange(groups)
			}
			held, own := seen, count
			for _, e := range entries {
				held = held.Meet(e.Since)
				if e.Own > 0 {
					own = min(own, e.Own-1)
				}
			}
			if got := p.own(count); got != own {
				t.Fatalf("own %d, want %d", got, own)
			}
			if got := p.meet(seen).Capped(me, 0); got.Compare(held.Capped(me, 0)) != version.Equal {
				t.Fatalf("meet %v, want %v", got, held)
			}
		}
	})
}
