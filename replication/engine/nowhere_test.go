package engine

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"dfsd/replication"
	"dfsd/replication/index"
	"dfsd/replication/reconcile"
	"dfsd/replication/status"
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

// TestRolledBackWithTheFolder: a member goes back to an earlier state, index and
// folder alike, as a virtual machine does, and makes as many changes as it has
// forgotten before it meets its partner. Those are not taken for the forgotten ones.
func TestRolledBackWithTheFolder(t *testing.T) {
	g := newGroup(t, 2, replication.TopologyConfig{})
	a, b := g.members[0], g.members[1]
	a.write("kept", "kept")
	g.start()
	g.level()
	a.stop()
	index, private := t.TempDir(), t.TempDir()
	must(t, os.CopyFS(index, os.DirFS(filepath.Join(a.data, "replication"))))
	must(t, os.CopyFS(private, os.DirFS(a.path(".dfsd"))))
	a.start()
	for i := range 5 {
		a.write(fmt.Sprint("forgotten-", i), "f")
	}
	g.level()
	a.stop()
	b.stop()

	for _, dir := range []string{filepath.Join(a.data, "replication"), a.path(".dfsd")} {
		must(t, os.RemoveAll(dir))
	}
	must(t, os.CopyFS(filepath.Join(a.data, "replication"), os.DirFS(index)))
	must(t, os.CopyFS(a.path(".dfsd"), os.DirFS(private)))
	for i := range 5 {
		must(t, os.Remove(a.path(fmt.Sprint("forgotten-", i))))
	}
	a.start()
	for i := range 7 {
		a.write(fmt.Sprint("since-", i), "s")
	}
	r := a.replica("g/f")
	g.eventually("the changes since are not noted", func() (bool, string) {
		return r.meta.Load().Count >= r.toldOf.Load()+7, a.status()
	})
	b.start()
	g.eventually("what was forgotten does not come back", func() (bool, string) {
		for i := range 5 {
			if _, err := os.Stat(a.path(fmt.Sprint("forgotten-", i))); err != nil {
				return false, err.Error() + a.status()
			}
		}
		return true, ""
	})
	tree := g.level()
	kept, err := a.engine.Preserved(t.Context(), "")
	must(t, err)
	for i := range 7 {
		name := fmt.Sprint("since-", i)
		if !strings.Contains(tree, name) && !slices.ContainsFunc(kept, func(p status.PreservedFile) bool { return p.Path == name }) {
			t.Errorf("%s is neither in the tree nor preserved", name)
		}
	}
}
