package journal

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"
	"golang.org/x/sys/unix"
)

// direct opens a source that nobody reads but the test.
func direct(t *testing.T, mode Mode, o Options) source {
	t.Helper()
	src, err := openSource(mode, o.withDefaults())
	if err != nil {
		t.Skipf("%s is not available here: %v", mode, err)
	}
	t.Cleanup(func() {
		if err := src.close(); err != nil {
			t.Error("close:", err)
		}
	})
	limit := time.AfterFunc(patience, func() { _ = src.interrupt() })
	t.Cleanup(func() { limit.Stop() })
	return src
}

// until reads events until one is as wanted.
func until(t *testing.T, src source, want string, is func(e event) bool) (all []event) {
	t.Helper()
	for {
		batch, err := src.next()
		if err != nil {
			t.Fatalf("no %s: %v", want, err)
		}
		all = append(all, batch...)
		if slices.ContainsFunc(batch, is) {
			return all
		}
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// TestInotifyOverflow: when the kernel lost count everything is asked for, and
// a directory whose making was lost is watched.
func TestInotifyOverflow(t *testing.T) {
	text, err := os.ReadFile("/proc/sys/fs/inotify/max_queued_events")
	must(t, err)
	var queue int
	if _, err := fmt.Sscan(string(text), &queue); err != nil || queue > 50_000 {
		t.Skipf("a queue of %s", text)
	}
	root := t.TempDir()
	must(t, os.MkdirAll(root+"/left/behind", 0o755))
	src := direct(t, Inotify, Options{Path: root})
	file, err := os.Create(root + "/file")
	must(t, err)
	defer file.Close()
	for i := range queue/2 + 10 {
		// Two kinds by turns, for the kernel joins equal neighbours.
		must(t, file.Chmod(os.FileMode(0o600+i%8)))
		_, err := file.WriteString("x")
		must(t, err)
	}
	must(t, os.MkdirAll(root+"/unheard/deep", 0o755))
	must(t, os.Rename(root+"/left", filepath.Join(t.TempDir(), "left")))
	until(t, src, "overflow", func(e event) bool { return e == everything() })
	must(t, os.WriteFile(root+"/unheard/deep/x", nil, 0o644))
	until(t, src, "event in a directory made unheard", func(e event) bool { return e.at == name{"unheard/deep", "x"} })
	if got := src.(*inotify).tree.show(); got != ". unheard unheard/deep" {
		t.Errorf("watched: %s", got)
	}
}

// TestWatchLimit: the kernel refuses watches; what has one is heard, the rest
// is scanned, and the log says which setting to raise.
func TestWatchLimit(t *testing.T) {
	root := t.TempDir()
	must(t, os.MkdirAll(root+"/a", 0o755))
	core, logs := observer.New(zap.WarnLevel)
	src := direct(t, Inotify, Options{Path: root, Log: zap.New(core)})
	in := src.(*inotify)
	in.add = func(int) (int32, error) { return -1, fmt.Errorf("raise the sysctl: %w", unix.ENOSPC) }
	must(t, os.MkdirAll(root+"/b", 0o755))
	must(t, os.MkdirAll(root+"/c", 0o755))
	until(t, src, "refusal", func(e event) bool { return e.kind == refused && e.at == name{dir: "."} && e.deep })
	must(t, os.WriteFile(root+"/a/x", nil, 0o644))
	until(t, src, "event of what is watched", func(e event) bool { return e.at == name{"a", "x"} })
	if logs.Len() != 1 {
		t.Errorf("%d lines in the log: %v", logs.Len(), logs.All())
	}
}

// TestInotifyGivesWatchesBack: what left the folder is not watched for ever.
func TestInotifyGivesWatchesBack(t *testing.T) {
	base := t.TempDir()
	root := base + "/root"
	must(t, os.MkdirAll(root+"/a/b/c", 0o755))
	src := direct(t, Inotify, Options{Path: root})
	must(t, os.Rename(root+"/a", base+"/a"))
	for i := range 3 {
		at := fmt.Sprintf("n%d", i)
		must(t, os.WriteFile(filepath.Join(root, at), nil, 0o644))
		until(t, src, at, func(e event) bool { return e.at == name{".", at} && e.kind == closed })
	}
	if n := len(src.(*inotify).tree.nodes); n != 1 {
		t.Errorf("%d directories are watched, want the root alone", n)
	}
}

// TestInotifyFollowsNoLink: what a link shows is not part of the folder.
func TestInotifyFollowsNoLink(t *testing.T) {
	base := t.TempDir()
	root := base + "/root"
	must(t, os.MkdirAll(base+"/outside/deep", 0o755))
	must(t, os.MkdirAll(root+"/.dfsd/x", 0o755))
	must(t, os.Symlink("../outside", root+"/before"))
	src := direct(t, Inotify, Options{Path: root, Skip: ".dfsd"})
	must(t, os.Symlink("../outside", root+"/after"))
	must(t, os.Symlink(base+"/outside", root+"/moved"))
	must(t, os.Rename(root+"/moved", root+"/again"))
	until(t, src, "again", func(e event) bool { return e.at == name{".", "again"} && e.kind == renamed })
	if got := src.(*inotify).tree.show(); got != "." {
		t.Errorf("watched: %s", got)
	}
}

// TestFanotifyWithoutRenameEvents is the way before Linux 5.17.
func TestFanotifyWithoutRenameEvents(t *testing.T) {
	root := t.TempDir()
	must(t, os.MkdirAll(root+"/d", 0o755))
	src := direct(t, Fanotify, Options{Path: root})
	f := src.(*fanotify)
	dir, _, err := unix.NameToHandleAt(unix.AT_FDCWD, root+"/d", 0)
	must(t, err)
	top, _, err := unix.NameToHandleAt(unix.AT_FDCWD, root, 0)
	must(t, err)
	away, _, err := unix.NameToHandleAt(unix.AT_FDCWD, filepath.Dir(root), 0)
	must(t, err)
	in := func(h unix.FileHandle, base string) dirName { return dirName{newHandle(h), base} }
	tests := []struct {
		name   string
		events []fanEvent
		want   event
	}{
		{"both sides", []fanEvent{{mask: fanMovedFrom, at: in(top, "a")}, {mask: fanMovedTo, at: in(dir, "b")}}, move("a", "d/b")},
		{"from outside", []fanEvent{{mask: fanMovedFrom, at: in(away, "a")}, {mask: fanMovedTo, at: in(dir, "b")}}, touch("d/b")},
		{"to outside", []fanEvent{{mask: fanMovedFrom, at: in(dir, "a")}, {mask: fanMovedTo, at: in(away, "b")}}, gone("d/a")},
		{"overflow", []fanEvent{{mask: fanOverflow}}, everything()},
		{"the root itself", []fanEvent{{mask: fanAttrib | fanOnDir, at: in(top, ".")}}, event{at: name{dir: "."}}},
		{"a directory itself", []fanEvent{{mask: fanAttrib | fanOnDir, at: in(dir, ".")}}, touch("d")},
		{"a rename from outside", []fanEvent{{mask: fanRename | fanOnDir, old: in(away, "a"), at: in(dir, "b")}}, event{at: name{"d", "b"}, deep: true}},
		{"a rename to outside", []fanEvent{{mask: fanRename, old: in(top, "a"), at: in(away, "b")}}, gone("a")},
	}
	for _, tt := range tests {
		tr := translator{where: f.where}
		for _, e := range tt.events {
			tr.take(e)
		}
		if !slices.Contains(tr.out, tt.want) {
			t.Errorf("%s: %+v, want %+v", tt.name, tr.out, tt.want)
		}
	}
	own := translator{where: f.where, own: 7}
	for _, tt := range tests {
		for _, e := range tt.events {
			e.pid = 7
			own.take(e)
		}
	}
	if !reflect.DeepEqual(own.end(), []event{everything()}) {
		t.Errorf("of the own process: %+v, want the overflow alone", own.out)
	}
	tr := translator{where: f.where}
	tr.take(fanEvent{mask: fanCreate, at: in(away, "x")})
	tr.take(fanEvent{mask: fanCreate})
	if len(tr.out) != 0 {
		t.Errorf("events outside of the root: %+v", tr.out)
	}
}

// TestFanotifyJoinsCloseAcrossRename: the second close of "b" was joined with
// the first, which came before the rename.
func TestFanotifyJoinsCloseAcrossRename(t *testing.T) {
	root := t.TempDir()
	f := direct(t, Fanotify, Options{Path: root}).(*fanotify)
	top, _, err := unix.NameToHandleAt(unix.AT_FDCWD, root, 0)
	must(t, err)
	in := func(base string) dirName { return dirName{newHandle(top), base} }
	tr := translator{where: f.where}
	for _, e := range []fanEvent{
		{mask: fanModify | fanCloseWrite, at: in("b")},
		{mask: fanModify, at: in("a")},
		{mask: fanRename, old: in("a"), at: in("b")},
	} {
		tr.take(e)
	}
	s := newSettle(time.Second, time.Minute, 100)
	s.add(epoch, tr.end())
	if hints := s.take(epoch.Add(time.Second)); len(hints) != 2 {
		t.Errorf("told %v, want both names", hints)
	}
}

// TestDirectoriesAreKeptWithinBounds and found again after they were dropped.
func TestDirectoriesAreKeptWithinBounds(t *testing.T) {
	root := t.TempDir()
	must(t, os.MkdirAll(root+"/d/e", 0o755))
	f := direct(t, Fanotify, Options{Path: root}).(*fanotify)
	h, _, err := unix.NameToHandleAt(unix.AT_FDCWD, root+"/d/e", 0)
	must(t, err)
	want := place{dir: "d/e", found: true}
	for i := range 3 * maxPlaces {
		// Handles of nothing.
		if p := f.where.find(handle(fmt.Sprintf("\x01\x00\x00\x00%08d", i))); p.found && !p.coarse {
			t.Fatalf("handle %d found at %q", i, p.dir)
		}
		if p := f.where.find(newHandle(h)); i%1000 == 0 && p != want {
			t.Fatalf("find = %+v, want %+v", p, want)
		}
		if n := len(f.where.new) + len(f.where.old); n > 2*maxPlaces {
			t.Fatalf("%d places kept", n)
		}
	}
	must(t, os.Rename(root+"/d", root+"/f"))
	f.where.forget()
	if p := f.where.find(newHandle(h)); p != (place{dir: "f/e", found: true}) {
		t.Errorf("after the move: %+v", p)
	}
	must(t, os.Rename(root, root+"-moved"))
	f.where.forget()
	if p := f.where.find(newHandle(h)); p != (place{dir: "f/e", found: true}) {
		t.Errorf("after the root moved: %+v", p)
	}
	held, err := os.Open(root + "-moved/f/e")
	must(t, err)
	defer held.Close()
	must(t, os.Remove(root+"-moved/f/e"))
	f.where.forget()
	if p := f.where.find(newHandle(h)); p.found {
		t.Errorf("after it was removed: %+v", p)
	}
}

func TestCutRoot(t *testing.T) {
	tests := []struct{ path, base, want string }{
		{"/srv/a", "/srv/a", "."},
		{"/srv/a/b/c", "/srv/a", "b/c"},
		{"/srv/ab", "/srv/a", ""},
		{"/srv", "/srv/a", ""},
		{"/x/y", "/", "x/y"},
		{"/", "/", "."},
	}
	for _, tt := range tests {
		got, found := cutRoot(tt.path, tt.base)
		if found != (tt.want != "") || found && got != tt.want {
			t.Errorf("cutRoot(%q, %q) = %q, %v, want %q", tt.path, tt.base, got, found, tt.want)
		}
	}
}

// TestFallBack: what cannot be had is said and the next is taken.
func TestFallBack(t *testing.T) {
	core, logs := observer.New(zap.WarnLevel)
	// proc has neither file handles nor marks.
	j, err := Open(Options{Path: "/proc/self/fdinfo", Log: zap.New(core)})
	must(t, err)
	if err := j.Close(); err != nil {
		t.Error(err)
	}
	if j.Mode() == Fanotify || logs.FilterField(zap.String("mode", "fanotify")).Len() != 1 {
		t.Errorf("Mode = %s, log %v", j.Mode(), logs.All())
	}
}

// TestProbeLeavesNothing: the probe file is gone and nothing is told of it.
func TestProbeLeavesNothing(t *testing.T) {
	root := t.TempDir()
	must(t, os.Mkdir(root+"/.dfsd", 0o700))
	src := direct(t, Fanotify, Options{Path: root, Skip: ".dfsd"})
	left, err := os.ReadDir(root + "/.dfsd")
	if err != nil || len(left) != 0 {
		t.Errorf("left in the private directory: %v, %v", left, err)
	}
	must(t, os.WriteFile(root+"/x", nil, 0o644))
	for _, e := range until(t, src, "x", func(e event) bool { return e.at.base == "x" }) {
		if strings.Contains(e.at.dir+e.at.base, "dfsd") {
			t.Errorf("heard of %+v", e.at)
		}
	}
}

func TestInterruptEndsNext(t *testing.T) {
	for _, mode := range []Mode{Fanotify, Inotify} {
		src := direct(t, mode, Options{Path: t.TempDir()})
		done := make(chan error)
		go func() {
			for {
				if _, err := src.next(); err != nil {
					done <- err
					return
				}
			}
		}()
		must(t, src.interrupt())
		if err := <-done; !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("%s: next = %v", mode, err)
		}
	}
}
