package reconcile

import (
	"errors"
	"testing"

	"dfsd/replication"
	"dfsd/replication/version"
)

// bench is one member with an index that is past its initial sync.
type bench struct {
	t     *testing.T
	store *Memory
	state *State
	now   int64
}

func newBench(t *testing.T) *bench {
	t.Helper()
	b := &bench{t: t, store: NewMemory(), now: 1000}
	b.restart()
	b.step(Begin{Origin: version.Origin{1}, Primary: true})
	b.step(Scanned{})
	return b
}

// restart loses all that is not in the store.
func (b *bench) restart() {
	b.t.Helper()
	s, err := New(b.store)
	if err != nil {
		b.t.Fatal(err)
	}
	b.state = s
}

func (b *bench) step(events ...Event) []Action {
	b.t.Helper()
	b.now++
	actions, err := b.state.Step(b.now, events...)
	if err != nil {
		b.t.Fatalf("Step(%+v) = %v", events, err)
	}
	if id, found, err := b.state.Overlooked(); found || err != nil {
		b.t.Fatalf("after %+v: %v could go on, %v", events, id, err)
	}
	return actions
}

func (b *bench) entry(id replication.FileID) Entry {
	b.t.Helper()
	e, ok, err := b.store.Entry(id)
	if err != nil || !ok {
		b.t.Fatalf("no entry of %v, %v", id, err)
	}
	return e
}

// answer returns the records for one that has seen what seen covers.
func (b *bench) answer(seen version.Vector) []replication.Record {
	b.t.Helper()
	records, head, ok, err := Answer(b.store, seen)
	if err != nil || !ok || head.Since.Compare(seen) != version.Equal || head.Claim.Compare(b.state.Meta().Held) != version.Equal {
		b.t.Fatalf("Answer(%v) = %+v, %v, %v", seen, head, ok, err)
	}
	var out []replication.Record
	for r, err := range records {
		if err != nil {
			b.t.Fatal(err)
		}
		out = append(out, r)
	}
	return out
}

func id(n byte) replication.FileID { return replication.FileID{n} }

func file(n byte, at Place, hash byte) Object {
	return Object{ID: id(n), At: at, Kind: replication.File, Size: 1, Hash: replication.Hash{hash}, Attr: replication.Attr{Mode: 0o644}}
}

// remote is version count of another member, on top of base.
func remote(o Object, count uint64, clock int64, base version.Vector) replication.Record {
	r := o.record()
	r.Stamp = version.Stamp{Origin: version.Origin{2}, Count: count}
	r.History = base.With(r.Stamp)
	r.Fence, r.Created, r.Clock = 1, 500, clock
	return r
}

// batch claims all that r was made in.
func batch(since version.Vector, records ...replication.Record) Received {
	claim := since
	for _, r := range records {
		claim = claim.With(r.Stamp)
	}
	return Received{Batch: Batch{Records: records, Since: since, Claim: claim, Synced: true}}
}

func one[A Action](t *testing.T, actions []Action) A {
	t.Helper()
	var found []A
	for _, a := range actions {
		if a, ok := a.(A); ok {
			found = append(found, a)
		}
	}
	if len(found) != 1 {
		t.Fatalf("%d actions of type %T in %+v, want 1", len(found), *new(A), actions)
	}
	return found[0]
}

func none[A Action](t *testing.T, actions []Action) {
	t.Helper()
	for _, a := range actions {
		if a, ok := a.(A); ok {
			t.Fatalf("unwanted %+v", a)
		}
	}
}

func root(name string) Place { return Place{replication.RootID, name} }

func TestLocalFileIsStampedAndClaimed(t *testing.T) {
	b := newBench(t)
	o := file(0, root("a"), 1)
	o.ID = replication.RootID
	actions := b.step(Observed{Object: o, Fresh: id(9)})
	if got := one[Identified](t, actions).ID; got != id(9) {
		t.Errorf("identified as %v, want %v", got, id(9))
	}
	want := version.Vector{}.With(version.Stamp{Origin: version.Origin{1}, Count: 1})
	if got := one[Claim](t, actions).Held; got.Compare(want) != version.Equal {
		t.Errorf("claims %v, want %v", got, want)
	}
	o.ID = id(9)
	if again := b.step(Observed{Object: o}); b.state.Meta().Count != 1 {
		t.Errorf("seeing it again gave %+v and stamp %d", again, b.state.Meta().Count)
	}
}

