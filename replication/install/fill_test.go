package install

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"testing"

	"dfsd/internal/fsx"
	"dfsd/replication"
)

// wide is a batch of new files, a few of which are not alike.
func wide() (items []Item, want map[string]string) {
	want = map[string]string{"d": "/"}
	items = append(items, Item{Op: Put, Path: "d", Record: &replication.Record{Kind: replication.Directory, Attr: replication.Attr{Mode: 0o755}}})
	for i := range wideFiles {
		path := []string{"", "d/"}[i%2] + fmt.Sprint("f", i)
		want[path] = strings.Repeat(path, i*100)
		items = append(items, put(path, want[path], Identity{}))
	}
	return items, want
}

// TestWideBatch: new files that are made side by side come out as one by one.
func TestWideBatch(t *testing.T) {
	onBoth(t, func(t *testing.T, f *folder) {
		items, want := wide()
		items[1].Record.Attr = replication.Attr{Mode: 0o4755, MTime: 1, Xattrs: []replication.Xattr{{Name: "user.x", Value: []byte("1")}}}
		items[2].Record.Attr.Mode = 0o666 // which a umask takes from
		for i, r := range f.commit(items...) {
			if r.Outcome != Done || len(r.Degraded) > 0 || r.Identity != f.identity(items[i].Path) && i > 0 {
				t.Errorf("%s: %+v; it looks like %+v", items[i].Path, r, f.identity(items[i].Path))
			}
			i, err := f.root.Stat(items[i].Path)
			if err != nil || i.Kind == fsx.Regular && i.Links != 1 {
				t.Errorf("%+v, %v", i, err)
			}
		}
		f.want(want)
		for n, it := range items {
			i, err := f.root.Stat(it.Path)
			if err != nil || n > 0 && (i.Mode != it.Record.Attr.Mode || i.MTime != it.Record.Attr.MTime) {
				t.Errorf("%s: %+v, %v", it.Path, i, err)
			}
		}
		h, err := f.root.Open(items[1].Path, fsx.ReadOnly)
		ok(t, err)
		defer h.Close()
		if v, err := h.Xattr("user.x"); err != nil || string(v) != "1" {
			t.Errorf("user.x = %q, %v", v, err)
		}
		if left := f.left(); len(left) > 0 {
			t.Errorf("staging holds %v", left)
		}
	})
}

// TestWideBatchMeetsUsers: what is in the way stays, and stops nothing else.
func TestWideBatchMeetsUsers(t *testing.T) {
	onBoth(t, func(t *testing.T, f *folder) {
		f.write("f2", "user's")
		f.mkdir("f4")
		ok(t, f.root.Symlink("d", "f6"))
		ok(t, f.root.Symlink("d", "link"))
		items, want := wide()
		items[9].Path = "link/x"
		items[11].Path = "nowhere/x"
		items[13].Path = Private + "/x"
		items[15].Record.Size++
		for _, i := range []int{8, 10, 12, 14} {
			delete(want, fmt.Sprint("f", i))
		}
		want["f2"], want["f4"], want["f6"], want["link"] = "user's", "/", "-> d", "-> d"
		outcomes := map[int]Outcome{3: Conflict, 5: Conflict, 7: Conflict, 9: Conflict, 11: Conflict, 13: NameImpossible, 15: Failed}
		for i, r := range f.commit(items...) {
			wanted := Done
			if o, other := outcomes[i]; other {
				wanted = o
			}
			if r.Outcome != wanted {
				t.Errorf("%s: %v (%v), want %v", items[i].Path, r.Outcome, r.Err, wanted)
			}
		}
		f.want(want)
		if left := f.left(); len(left) > 0 {
			t.Errorf("staging holds %v", left)
		}
	})
}

// TestUserTakesTheNameOfAnUnnamedFile in the last moment.
func TestUserTakesTheNameOfAnUnnamedFile(t *testing.T) {
	link := func(c fsx.Call) bool { return c.Op == fsx.OpLinkUnnamed && c.Path == "f2" }
	f := raced(t, link, 1, func(f *folder) { f.write("f2", "user's") })
	items, want := wide()
	want["f2"] = "user's"
	if r := f.commit(items...)[3]; r.Outcome != Conflict {
		t.Errorf("%s: %+v, want %v", items[3].Path, r, Conflict)
	}
	f.want(want)
}

