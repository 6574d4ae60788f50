package engine

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"go.uber.org/zap"

	"dfsd/internal/fsx"
	"dfsd/replication"
	"dfsd/replication/survey"
)

// sight is what a survey makes of a path.
func sight(t *testing.T, root fsx.Dir, at string) survey.Found {
	t.Helper()
	info, err := root.Stat(at)
	if err != nil {
		t.Fatal(err)
	}
	f := survey.Found{Info: info, Kind: replication.File}
	f.Dir, f.Name = fsx.Split(at)
	if info.Kind == fsx.Directory {
		f.Kind = replication.Directory
	}
	return f
}

func lay(t *testing.T, root fsx.Dir, at, text string) {
	t.Helper()
	f, err := root.Create(at, 0o644)
	must(t, err)
	_, err = f.WriteAt([]byte(text), 0)
	must(t, errors.Join(err, f.Close()))
}

func textOf(t *testing.T, root fsx.Dir, at string) string {
	t.Helper()
	f, err := root.Open(at, fsx.ReadOnly)
	if err != nil {
		return err.Error()
	}
	defer f.Close()
	info, err := root.Stat(at)
	must(t, err)
	b := make([]byte, info.Size)
	_, err = f.ReadAt(b, 0)
	must(t, err)
	return string(b)
}

// TestKept: whatever a power cut takes back, it is nothing that was kept: content,
// names, renames and removals, of few files and of many.
func TestKept(t *testing.T) {
	for _, n := range []int{1, 3, syncsAtMost + 1} {
		memory := fsx.NewMemory(fsx.MemoryOptions{})
		root, err := memory.OpenRoot("/")
		must(t, err)
		k := &keeping{root: root, log: zap.NewNop()}
		must(t, root.Mkdir("there", 0o755))
		lay(t, root, "there/gone", "gone")
		lay(t, root, "moved", "moved")
		must(t, k.keepAll(time.Unix(0, 0)))

		var found []survey.Found
		must(t, root.Mkdir("new", 0o755))
		found = append(found, sight(t, root, "new"))
		for i := range n {
			at := fmt.Sprintf("new/%d", i)
			lay(t, root, at, at)
			found = append(found, sight(t, root, at))
		}
		must(t, root.Rename("moved", root, "there/moved", fsx.NoReplace))
		must(t, root.Remove("there/gone"))
		found = append(found, sight(t, root, "there/moved"))
		missing := []survey.Missing{{Dir: ".", Name: "moved"}, {Dir: "there", Name: "gone"}}
		if refused := k.keep(found, missing, time.Unix(0, 0)); len(refused) > 0 {
			t.Fatalf("refused: %v", refused)
		}
		for seed := range uint64(30) {
			after, err := memory.CrashClone(rand.New(rand.NewPCG(seed, 1))).OpenRoot("/")
			must(t, err)
			for i := range n {
				at := fmt.Sprintf("new/%d", i)
				if got := textOf(t, after, at); got != at {
					t.Fatalf("%d files, seed %d: %s holds %q", n, seed, at, got)
				}
			}
			if got := textOf(t, after, "there/moved"); got != "moved" {
				t.Fatalf("%d files, seed %d: what was moved holds %q", n, seed, got)
			}
			for _, at := range []string{"moved", "there/gone"} {
				if _, err := after.Stat(at); !errors.Is(err, fsx.ErrNotExist) {
					t.Fatalf("%d files, seed %d: %s is back: %v", n, seed, at, err)
				}
			}
		}
	}
}

// TestKeptOnce: what is older than the last sync of everything costs none, unless
// the clock was put back.
func TestKeptOnce(t *testing.T) {
	var syncs atomic.Int64
	fs := fsx.Inject(fsx.NewMemory(fsx.MemoryOptions{}), func(c fsx.Call) error {
		if c.Op == fsx.OpSync || c.Op == fsx.OpSyncFS {
			syncs.Add(1)
		}
		return nil
	})
	root, err := fs.OpenRoot("/")
	must(t, err)
	k := &keeping{root: root, log: zap.NewNop()}
	lay(t, root, "a", "a")
	found := []survey.Found{sight(t, root, "a")}
	now := time.Unix(0, found[0].Info.CTime)
	for i, tt := range []struct {
		all  bool // everything is synced first
		now  time.Time
		want int64
	}{
		{false, now, 2}, // the file and its directory
		{false, now, 2}, // nothing remembers single files
		{true, now, 2},  // it may have changed since, within the slack of clocks
		{true, now.Add(2 * clockSlack), 0},
		{false, now, 2}, // put back
	} {
		if tt.all {
			must(t, k.keepAll(tt.now))
		}
		syncs.Store(0)
		k.keep(found, nil, tt.now)
		if got := syncs.Load(); got != tt.want {
			t.Errorf("step %d: %d syncs, want %d", i, got, tt.want)
		}
	}
}

// TestRefused: a disk that keeps nothing is told of, by path.
func TestRefused(t *testing.T) {
	fs := fsx.Inject(fsx.NewMemory(fsx.MemoryOptions{}), func(c fsx.Call) error {
		if c.Op == fsx.OpSync || c.Op == fsx.OpSyncFS {
			return syscall.EIO
		}
		return nil
	})
	root, err := fs.OpenRoot("/")
	must(t, err)
	k := &keeping{root: root, log: zap.NewNop()}
	lay(t, root, "a", "a")
	lay(t, root, "gone", "gone")
	found := []survey.Found{sight(t, root, "a"), sight(t, root, "gone")}
	must(t, root.Remove("gone"))
	for _, times := range []int{1, syncsAtMost} {
		refused := k.keep(slices.Repeat(found, times), nil, time.Unix(0, 0))
		if len(refused) != 2 || !errors.Is(refused["a"], syscall.EIO) || !errors.Is(refused["."], syscall.EIO) {
			t.Errorf("refused: %v, want a and its directory", refused)
		}
	}
}
