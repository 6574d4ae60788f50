//go:build integration

package replicas

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// edit is one row of the table of changes: what a user does at one member.
type edit struct {
	name string
	do   func(t testing.TB, m *member)
	wire int64 // most bytes that may cross all wires for it; 0: no bound
}

// edits build on each other, as the life of a folder does.
var edits = []edit{
	{"create", func(t testing.TB, m *member) { write(t, m.path("a"), "first") }, 0},
	{"edit in place", func(t testing.TB, m *member) { write(t, m.path("a"), "second, longer") }, 0},
	{"append", func(t testing.TB, m *member) { appendTo(t, m.path("a"), " and more") }, 0},
	{"truncate", func(t testing.TB, m *member) { check(t, os.Truncate(m.path("a"), 3)) }, 0},
	{"truncate to nothing", func(t testing.TB, m *member) { check(t, os.Truncate(m.path("a"), 0)) }, 0},
	{"write in the middle", func(t testing.TB, m *member) {
		write(t, m.path("big"), strings.Repeat("0123456789abcdef", 1<<16))
		writeAt(t, m.path("big"), 1<<19, "changed")
	}, 0},
	{"rename", func(t testing.TB, m *member) { rename(t, m.path("big"), m.path("large")) }, 64 << 10},
	{"deep tree", func(t testing.TB, m *member) {
		write(t, m.path(strings.Repeat("d/", 60)+"leaf"), "deep")
		write(t, m.path("x/y/z"), "z")
	}, 0},
	{"move across folders", func(t testing.TB, m *member) { rename(t, m.path("large"), m.path("x/y/large")) }, 64 << 10},
	{"move a folder", func(t testing.TB, m *member) { rename(t, m.path("x/y"), m.path("d/d/y")) }, 64 << 10},
	{"empty files and folders", func(t testing.TB, m *member) {
		write(t, m.path("empty/file"), "")
		mkdir(t, m.path("empty/folder/in/folder"))
	}, 0},
	{"names", makeNames, 0},
	{"names change", func(t testing.TB, m *member) {
		rename(t, m.path("names/"+strings.Repeat("n", 255)), m.path("names/"+strings.Repeat("m", 255)))
		rename(t, m.path("names/übermut"), m.path("names/ÜBERMUT"))
	}, 0},
	{"change of case", func(t testing.TB, m *member) {
		write(t, m.path("Case"), "upper")
		write(t, m.path("case"), "lower")
	}, 0},
	{"exchange of names", func(t testing.TB, m *member) {
		rename(t, m.path("Case"), m.path("c"))
		rename(t, m.path("case"), m.path("Case"))
		rename(t, m.path("c"), m.path("case"))
	}, 0},
	{"symlinks", func(t testing.TB, m *member) {
		link(t, "../a", m.path("x/up"))
		link(t, "/nowhere/at/all", m.path("x/dangling"))
		link(t, strings.Repeat("t", 4000), m.path("x/long"))
		touch(t, m.path("x/up"), time.Unix(1_500_000_000, 987_654_321))
	}, 0},
	{"a symlink leads elsewhere", func(t testing.TB, m *member) {
		remove(t, m.path("x/up"))
		link(t, "../c", m.path("x/up"))
	}, 0},
	{"attributes", func(t testing.TB, m *member) {
		xattr(t, m.path("a"), "user.colour", "red")
		xattr(t, m.path("a"), "user.empty", "")
		xattr(t, m.path("empty"), "user.of a folder", strings.Repeat("v", 2000))
	}, 0},
	{"attributes change and go", func(t testing.TB, m *member) {
		xattr(t, m.path("a"), "user.colour", "blue")
		check(t, unix.Lremovexattr(m.path("a"), "user.empty"))
	}, 0},
	{"ACLs", func(t testing.TB, m *member) {
		must(t, "setfacl", "-m", "u:1234:rw,g:4321:r", m.path("a"))
		must(t, "setfacl", "-m", "u:1234:rx", "-d", "-m", "u:1234:rwx", m.path("empty"))
		write(t, m.path("empty/inherits"), "the default ACL")
	}, 0},
	{"ACLs go", func(t testing.TB, m *member) { must(t, "setfacl", "-b", m.path("a"), m.path("empty")) }, 0},
	{"modes", func(t testing.TB, m *member) {
		chmod(t, m.path("a"), 0o4711)
		chmod(t, m.path("empty"), 0o2770)
		chmod(t, m.path("empty/file"), 0)
	}, 0},
	{"owners", func(t testing.TB, m *member) {
		chown(t, m.path("a"), 1001, 1002)
		chown(t, m.path("empty"), 1003, 1004)
		chown(t, m.path("x/dangling"), 1005, 1006)
	}, 0},
	{"times", func(t testing.TB, m *member) {
		touch(t, m.path("a"), time.Unix(1, 1))
		touch(t, m.path("empty/file"), time.Unix(4_000_000_000, 999_999_999))
	}, 0},
	{"save by rename", func(t testing.TB, m *member) {
		save(t, m.root(), "doc", "version 1")
		save(t, m.root(), "doc", "version 2")
	}, 0},
	{"save by backup and rename", func(t testing.TB, m *member) {
		rename(t, m.path("doc"), m.path("doc.bak"))
		write(t, m.path("doc"), "version 3")
		remove(t, m.path("doc.bak"))
	}, 0},
	{"file becomes folder", func(t testing.TB, m *member) {
		remove(t, m.path("doc"))
		write(t, m.path("doc/now/a"), "folder")
	}, 0},
	{"folder becomes file", func(t testing.TB, m *member) {
		removeAll(t, m.path("doc"))
		write(t, m.path("doc"), "file again")
	}, 0},
	{"delete", func(t testing.TB, m *member) { remove(t, m.path("doc")) }, 0},
	{"delete a tree", func(t testing.TB, m *member) { removeAll(t, m.path("d")) }, 0},
	{"delete and make again", func(t testing.TB, m *member) {
		remove(t, m.path("a"))
		write(t, m.path("a"), "another file")
	}, 0},
	{"sparse file of 4 GiB", func(t testing.TB, m *member) { holes(t, m.path("sparse"), 4<<30, "data") }, 1 << 20},
	{"burst of 1,000 files", func(t testing.TB, m *member) {
		for i := range 1000 {
			write(t, m.path(fmt.Sprintf("burst/%d/%d", i%10, i)), fmt.Sprintf("number %d of many", i))
		}
	}, 0},
	{"delete the burst", func(t testing.TB, m *member) { removeAll(t, m.path("burst")) }, 0},
}

