//go:build integration

package replicas

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// whileCut cuts two members off from each other, lets a user of each do
// something, heals the link, and returns the tree on which they agree.
func (g *group) whileCut(t testing.TB, a, b func(m *member)) tree {
	t.Helper()
	g.cut(0, 1)
	a(g.members[0])
	b(g.members[1])
	pause(4 * calm) // both have settled and are versions before they meet
	g.heal(0, 1)
	return g.converged(t, patience)
}

// TestConcurrentEdits: of two edits of one file that knew nothing of each
// other, the same one wins everywhere; the other lies in the preserved store
// of the member where it was made, and can be brought back from there.
func TestConcurrentEdits(t *testing.T) {
	for _, n := range []int{2, 3} {
		t.Run(fmt.Sprintf("%d members", n), func(t *testing.T) {
			g := newGroup(t, setup{members: n})
			g.converged(t, patience)
			g.change(t, 0, func(m *member) { write(t, m.path("of/both"), "before") })
			if n == 3 {
				g.isolate(0)
			}
			versions := []string{"edited at the first", "edited at the second, longer"}
			g.whileCut(t,
				func(m *member) { save(t, m.root(), "of/both", versions[0]) },
				func(m *member) { write(t, m.path("of/both"), versions[1]) },
			)
			if n == 3 {
				g.rejoin(0)
				g.converged(t, patience)
			}
			winner := content(g.members[0].path("of/both"))
			loser := 0
			switch winner {
			case versions[0]:
				loser = 1
			case versions[1]:
			default:
				t.Fatalf("of/both holds %q, want one of the two edits", winner)
			}
			restoreLoser(t, g, g.members[loser], versions[loser], winner)
		})
	}
}

// restoreLoser finds a lost version in the preserved store of a member by
// command, and brings it back beside the winner.
func restoreLoser(t *testing.T, g *group, m *member, lost, winner string) {
	t.Helper()
	for _, p := range m.preserved(t) {
		if p.Path != "of/both" || p.Size != int64(len(lost)) {
			continue
		}
		if p.Why != "conflict" || p.Group != "lab" || p.Folder != "files" || p.When.IsZero() {
			t.Errorf("the preserved loser is %+v, want why conflict, its group, folder and time", p)
		}
		if r := m.command("preserved", "restore", p.ID); r.code != 0 {
			t.Fatal(r)
		}
		after := g.converged(t, patience)
		var back []string
		for path, e := range after {
			if e.kind == "file" && content(m.path(path)) == lost {
				back = append(back, path)
			}
		}
		if len(back) != 1 || content(m.path("of/both")) != winner {
			t.Errorf("after restoring, %q hold the lost version and of/both holds %q; want one file beside the winner %q",
				back, content(m.path("of/both")), winner)
		}
		return
	}
	t.Errorf("the lost version of of/both is not among %s's preserved files: %+v", m.host, m.preserved(t))
}

// TestDeleteAgainstEdit: an edit that knew nothing of a deletion outlives it if
// it was noted later, and is preserved otherwise; a new file in a folder that
// was deleted elsewhere lives on.
func TestDeleteAgainstEdit(t *testing.T) {
	g := newGroup(t, setup{})
	g.converged(t, patience)
	g.change(t, 0, func(m *member) {
		write(t, m.path("edited"), "before")
		write(t, m.path("folder/old"), "before")
		write(t, m.path("folder/untouched"), "before")
	})
	after := g.whileCut(
		t,
		func(m *member) {
			remove(t, m.path("edited"))
			removeAll(t, m.path("folder"))
		},
		func(m *member) {
			write(t, m.path("edited"), "after the deletion")
			write(t, m.path("folder/old"), "edited meanwhile")
			write(t, m.path("folder/new"), "made meanwhile")
		},
	)
	for path, want := range map[string]string{
		"edited": "after the deletion", "folder/old": "edited meanwhile", "folder/new": "made meanwhile", "folder/untouched": "",
	} {
		got := content(g.members[0].path(path))
		if got == "" && want != "" && path != "folder/new" && g.kept(t, path) {
			continue
		}
		if got != want {
			t.Errorf("%s holds %q, want %q; the tree: %v", path, got, want, paths(after))
		}
	}
}

// TestBothDelete: two deletions of one file are one deletion.
func TestBothDelete(t *testing.T) {
	g := newGroup(t, setup{})
	g.converged(t, patience)
	g.change(t, 0, func(m *member) { write(t, m.path("dir/file"), "content") })
	gone := func(m *member) { removeAll(t, m.path("dir")) }
	if after := g.whileCut(t, gone, gone); len(after) > 0 {
		t.Errorf("after both deleted all there is %v", paths(after))
	}
}

