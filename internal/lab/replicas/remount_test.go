//go:build integration

package replicas

import (
	"encoding/json"
	"os"
	"testing"

	"dfsd/replication/status"
)

// id is what a member knows a path as.
func (m *member) id(t testing.TB, rel string) string {
	t.Helper()
	r := m.command("replication", "inspect", groupFolder+"/"+rel, "-o", "json")
	var f status.File
	if r.code != 0 || json.Unmarshal([]byte(r.stdout), &f) != nil {
		t.Fatal(r)
	}
	return f.ID
}

// TestMountedUnderAnotherNumber: after a reboot a volume may have another device
// number. Its files are the same all the same, and so are edits and renames that
// nobody heard.
func TestMountedUnderAnotherNumber(t *testing.T) {
	g := newGroup(t, setup{})
	a, b := g.members[0], g.members[1]
	for _, name := range []string{"kept", "edited", "old name"} {
		write(t, a.path(name), name+", as it was")
	}
	mkdir(t, a.path("dir"))
	write(t, a.path("dir/deep"), "deep")
	g.converged(t, patience)
	names := map[string]string{"kept": "kept", "edited": "edited", "old name": "dir/new name", "dir": "dir", "dir/deep": "dir/deep"}
	ids := map[string]string{}
	for name := range names {
		ids[name] = a.id(t, name)
	}
	device := func() uint64 {
		t.Helper()
		n, err := deviceOf(a.root())
		check(t, err)
		return n
	}
	before := device()

	a.stop(t)
	check(t, a.disk.unmount())
	newImage(t, t.TempDir(), "other", 16) // takes the number
	a.disk.mount(t)
	if device() == before {
		t.Fatalf("the volume still has the number %d", before)
	}
	write(t, a.path("edited"), "edited by nobody who was heard")
	check(t, os.Rename(a.path("old name"), a.path("dir/new name")))
	a.start(t)
	b.awaitContent(t, "edited", "edited by nobody who was heard")
	b.awaitContent(t, "dir/new name", "old name, as it was")
	g.converged(t, patience)
	for was, is := range names {
		for _, m := range g.members {
			if got := m.id(t, is); got != ids[was] {
				t.Errorf("%s knows %s as %s, it was %s", m.host, is, got, ids[was])
			}
		}
	}
	for _, f := range append(a.preserved(t), b.preserved(t)...) {
		if f.Path != "edited" {
			t.Errorf("preserved without need: %+v", f)
		}
	}
}