// makeNames makes files of every name that is hard on somebody.
func makeNames(t testing.TB, m *member) {
	for _, name := range []string{
		strings.Repeat("n", 255), strings.Repeat("ü", 127), "übermut", "u\u0308bermut", // one name twice, composed otherwise
		"日本語", "\U0001F4C4", " leads and trails ", "new\nline", "tab\t", `back\slash`, `quo"te'`, "-rf", "~tilde", "*", "...", "a.tmp", "x.bak",
		"CON", "aux.txt", "trailing.", "col:on", "not\xff\xfeutf8", ".hidden", "lost+found", "dfsd", "%2e%2e",
	} {
		write(t, filepath.Join(m.root(), "names", name), "the content of "+name)
	}
}

// TestEveryChangeTravels: whatever a user does at any member is what every
// member shows, and stays so. The members take turns.
func TestEveryChangeTravels(t *testing.T) {
	for _, n := range []int{2, 3} {
		t.Run(fmt.Sprintf("%d members", n), func(t *testing.T) {
			g := newGroup(t, setup{members: n})
			g.converged(t, patience)
			for i, e := range edits {
				if n > 2 && strings.Contains(e.name, "sparse") {
					continue // seconds of hashing zeros, which two members have shown
				}
				done := t.Run(e.name, func(t *testing.T) {
					mark := g.wire()
					g.change(t, i%n, func(m *member) { e.do(t, m) })
					if spent := g.wire() - mark; e.wire > 0 && spent > e.wire*int64(n-1) {
						t.Errorf("%s took %d bytes on the wire, want %d at most", e.name, spent, e.wire*int64(n-1))
					}
				})
				if !done {
					return // what follows builds on it
				}
			}
		})
	}
}

// TestFolderOf5000: a folder of 5,000 files moves at once, and its files do
// not cross the wire again.
func TestFolderOf5000(t *testing.T) {
	const most = 64 << 10
	g := newGroup(t, setup{seed: func(g *group) {
		for i := range 5000 {
			write(t, g.members[0].path(fmt.Sprintf("from/%02d/file %d", i%50, i)), fmt.Sprintf("number %d: %s", i, strings.Repeat("y", 200)))
		}
	}})
	g.converged(t, 2*patience)
	for _, move := range []way{{0, 1}, {1, 0}} {
		mark := g.wire()
		from, to := "from", "to"
		if move.from == 1 {
			from, to = to, from
		}
		g.change(t, move.from, func(m *member) { rename(t, m.path(from), m.path(to)) })
		spent := g.wire() - mark
		t.Logf("moving it at %s took %d bytes on the wire", g.members[move.from].host, spent)
		if spent > most {
			t.Errorf("moving a folder of 5,000 files took %d bytes, want %d at most", spent, most)
		}
	}
}

// TestInitialSyncJoinsTrees: members that start with trees of their own end
// with that of the primary; what others have beyond it is preserved.
func TestInitialSyncJoinsTrees(t *testing.T) {
	g := newGroup(t, setup{seed: func(g *group) {
		for i, m := range g.members {
			write(t, m.path("same"), "equal on both")
			touch(t, m.path("same"), time.Unix(1_600_000_000, 0))
			write(t, m.path("differs"), "content of "+m.host)
			write(t, m.path(fmt.Sprintf("only/on-%d", i)), m.host)
		}
	}})
	want := read(t, g.members[0].root())
	g.becomes(t, want, patience)
	sums, err := preservedSums(g.members[1].root())
	check(t, err)
	for _, lost := range []string{"content of m1.lab", "m1.lab"} {
		if !sums[sumOf(lost)] {
			t.Errorf("%q of the joining member is not in its preserved store", lost)
		}
	}
}
