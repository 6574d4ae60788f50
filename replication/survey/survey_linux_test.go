package survey

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"dfsd/internal/fsx"
	"dfsd/replication"
	"dfsd/replication/chunk"
	"dfsd/replication/reconcile"
)

func TestFirstSurveyFindsEverything(t *testing.T) {
	h := newHouse(t)
	h.write("a/b/f", "hello")
	h.write("g", "")
	h.write("big", strings.Repeat("0123456789abcdef", 40<<10))
	h.write("a/list", strings.Repeat("x", 1<<20))
	h.write(".dfsd/marker", "private")
	ok(t, os.Symlink("../outside", h.abs("link")))
	ok(t, unix.Mkfifo(h.abs("pipe"), 0o600))
	ok(t, os.Mkdir(h.abs("empty"), 0o700))
	ok(t, unix.Setxattr(h.abs("g"), "user.b", []byte("2"), 0))
	ok(t, unix.Setxattr(h.abs("g"), "user.a", []byte("1"), 0))
	ok(t, unix.Setxattr(h.abs("empty"), "user.dir", []byte("3"), 0))
	f, err := os.Create(h.abs("sparse"))
	ok(t, err)
	_, err = f.WriteAt([]byte("data"), 5<<20)
	ok(t, err)
	ok(t, f.Truncate(9<<20))
	ok(t, f.Close())
	h.o.Lists = 1 << 20

	r, result := h.survey(whole...)
	ok(t, h.m.apply(r))
	h.check()
	for _, f := range r.found {
		if (f.List != nil) != (f.Size >= 1<<20) {
			t.Errorf("%s of %d bytes: list %v", f.Name, f.Size, f.List != nil)
		}
		if f.List == nil {
			continue
		}
		b, err := os.ReadFile(h.abs(fsx.Join(f.Dir, f.Name)))
		ok(t, err)
		if want := chunk.ListOf(b, chunk.AverageOf(int64(len(b)))); string(want.Append(nil)) != string(f.List.Append(nil)) {
			t.Errorf("%s has another list", f.Name)
		}
	}
	if result.Skipped != 1 || len(result.SkippedPaths) != 1 || result.SkippedPaths[0] != "pipe" {
		t.Errorf("skipped %d %q, want the pipe", result.Skipped, result.SkippedPaths)
	}
	if result.Hashed != 5 || result.Files != 9 || result.Bytes >= 9<<20 {
		t.Errorf("result %+v: want 5 files hashed, 9 seen, holes not read", result)
	}
	r, result = h.survey(whole...)
	if r.String() != "" || result.Unchanged != 9 || result.Bytes != 0 {
		t.Errorf("second survey:\n%v\n%+v", r, result)
	}
}

