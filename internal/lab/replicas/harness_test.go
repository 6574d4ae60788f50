//go:build integration

package replicas

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// sample makes a tree with one of everything that the comparer looks at.
func sample(t testing.TB, root string) {
	t.Helper()
	write(t, filepath.Join(root, "dir/file"), "content")
	write(t, filepath.Join(root, "dir/deep/er/empty"), "")
	write(t, filepath.Join(root, private, "marker"), "private")
	holes(t, filepath.Join(root, "holes"), 64<<20, "data in the middle")
	link(t, "file", filepath.Join(root, "dir/link"))
	xattr(t, filepath.Join(root, "dir/file"), "user.colour", "red")
	at := time.Unix(1_700_000_000, 123_456_789)
	for _, path := range []string{"dir/file", "dir/deep/er/empty", "holes", "dir/link"} {
		touch(t, filepath.Join(root, path), at)
	}
}

// TestHarnessComparer: equal trees are equal, and each facet that is changed
// is seen, by name.
func TestHarnessComparer(t *testing.T) {
	newLab(t)
	for _, tt := range []struct {
		name   string
		change func(t testing.TB, root string)
		want   string // "": no difference
	}{
		{"nothing", func(testing.TB, string) {}, ""},
		{"private area", func(t testing.TB, root string) { write(t, filepath.Join(root, private, "x"), "y") }, ""},
		{"time of a directory", func(t testing.TB, root string) { touch(t, filepath.Join(root, "dir"), time.Unix(1, 0)) }, ""},
		{"one byte", func(t testing.TB, root string) {
			write(t, filepath.Join(root, "dir/file"), "c0ntent")
			touch(t, filepath.Join(root, "dir/file"), time.Unix(1_700_000_000, 123_456_789))
		}, `"dir/file": content`},
		{"a nanosecond", func(t testing.TB, root string) {
			touch(t, filepath.Join(root, "dir/file"), time.Unix(1_700_000_000, 123_456_788))
		}, "mtime"},
		{"a symlink's nanosecond", func(t testing.TB, root string) {
			touch(t, filepath.Join(root, "dir/link"), time.Unix(1_700_000_000, 123_456_788))
		}, `"dir/link": mtime`},
		{"mode", func(t testing.TB, root string) { chmod(t, filepath.Join(root, "dir/file"), 0o640) }, "mode 640"},
		{"mode of a directory", func(t testing.TB, root string) { chmod(t, filepath.Join(root, "dir"), 0o2755) }, "mode 2755"},
		{"owner", func(t testing.TB, root string) { chown(t, filepath.Join(root, "dir/file"), 7, 0) }, "uid 7"},
		{"group of a symlink", func(t testing.TB, root string) { chown(t, filepath.Join(root, "dir/link"), 0, 8) }, "gid 8"},
		{"an attribute", func(t testing.TB, root string) { xattr(t, filepath.Join(root, "dir/file"), "user.colour", "blue") }, "xattrs"},
		{"an attribute of a directory", func(t testing.TB, root string) { xattr(t, filepath.Join(root, "dir"), "user.a", "b") }, `"dir": xattrs`},
		{"an ACL", func(t testing.TB, root string) { must(t, "setfacl", "-m", "u:12:r", filepath.Join(root, "dir/file")) }, "xattrs system.posix_acl_access="},
		{"a default ACL", func(t testing.TB, root string) { must(t, "setfacl", "-d", "-m", "u:12:r", filepath.Join(root, "dir")) }, "xattrs system.posix_acl_default="},
		{"symlink target", func(t testing.TB, root string) {
			remove(t, filepath.Join(root, "dir/link"))
			link(t, "elsewhere", filepath.Join(root, "dir/link"))
		}, "symlink target elsewhere"},
		{"kind", func(t testing.TB, root string) {
			remove(t, filepath.Join(root, "dir/link"))
			write(t, filepath.Join(root, "dir/link"), "")
		}, "kind file, want symlink"},
		{"one more", func(t testing.TB, root string) { write(t, filepath.Join(root, "dir/more"), "") }, `"dir/more" should not be there`},
		{"one less", func(t testing.TB, root string) { remove(t, filepath.Join(root, "dir/deep/er/empty")) }, `"dir/deep/er/empty" is missing`},
		{"holes filled", func(t testing.TB, root string) { fill(t, filepath.Join(root, "holes")) }, "bytes on disk"},
		{"a byte in a hole", func(t testing.TB, root string) {
			writeAt(t, filepath.Join(root, "holes"), 5<<20, "x")
			touch(t, filepath.Join(root, "holes"), time.Unix(1_700_000_000, 123_456_789))
		}, `"holes": content`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			disk := newImage(t, newLab(t).Dir("d"), "disk", 256)
			a, b := filepath.Join(disk.at, "a"), filepath.Join(disk.at, "b")
			sample(t, a)
			sample(t, b)
			tt.change(t, b)
			got := strings.Join(diff(read(t, a), read(t, b)), "\n")
			if tt.want == "" && got != "" || !strings.Contains(got, tt.want) || strings.Count(got, "\n") > 0 {
				t.Errorf("diff after %s = %q, want one line with %q", tt.name, got, tt.want)
			}
		})
	}
}

