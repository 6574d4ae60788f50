//go:build integration

package replicas

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"dfsd/replication/status"
)

// TestDiskFull: a member without room keeps what it has, says what is wrong,
// never shows half a file, and resumes by itself when there is room.
func TestDiskFull(t *testing.T) {
	for _, apart := range []bool{true, false} {
		name := "with the index"
		if apart {
			name = "the folder alone"
		}
		t.Run(name, func(t *testing.T) {
			g := newGroup(t, setup{imageMB: 96, apart: apart})
			g.converged(t, patience)
			before := g.change(t, 0, func(m *member) {
				for i := range 20 {
					write(t, m.path(fmt.Sprintf("before/%d", i)), fmt.Sprintf("content %d", i))
				}
			})
			full := g.members[1]
			ballast := filepath.Join(full.disk.at, "ballast")
			must(t, "fallocate", "-l", fmt.Sprint(full.disk.free(t)-1<<20), ballast)
			for i := range 4 {
				write(t, g.members[0].path(fmt.Sprintf("large/%d", i)), strings.Repeat(fmt.Sprint(i), 4<<20))
			}
			write(t, g.members[0].path("before/3"), "edited while the other is full")
			if why := await(patience, func() string {
				if g.unsettled() == "" {
					return "nobody says that anything is owed"
				}
				return ""
			}); why != "" {
				t.Fatalf("%s\n%s", why, g.report())
			}
			pause(2 * time.Second) // it meets the full disk more than once
			if g.unsettled() == "" {
				t.Errorf("while full: all members say that nothing is owed\n%s", g.report())
			}
			now := read(t, full.root())
			for path, e := range before {
				if d := e.diff(now[path]); d != "" && path != "before/3" {
					t.Errorf("while full: %s: %s", path, d)
				}
			}
			for path, e := range now {
				if strings.HasPrefix(path, "large/") && e.size != 4<<20 {
					t.Errorf("while full: half a file shows: %s of %d bytes", path, e.size)
				}
			}
			if s := strays(now); len(s) > 0 {
				t.Errorf("while full: %v", s)
			}
			if !full.running() {
				t.Fatalf("the member ended\n%s", tail(full.log, 40))
			}
			remove(t, ballast)
			g.becomes(t, read(t, g.members[0].root()), 2*patience)
			g.change(t, 1, func(m *member) { write(t, m.path("after"), "from the one that was full") })
		})
	}
}

// TestWrongKey: a host that shows another key than the configuration names is
// refused, the status says so, and the others go on.
func TestWrongKey(t *testing.T) {
	s := setup{members: 3, lies: map[way]string{}}
	stranger := identity(t, newLab(t).Dir("stranger"))
	s.lies[way{0, 2}], s.lies[way{1, 2}] = stranger, stranger
	s.late = []int{0, 1, 2}
	g := newGroup(t, s)
	write(t, g.members[2].path("of-the-stranger"), "must not travel")
	g.start(t)
	g.setup.ways = []way{{0, 1}, {1, 0}} // the others are what must not come about
	good := []*member{g.members[0], g.members[1]}
	why := await(patience, func() string {
		for _, m := range good {
			folder, err := m.folder()
			if err != nil {
				return err.Error()
			}
			if why := g.unsettledOn(m, folder); why != "" {
				return why
			}
			for _, c := range folder.Connections {
				if c.From != "m2.lab" && c.To != "m2.lab" {
					continue
				}
				said := strings.ToLower(c.LastError)
				if c.State == status.Connected {
					t.Fatalf("%s is connected with a host of another key", m.host)
				}
				if !strings.Contains(said, "key") && !strings.Contains(said, "fingerprint") {
					return fmt.Sprintf("%s says of %s to %s: %q, want a word on the key", m.host, c.From, c.To, c.LastError)
				}
			}
		}
		return ""
	})
	if why != "" {
		t.Fatalf("%s\n%s", why, g.report())
	}
	for i, m := range good {
		write(t, m.path(fmt.Sprintf("from-%d", i)), "travels")
	}
	for i := range good {
		good[1-i].awaitContent(t, fmt.Sprintf("from-%d", i), "travels")
	}
	for _, m := range good {
		if got := content(m.path("of-the-stranger")); got != "" {
			t.Errorf("%s has the stranger's file", m.host)
		}
	}
	if got := paths(read(t, g.members[2].root())); len(got) != 1 {
		t.Errorf("the stranger has %v, want its own file alone", got)
	}
}