// TestUserWritesIntoANewFile before Commit has looked at it: that is not taken
// for ours.
func TestUserWritesIntoANewFile(t *testing.T) {
	linked := false
	info := func(c fsx.Call) bool {
		linked = linked || c.Op == fsx.OpLinkUnnamed && c.Path == "f2"
		return linked && c.Op == fsx.OpInfo
	}
	f := raced(t, info, 1, func(f *folder) { f.write("f2", "user's") })
	items, _ := wide()
	r := f.commit(items...)[3]
	if got := f.identity("f2"); r.Outcome != Done || got == r.Identity {
		t.Errorf("%+v; the user's write looks like our own: %+v", r, got)
	}
}

// TestUnnamedFilesThatCannotBeLinked get their names another way.
func TestUnnamedFilesThatCannotBeLinked(t *testing.T) {
	for _, class := range []error{fsx.ErrPermission, fsx.ErrUnsupported, fsx.ErrNotExist} {
		t.Run(class.Error(), func(t *testing.T) {
			m := fsx.NewMemory(fsx.MemoryOptions{})
			asked := 0
			f := openFolder(t, fsx.Inject(m, func(c fsx.Call) error {
				if c.Op == fsx.OpLinkUnnamed {
					asked++
					return &fsx.Error{Op: c.Op, Path: c.Path, Class: class}
				}
				return nil
			}), "/")
			items, want := wide()
			for i, r := range f.commit(items...) {
				if r.Outcome != Done {
					t.Errorf("%s: %+v", items[i].Path, r)
				}
			}
			f.want(want)
			root, err := m.CrashClone(nil).OpenRoot("/")
			ok(t, err)
			if got := tree(t, root); show(got) != show(want) {
				t.Errorf("after a crash\n%s want\n%s", show(got), show(want))
			}
			if left := f.left(); len(left) > 0 {
				t.Errorf("staging holds %v", left)
			}
			before := asked
			for i := range items {
				items[i].Path = "2" + items[i].Path
			}
			f.commit(items...)
			if asked != before {
				t.Errorf("asked %d times more after it was refused", asked-before)
			}
		})
	}
}

// TestCancelledWideBatch: ctx ends while files are made, and nothing is left
// of them.
func TestCancelledWideBatch(t *testing.T) {
	ctx, cancel := context.WithCancelCause(t.Context())
	stop := errors.New("stop")
	n := 0
	f := openFolder(t, fsx.Inject(fsx.NewMemory(fsx.MemoryOptions{}), func(c fsx.Call) error {
		if c.Op == fsx.OpCreateUnnamed {
			if n++; n == wideFiles/2 {
				cancel(stop)
			}
		}
		return nil
	}), "/")
	items, _ := wide()
	if _, err := f.in.Commit(ctx, items); !errors.Is(err, stop) {
		t.Errorf("Commit = %v, want %v", err, stop)
	}
	if n >= wideFiles/2+runtime.GOMAXPROCS(0)+maxFillers {
		t.Errorf("%d files were made of %d", n, wideFiles)
	}
	f.want(map[string]string{})
	if left := f.left(); len(left) > 0 {
		t.Errorf("staging holds %v", left)
	}
}

// TestStagedIsNotRead: a large temporary costs its sync and its rename.
func TestStagedIsNotRead(t *testing.T) {
	var calls []fsx.Op
	f := openFolder(t, fsx.Inject(fsx.NewMemory(fsx.MemoryOptions{}), func(c fsx.Call) error {
		if c.Path == Private+"/"+stagingDir+"/large" {
			calls = append(calls, c.Op)
		}
		return nil
	}), "/")
	staging, err := f.in.Staging()
	ok(t, err)
	defer staging.Close()
	h, err := staging.Create("large", 0o600)
	ok(t, err)
	const size = 1 << 30
	ok(t, h.Truncate(size))
	ok(t, h.Close())
	calls = nil
	r := file("")
	r.Size = size
	f.one(Item{Op: Put, Path: "large", Record: r, Staged: "large"}, Done)
	want := []fsx.Op{
		fsx.OpOpen, fsx.OpInfo, fsx.OpInfo, fsx.OpChmod, fsx.OpXattrs, fsx.OpSetMTime, fsx.OpInfo,
		fsx.OpSync, fsx.OpRename, fsx.OpInfo, fsx.OpClose,
	}
	if !slices.Equal(calls, want) {
		t.Errorf("the calls are %v, want %v", calls, want)
	}
}
