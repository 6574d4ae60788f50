package engine

import (
	"path/filepath"
	"testing"
	"time"

	"dfsd/replication"
	"dfsd/replication/index"
	"dfsd/replication/reconcile"
	"dfsd/replication/version"
)

// opened calls do with the core of a member that is stopped.
func (m *member) opened(do func(*index.Index, *reconcile.State)) {
	t := m.g.t
	t.Helper()
	dirs, err := filepath.Glob(filepath.Join(m.data, "replication", "*", "index"))
	if err != nil || len(dirs) != 1 {
		t.Fatalf("indexes of %s: %q, %v", m.host, dirs, err)
	}
	x, err := index.Open(dirs[0], index.Options{})
	if err != nil {
		t.Fatal(err)
	}
	core, err := reconcile.New(x.Store())
	if err != nil {
		t.Fatal(err)
	}
	do(x, core)
	if err := x.Close(); err != nil {
		t.Fatal(err)
	}
}

// TestContentLostWithItsMaker: a member has heard of a version whose maker loses its
// index and the content before anybody has it. Nobody holds what it waits for, and
// nobody says so: the wait ends all the same.
func TestContentLostWithItsMaker(t *testing.T) {
	for name, claimed := range map[string]bool{"in a whole answer": true, "in one that broke off": false} {
		t.Run(name, func(t *testing.T) {
			g := newGroup(t, 2, replication.TopologyConfig{})
			g.retry = 50 * time.Millisecond
			a, b := g.members[0], g.members[1]
			a.write("file", "old")
			g.start()
			g.level()
			a.stop()
			b.stop()

			var lost replication.Record
			b.opened(func(x *index.Index, core *reconcile.State) {
				for e, err := range x.Wanted() {
					t.Fatalf("%v is not done, %v", e, err)
				}
				meta := core.Meta()
				lost.Stamp = version.Stamp{Origin: meta.Origin, Count: meta.Count + 1}
			})
			a.opened(func(x *index.Index, core *reconcile.State) {
				standing, err := x.StandingAt(reconcile.Place{Parent: replication.RootID, Name: "file"})
				if err != nil || len(standing) != 1 {
					t.Fatalf("%v, %v", standing, err)
				}
				stamp := lost.Stamp
				lost = standing[0].Entry.Known
				lost.Stamp, lost.History = stamp, lost.History.With(stamp)
				lost.Hash[0] ^= 1
				lost.Clock++
				since := core.Meta().Seen
				batch := reconcile.Batch{Records: []replication.Record{lost}, Since: since}
				if claimed {
					batch.Claim = since.With(stamp)
				}
				actions, err := core.Step(lost.Clock, reconcile.Received{From: b.host, Batch: batch})
				if err != nil || len(actions) == 0 {
					t.Fatalf("%v, %v", actions, err)
				}
			})
			if err := removeIndex(filepath.Dir(mustGlob(t, filepath.Join(b.data, "replication", "*", "index")))); err != nil {
				t.Fatal(err)
			}
			a.start()
			b.start()
			b.write("after that", "new")
			for _, m := range g.members {
				g.eventually(m.host+" waits for ever", func() (bool, string) {
					return m.replica("g/f").meta.Load().pending == 0, m.status()
				})
			}
			g.level()
			g.eventuallyHas(a.path("file"), "old")
		})
	}
}

func mustGlob(t *testing.T, pattern string) string {
	t.Helper()
	found, err := filepath.Glob(pattern)
	if err != nil || len(found) != 1 {
		t.Fatalf("%s: %q, %v", pattern, found, err)
	}
	return found[0]
}
