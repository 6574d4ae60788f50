package index

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"

	"dfsd/replication"
	"dfsd/replication/reconcile"
	"dfsd/replication/version"
)

// script is what is written step by step: into an index, and into a model.
type script interface {
	put(reconcile.Entry)
	putFacts(Facts)
	putMeta(reconcile.Meta)
}

// step writes step n of the script: it rewrites a few files, so that old
// entries give way, and says in the Meta how far the script has got.
func step(s script, n int) {
	for k := range 5 {
		r := file(1+(n+k)%7, fmt.Sprintf("name %d", (n*k)%5), uint64(10*n+k+1))
		e := settled(r)
		e.Wanted = k == n%5
		s.put(e)
		s.putFacts(Facts{ID: r.ID, Dev: 1, Inode: uint64(n), Size: int64(n)})
	}
	s.putMeta(reconcile.Meta{Count: uint64(n)})
}

func (m *model) put(e reconcile.Entry)    { m.entries[e.ID] = e }
func (m *model) putFacts(f Facts)         { m.facts[f.ID] = f }
func (m *model) putMeta(o reconcile.Meta) { m.meta = o }

// scribe writes a script into a store.
type scribe struct {
	*Store
	err error
}

func (s *scribe) put(e reconcile.Entry)    { s.err = errors.Join(s.err, s.Put(e)) }
func (s *scribe) putFacts(f Facts)         { s.PutFacts(f) }
func (s *scribe) putMeta(m reconcile.Meta) { s.err = errors.Join(s.err, s.PutMeta(m)) }

// write writes and commits step n.
func write(s *Store, n int) error {
	w := &scribe{Store: s}
	step(w, n)
	return errors.Join(w.err, s.Commit())
}

// progress returns how many steps an index has taken, and checks that it holds
// exactly what those make.
func progress(t *testing.T, x *Index) int {
	t.Helper()
	meta, err := x.Meta()
	if err != nil {
		t.Fatal(err)
	}
	n := int(meta.Count)
	want := newModel()
	for k := 1; k <= n; k++ {
		step(want, k)
	}
	for what, pair := range map[string][2]any{
		"standing": {
			all(t, x.Standing(replication.RootID)),
			want.standing(func(reconcile.Place) bool { return true }),
		},
		"newer":  {all(t, x.Newer(version.Vector{})), want.newer(version.Vector{})},
		"wanted": {all(t, x.Wanted()), want.wanted()},
	} {
		if g, w := show(pair[0]), show(pair[1]); g != w {
			t.Fatalf("after %d steps %s is\n%s, want\n%s", n, what, g, w)
		}
	}
	if totals, err := x.Totals(); err != nil || totals != want.totals() {
		t.Fatalf("after %d steps Totals = %+v, %v, want %+v", n, totals, err, want.totals())
	}
	if bound, err := x.Bound(1, uint64(n)); err != nil || show(bound) != show(want.bound(1, uint64(n))) {
		t.Fatalf("after %d steps Bound = %+v, %v", n, bound, err)
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
	s := x.Store()
	for n := 1; n <= 12; n++ {
		if err := write(s, n); err != nil {
			t.Fatal(err)
		}
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

// TestSnapshotIsDurable looks at the index while the disk takes its time over a
// commit: what a power cut may still undo is in no snapshot.
func TestSnapshotIsDurable(t *testing.T) {
	mem := vfs.NewCrashableMem()
	var armed, syncing atomic.Bool
	var early *Snapshot
	var looking sync.WaitGroup
	var x *Index
	x = mustOpen(t, errorfs.Wrap(mem, watch(func(op errorfs.Op) error {
		if op.Kind != errorfs.OpFileSyncData && op.Kind != errorfs.OpFileSync || !armed.CompareAndSwap(true, false) {
			return nil
		}
		syncing.Store(true)
		got := make(chan struct{})
		looking.Go(func() {
			defer close(got)
			s, err := x.Snapshot()
			if err == nil && syncing.Load() {
				early = s
				return
			}
			if err = errors.Join(err, s.Close()); err != nil {
				t.Error(err)
			}
		})
		select { // long enough for one who does not wait for the disk
		case <-got:
		case <-time.After(50 * time.Millisecond):
		}
		syncing.Store(false)
		return nil
	})))
	s := x.Store()
	for n := 1; n <= 5; n++ {
		armed.Store(true)
		if err := write(s, n); err != nil {
			t.Fatal(err)
		}
		if armed.Load() {
			t.Fatalf("commit %d synced nothing", n)
		}
		looking.Wait()
		if early == nil {
			continue
		}
		meta, err := early.Meta()
		if err != nil || meta.Count == uint64(n) {
			t.Errorf("a snapshot holds commit %d, %v, which the disk does not yet", meta.Count, err)
		}
		if err := early.Close(); err != nil {
			t.Error(err)
		}
		early = nil
	}
	mustClose(t, x)
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
	s := x.Store()
	armed.Store(true)
	for k := 1; k <= 30; k++ {
		err := write(s, k)
		if err == nil {
			acked = k
			continue
		}
		if !errors.Is(err, ErrBroken) {
			t.Fatalf("Commit on a failing disk = %v, want ErrBroken", err)
		}
		if err := write(x.Store(), 1000); !errors.Is(err, ErrBroken) {
			t.Fatalf("Commit after a failure = %v, want ErrBroken", err)
		}
		if _, err := x.Snapshot(); !errors.Is(err, ErrBroken) {
			t.Fatalf("Snapshot after a failure = %v, want ErrBroken: it may hold what the disk does not", err)
		}
		break
	}
	if acked == 30 {
		t.Fatalf("30 steps on a disk that fails from write %d on", n)
	}
	_ = x.Close() // reports the failure again, or nothing
	return acked
}