// TestGarbage: whatever strangers send to the port of replication, partners
// are served beside them.
func TestGarbage(t *testing.T) {
	g := newGroup(t, setup{})
	g.converged(t, patience)
	target := g.members[1]
	r := rand.New(rand.NewPCG(1, 2))
	for round := range 5 {
		for kind := range 12 {
			c, err := net.DialTimeout("tcp", target.listen, 5*time.Second)
			if err != nil {
				continue // it may refuse strangers when they are many
			}
			t.Cleanup(func() { _ = c.Close() })
			// A stranger does not care whether he is heard.
			_ = c.SetWriteDeadline(time.Now().Add(time.Second))
			_, _ = c.Write(garbage(r, kind))
			if kind%3 == 0 {
				reset(c)
			}
		}
		g.change(t, round%2, func(m *member) {
			write(t, m.path(fmt.Sprintf("round/%d", round)), strings.Repeat("honest ", 1000))
		})
	}
	if !target.running() {
		t.Errorf("the member has ended\n%s", tail(target.log, 40))
	}
}

// garbage is what a stranger sends: nothing, noise, the head of a TLS hello, a
// record that promises more than it holds, another protocol.
func garbage(r *rand.Rand, kind int) []byte {
	noise := make([]byte, 1+r.IntN(64<<10))
	for i := range noise {
		noise[i] = byte(r.Uint32())
	}
	switch kind % 6 {
	case 0:
		return noise
	case 1:
		return append([]byte{0x16, 0x03, 0x01, 0xff, 0xff, 0x01, 0x00, 0xff, 0xff, 0x03, 0x03}, noise...)
	case 2:
		return []byte{0x16, 0x03, 0x01, 0x40, 0x00, 0x01} // and then waits
	case 3:
		return []byte("GET / HTTP/1.1\r\nHost: x\r\n\r\n")
	case 4:
		return append([]byte{0x17, 0x03, 0x03, 0x00, 0x10}, noise...)
	}
	return nil
}

// TestOpenFileIsNamed: what a program holds open for writing does not replicate,
// and the status says so until it is closed.
func TestOpenFileIsNamed(t *testing.T) {
	g := newGroup(t, setup{})
	g.converged(t, patience)
	user := g.members[0]
	f, err := os.Create(user.path("journal.db"))
	check(t, err)
	_, err = f.WriteString("half of it")
	check(t, err)
	user.awaitFolder(t, "journal.db is listed as open", patience, func(f status.Folder) bool {
		return f.UnreadFiles == 1 && len(f.Unread) == 1 && f.Unread[0].Path == "journal.db" && strings.Contains(f.Unread[0].Error, "open for writing")
	})
	check(t, f.Close())
	g.members[1].awaitContent(t, "journal.db", "half of it")
	user.awaitFolder(t, "nothing is listed any more", patience, func(f status.Folder) bool { return f.UnreadFiles == 0 })
}

// TestSymlinkSwap: while files are installed below a folder, that folder is
// swapped for a symlink again and again. Nothing ever happens where it leads.
func TestSymlinkSwap(t *testing.T) {
	g := newGroup(t, setup{})
	g.converged(t, patience)
	g.change(t, 0, func(m *member) { write(t, m.path("dir/sub/first"), "1") })
	victim := g.members[1]
	decoy := filepath.Join(victim.disk.at, "decoy")
	write(t, filepath.Join(decoy, "sub/first"), "the decoy's")
	write(t, filepath.Join(decoy, "keep"), "the decoy's")
	before := read(t, decoy)
	events := watch(t, decoy, filepath.Join(decoy, "sub"))
	stand := filepath.Join(victim.disk.at, "stand-in")
	link(t, "../decoy", stand) // leads there from the folder's place; at the other member, if it travels, nowhere
	// The user at the other member never follows a symlink out of the folder.
	source, err := os.OpenRoot(g.members[0].root())
	check(t, err)
	defer source.Close()
	swap := func() {
		err := unix.Renameat2(unix.AT_FDCWD, stand, unix.AT_FDCWD, victim.path("dir"), unix.RENAME_EXCHANGE)
		if err != nil && !errors.Is(err, unix.ENOENT) { // the daemon may have taken it away
			t.Error(err)
		}
	}
	r := rand.New(rand.NewPCG(3, 4))
	for i := range 150 {
		// dir may have gone, or become the symlink, by what happens at the victim.
		_ = source.MkdirAll("dir/sub", 0o755)
		for j := range 3 {
			_ = source.WriteFile(fmt.Sprintf("dir/sub/%d-%d", i, j), []byte("installed"), 0o644)
		}
		if i%5 == 4 {
			_ = source.Remove(fmt.Sprintf("dir/sub/%d-0", i-3))
		}
		swap()
		pause(between(r, time.Millisecond, 15*time.Millisecond))
		if i%2 == 1 {
			pause(between(r, time.Millisecond, 25*time.Millisecond))
		}
	}
	g.converged(t, 2*patience)
	if got := events(); len(got) > 0 {
		t.Errorf("in the decoy happened %d things: %v", len(got), got[:min(len(got), 10)])
	}
	if d := diff(before, read(t, decoy)); len(d) > 0 {
		t.Errorf("the decoy has changed: %v", d)
	}
}

