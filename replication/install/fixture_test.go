package install

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"dfsd/internal/fsx"
	"dfsd/replication"
)

func ok(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// folder is a replicated folder with its Installer.
type folder struct {
	t    testing.TB
	root fsx.Dir
	in   *Installer
}

func now() time.Time { return time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC) }

func openFolder(t testing.TB, fs fsx.FS, path string) *folder {
	t.Helper()
	in, err := Open(Options{FS: fs, Path: path, Now: now})
	ok(t, err)
	root, err := fs.OpenRoot(path)
	ok(t, err)
	t.Cleanup(func() { _ = in.Close(); _ = root.Close() })
	return &folder{t: t, root: root, in: in}
}

func memoryFolder(t testing.TB) *folder {
	t.Helper()
	return openFolder(t, fsx.NewMemory(fsx.MemoryOptions{}), "/")
}

// write makes a file as a user would.
func (f *folder) write(path, content string) Identity {
	f.t.Helper()
	h, err := f.root.Create(path, 0o644)
	if errors.Is(err, fsx.ErrExist) {
		if h, err = f.root.Open(path, fsx.ReadWrite); err == nil {
			err = h.Truncate(0)
		}
	}
	ok(f.t, err)
	_, err = h.WriteAt([]byte(content), 0)
	ok(f.t, err)
	ok(f.t, h.Close())
	return f.identity(path)
}

func (f *folder) mkdir(path string) Identity {
	f.t.Helper()
	ok(f.t, f.root.Mkdir(path, 0o755))
	return f.identity(path)
}

func (f *folder) identity(path string) Identity {
	f.t.Helper()
	i, err := f.root.Stat(path)
	ok(f.t, err)
	return IdentityOf(i)
}

// commit installs a batch that must not fail as a whole.
func (f *folder) commit(items ...Item) []Result {
	f.t.Helper()
	results, err := f.in.Commit(f.t.Context(), items)
	ok(f.t, err)
	return results
}

// one installs one item and checks its outcome.
func (f *folder) one(it Item, want Outcome) Result {
	f.t.Helper()
	r := f.commit(it)[0]
	if r.Outcome != want {
		f.t.Errorf("%s %s = %v (%v), want %v", it.Op, it.Path, r.Outcome, r.Err, want)
	}
	return r
}

func file(content string) *replication.Record {
	return &replication.Record{
		Kind: replication.File, Size: int64(len(content)),
		Attr: replication.Attr{Mode: 0o640, MTime: 1_600_000_000_000_000_001},
	}
}

func put(path, content string, expect Identity) Item {
	return Item{Op: Put, Path: path, Expect: expect, Record: file(content), Bytes: []byte(content)}
}

// tree lists what users see below root: path and content.
func tree(t testing.TB, root fsx.Dir) map[string]string {
	t.Helper()
	out := map[string]string{}
	walk(t, root, "", out)
	return out
}

func walk(t testing.TB, d fsx.Dir, prefix string, out map[string]string) {
	t.Helper()
	var entries []fsx.Entry
	ok(t, d.ReadDir(func(e fsx.Entry) bool {
		if prefix != "" || e.Name != Private {
			entries = append(entries, e)
		}
		return true
	}))
	for _, e := range entries {
		path := prefix + e.Name
		switch e.Kind {
		case fsx.Directory:
			out[path] = "/"
			sub, err := d.OpenDir(e.Name)
			ok(t, err)
			walk(t, sub, path+"/", out)
			ok(t, sub.Close())
		case fsx.Symlink:
			target, err := d.Readlink(e.Name)
			ok(t, err)
			out[path] = "-> " + target
		default:
			f, err := d.Open(e.Name, fsx.ReadOnly)
			ok(t, err)
			out[path] = content(t, f)
			ok(t, f.Close())
		}
	}
}

func content(t testing.TB, f fsx.File) string {
	t.Helper()
	i, err := f.Info()
	ok(t, err)
	b := make([]byte, i.Size)
	if _, err := f.ReadAt(b, 0); err != nil && !errors.Is(err, io.EOF) {
		t.Fatal(err)
	}
	return string(b)
}

func (f *folder) want(want map[string]string) {
	f.t.Helper()
	if got := tree(f.t, f.root); !maps.Equal(got, want) {
		f.t.Errorf("the tree is\n%v\nwant\n%v", show(got), show(want))
	}
}

func show(tree map[string]string) string {
	var b strings.Builder
	for _, path := range slices.Sorted(maps.Keys(tree)) {
		fmt.Fprintf(&b, "  %s %.60q\n", path, tree[path])
	}
	return b.String()
}

// left lists staging.
func (f *folder) left() (names []string) {
	f.t.Helper()
	ok(f.t, f.in.staging.ReadDir(func(e fsx.Entry) bool {
		names = append(names, e.Name)
		return true
	}))
	slices.Sort(names)
	return names
}

// preserved lists the store as "path why content".
func preserved(t testing.TB, in *Installer) (list []string) {
	t.Helper()
	for _, e := range in.Preserved() {
		text := "(" + e.Kind.String() + ")"
		if e.Kind == fsx.Regular {
			f, err := in.OpenPreserved(e.ID)
			ok(t, err)
			text = content(t, f)
			ok(t, f.Close())
		}
		list = append(list, fmt.Sprintf("%s %s %s", e.Path, e.Why, text))
	}
	return list
}
