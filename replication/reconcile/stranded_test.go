package reconcile

import (
	"testing"

	"dfsd/replication"
	"dfsd/replication/version"
)

// TestStrandedIsForgotten: of an answer that broke off, a restart forgets what
// belongs into a directory that did not come any more, and nothing else.
func TestStrandedIsForgotten(t *testing.T) {
	b := newBench(t)
	moved := remote(file(1, root("moved"), 1), 1, 600, version.Vector{})
	b.installed(moved)
	away := moved
	away.Parent = id(99)
	away.Stamp.Count, away.Clock, away.History = 2, 700, moved.History.With(version.Stamp{Origin: moved.Stamp.Origin, Count: 2})
	b.step(Received{From: "other", Batch: Batch{Since: b.state.Meta().Seen, Records: []replication.Record{
		away,
		remote(directory(2, Place{id(99), "dir"}), 3, 700, version.Vector{}),
		remote(file(3, Place{id(2), "in it"}, 3), 4, 700, version.Vector{}),
		remote(directory(4, root("good")), 5, 700, version.Vector{}),
		remote(file(5, Place{id(4), "fine"}, 5), 6, 700, version.Vector{}),
	}}})
	if n := b.state.Pending(); n != 5 {
		t.Fatalf("%d objects are pending, want 5", n)
	}

	b.restart()
	b.step()
	for _, gone := range []byte{2, 3} {
		if _, ok, err := b.store.Entry(id(gone)); ok || err != nil {
			t.Errorf("%v is still known, %v", id(gone), err)
		}
	}
	if e := b.entry(id(1)); e.Known.Stamp != moved.Stamp || e.Wanted || e.Pending {
		t.Errorf("what was to move is %+v, want it as it stands", e)
	}
	for _, kept := range []byte{4, 5} {
		if e := b.entry(id(kept)); !e.Wanted {
			t.Errorf("%v is %+v, want it on the work list", id(kept), e)
		}
	}
}

// TestTold: a directory whose deletion nobody claims, because who deleted it lost
// its index, is brought back for what was made in it once everybody has told all;
// and what is stranded is forgotten.
func TestTold(t *testing.T) {
	b := newBench(t)
	made := remote(directory(1, root("d")), 1, 600, version.Vector{})
	b.installed(made)
	gone := made.Tombstone()
	gone.Stamp.Count, gone.Clock, gone.History = 2, 700, made.History.With(version.Stamp{Origin: made.Stamp.Origin, Count: 2})
	mine := file(2, Place{id(1), "x"}, 2)
	mine.ID = replication.RootID
	b.step(Observed{Object: mine, Fresh: id(2)})
	none[Install](t, b.step(Received{From: "other", Batch: Batch{Since: b.state.Meta().Seen, Records: []replication.Record{
		remote(file(3, Place{id(99), "nowhere"}, 3), 3, 700, version.Vector{}), gone,
	}}}))
	if e := b.entry(id(1)); !e.Known.Deleted {
		t.Fatalf("%+v came back before the deletion was seen", e.Known)
	}

	b.step(Retry{})
	if e := b.entry(id(1)); !e.Known.Deleted {
		t.Errorf("%+v came back by a retry", e.Known)
	}
	b.step(Told{})
	if e := b.entry(id(1)); e.Known.Deleted || e.Wanted {
		t.Errorf("%+v, want it back", e)
	}
	if _, ok, err := b.store.Entry(id(3)); ok || err != nil {
		t.Errorf("what is stranded is still known, %v", err)
	}
}

// TestClaimedIsNotStranded: what a claim covers stays, since nobody tells it again.
func TestClaimedIsNotStranded(t *testing.T) {
	b := newBench(t)
	b.step(batch(b.state.Meta().Seen, remote(file(3, Place{id(99), "x"}, 3), 1, 700, version.Vector{})))
	b.restart()
	b.step()
	if e := b.entry(id(3)); !e.Wanted {
		t.Errorf("entry %+v, want it on the work list", e)
	}
}