// watch reports what changes in some folders, through the kernel's inotify.
func watch(t testing.TB, folders ...string) (events func() []string) {
	t.Helper()
	fd, err := unix.InotifyInit1(unix.IN_NONBLOCK | unix.IN_CLOEXEC)
	check(t, err)
	t.Cleanup(func() { _ = unix.Close(fd) })
	for _, folder := range folders {
		const changes = unix.IN_CREATE | unix.IN_DELETE | unix.IN_MODIFY | unix.IN_MOVED_FROM | unix.IN_MOVED_TO | unix.IN_ATTRIB
		_, err := unix.InotifyAddWatch(fd, folder, changes)
		check(t, err)
	}
	return func() []string {
		var seen []string
		buf := make([]byte, 64<<10)
		for {
			n, err := unix.Read(fd, buf)
			if err != nil || n <= 0 {
				return seen
			}
			for rest := buf[:n]; len(rest) >= unix.SizeofInotifyEvent; {
				mask, size := binary.NativeEndian.Uint32(rest[4:]), binary.NativeEndian.Uint32(rest[12:])
				name := rest[unix.SizeofInotifyEvent : unix.SizeofInotifyEvent+size]
				seen = append(seen, fmt.Sprintf("%q %#x", strings.TrimRight(string(name), "\x00"), mask))
				rest = rest[unix.SizeofInotifyEvent+size:]
			}
		}
	}
}

// TestRootGone: a folder that is suddenly another one, not mounted or empty
// halts with a reason. Nobody else deletes anything for it.
func TestRootGone(t *testing.T) {
	for _, tt := range []struct {
		name  string
		setup setup
		harm  func(t testing.TB, m *member)
	}{
		{"replaced by an empty folder", setup{}, func(t testing.TB, m *member) {
			rename(t, m.root(), m.root()+".away")
			mkdir(t, m.root())
		}},
		{"gone", setup{}, func(t testing.TB, m *member) { rename(t, m.root(), m.root()+".away") }},
		{"unmounted", setup{volume: true}, func(t testing.TB, m *member) { m.disk.detach(t) }},
		{"emptied while stopped", setup{}, func(t testing.TB, m *member) {
			m.stop(t)
			for _, name := range []string{"file", "dir"} {
				removeAll(t, m.path(name))
			}
			m.start(t)
		}},
		{"wiped while stopped", setup{}, func(t testing.TB, m *member) {
			m.stop(t)
			removeAll(t, m.root())
			mkdir(t, m.root())
			m.start(t)
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			g := newGroup(t, tt.setup)
			g.converged(t, patience)
			want := g.change(t, 0, func(m *member) {
				write(t, m.path("file"), "content")
				for i := range 50 {
					write(t, m.path(fmt.Sprintf("dir/%d", i)), "content")
				}
			})
			victim, other := g.members[1], g.members[0]
			tt.harm(t, victim)
			write(t, other.path("later"), "an install is what meets the harm")
			victim.awaitFolder(t, "the folder to halt", patience, func(f status.Folder) bool {
				return f.State == status.Failed && f.Error != ""
			})
			pause(time.Second) // time enough for deletions to travel
			got := read(t, other.root())
			delete(got, "later")
			if d := diff(want, got); len(d) > 0 {
				t.Errorf("the other member lost something: %v", d[:min(len(d), 5)])
			}
			if _, err := os.Lstat(victim.path("later")); err == nil {
				t.Error("a file was installed in what is not the folder")
			}
			if !victim.running() {
				t.Errorf("the member ended\n%s", tail(victim.log, 40))
			}
		})
	}
}