func TestWantedIsNotClaimedOrPassedOn(t *testing.T) {
	b := newBench(t)
	r := remote(file(1, root("a"), 1), 1, 600, version.Vector{})
	actions := b.step(batch(version.Vector{}, r))
	one[Want](t, actions)
	none[Claim](t, actions)
	if meta := b.state.Meta(); meta.Held.Covers(r.Stamp) || !meta.Seen.Covers(r.Stamp) {
		t.Errorf("held %v, seen %v", meta.Held, meta.Seen)
	}
	if got := b.answer(version.Vector{}); len(got) > 0 {
		t.Errorf("passed on %+v", got)
	}
	plan := one[Install](t, b.step(Fetched{ID: r.ID, Hash: r.Hash, OK: true})).Plan
	if plan.Op != Create || plan.To != root("a") || plan.Occupant != nil || plan.Expect != nil {
		t.Errorf("plan %+v", plan)
	}
	if got := one[Claim](t, b.step(Installed{ID: r.ID})).Held; !got.Covers(r.Stamp) {
		t.Errorf("claims %v after the install, want %v in it", got, r.Stamp)
	}
	if got := b.answer(version.Vector{}); len(got) != 1 {
		t.Errorf("passes on %+v, want one record", got)
	}
	if got := b.answer(b.state.Meta().Held); len(got) != 0 {
		t.Errorf("sends %+v to one who has seen it", got)
	}
}

func TestClaimForAnotherLifeIsIgnored(t *testing.T) {
	b := newBench(t)
	since := version.Vector{}.With(version.Stamp{Origin: version.Origin{3}, Count: 7})
	b.step(batch(since))
	if seen := b.state.Meta().Seen; seen.Len() > 0 {
		t.Errorf("seen %v, want nothing", seen)
	}
}

// installed brings a file into the tree of b.
func (b *bench) installed(r replication.Record) {
	b.t.Helper()
	b.step(batch(b.state.Meta().Seen, r))
	b.step(Fetched{ID: r.ID, Hash: r.Hash, OK: true})
	b.step(Installed{ID: r.ID})
	if e := b.entry(r.ID); e.Wanted || e.Disk.Stamp != r.Stamp {
		b.t.Fatalf("not installed: %+v", e)
	}
}

func TestConcurrentEdit(t *testing.T) {
	first := remote(file(1, root("a"), 1), 1, 600, version.Vector{})
	for _, c := range []struct {
		name     string
		clock    int64
		hash     byte
		replaced bool
		preserve bool
	}{
		{"the other is later", 9000, 3, true, true},
		{"ours is later", 700, 3, false, false},
		{"the other is later and the same", 9000, 2, false, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := newBench(t)
			b.installed(first)
			b.step(Observed{Object: file(1, root("a"), 2)})
			theirs := remote(file(1, root("a"), c.hash), 2, c.clock, first.History)
			b.step(batch(b.state.Meta().Seen, theirs))
			actions := b.step(Fetched{ID: theirs.ID, Hash: theirs.Hash, OK: true})
			if !c.replaced {
				none[Install](t, actions)
				if e := b.entry(id(1)); e.Wanted {
					t.Errorf("still wanted: %+v", e)
				}
				return
			}
			plan := one[Install](t, actions).Plan
			if plan.Op != Replace || plan.Preserve == nil || plan.Preserve.Reason != Conflict || plan.Expect.Hash != (replication.Hash{2}) {
				t.Errorf("plan %+v", plan)
			}
		})
	}
}

func TestKnowingEditPreservesNothing(t *testing.T) {
	b := newBench(t)
	first := remote(file(1, root("a"), 1), 1, 600, version.Vector{})
	b.installed(first)
	b.step(batch(b.state.Meta().Seen, remote(file(1, root("a"), 2), 2, 700, first.History)))
	plan := one[Install](t, b.step(Fetched{ID: id(1), Hash: replication.Hash{2}, OK: true})).Plan
	if plan.Preserve != nil {
		t.Errorf("preserves %+v", plan.Preserve)
	}
}

