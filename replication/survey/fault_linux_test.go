package survey

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"dfsd/internal/fsx"
	"dfsd/replication"
)

// TestEachCallCanFail: what fails once is Later or, at the root, the error of
// the survey; it is never Missing, and the next survey makes good for it.
func TestEachCallCanFail(t *testing.T) {
	path := filepath.Join(t.TempDir(), "folder")
	lay := openHouseIn(t, path, func(fsx.Call) error { return nil })
	for _, p := range []string{"a/b/f", "a/g", "h", "c/d/i"} {
		lay.write(p, p)
	}
	ok(t, unix.Setxattr(lay.abs("h"), "user.x", []byte("1"), 0))
	ok(t, os.Symlink("target", lay.abs("a/l")))
	for _, known := range []bool{false, true} {
		for n, more := 1, true; more; n++ {
			more = failAt(t, path, n, known)
		}
	}
}

// failAt makes the nth call of a survey fail, and tells whether there was one.
func failAt(t *testing.T, path string, n int, known bool) bool {
	t.Helper()
	var armed atomic.Bool
	var calls atomic.Int64
	var what atomic.Value
	h := openHouseIn(t, path, func(c fsx.Call) error {
		if armed.Load() && c.Op != fsx.OpClose && calls.Add(1) == int64(n) {
			what.Store(c.String())
			return &fsx.Error{Op: c.Op, Path: c.Path, Class: fsx.ErrIO}
		}
		return nil
	})
	h.o.Workers = 1
	if known {
		h.learn()
		ok(t, os.Chmod(h.abs("a/g"), 0o600+os.FileMode(n%8)))
		ok(t, os.Chmod(h.abs("c/d"), 0o700+os.FileMode(n%8)))
	}
	armed.Store(true)
	r := &report{t: t}
	_, err := Run(context.Background(), h.o, whole, r)
	armed.Store(false)
	if what.Load() == nil {
		return false
	}
	if err == nil && len(r.later) == 0 || err != nil && !errors.Is(err, fsx.ErrIO) || len(r.missing) > 0 {
		t.Errorf("call %d, %v: error %v, reports\n%v", n, what.Load(), err, r)
	}
	for _, l := range r.later {
		if !errors.Is(l.Err, fsx.ErrIO) {
			t.Errorf("call %d, %v: later %v", n, what.Load(), l.Err)
		}
	}
	ok(t, h.m.apply(r))
	h.learn()
	h.check()
	return true
}

func openHouseIn(t *testing.T, path string, policy fsx.Policy) *house {
	ok(t, os.MkdirAll(path, 0o755))
	return openHouse(t, path, fsx.Inject(fsx.OS(), policy))
}

// TestRewrittenWhileRead changes a file between the look before its reading and
// the one after, once or each time.
func TestRewrittenWhileRead(t *testing.T) {
	for _, always := range []bool{false, true} {
		var h *house
		times := 0
		h = openHouseIn(t, filepath.Join(t.TempDir(), "folder"), func(c fsx.Call) error {
			if c.Op == fsx.OpReadAt && (times == 0 || always) {
				times++
				h.write("f", fmt.Sprint("rewritten ", times))
			}
			return nil
		})
		h.write("f", "first form ")
		r, _ := h.survey(whole...)
		want := "found f"
		if always {
			want = "later f"
		}
		if r.String() != want || always && !errors.Is(r.later[0].Err, ErrChanged) {
			t.Errorf("always %v: got %v, want %s", always, r, want)
		}
		if !always {
			ok(t, h.m.apply(r))
			h.check()
		}
	}
}

// TestReplacedWhileRead: a name that has another inode after the reading, a
// removed one, and one that becomes shorter.
func TestReplacedWhileRead(t *testing.T) {
	for _, test := range []struct {
		name   string
		change func(h *house)
		want   string
	}{
		{"replaced", func(h *house) { h.write("tmp", "other"); ok(h.t, os.Rename(h.abs("tmp"), h.abs("f"))) }, "found f"},
		{"removed", func(h *house) { ok(h.t, os.Remove(h.abs("f"))) }, ""},
		{"shorter", func(h *house) { ok(h.t, os.Truncate(h.abs("f"), 3)) }, "found f"},
		{"link", func(h *house) { ok(h.t, os.Remove(h.abs("f"))); ok(h.t, os.Symlink("x", h.abs("f"))) }, "later f"},
	} {
		var h *house
		var once sync.Once
		h = openHouseIn(t, filepath.Join(t.TempDir(), "folder"), func(c fsx.Call) error {
			if c.Op == fsx.OpReadAt {
				once.Do(func() { test.change(h) })
			}
			return nil
		})
		h.write("f", "first form")
		r, _ := h.survey(Area{Dir: ".", Name: "f"})
		if r.String() != test.want {
			t.Errorf("%s: got %v, want %s", test.name, r, test.want)
		}
	}
}