// TestDirectoryAgainstFile: where one member made a folder and the other a
// file, the folder has the name everywhere and the file is kept.
func TestDirectoryAgainstFile(t *testing.T) {
	g := newGroup(t, setup{})
	g.converged(t, patience)
	const text = "the content of the file"
	after := g.whileCut(
		t,
		func(m *member) { write(t, m.path("name"), text) },
		func(m *member) { write(t, m.path("name/inside"), "of the folder") },
	)
	if after["name"].kind != "dir" || content(g.members[0].path("name/inside")) != "of the folder" {
		t.Errorf("the tree is %v, want the folder with its file", paths(after))
	}
	g.demandKept(t, after, map[[32]byte]string{sumOf(text): "the file that lost its name"})
}

// TestTwoFolders: two folders of one name become one that holds the files of
// both.
func TestTwoFolders(t *testing.T) {
	g := newGroup(t, setup{})
	g.converged(t, patience)
	after := g.whileCut(
		t,
		func(m *member) { write(t, m.path("folder/of-first"), "1"); write(t, m.path("folder/sub/x"), "x") },
		func(m *member) { write(t, m.path("folder/of-second"), "2"); write(t, m.path("folder/sub/y"), "y") },
	)
	want := "folder folder/of-first folder/of-second folder/sub folder/sub/x folder/sub/y"
	if got := strings.Join(paths(after), " "); got != want {
		t.Errorf("the tree is %q, want %q", got, want)
	}
}

// TestMovesAgainstEachOther: folders that were moved into one another while
// apart do not swallow what is in them.
func TestMovesAgainstEachOther(t *testing.T) {
	g := newGroup(t, setup{})
	g.converged(t, patience)
	g.change(t, 0, func(m *member) {
		write(t, m.path("a/in-a"), "a")
		write(t, m.path("b/in-b"), "b")
		write(t, m.path("twice"), "t")
	})
	after := g.whileCut(
		t,
		func(m *member) { rename(t, m.path("a"), m.path("b/a")); rename(t, m.path("twice"), m.path("once")) },
		func(m *member) { rename(t, m.path("b"), m.path("a/b")); rename(t, m.path("twice"), m.path("other")) },
	)
	all := strings.Join(paths(after), " ")
	for _, name := range []string{"in-a", "in-b"} {
		if strings.Count(all, name) != 1 {
			t.Errorf("%s is not there once: %s", name, all)
		}
	}
	if _, err := os.Lstat(g.members[0].path("twice")); err == nil {
		t.Errorf("the old name is back: %s", all)
	}
}

// TestSavedThroughAHandle: while a folder that a partner replaced by a symlink
// is taken away, a program that has it open goes on saving into it. What it was
// told is saved stays.
func TestSavedThroughAHandle(t *testing.T) {
	g := newGroup(t, setup{})
	g.converged(t, patience)
	user, remote := g.members[0], g.members[1]
	saved := map[[32]byte]string{}
	for round := range 5 {
		dir := fmt.Sprintf("dir%d", round)
		g.change(t, 0, func(m *member) {
			for i := range 300 {
				write(t, m.path(fmt.Sprintf("%s/sub/%d", dir, i)), "is to go")
			}
		})
		open, err := os.OpenRoot(user.path(dir + "/sub"))
		check(t, err)
		rename(t, remote.path(dir), filepath.Join(remote.disk.at, "old-"+dir))
		link(t, "nowhere", remote.path(dir))
		for deadline := time.Now().Add(patience); time.Now().Before(deadline); {
			if info, err := os.Lstat(user.path(dir)); err != nil || !info.IsDir() {
				break
			}
		}
		for i := range 3 {
			name := fmt.Sprintf("saved-%d-%d", round, i)
			if open.WriteFile(name, []byte(name), 0o644) == nil { // it may have gone by now
				saved[sumOf(name)] = name
			}
		}
		check(t, open.Close())
		g.demandKept(t, g.converged(t, patience), saved)
	}
	t.Logf("%d files were saved in time", len(saved))
}

// demandKept fails the test for every content that is neither in the tree nor
// in a preserved store.
func (g *group) demandKept(t testing.TB, in tree, wanted map[[32]byte]string) {
	t.Helper()
	kept := map[[32]byte]bool{}
	for _, e := range in {
		kept[e.sum] = true
	}
	for _, m := range g.members {
		sums, err := preservedSums(m.root())
		check(t, err)
		for sum := range sums {
			kept[sum] = true
		}
	}
	for sum, what := range wanted {
		if !kept[sum] {
			t.Errorf("%s is neither live nor preserved", what)
		}
	}
}

// kept tells whether some member's preserved store has a file of this path.
func (g *group) kept(t *testing.T, path string) bool {
	t.Helper()
	for _, m := range g.members {
		for _, p := range m.preserved(t) {
			if p.Path == path && p.Why == "conflict" {
				return true
			}
		}
	}
	return false
}