// TestReports is one change of a small tree each, and what a survey of all says.
func TestReports(t *testing.T) {
	for _, test := range []struct {
		name   string
		change func(h *house)
		want   string
	}{
		{"nothing", func(*house) {}, ""},
		{"edit", func(h *house) { h.write("d/f", "longer than before") }, "found d/f stood"},
		{"touch", func(h *house) { ok(h.t, os.Chmod(h.abs("d/f"), 0o600)) }, "found d/f stood"},
		{"rename", func(h *house) { ok(h.t, os.Rename(h.abs("d/f"), h.abs("d/n"))) }, "found d/n moved\nmissing d/f"},
		{"move", func(h *house) { ok(h.t, os.Rename(h.abs("d/f"), h.abs("n"))) }, "found n moved\nmissing d/f"},
		{"move directory", func(h *house) { ok(h.t, os.Rename(h.abs("d"), h.abs("e/d"))) }, "found e/d moved\nmissing d"},
		{"delete", func(h *house) { ok(h.t, os.Remove(h.abs("g"))) }, "missing g"},
		{"delete directory", func(h *house) { ok(h.t, os.RemoveAll(h.abs("d"))) }, "missing d"},
		{"save by rename", func(h *house) {
			h.write("tmp", "new")
			ok(h.t, os.Rename(h.abs("tmp"), h.abs("g")))
		}, "found g\nmissing g replaced"},
		{"rename over", func(h *house) { ok(h.t, os.Rename(h.abs("d/f"), h.abs("g"))) }, "found g moved\nmissing d/f\nmissing g replaced"},
		{"swap", func(h *house) {
			ok(h.t, unix.Renameat2(unix.AT_FDCWD, h.abs("d/f"), unix.AT_FDCWD, h.abs("g"), unix.RENAME_EXCHANGE))
		}, "found d/f moved\nfound g moved\nmissing d/f replaced\nmissing g replaced"},
		{"file to directory", func(h *house) {
			ok(h.t, os.Remove(h.abs("g")))
			h.write("g/below", "x")
		}, "found g\nfound g/below\nmissing g replaced"},
		{"directory to pipe", func(h *house) {
			ok(h.t, os.RemoveAll(h.abs("d")))
			ok(h.t, unix.Mkfifo(h.abs("d"), 0o600))
		}, "missing d replaced"},
		{"another directory", func(h *house) {
			ok(h.t, os.Rename(h.abs("d"), h.abs("old")))
			h.write("d/f", "other")
		}, "found d\nfound d/f\nfound old moved\nmissing d replaced"},
		{"link", func(h *house) { ok(h.t, os.Link(h.abs("g"), h.abs("g2"))) }, "found g stood\nfound g2"},
		{"link and remove", func(h *house) {
			ok(h.t, os.Link(h.abs("g"), h.abs("g2")))
			ok(h.t, os.Link(h.abs("g"), h.abs("g3")))
			ok(h.t, os.Remove(h.abs("g")))
		}, "one of g2, g3 moved\nmissing g"},
		{"link into a place before, and move its directory", func(h *house) {
			ok(h.t, os.Link(h.abs("d/f"), h.abs("a")))
			ok(h.t, os.Rename(h.abs("d"), h.abs("x")))
		}, "found a\nfound x moved\nfound x/f stood\nmissing d"},
		{"link of a link", func(h *house) { ok(h.t, os.Link(h.abs("l"), h.abs("l2"))) }, "found l stood\nfound l2"},
		{"other link", func(h *house) {
			ok(h.t, os.Remove(h.abs("l")))
			ok(h.t, os.Symlink("elsewhere", h.abs("l")))
		}, "found l\nmissing l replaced"},
		{"mode of a directory", func(h *house) { ok(h.t, os.Chmod(h.abs("e"), 0o700)) }, "found e stood"},
		{"attribute of a directory", func(h *house) {
			ok(h.t, unix.Setxattr(h.abs("e"), "user.x", []byte("1"), 0))
		}, "found e stood"},
		{"time of a directory", func(h *house) {
			h.write("e/new", "1")
			ok(h.t, os.Remove(h.abs("e/new")))
		}, ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			h := newHouse(t)
			h.write("d/f", "one")
			h.write("d/sub/deep", "two")
			h.write("g", "three")
			ok(t, os.Mkdir(h.abs("e"), 0o755))
			ok(t, os.Symlink("target", h.abs("l")))
			h.learn()
			test.change(h)
			r, _ := h.survey(whole...)
			got := oneOf(r.String())
			// Or else, if what is in a is looked at before x is.
			got = strings.Replace(got, "found a moved\nfound x moved\nfound x/f\nmissing d\nmissing x/f replaced", test.want, 1)
			if got != test.want {
				t.Errorf("got\n%s\nwant\n%s", got, test.want)
			}
			ok(t, h.m.apply(r))
			h.check()
			if again, _ := h.survey(whole...); again.String() != "" {
				t.Errorf("again:\n%v", again)
			}
		})
	}
}

// oneOf writes as one line what may fall to either of two names.
func oneOf(s string) string {
	for _, p := range [][2]string{{"g2", "g3"}, {"g3", "g2"}} {
		found := "found " + p[0] + "\nfound " + p[1] + " moved\n"
		if p[0] > p[1] {
			found = "found " + p[1] + " moved\nfound " + p[0] + "\n"
		}
		s = strings.Replace(s, found, "one of g2, g3 moved\n", 1)
	}
	return s
}

