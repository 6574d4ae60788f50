package canary

import (
	"fmt"
	"reflect"
	"sync/atomic"
	"testing"
	"time"

	"dfsd/internal/fsx"
	"dfsd/replication/install"
)

// inMemory gives a member a file system in memory, seen through policy.
func inMemory(t *testing.T, m *member, policy fsx.Policy) fsx.Dir {
	t.Helper()
	memory := fsx.NewMemory(fsx.MemoryOptions{})
	m.o.Root = "/"
	root, err := memory.OpenRoot("/")
	must(t, err)
	must(t, root.Mkdir(".dfsd", 0o700))
	f, err := root.Create(marker, 0o600)
	must(t, err)
	must(t, f.Close())
	m.fs = fsx.Inject(memory, policy)
	return root
}

// TestOneWriting lists every call by which a canary changes the folder: a new file
// takes the place of the one before, which is not touched.
func TestOneWriting(t *testing.T) {
	bubble(t, func(t *testing.T) {
		a := newMember(t, hosts[0])
		var trace []string
		inMemory(t, a, func(c fsx.Call) error {
			switch c.Op {
			case fsx.OpWriteAt, fsx.OpTruncate, fsx.OpCreate, fsx.OpMkdir, fsx.OpRename, fsx.OpRemove, fsx.OpRemoveDir, fsx.OpLink,
				fsx.OpChmod, fsx.OpChown, fsx.OpSetMTime, fsx.OpSetXattr:
				trace = append(trace, c.String())
			}
			return nil
		})
		a.start()
		pass(11 * time.Minute) // the number gets a second digit
		const at = ".dfsd-canary/fs1.example.com"
		const fresh = ".dfsd-canary/~fs1.example.com"
		want := []string{"mkdir .dfsd-canary"}
		for range 12 {
			want = append(want, "remove "+fresh, "create "+fresh, "write "+fresh, "rename "+fresh+" "+at+" replace")
		}
		if !reflect.DeepEqual(trace, want) {
			t.Errorf("calls %q, want %q", trace, want)
		}
	})
}

// TestEveryCallMayFail once: the canary goes on, and the next writing is good.
func TestEveryCallMayFail(t *testing.T) {
	for n := 1; ; n++ {
		failed := false
		bubble(t, func(t *testing.T) {
			a := newMember(t, hosts[0])
			nth := fsx.FailNth(n, fsx.ErrIO, nil)
			root := inMemory(t, a, func(c fsx.Call) error {
				err := nth(c)
				failed = failed || err != nil
				return err
			})
			stop := a.start()
			pass(30 * time.Second)
			stop()
			got, err := readFrom(root, hosts[0])
			if err != nil || got.seq == 0 || got.seq > 2 {
				t.Errorf("with call %d failing the file holds %+v, %v", n, got, err)
			}
		})
		if !failed {
			if n < 20 {
				t.Errorf("only %d calls were made to fail", n-1)
			}
			return
		}
	}
}

// TestNumberIsNotGuessed: while the own file cannot be read nothing is written,
// or its number would be had twice.
func TestNumberIsNotGuessed(t *testing.T) {
	bubble(t, func(t *testing.T) {
		a := newMember(t, hosts[0])
		var broken atomic.Bool
		broken.Store(true)
		root := inMemory(t, a, func(c fsx.Call) error {
			if broken.Load() && c.Op == fsx.OpReadAt {
				return fmt.Errorf("sector: %w", fsx.ErrIO)
			}
			return nil
		})
		must(t, root.Mkdir(Directory, 0o755))
		dir, err := root.OpenDir(Directory)
		must(t, err)
		_, err = put(dir, a.own.file, note{a.own.file, 41, time.Now().Add(-time.Hour)}.append(nil))
		must(t, err)
		a.start()
		pass(25 * time.Second)
		a.counts(0, 0, 3, 0)
		broken.Store(false)
		pass(5 * time.Second)
		if n, err := readFrom(root, hosts[0]); err != nil || n.seq != 42 {
			t.Errorf("the file holds %+v, %v, want number 42", n, err)
		}
	})
}