func TestDeletion(t *testing.T) {
	first := remote(file(1, root("a"), 1), 1, 600, version.Vector{})
	for _, c := range []struct {
		name string
		edit bool
		want Reason
	}{{"of what it knew", false, Deleted}, {"of what it did not know", true, Conflict}} {
		t.Run(c.name, func(t *testing.T) {
			b := newBench(t)
			b.installed(first)
			if c.edit {
				b.step(Observed{Object: file(1, root("a"), 2)})
			}
			gone := first.Tombstone()
			gone.Stamp.Count, gone.Clock = 2, 9000
			gone.History = first.History.With(gone.Stamp)
			plan := one[Install](t, b.step(batch(b.state.Meta().Seen, gone))).Plan
			if plan.Op != Delete || plan.Preserve == nil || plan.Preserve.Reason != c.want {
				t.Errorf("plan %+v, preserve %+v, want reason %v", plan, plan.Preserve, c.want)
			}
		})
	}
}

// TestCrashAfterInstall: the tree is ahead of the index; what is found is our
// own work and no change.
func TestCrashAfterInstall(t *testing.T) {
	b := newBench(t)
	first := remote(file(1, root("a"), 1), 1, 600, version.Vector{})
	b.installed(first)
	second := remote(file(1, root("a"), 2), 2, 700, first.History)
	b.step(batch(b.state.Meta().Seen, second))
	one[Install](t, b.step(Fetched{ID: id(1), Hash: replication.Hash{2}, OK: true}))
	b.restart()
	found := file(0, root("a"), 2)
	found.ID = replication.RootID
	if got := one[Identified](t, b.step(Observed{Object: found, Fresh: id(9), Replaced: id(1)})).ID; got != id(1) {
		t.Errorf("identified as %v, want %v", got, id(1))
	}
	if e := b.entry(id(1)); e.Disk.Stamp != second.Stamp || e.Wanted || b.state.Meta().Count != 0 {
		t.Errorf("entry %+v, %d stamps given out", e, b.state.Meta().Count)
	}
}

func TestUnobtainableYieldsToTheDisk(t *testing.T) {
	b := newBench(t)
	first := remote(file(1, root("a"), 1), 1, 600, version.Vector{})
	b.installed(first)
	lost := remote(file(1, root("a"), 2), 2, 9000, first.History)
	b.step(batch(b.state.Meta().Seen, lost))
	b.step(Unobtainable{ID: id(1), Hash: lost.Hash})
	e := b.entry(id(1))
	if e.Wanted || e.Known.Hash != first.Hash || !e.Known.Beats(&lost) || e.Known.History.Covers(lost.Stamp) {
		t.Errorf("entry %+v", e)
	}
	if held := b.state.Meta().Held; !held.Covers(lost.Stamp) {
		t.Errorf("held %v, want %v in it", held, lost.Stamp)
	}
}

func TestProtocolFaults(t *testing.T) {
	good := remote(file(1, root("a"), 1), 1, 600, version.Vector{})
	for name, spoil := range map[string]func(*replication.Record){
		"bad name":   func(r *replication.Record) { r.Name = ".." },
		"reserved":   func(r *replication.Record) { r.Parent = HoldID },
		"other kind": func(r *replication.Record) { r.Kind, r.Size, r.Hash = replication.Directory, 0, replication.Hash{} },
		"stamp of ours": func(r *replication.Record) {
			r.Stamp = version.Stamp{Origin: version.Origin{1}, Count: 99}
			r.History = r.History.With(r.Stamp)
		},
		"id is reserved": func(r *replication.Record) { r.ID = HoldID },
	} {
		b := newBench(t)
		b.installed(good)
		before := len(b.store.All())
		bad := remote(file(1, root("a"), 1), 2, 700, good.History)
		spoil(&bad)
		ev := batch(b.state.Meta().Seen, bad)
		ev.From = "p"
		if got := one[Refuse](t, b.step(ev)); !errors.Is(got.Err, ErrProtocol) || got.From != "p" {
			t.Errorf("%s: refuses %+v, want %v", name, got, ErrProtocol)
		}
		if len(b.store.All()) != before {
			t.Errorf("%s: left something in the store", name)
		}
	}
}

func TestBadNameWaitsForRetry(t *testing.T) {
	b := newBench(t)
	r := remote(file(1, root("a"), 1), 1, 600, version.Vector{})
	b.step(batch(version.Vector{}, r))
	b.step(Fetched{ID: r.ID, Hash: r.Hash, OK: true})
	none[Install](t, b.step(Installed{ID: r.ID, Outcome: BadName}))
	if b.state.Meta().Held.Covers(r.Stamp) {
		t.Error("claims what it could not install")
	}
	one[Install](t, b.step(Retry{}))
}