func TestAreas(t *testing.T) {
	for _, test := range []struct {
		name  string
		areas []Area
		want  string
	}{
		{"none", nil, ""},
		{"a name", []Area{{Dir: "a", Name: "f"}}, "found a/f stood"},
		{"a name that is not there", []Area{{Dir: "a", Name: "zzz"}}, ""},
		{"a directory", []Area{{Dir: "a"}}, "found a/f stood\nmissing a/gone"},
		{"a directory by name", []Area{{Dir: ".", Name: "a"}}, ""},
		{"a directory by name, deep", []Area{{Dir: ".", Name: "a", Deep: true}}, "found a/b/f stood\nfound a/f stood\nmissing a/gone"},
		{"deep swallows", []Area{{Dir: "a/b", Name: "f"}, {Dir: "a", Name: "f"}, {Dir: "a", Deep: true}}, "found a/b/f stood\nfound a/f stood\nmissing a/gone"},
		{"twice", []Area{{Dir: "a", Name: "f"}, {Dir: "a", Name: "f"}, {Dir: "a"}}, "found a/f stood\nmissing a/gone"},
		{"below what is new", []Area{{Dir: "new/x/y", Name: "f"}}, "found new\nfound new/x\nfound new/x/y\nfound new/x/y/f\nfound new/z"},
		{"below what moved", []Area{{Dir: "moved/m", Name: "f"}}, "found moved moved\nfound moved/m/f stood"},
		{"below what is gone", []Area{{Dir: "lost/x/y", Name: "f"}, {Dir: "lost/x", Name: "g"}, {Dir: "lost"}}, "missing lost"},
		{"below a file", []Area{{Dir: "a/f/x", Name: "f"}}, "found a/f stood"},
		{"root", []Area{{}}, "found moved moved\nfound moved/m/f stood\nfound new\nfound new/x\nfound new/x/y\nfound new/x/y/f\nfound new/z\nmissing lost\nmissing m0"},
		{"private", []Area{{Dir: ".dfsd", Name: "x"}, {Dir: ".", Name: ".DFSD"}, {Dir: ".dfsd/a", Deep: true}}, ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			h := newHouse(t)
			for _, path := range []string{"a/f", "a/b/f", "a/gone", "lost/x/y/f", "m0/m/f"} {
				h.write(path, path)
			}
			h.learn()
			h.write("a/f", "changed")
			h.write("a/b/f", "changed")
			h.write("new/x/y/f", "new")
			h.write("new/z", "new")
			h.write(".dfsd/x", "private")
			ok(t, os.Remove(h.abs("a/gone")))
			ok(t, os.RemoveAll(h.abs("lost")))
			h.write("m0/m/f", "changed")
			ok(t, os.Rename(h.abs("m0"), h.abs("moved")))
			r, _ := h.survey(test.areas...)
			if got := r.String(); got != test.want {
				t.Errorf("got\n%s\nwant\n%s", got, test.want)
			}
		})
	}
	h := newHouse(t)
	for _, a := range []Area{{Dir: ".."}, {Dir: "a/../b"}, {Dir: "/a"}, {Dir: "a//b"}, {Dir: "a", Name: "b/c"}, {Dir: "a", Name: ".."}} {
		if _, err := Run(context.Background(), h.o, []Area{a}, &report{t: t}); !errors.Is(err, ErrArea) {
			t.Errorf("%+v: %v, want ErrArea", a, err)
		}
	}
}

// TestHeld: what waits in the holding directory is compared like the rest, for a
// user may have it open.
func TestHeld(t *testing.T) {
	h := newHouse(t)
	h.o.Skip = func(name string, _ bool) bool { return name == "x" || name == "hold" || strings.HasSuffix(name, "~") }
	h.write("d/sub/f", "f")
	h.write("d/g", "g")
	ok(t, os.MkdirAll(h.abs(holding), 0o700))
	h.learn()
	ok(t, os.Rename(h.abs("d"), h.abs(holding+"/x")))
	held := append(whole[:1:1], Area{Dir: holding, Deep: true})
	see := func(want string, areas ...Area) {
		t.Helper()
		r, _ := h.survey(areas...)
		if got := r.String(); got != want {
			t.Errorf("of %v got\n%s\nwant\n%s", areas, got, want)
		}
		ok(t, h.m.apply(r))
	}
	see("found .dfsd/hold/x moved\nmissing d", held...)
	see("", held...)
	h.write(holding+"/x/sub/new", "saved through an open directory")
	h.write(holding+"/x/sub/f~", "skipped")
	h.write(holding+"/x/g", "edited")
	ok(t, os.Remove(h.abs(holding+"/x/sub/f")))
	see("", whole...)
	see("found .dfsd/hold/x/sub/new\nmissing .dfsd/hold/x/sub/f", Area{Dir: holding + "/x", Name: "sub", Deep: true})
	see("found .dfsd/hold/x/g stood", Area{Dir: holding + "/x", Name: "g"}, Area{Dir: holding + "/x/hold", Name: "f"})
	ok(t, os.Rename(h.abs(holding+"/x"), h.abs("back")))
	see("found back moved\nmissing .dfsd/hold/x", held...)
	see("", held...)
	ok(t, os.Remove(h.abs(holding)))
	see("later .dfsd/hold", held...)
	h.o.Hold = ""
	see("", held...)
}