// TestHarnessSums: the sum of a text and that of the file that holds it agree,
// with holes and with zeros.
func TestHarnessSums(t *testing.T) {
	dir := newLab(t).Dir("d")
	big := strings.Repeat("\x00", 3<<20) + "data" + strings.Repeat("\x00", 5000)
	for i, text := range []string{"", "x", "\x00", big, strings.Repeat("0123456789", 300_000)} {
		path := filepath.Join(dir, fmt.Sprint(i))
		write(t, path, text)
		written, err := sumFile(path, int64(len(text)))
		check(t, err)
		if written != sumOf(text) {
			t.Errorf("text %d of %d bytes: the file has another sum", i, len(text))
		}
	}
	holes(t, filepath.Join(dir, "holes"), 3<<20, "data")
	sparse, err := sumFile(filepath.Join(dir, "holes"), 3<<20)
	check(t, err)
	if want := sumOf(strings.Repeat("\x00", 3<<19) + "data" + strings.Repeat("\x00", 3<<19-4)); sparse != want {
		t.Error("a hole and zeros have different sums")
	}
}

// TestHarnessStrays: what a daemon must not leave behind is seen.
func TestHarnessStrays(t *testing.T) {
	root := filepath.Join(newLab(t).Dir("d"), "root")
	sample(t, root)
	if got := strays(read(t, root)); len(got) > 0 {
		t.Errorf("strays of an ordinary tree = %v", got)
	}
	write(t, filepath.Join(root, "dir/.dfsd/staging/x"), "")
	write(t, filepath.Join(root, ".dfsd-tmp"), "")
	if err := unix.Mkfifo(filepath.Join(root, "pipe"), 0o600); err != nil {
		t.Fatal(err)
	}
	got := strings.Join(strays(read(t, root)), " ")
	for _, want := range []string{`"dir/.dfsd"`, `".dfsd-tmp"`, `"pipe"`} {
		if !strings.Contains(got, want) {
			t.Errorf("strays = %s, want %s among them", got, want)
		}
	}
}

// TestHarnessPowerLoss: what was synced survives a cut of the power, what was
// not is gone, and the file system is whole afterwards.
func TestHarnessPowerLoss(t *testing.T) {
	disk := newImage(t, newLab(t).Dir("d"), "disk", 64)
	save(t, disk.at, "kept", "content")
	write(t, filepath.Join(disk.at, "lost"), "content")
	disk.cutPower(t)
	if err := os.WriteFile(filepath.Join(disk.at, "late"), []byte("x"), 0o644); !errors.Is(err, unix.EIO) {
		t.Errorf("write after the cut = %v, want EIO", err)
	}
	if err := disk.unmount(); err != nil {
		t.Fatal(err)
	}
	disk.mount(t)
	got := read(t, disk.at)
	if _, ok := got["lost"]; ok || got["kept"].size != 7 {
		t.Errorf("after the cut: %v, want kept and not lost", got)
	}
	if err := disk.unmount(); err != nil {
		t.Fatal(err)
	}
	disk.check(t)
}

