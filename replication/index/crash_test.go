package index

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"

	"dfsd/replication"
	"dfsd/replication/version"
)

// step returns change n of a script: it rewrites a few files, so that old
// records give way, and says in the knowledge how far the script has got.
func step(n int) Change {
	var c Change
	for k := range 5 {
		stamp := version.Stamp{Origin: originOf(1), Count: uint64(10*n + k + 1)}
		r := file(1+(n+k)%7, fmt.Sprintf("name %d", (n*k)%5), stamp.Count)
		c.Records = append(c.Records, r)
		c.Facts = append(c.Facts, Facts{ID: r.ID, Dev: 1, Inode: uint64(n), Size: int64(n)})
	}
	c.Knowledge = vector(version.Stamp{Origin: originOf(2), Count: uint64(n)})
	return c
}

// progress returns how many steps an index has taken, and checks that it holds
// exactly what those make.
func progress(t *testing.T, x *Index) int {
	t.Helper()
	known, err := x.Knowledge()
	if err != nil {
		t.Fatal(err)
	}
	n := int(known.Count(originOf(2)))
	want := newModel()
	for k := 1; k <= n; k++ {
		want.apply(step(k))
	}
	got := all(t, x.Records.All())
	if g, w := fmt.Sprintf("%+v", got), fmt.Sprintf("%+v", sorted(want.records)); g != w {
		t.Fatalf("after %d steps the records are\n%s, want\n%s", n, g, w)
	}
	if g, w := len(all(t, x.Records.Since(version.Vector{}))), len(got); g != w {
		t.Fatalf("after %d steps %d stamps, want %d", n, g, w)
	}
	for id, f := range want.facts {
		if g, err := x.Disk.Get(id); err != nil || g != f {
			t.Fatalf("after %d steps facts %+v, %v, want %+v", n, g, err, f)
		}
	}
	return n
}

// watch is called at every call of the file system, before it is made.
type watch func(errorfs.Op) error

func (w watch) MaybeError(op errorfs.Op) error { return w(op) }
func (watch) String() string                   { return "watch" }

// A crash is what the disk is left with, and how much had been acknowledged.
type crash struct {
	disk  *vfs.MemFS
	acked int
}

// TestPowerCutAtEveryCall cuts the power at each call of the file system during
// a script of changes, flushes and a closing; part of what was not synced is
// lost. On restart nothing acknowledged is missing and no change is halved.
func TestPowerCutAtEveryCall(t *testing.T) {
	mem := vfs.NewCrashableMem()
	rng := rand.New(rand.NewPCG(5, 6))
	var mu sync.Mutex
	var crashes []crash
	acked := 0
	fs := errorfs.Wrap(mem, watch(func(op errorfs.Op) error {
		mu.Lock()
		defer mu.Unlock()
		if op.Kind.ReadOrWrite() == errorfs.OpIsWrite {
			for _, percent := range []int{0, 50} {
				disk := mem.CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: percent, RNG: rng})
				crashes = append(crashes, crash{disk, acked})
			}
		}
		return nil
	}))
	x := mustOpen(t, fs)
	for n := 1; n <= 12; n++ {
		mustApply(t, x, step(n))
		mu.Lock()
		acked = n
		mu.Unlock()
		if n%4 == 0 {
			if err := x.db.Flush(); err != nil {
				t.Fatal(err)
			}
		}
	}
	mustClose(t, x)
	if len(crashes) < 60 {
		t.Fatalf("%d crashes: the script is too short", len(crashes))
	}
	for i, c := range crashes {
		x := mustOpen(t, c.disk)
		if o := x.Opening(); o.Cause != nil || o.Fresh && c.acked > 0 {
			t.Fatalf("crash %d after %d steps: Opening() = %+v", i, c.acked, o)
		}
		if n := progress(t, x); n < c.acked || n > c.acked+1 {
			t.Fatalf("crash %d: %d steps are left of %d acknowledged", i, n, c.acked)
		}
		mustClose(t, x)
	}
	t.Logf("%d power cuts", len(crashes))
}

// TestDiskThatFails lets the disk refuse all writes from the nth on. The index
// says so and takes no more; once the disk is well, all acknowledged is there.
func TestDiskThatFails(t *testing.T) {
	for n := 1; n <= 40; n++ {
		mem := vfs.NewCrashableMem()
		acked := applyUntilFailure(t, mem, n)
		x := mustOpen(t, mem.CrashClone(vfs.CrashCloneCfg{}))
		if o := x.Opening(); o.Cause != nil || o.Fresh {
			t.Fatalf("failure at write %d: Opening() = %+v", n, o)
		}
		if got := progress(t, x); got < acked || got > acked+1 {
			t.Fatalf("failure at write %d: %d steps are left of %d acknowledged", n, got, acked)
		}
		mustClose(t, x)
	}
}

// applyUntilFailure opens an index, lets writes fail from the nth on, takes
// steps until one fails and returns how many did not.
func applyUntilFailure(t *testing.T, mem *vfs.MemFS, n int) (acked int) {
	t.Helper()
	var armed atomic.Bool
	var writes atomic.Int64
	x := mustOpen(t, errorfs.Wrap(mem, watch(func(op errorfs.Op) error {
		if armed.Load() && op.Kind.ReadOrWrite() == errorfs.OpIsWrite && writes.Add(1) >= int64(n) {
			return syscall.EIO
		}
		return nil
	})))
	armed.Store(true)
	for k := 1; k <= 30; k++ {
		err := x.Apply(step(k))
		if err == nil {
			acked = k
			continue
		}
		if !errors.Is(err, ErrBroken) {
			t.Fatalf("Apply on a failing disk = %v, want ErrBroken", err)
		}
		if err := x.Apply(Change{Records: []replication.Record{file(1, "x", 1000)}}); !errors.Is(err, ErrBroken) {
			t.Fatalf("Apply after a failure = %v, want ErrBroken", err)
		}
		break
	}
	if acked == 30 {
		t.Fatalf("30 steps on a disk that fails from write %d on", n)
	}
	_ = x.Close() // reports the failure again, or nothing
	return acked
}
