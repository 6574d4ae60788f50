package fsx

import (
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
)

// backend is one file system that the suite runs against.
type backend struct {
	name string
	open func(t *testing.T) Dir
	// What only real file systems behind handles have.
	handles bool // handles stay with what they hold; Exchange, inodes, holes
	xattrs  bool
}

func backends() []backend {
	return []backend{
		{name: "os", handles: OS() != Portable(), xattrs: OS() != Portable(), open: func(t *testing.T) Dir { return openRoot(t, OS(), t.TempDir()) }},
		{name: "memory", handles: true, xattrs: true, open: func(t *testing.T) Dir { return openRoot(t, NewMemory(MemoryOptions{}), "/") }},
		{name: "portable", open: func(t *testing.T) Dir { return openRoot(t, Portable(), t.TempDir()) }},
		{name: "injected", handles: true, xattrs: true, open: func(t *testing.T) Dir {
			return openRoot(t, Inject(NewMemory(MemoryOptions{}), func(Call) error { return nil }), "/")
		}},
	}
}

func openRoot(t *testing.T, fs FS, path string) Dir {
	t.Helper()
	d, err := fs.OpenRoot(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = d.Close() })
	return d
}

// ok ends the test on an error that the set-up must not have.
func ok(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func write(t *testing.T, d Dir, path, content string) {
	t.Helper()
	f, err := d.Create(path, 0o644)
	ok(t, err)
	_, err = f.WriteAt([]byte(content), 0)
	ok(t, err)
	ok(t, f.Close())
}

func read(t *testing.T, d Dir, path string) string {
	t.Helper()
	f, err := d.Open(path, ReadOnly)
	if err != nil {
		return "error: " + err.Error()
	}
	defer f.Close()
	i, err := f.Info()
	ok(t, err)
	b := make([]byte, i.Size)
	if _, err := f.ReadAt(b, 0); err != nil && !errors.Is(err, io.EOF) {
		t.Fatal(err)
	}
	return string(b)
}

func list(t *testing.T, d Dir) (got []string) {
	t.Helper()
	ok(t, d.ReadDir(func(e Entry) bool {
		got = append(got, e.Name+" "+e.Kind.String())
		return true
	}))
	slices.Sort(got)
	return got
}

// TestBackEnds is the contract of FS, Dir, File and Handle, once for all.
func TestBackEnds(t *testing.T) {
	parts := []struct {
		name string
		run  func(t *testing.T, b backend)
	}{
		{"names", suiteNames},
		{"paths", suitePaths},
		{"content", suiteContent},
		{"rename", suiteRename},
		{"exchange", suiteExchange},
		{"links", suiteLinks},
		{"metadata", suiteMetadata},
		{"xattrs", suiteXattrs},
		{"holes", suiteHoles},
		{"copies", suiteCopies},
		{"handles", suiteHandles},
		{"sync", suiteSync},
		{"unnamed", suiteUnnamed},
	}
	for _, b := range backends() {
		for _, p := range parts {
			t.Run(b.name+"/"+p.name, func(t *testing.T) { p.run(t, b) })
		}
	}
}

func suiteNames(t *testing.T, b backend) {
	d := b.open(t)
	ok(t, d.Mkdir("dir", 0o755))
	write(t, d, "dir/file", "x")
	ok(t, d.Symlink("file", "dir/link"))
	if got, want := list(t, d), []string{"dir directory"}; !reflect.DeepEqual(got, want) {
		t.Errorf("ReadDir = %v, want %v", got, want)
	}
	sub, err := d.OpenDir("dir")
	ok(t, err)
	defer sub.Close()
	if got, want := list(t, sub), []string{"file file", "link symlink"}; !reflect.DeepEqual(got, want) {
		t.Errorf("ReadDir = %v, want %v", got, want)
	}
	for _, tc := range []struct {
		op   string
		err  error
		want error
	}{
		{"create taken", second(d.Create("dir/file", 0o644)), ErrExist},
		{"mkdir taken", d.Mkdir("dir", 0o755), ErrExist},
		{"symlink taken", d.Symlink("x", "dir/link"), ErrExist},
		{"open missing", second(d.Open("no", ReadOnly)), ErrNotExist},
		{"stat missing", second(d.Stat("dir/no")), ErrNotExist},
		{"stat below nothing", second(d.Stat("no/no")), ErrNotExist},
		{"stat below a file", second(d.Stat("dir/file/x")), ErrNotDirectory},
		{"open a directory", second(d.Open("dir", ReadOnly)), ErrNotRegular},
		{"opendir a file", second(d.OpenDir("dir/file")), ErrNotDirectory},
		{"remove a directory", d.Remove("dir"), ErrIsDirectory},
		{"removedir a file", d.RemoveDir("dir/file"), ErrNotDirectory},
		{"removedir full", d.RemoveDir("dir"), ErrNotEmpty},
		{"remove missing", d.Remove("no"), ErrNotExist},
		{"long name", d.Mkdir(strings.Repeat("n", 256), 0o755), ErrName},
	} {
		if !errors.Is(tc.err, tc.want) {
			t.Errorf("%s: %v, want %v", tc.op, tc.err, tc.want)
		}
	}
	ok(t, d.Remove("dir/link"))
	ok(t, d.Remove("dir/file"))
	ok(t, d.RemoveDir("dir"))
	if got := list(t, d); len(got) != 0 {
		t.Errorf("ReadDir after removing all = %v, want nothing", got)
	}
}

func second[T any](_ T, err error) error { return err }

// suitePaths: nothing leads out, and no directory on the way is a link.
func suitePaths(t *testing.T, b backend) {
	d := b.open(t)
	ok(t, d.Mkdir("dir", 0o755))
	write(t, d, "dir/f", "inside")
	ok(t, d.Symlink("dir", "link"))
	// A decoy: if the guard is broken, the machine's own files are not what it costs.
	decoy := t.TempDir()
	ok(t, os.WriteFile(filepath.Join(decoy, "f"), []byte("outside"), 0o600))
	ok(t, d.Symlink(decoy, "out"))
	ok(t, d.Symlink("dir/f", "flink"))
	calls := map[string]func(path string) error{
		"stat":    func(p string) error { return second(d.Stat(p)) },
		"open":    func(p string) error { return second(d.Open(p, ReadOnly)) },
		"create":  func(p string) error { return second(d.Create(p, 0o644)) },
		"mkdir":   func(p string) error { return d.Mkdir(p, 0o755) },
		"symlink": func(p string) error { return d.Symlink("t", p) },
		"remove":  d.Remove,
		"rmdir":   d.RemoveDir,
		"rename":  func(p string) error { return d.Rename("dir/f", d, p, Replace) },
		"renamed": func(p string) error { return d.Rename(p, d, "new", Replace) },
		"link":    func(p string) error { return d.Link("dir/f", d, p) },
	}
	for _, path := range []string{"../x", "dir/../x", "/x", "dir//f", "./dir", "link/f", "out/f", "dir/.", ".."} {
		for name, call := range calls {
			if err := call(path); !errors.Is(err, ErrEscapes) {
				t.Errorf("%s %q: %v, want %v", name, path, err, ErrEscapes)
			}
		}
	}
	for _, path := range []string{"", "a\x00b"} {
		if _, err := d.Stat(path); !errors.Is(err, ErrName) {
			t.Errorf("stat %q: %v, want %v", path, err, ErrName)
		}
	}
	for _, path := range []string{"link", "out"} {
		if _, err := d.OpenDir(path); err == nil {
			t.Errorf("OpenDir(%q) followed a link", path)
		}
	}
	if _, err := d.Open("flink", ReadOnly); !errors.Is(err, ErrEscapes) {
		t.Errorf("open a link: %v, want %v", err, ErrEscapes)
	}
	if got, err := os.ReadFile(filepath.Join(decoy, "f")); string(got) != "outside" {
		t.Errorf("the file outside holds %q, %v", got, err)
	}
}

func suiteContent(t *testing.T, b backend) {
	d := b.open(t)
	f, err := d.Create("f", 0o600)
	ok(t, err)
	_, err = f.WriteAt([]byte("world"), 6)
	ok(t, err)
	_, err = f.WriteAt([]byte("hello "), 0)
	ok(t, err)
	got := make([]byte, 20)
	n, err := f.ReadAt(got, 0)
	if string(got[:n]) != "hello world" || !errors.Is(err, io.EOF) {
		t.Errorf("ReadAt = %q, %v, want %q, EOF", got[:n], err, "hello world")
	}
	if n, err := f.ReadAt(got, 100); n != 0 || !errors.Is(err, io.EOF) {
		t.Errorf("ReadAt behind the end = %d, %v, want 0, EOF", n, err)
	}
	ok(t, f.Truncate(5))
	ok(t, f.Truncate(7))
	ok(t, f.Close())
	if got := read(t, d, "f"); got != "hello\x00\x00" {
		t.Errorf("after truncating down and up: %q, want %q", got, "hello\x00\x00")
	}
	ro, err := d.Open("f", ReadOnly)
	ok(t, err)
	defer ro.Close()
	if _, err := ro.WriteAt([]byte("x"), 0); err == nil {
		t.Error("a file opened for reading was written")
	}
	rw, err := d.Open("f", ReadWrite)
	ok(t, err)
	defer rw.Close()
	_, err = rw.WriteAt([]byte("J"), 0)
	ok(t, err)
	if got := read(t, d, "f"); got != "Jello\x00\x00" {
		t.Errorf("after writing: %q", got)
	}
}

func suiteRename(t *testing.T, b backend) {
	d := b.open(t)
	ok(t, d.Mkdir("p", 0o755))
	p, err := d.OpenDir("p")
	ok(t, err)
	defer p.Close()
	write(t, d, "a", "A")
	ok(t, d.Rename("a", p, "b", NoReplace))
	write(t, d, "a", "A2")
	if err := d.Rename("a", p, "b", NoReplace); !errors.Is(err, ErrExist) {
		t.Errorf("rename onto a taken name: %v, want %v", err, ErrExist)
	}
	if got := read(t, p, "b"); got != "A" {
		t.Errorf("a refused rename left %q, want A", got)
	}
	ok(t, d.Rename("a", p, "b", Replace))
	if got := read(t, p, "b"); got != "A2" {
		t.Errorf("a replacing rename left %q, want A2", got)
	}
	ok(t, d.Mkdir("q", 0o755))
	if err := d.Rename("q", d, "p", NoReplace); !errors.Is(err, ErrExist) {
		t.Errorf("directory onto a taken name: %v, want %v", err, ErrExist)
	}
	if err := d.Rename("p", p, "inside", Replace); !errors.Is(err, ErrUnsupported) {
		t.Errorf("directory into itself: %v, want %v", err, ErrUnsupported)
	}
	if err := d.Rename("no", d, "x", Replace); !errors.Is(err, ErrNotExist) {
		t.Errorf("rename of nothing: %v, want %v", err, ErrNotExist)
	}
	ok(t, d.Rename("p", d, "q/p", NoReplace))
	if got := read(t, d, "q/p/b"); got != "A2" {
		t.Errorf("below a moved directory: %q, want A2", got)
	}
}

func suiteExchange(t *testing.T, b backend) {
	d := b.open(t)
	write(t, d, "a", "A")
	write(t, d, "b", "B")
	err := d.Rename("a", d, "b", Exchange)
	if !b.handles {
		if !errors.Is(err, ErrUnsupported) {
			t.Errorf("exchange: %v, want %v", err, ErrUnsupported)
		}
		return
	}
	ok(t, err)
	if got := read(t, d, "a") + read(t, d, "b"); got != "BA" {
		t.Errorf("after an exchange: %q, want BA", got)
	}
	if err := d.Rename("a", d, "no", Exchange); !errors.Is(err, ErrNotExist) {
		t.Errorf("exchange with nothing: %v, want %v", err, ErrNotExist)
	}
	ok(t, d.Mkdir("dir", 0o755))
	ok(t, d.Rename("a", d, "dir", Exchange))
	if got := read(t, d, "dir"); got != "B" {
		t.Errorf("a file exchanged with a directory: %q, want B", got)
	}
	ok(t, d.Mkdir("a/sub", 0o755))
	if err := d.Rename("a/sub", d, "a", Exchange); !errors.Is(err, ErrUnsupported) {
		t.Errorf("exchange with the parent: %v, want %v", err, ErrUnsupported)
	}
}

func suiteLinks(t *testing.T, b backend) {
	d := b.open(t)
	long := strings.Repeat("long/", 200) + "end"
	ok(t, d.Symlink(long, "s"))
	if got, err := d.Readlink("s"); got != long || err != nil {
		t.Errorf("Readlink = %q, %v", got, err)
	}
	write(t, d, "f", "F")
	ok(t, d.Link("f", d, "g"))
	if err := d.Link("f", d, "g"); !errors.Is(err, ErrExist) {
		t.Errorf("link onto a taken name: %v, want %v", err, ErrExist)
	}
	if got := read(t, d, "g"); got != "F" {
		t.Errorf("second name reads %q", got)
	}
	if _, err := d.Readlink("f"); err == nil {
		t.Error("Readlink of a file succeeded")
	}
	if !b.handles {
		return
	}
	i, err := d.Stat("f")
	ok(t, err)
	j, err := d.Stat("g")
	ok(t, err)
	if i.Links != 2 || i != j {
		t.Errorf("two names of one file: %+v, %+v", i, j)
	}
	h, err := d.OpenLink("s")
	ok(t, err)
	defer h.Close()
	ok(t, h.SetMTime(-1))
	if i, err := d.Stat("s"); err != nil || i.MTime != -1 || i.Kind != Symlink || i.Size != int64(len(long)) {
		t.Errorf("Stat of a link = %+v, %v", i, err)
	}
	if err := h.SetXattr("user.x", nil); !errors.Is(err, ErrUnsupported) {
		t.Errorf("SetXattr on a link: %v, want %v", err, ErrUnsupported)
	}
}

func suiteMetadata(t *testing.T, b backend) {
	d := b.open(t)
	write(t, d, "f", "12345")
	f, err := d.Open("f", ReadWrite)
	ok(t, err)
	defer f.Close()
	ok(t, f.Chmod(0o4751))
	ok(t, f.SetMTime(1_700_000_000_123_456_789))
	i, err := d.Stat("f")
	ok(t, err)
	if i.Mode != 0o4751 || i.MTime != 1_700_000_000_123_456_789 || i.Size != 5 || i.Kind != Regular || i.Links != 1 {
		t.Errorf("Stat = %+v", i)
	}
	if j, err := f.Info(); err != nil || j != i {
		t.Errorf("Info = %+v, %v, want %+v", j, err, i)
	}
	ok(t, d.Mkdir("dir", 0o755))
	sub, err := d.OpenDir("dir")
	ok(t, err)
	defer sub.Close()
	ok(t, sub.Chmod(0o2750))
	ok(t, sub.SetMTime(5))
	if i, err := d.Stat("dir"); err != nil || i.Mode != 0o2750 || i.MTime != 5 || i.Kind != Directory {
		t.Errorf("Stat of a directory = %+v, %v", i, err)
	}
	if i, err := sub.Stat("."); err != nil || i.Mode != 0o2750 {
		t.Errorf("Stat(.) = %+v, %v", i, err)
	}
	if !b.handles {
		return
	}
	ok(t, f.Chown(i.UID, i.GID))
	before := i
	i, err = f.Info()
	if err != nil || i.CTime <= before.CTime || i.Mode != 0o751 || i.Inode == 0 || i.Dev == 0 || i.BTime == 0 {
		t.Errorf("Info after chown = %+v, %v; was %+v", i, err, before)
	}
}

func suiteXattrs(t *testing.T, b backend) {
	d := b.open(t)
	write(t, d, "f", "")
	f, err := d.Open("f", ReadWrite)
	ok(t, err)
	defer f.Close()
	if !b.xattrs {
		if err := f.SetXattr("user.a", nil); !errors.Is(err, ErrUnsupported) {
			t.Errorf("SetXattr: %v, want %v", err, ErrUnsupported)
		}
		return
	}
	if got, err := f.Xattrs(); len(got) != 0 || err != nil {
		t.Errorf("Xattrs of a new file = %v, %v", got, err)
	}
	value := bytes.Repeat([]byte{0, 1, 0xff}, 500)
	ok(t, f.SetXattr("user.b", value))
	ok(t, f.SetXattr("user.a", []byte("old")))
	ok(t, f.SetXattr("user.a", []byte{}))
	if got, err := f.Xattrs(); err != nil || !reflect.DeepEqual(got, []string{"user.a", "user.b"}) {
		t.Errorf("Xattrs = %v, %v", got, err)
	}
	if got, err := f.Xattr("user.b"); err != nil || !bytes.Equal(got, value) {
		t.Errorf("Xattr = %d bytes, %v", len(got), err)
	}
	ok(t, f.RemoveXattr("user.b"))
	for name, err := range map[string]error{"read": second(f.Xattr("user.b")), "remove": f.RemoveXattr("user.b")} {
		if !errors.Is(err, ErrNoXattr) {
			t.Errorf("%s a missing attribute: %v, want %v", name, err, ErrNoXattr)
		}
	}
	if err := f.SetXattr("user.big", make([]byte, 60_000)); !errors.Is(err, ErrNoSpace) && !errors.Is(err, ErrXattrSize) {
		t.Logf("SetXattr of 60,000 bytes: %v", err)
	}
}

func suiteHoles(t *testing.T, b backend) {
	if !b.handles {
		return
	}
	d := b.open(t)
	f, err := d.Create("f", 0o600)
	ok(t, err)
	defer f.Close()
	const block = 64 << 10
	ok(t, f.Truncate(8*block))
	for _, at := range []int64{2 * block, 3 * block, 6 * block} {
		_, err = f.WriteAt(bytes.Repeat([]byte{1}, block), at)
		ok(t, err)
	}
	ok(t, f.PunchHole(3*block, block))
	var got []int64
	for at := int64(0); ; {
		data, err := f.SeekData(at)
		if errors.Is(err, io.EOF) {
			break
		}
		ok(t, err)
		at, err = f.SeekHole(data)
		ok(t, err)
		got = append(got, data/block, at/block)
	}
	if want := []int64{2, 3, 6, 7}; !reflect.DeepEqual(got, want) {
		t.Errorf("data lies in blocks %v, want %v", got, want)
	}
	i, err := f.Info()
	if err != nil || i.Size != 8*block || i.Allocated < 2*block || i.Allocated >= 8*block {
		t.Errorf("Info = %+v, %v", i, err)
	}
	if at, err := f.SeekHole(6 * block); at != 7*block || err != nil {
		t.Errorf("SeekHole = %d, %v", at, err)
	}
	if _, err := f.SeekHole(9 * block); !errors.Is(err, io.EOF) {
		t.Errorf("SeekHole behind the end: %v, want EOF", err)
	}
	ok(t, f.Allocate(0, block))
	if i, _ := f.Info(); i.Size != 8*block {
		t.Errorf("Allocate changed the size to %d", i.Size)
	}
}

func suiteCopies(t *testing.T, b backend) {
	d := b.open(t)
	write(t, d, "a", strings.Repeat("0123456789", 1000))
	src, err := d.Open("a", ReadOnly)
	ok(t, err)
	defer src.Close()
	dst, err := d.Create("b", 0o600)
	ok(t, err)
	defer dst.Close()
	n, err := dst.CopyFrom(src, 9_990, 5, 100)
	if !b.handles {
		if !errors.Is(err, ErrUnsupported) {
			t.Errorf("CopyFrom: %v, want %v", err, ErrUnsupported)
		}
		return
	}
	if n != 10 || err != nil || read(t, d, "b") != "\x00\x00\x00\x00\x000123456789" {
		t.Errorf("CopyFrom = %d, %v, file %q", n, err, read(t, d, "b"))
	}
	if err := dst.Clone(src); err == nil {
		if got := read(t, d, "b"); got != read(t, d, "a") {
			t.Errorf("Clone made %d bytes", len(got))
		}
	} else if !errors.Is(err, ErrUnsupported) {
		t.Errorf("Clone: %v", err)
	}
}

// suiteHandles: a handle stays with what it holds.
func suiteHandles(t *testing.T, b backend) {
	if !b.handles {
		return
	}
	d := b.open(t)
	ok(t, d.Mkdir("a", 0o755))
	a, err := d.OpenDir("a")
	ok(t, err)
	write(t, a, "f", "F")
	f, err := a.Open("f", ReadWrite)
	ok(t, err)
	ok(t, d.Rename("a", d, "b", NoReplace))
	ok(t, a.Rename("f", d, "g", NoReplace))
	_, err = f.WriteAt([]byte("G"), 0)
	ok(t, err)
	if got := read(t, d, "g"); got != "G" {
		t.Errorf("through the handle of a moved file: %q, want G", got)
	}
	ok(t, d.Remove("g"))
	if i, err := f.Info(); err != nil || i.Links != 0 || i.Size != 1 {
		t.Errorf("Info of a removed file = %+v, %v", i, err)
	}
	ok(t, d.RemoveDir("b"))
	if _, err := a.Create("x", 0o600); !errors.Is(err, ErrNotExist) {
		t.Errorf("create in a removed directory: %v, want %v", err, ErrNotExist)
	}
	ok(t, f.Close())
	ok(t, a.Close())
	if _, err := f.Info(); !errors.Is(err, ErrClosed) {
		t.Errorf("Info of a closed file: %v, want %v", err, ErrClosed)
	}
}

func suiteSync(t *testing.T, b backend) {
	d := b.open(t)
	f, err := d.Create("f", 0o600)
	ok(t, err)
	defer f.Close()
	ok(t, f.SyncData())
	ok(t, f.Sync())
	ok(t, d.Sync())
	err = d.SyncFS()
	if b.handles {
		ok(t, err)
		s, err := d.Space()
		if err != nil || s.Free <= 0 || s.Total < s.Free {
			t.Errorf("Space = %+v, %v", s, err)
		}
	} else if !errors.Is(err, ErrUnsupported) {
		t.Errorf("SyncFS: %v, want %v", err, ErrUnsupported)
	}
}