// TestHarnessProxy: bytes pass and are counted, a cut resets and refuses, a
// healed link works again, and an end is passed on.
func TestHarnessProxy(t *testing.T) {
	newLab(t)
	server, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer server.Close()
	go func() {
		for {
			c, err := server.Accept()
			if err != nil {
				return
			}
			go func() {
				_, _ = io.Copy(c, c) // echoes until the end
				_ = c.Close()
			}()
		}
	}()
	p := newProxy(t, server.Addr().String())
	said := bytes.Repeat([]byte("0123456789"), 100_000)
	first := dial(t, p)
	echo(t, first, said)
	if got, want := p.bytes.Load(), int64(2*len(said)); got != want {
		t.Errorf("the proxy counted %d bytes, want %d", got, want)
	}
	p.setCut(true)
	if _, err := first.Read(make([]byte, 1)); !errors.Is(err, unix.ECONNRESET) {
		t.Errorf("read over a cut link = %v, want a reset", err)
	}
	if c, err := net.Dial("tcp", p.address()); err == nil {
		if _, err := c.Read(make([]byte, 1)); err == nil {
			t.Error("a cut link gave a byte")
		}
		_ = c.Close()
	}
	p.setCut(false)
	second := dial(t, p)
	echo(t, second, said)
	if err := second.(*net.TCPConn).CloseWrite(); err != nil {
		t.Fatal(err)
	}
	if n, err := second.Read(make([]byte, 1)); n != 0 || !errors.Is(err, io.EOF) {
		t.Errorf("read after the end = %d, %v, want EOF", n, err)
	}
}

func dial(t testing.TB, p *proxy) net.Conn {
	t.Helper()
	c, err := net.Dial("tcp", p.address())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c
}

func echo(t testing.TB, c net.Conn, said []byte) {
	t.Helper()
	go func() { _, _ = c.Write(said) }() // a fault shows in what comes back
	back := make([]byte, len(said))
	if _, err := io.ReadFull(c, back); err != nil || !bytes.Equal(back, said) {
		t.Fatalf("the echo came back otherwise: %v", err)
	}
}

// TestHarnessProcess: starts, kills and ends are told apart.
func TestHarnessProcess(t *testing.T) {
	log := filepath.Join(newLab(t).Dir("d"), "log")
	start := func(script string) *process {
		p := startProcess(t, log, nil, "bash", "-c", script)
		t.Cleanup(p.kill)
		return p
	}
	obedient := start(`trap 'echo bye; exit 0' TERM; echo up; while :; do sleep 0.02; done`)
	if why := await(patience, func() string {
		if strings.Contains(tail(log, 5), "up") {
			return ""
		}
		return "not up"
	}); why != "" {
		t.Fatal(why)
	}
	if err := obedient.stop(patience); err != nil || obedient.running() {
		t.Errorf("stop of an obedient process = %v, running %v", err, obedient.running())
	}
	if got := tail(log, 1); got != "bye" {
		t.Errorf("last line of the log = %q, want bye", got)
	}
	deaf := start(`trap '' TERM; echo deaf; while :; do sleep 0.02; done`)
	if why := await(patience, func() string { return strings.TrimPrefix(tail(log, 1), "deaf") }); why != "" {
		t.Fatal(why)
	}
	if err := deaf.stop(100 * time.Millisecond); err == nil || deaf.running() {
		t.Errorf("stop of a deaf process = %v, running %v, want an error and its end", err, deaf.running())
	}
	victim := start("exec sleep 1000")
	victim.kill()
	if victim.running() {
		t.Error("a killed process runs")
	}
}

// TestHarnessConfig: the configuration of every setup is one that dfsd reads:
// at most it does not serve it yet.
func TestHarnessConfig(t *testing.T) {
	for _, tt := range []struct {
		name  string
		setup setup
	}{
		{"mesh", setup{members: 3}},
		{"hubs", hubs()},
		{"one way", oneWay()},
		{"quota", setup{folder: []string{"preserved_quota: 16MiB"}}},
		{"volume", setup{volume: true, imageMB: 64}},
		{"apart", setup{apart: true, imageMB: 64}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			for i := range max(2, tt.setup.members) {
				tt.setup.late = append(tt.setup.late, i)
			}
			g := newGroup(t, tt.setup)
			for _, m := range g.members {
				if r := run(os.Getenv(binaryEnv), "config", "show", "-c", m.config, "--host", m.host); r.code != 0 {
					t.Error(r)
				}
			}
		})
	}
}

// TestHarnessWhole: every part of a user's content is told from the whole.
func TestHarnessWhole(t *testing.T) {
	const text = "m0.lab deed 12, 5 dashes|-----"
	if !whole(text) {
		t.Errorf("whole(%q) = false", text)
	}
	for n := range len(text) {
		if whole(text[:n]) {
			t.Errorf("whole(%q) = true", text[:n])
		}
	}
	for _, other := range []string{text + "-", strings.Repeat("\x00", len(text)), text[:25] + "--\x00\x00\x00"} {
		if whole(other) {
			t.Errorf("whole(%q) = true", other)
		}
	}
}