// TestSwappedBeforeOpened: a directory that has taken the place of another since
// that was looked at is not compared with what stood in the other.
func TestSwappedBeforeOpened(t *testing.T) {
	var h *house
	var armed atomic.Bool
	h = openHouseIn(t, filepath.Join(t.TempDir(), "folder"), func(c fsx.Call) error {
		if c.Op == fsx.OpOpenDir && c.Path == "a" && armed.CompareAndSwap(true, false) {
			ok(t, unix.Renameat2(unix.AT_FDCWD, h.abs("a"), unix.AT_FDCWD, h.abs("b"), unix.RENAME_EXCHANGE))
		}
		return nil
	})
	h.o.Workers = 1
	h.write("a/f", "a")
	h.write("b/g", "b")
	h.learn()
	armed.Store(true)
	r, _ := h.survey(whole...)
	if r.String() != "later a\nlater b" || !errors.Is(r.later[0].Err, ErrChanged) {
		t.Errorf("got %v", r)
	}
	h.learn()
	h.check()
}

// TestNothingOutside exchanges directories with links to a folder outside while
// surveys run. Nothing of it is ever reported.
func TestNothingOutside(t *testing.T) {
	h := newHouse(t)
	outside := filepath.Join(filepath.Dir(h.path), "outside")
	for _, dir := range []string{h.path + "/a/b", outside + "/b"} {
		ok(t, os.MkdirAll(dir, 0o755))
	}
	for i := range 50 {
		h.write(fmt.Sprintf("a/b/f%d", i), "inside")
		ok(t, os.WriteFile(fmt.Sprintf("%s/b/f%d", outside, i), []byte("the secret outside"), 0o644))
		ok(t, os.WriteFile(fmt.Sprintf("%s/b/decoy%d", outside, i), []byte("the secret outside"), 0o644))
	}
	ok(t, os.Symlink(outside, h.abs("spare")))
	ok(t, os.Symlink(outside+"/b", h.abs("spareb")))
	stop := make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() {
		for {
			select {
			case <-stop:
				return
			default:
			}
			for _, pair := range [][2]string{{"a", "spare"}, {"a/b", "spareb"}} {
				for range 2 {
					_ = unix.Renameat2(unix.AT_FDCWD, h.abs(pair[0]), unix.AT_FDCWD, h.abs(pair[1]), unix.RENAME_EXCHANGE)
				}
			}
		}
	})
	files, later := 0, 0
	for end := time.Now().Add(time.Second); time.Now().Before(end); {
		r := &report{t: t}
		_, err := Run(context.Background(), h.o, append([]Area{{Dir: "a/b", Name: "f1"}, {Dir: "a/b"}}, whole...), r)
		ok(t, err)
		later += len(r.later)
		for _, f := range r.found {
			if f.Kind == replication.File {
				files++
			}
			if strings.Contains(f.Name, "decoy") || f.Kind == replication.File && f.Size != int64(len("inside")) {
				t.Fatalf("%s/%s of %d bytes is from outside", f.Dir, f.Name, f.Size)
			}
		}
	}
	close(stop)
	wg.Wait()
	if files == 0 || later == 0 {
		t.Errorf("%d files and %d later: nothing was raced", files, later)
	}
}

// noisy is a file system on which every file is open for writing.
type noisy struct{ fsx.Dir }

type noisyFile struct{ fsx.File }

func (noisyFile) Quiet() (bool, error) { return false, nil }

func (n noisy) OpenDir(path string) (fsx.Dir, error) {
	d, err := n.Dir.OpenDir(path)
	return noisy{d}, err
}

func (n noisy) Open(path string, a fsx.Access) (fsx.File, error) {
	f, err := n.Dir.Open(path, a)
	return noisyFile{f}, err
}