// TestFaultOfOneMember is counted once while it lasts, and ends.
func TestFaultOfOneMember(t *testing.T) {
	bubble(t, func(t *testing.T) {
		a := newMember(t, hosts[0])
		var broken atomic.Bool
		broken.Store(true)
		root := inMemory(t, a, func(c fsx.Call) error {
			if broken.Load() && c.Op == fsx.OpOpen && c.Path == Directory+"/"+FileName(hosts[1]) {
				return fsx.ErrIO
			}
			return nil
		})
		a.start()
		pass(1500 * time.Millisecond)
		dir, err := root.OpenDir(Directory)
		must(t, err)
		_, err = put(dir, FileName(hosts[1]), note{FileName(hosts[1]), 1, time.Now()}.append(nil))
		must(t, err)
		pass(5 * time.Second)
		a.counts(1, 0, 1, 0)
		broken.Store(false)
		pass(time.Second)
		a.counts(1, 1, 1, 0)
	})
}

func readFrom(root fsx.Dir, host string) (note, error) {
	dir, err := root.OpenDir(Directory)
	if err != nil {
		return note{}, err
	}
	info, err := dir.Stat(FileName(host))
	if err != nil {
		return note{}, err
	}
	return read(dir, FileName(host), info)
}

// TestMarkerIsThatOfInstall: a folder that was never replicated is not written
// to, and one that replication has opened is.
func TestMarkerIsThatOfInstall(t *testing.T) {
	a := newMember(t, hosts[0], func(o *Options) { o.Root = t.TempDir() })
	a.turn(time.Now())
	a.counts(0, 0, 1, 0)
	in, err := install.Open(install.Options{Path: a.o.Root})
	must(t, err)
	defer in.Close()
	a.turn(time.Now().Add(time.Minute))
	a.counts(1, 0, 1, 0)
}

// TestDirectoryArrivesFirst: a partner's directory comes just when this host
// makes its own.
func TestDirectoryArrivesFirst(t *testing.T) {
	bubble(t, func(t *testing.T) {
		a := newMember(t, hosts[0])
		var root fsx.Dir
		root = inMemory(t, a, func(c fsx.Call) error {
			if c.Op == fsx.OpMkdir {
				must(t, root.Mkdir(Directory, 0o755))
			}
			return nil
		})
		a.start()
		pass(0)
		a.counts(1, 0, 0, 0)
	})
}

// TestLargeFileIsNotOpened, whatever it begins with.
func TestLargeFileIsNotOpened(t *testing.T) {
	bubble(t, func(t *testing.T) {
		a := newMember(t, hosts[0])
		root := inMemory(t, a, func(c fsx.Call) error {
			if c.Op == fsx.OpOpen && c.Path == Directory+"/"+FileName(hosts[1]) {
				t.Error("it was opened")
			}
			return nil
		})
		must(t, root.Mkdir(Directory, 0o755))
		dir, err := root.OpenDir(Directory)
		must(t, err)
		_, err = put(dir, FileName(hosts[1]), make([]byte, maxLine+1))
		must(t, err)
		a.start()
		pass(0)
		a.counts(1, 0, 1, 0)
	})
}

// TestSwappedForASecondName before the new file takes its place: what the name
// leads to then is not written to.
func TestSwappedForASecondName(t *testing.T) {
	bubble(t, func(t *testing.T) {
		a := newMember(t, hosts[0])
		at := Directory + "/" + FileName(hosts[0])
		var root fsx.Dir
		var armed atomic.Bool
		root = inMemory(t, a, func(c fsx.Call) error {
			if c.Op == fsx.OpRename && armed.CompareAndSwap(true, false) {
				must(t, root.Remove(at))
				must(t, root.Link("outside", root, at))
			}
			return nil
		})
		_, err := put(root, "outside", []byte("precious"))
		must(t, err)
		a.start()
		pass(59500 * time.Millisecond)
		armed.Store(true)
		pass(time.Second)
		a.counts(2, 0, 0, 0)
		info, err := root.Stat("outside")
		if err != nil || info.Size != int64(len("precious")) {
			t.Errorf("outside is %+v, %v", info, err)
		}
		if n, err := readFrom(root, hosts[0]); err != nil || n.seq != 2 {
			t.Errorf("the file holds %+v, %v, want number 2", n, err)
		}
	})
}