func TestFiltersLookAtNeitherSide(t *testing.T) {
	h := newHouse(t)
	for _, path := range []string{"keep", "x.tmp", "d/y.tmp", "cache/f", "later.tmp"} {
		h.write(path, path)
	}
	h.learn()
	h.o.Skip = func(name string, dir bool) bool {
		return !dir && filepath.Ext(name) == ".tmp" || dir && name == "cache"
	}
	h.write("x.tmp", "changed")
	ok(t, os.Remove(h.abs("d/y.tmp")))
	ok(t, os.RemoveAll(h.abs("cache")))
	h.write("new.tmp", "new")
	ok(t, os.Rename(h.abs("keep"), h.abs("keep.tmp")))
	ok(t, os.Mkdir(h.abs("dir.tmp"), 0o755))
	areas := append([]Area{{Dir: "cache", Name: "f"}, {Dir: ".", Name: "x.tmp"}}, whole...)
	if r, _ := h.survey(areas...); r.String() != "found dir.tmp\nmissing keep" {
		t.Errorf("got\n%v", r)
	}
	if r, _ := h.survey(areas[:2]...); r.String() != "" {
		t.Errorf("got\n%v", r)
	}
}

func TestWhatTheIndexIsUnsureOf(t *testing.T) {
	h := newHouse(t)
	h.write("f", "one")
	h.write("d/g", "two")
	h.write("held", "three")
	h.learn()
	ids := map[string]*Standing{}
	for id, s := range h.m.all {
		ids[h.m.path(id)] = s
	}
	ids["f"].Entry.Doing = &replication.Record{}
	ids["d"].HasFacts = false
	delete(h.m.inode, [2]uint64{ids["d"].Facts.Dev, ids["d"].Facts.Inode})
	if r, _ := h.survey(whole...); r.String() != "found d stood\nfound f stood" {
		t.Errorf("an install under way and a directory without facts:\n%v", r)
	}
	ok(t, os.Chmod(h.abs("d/g"), 0o600))
	if r, _ := h.survey(Area{Dir: "d", Name: "g"}); r.String() != "found d stood\nfound d/g stood" {
		t.Errorf("below a directory without facts:\n%v", r)
	}
	// An object that waits in the private area, and one that has a tombstone.
	held := ids["held"].Entry.ID
	h.m.all[held].Entry.At = reconcile.Place{Parent: reconcile.HoldID, Name: held.String()}
	delete(h.m.dirs[replication.RootID], "held")
	h.m.order = map[replication.FileID][]string{}
	if r, _ := h.survey(Area{Dir: ".", Name: "held"}); r.String() != "found held moved" {
		t.Errorf("from the private area:\n%v", r)
	}
	h.m.all[held].Entry.Disk.Deleted = true
	if r, _ := h.survey(Area{Dir: ".", Name: "held"}); r.String() != "found held" {
		t.Errorf("with a tombstone:\n%v", r)
	}
}

func TestLongPaths(t *testing.T) {
	h := newHouse(t)
	name := strings.Repeat("n", 200)
	fd, err := unix.Open(h.path, unix.O_DIRECTORY, 0)
	ok(t, err)
	for range 60 {
		ok(t, unix.Mkdirat(fd, name, 0o755))
		next, err := unix.Openat(fd, name, unix.O_DIRECTORY, 0)
		ok(t, err)
		ok(t, unix.Close(fd))
		fd = next
	}
	f, err := unix.Openat(fd, "f", unix.O_CREAT|unix.O_RDWR, 0o644)
	ok(t, err)
	ok(t, unix.Close(f))
	ok(t, unix.Close(fd))
	r, _ := h.survey(whole...)
	if len(r.found) != 61 || len(r.later) != 0 {
		t.Fatalf("%d found, %d later", len(r.found), len(r.later))
	}
	ok(t, h.m.apply(r))
	if r, _ = h.survey(Area{Dir: r.found[60].Dir, Name: "f"}); r.String() != "" {
		t.Errorf("%v", r)
	}
}