func TestOpenFilesAreLater(t *testing.T) {
	h := newHouse(t)
	h.write("f", "x")
	h.o.Root = noisy{h.root}
	if r, _ := h.survey(whole...); r.String() != "later f" || !errors.Is(r.later[0].Err, ErrOpen) {
		t.Errorf("got %v", r)
	}
}

// mounted is a file system on which something is mounted at each name "m".
type mounted struct{ fsx.Dir }

type mountedFile struct{ fsx.File }

func (m mounted) OpenDir(path string) (fsx.Dir, error) {
	d, err := m.Dir.OpenDir(path)
	return mounted{d}, err
}

func (m mounted) Stat(path string) (fsx.Info, error) {
	info, err := m.Dir.Stat(path)
	if path == "m" {
		info.Mount++
	}
	return info, err
}

func (m mounted) Open(path string, a fsx.Access) (fsx.File, error) {
	f, err := m.Dir.Open(path, a)
	if path == "m" {
		f = mountedFile{f}
	}
	return f, err
}

func (m mountedFile) Info() (fsx.Info, error) {
	info, err := m.File.Info()
	info.Mount++
	return info, err
}

func TestMountsAreLater(t *testing.T) {
	h := newHouse(t)
	for _, path := range []string{"m/f", "d/m", "d/f"} {
		h.write(path, "x")
	}
	h.o.Root = mounted{h.root}
	if r, _ := h.survey(whole...); r.String() != "found d\nfound d/f\nlater d/m\nlater m" || !errors.Is(r.later[0].Err, ErrMounted) {
		t.Errorf("first survey: %v", r)
	}
	h.o.Root = h.root
	h.learn()
	h.o.Root = mounted{h.root}
	if r, _ := h.survey(append(whole, Area{Dir: "m", Name: "f"})...); r.String() != "later d/m\nlater m" {
		t.Errorf("second survey: %v", r)
	}
}

// TestNothingIsReadWithinATick: a change in the same tick of the file system's
// clock as the reading could not be told from none.
func TestNothingIsReadWithinATick(t *testing.T) {
	var h *house
	read := 0
	h = openHouseIn(t, filepath.Join(t.TempDir(), "folder"), func(c fsx.Call) error {
		if c.Op == fsx.OpReadAt || c.Op == fsx.OpXattrs {
			read++
			var st unix.Stat_t
			ok(t, unix.Lstat(h.abs(c.Path), &st))
			if age := time.Since(time.Unix(st.Ctim.Unix())); age < 10*time.Millisecond {
				t.Errorf("%v %v after its last change", c, age)
			}
		}
		return nil
	})
	h.write("d/f", "x")
	if h.survey(whole...); read != 3 {
		t.Errorf("%d reads of content and attributes, want 3", read)
	}
}

func TestEnds(t *testing.T) {
	h := newHouse(t)
	for i := range 500 {
		h.write(fmt.Sprintf("d%d/f%d", i%7, i), "x")
	}
	fault := errors.New("fault")
	n := 0
	r := &report{t: t, hook: func() error {
		if n++; n == 20 {
			return fault
		}
		return nil
	}}
	if _, err := Run(context.Background(), h.o, whole, r); !errors.Is(err, fault) || n != 20 {
		t.Errorf("fault of the sink: %v after %d reports", err, n)
	}
	ctx, cancel := context.WithCancel(context.Background())
	n = 0
	r = &report{t: t, hook: func() error {
		if n++; n == 20 {
			cancel()
		}
		return nil
	}}
	if _, err := Run(ctx, h.o, whole, r); !errors.Is(err, context.Canceled) || n != 20 {
		t.Errorf("cancelled: %v after %d reports", err, n)
	}
	h.m.fault = fault
	if _, err := Run(context.Background(), h.o, whole, &report{t: t}); !errors.Is(err, fault) {
		t.Errorf("fault of the index: %v", err)
	}
	if _, err := Run(context.Background(), h.o, []Area{{Dir: "d1", Name: "f1"}}, &report{t: t}); !errors.Is(err, fault) {
		t.Errorf("fault of the index at a name: %v", err)
	}
}

func TestProgress(t *testing.T) {
	h := newHouse(t)
	h.write("a", "1234")
	h.write("b", "56")
	var files, bytes int64
	h.o.Progress = func(f, b int64) { files, bytes = f, b }
	if h.survey(whole...); files != 2 || bytes != 6 {
		t.Errorf("progress %d files, %d bytes; want 2 and 6", files, bytes)
	}
}
