package fsx

import (
	"errors"
	"maps"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// snapshot reads a small tree: path and content.
func snapshot(t testing.TB, m *Memory) map[string]string {
	t.Helper()
	d, err := m.OpenRoot("/")
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]string{}
	snapshotDir(t, d, "", out)
	return out
}

func snapshotDir(t testing.TB, d Dir, prefix string, out map[string]string) {
	t.Helper()
	err := d.ReadDir(func(e Entry) bool {
		out[prefix+e.Name] = "/"
		switch e.Kind {
		case Directory:
			sub, err := d.OpenDir(e.Name)
			if err != nil {
				t.Fatal(err)
			}
			snapshotDir(t, sub, prefix+e.Name+"/", out)
		case Regular:
			f, err := d.Open(e.Name, ReadOnly)
			if err != nil {
				t.Fatal(err)
			}
			i, _ := f.Info()
			b := make([]byte, i.Size)
			_, _ = f.ReadAt(b, 0)
			out[prefix+e.Name] = string(b)
		}
		return true
	})
	if err != nil {
		t.Fatal(err)
	}
}

// TestCrashKeepsWhatWasSynced is the promise of each sync, executed.
func TestCrashKeepsWhatWasSynced(t *testing.T) {
	withFile := func(then func(d Dir, f File) error) func(d Dir) error {
		return func(d Dir) error {
			f, err := d.Create("f", 0o600)
			if err == nil {
				_, err = f.WriteAt([]byte("text"), 0)
			}
			return errors.Join(err, then(d, f))
		}
	}
	for _, tc := range []struct {
		name string
		do   func(d Dir) error
		want map[string]string
	}{
		{"nothing synced", withFile(func(Dir, File) error { return nil }), map[string]string{}},
		{"file only", withFile(func(_ Dir, f File) error { return f.Sync() }), map[string]string{}},
		{"directory only", withFile(func(d Dir, _ File) error { return d.Sync() }), map[string]string{"f": ""}},
		{"both", withFile(func(d Dir, f File) error { return errors.Join(f.SyncData(), d.Sync()) }), map[string]string{"f": "text"}},
		{"file system", withFile(func(d Dir, _ File) error { return d.SyncFS() }), map[string]string{"f": "text"}},
		{"rename after the sync", withFile(func(d Dir, _ File) error {
			return errors.Join(d.SyncFS(), d.Rename("f", d, "g", NoReplace))
		}), map[string]string{"f": "text"}},
		{"rename and directory", withFile(func(d Dir, _ File) error {
			return errors.Join(d.SyncFS(), d.Rename("f", d, "g", NoReplace), d.Sync())
		}), map[string]string{"g": "text"}},
		{"removed, not synced", withFile(func(d Dir, _ File) error {
			return errors.Join(d.SyncFS(), d.Remove("f"))
		}), map[string]string{"f": "text"}},
		{"overwritten, not synced", withFile(func(d Dir, f File) error {
			_, err := f.WriteAt([]byte("X"), 0)
			return errors.Join(d.SyncFS(), f.Truncate(1), err)
		}), map[string]string{"f": "Xext"}},
	} {
		m := NewMemory(MemoryOptions{})
		d := openRoot(t, m, "/")
		ok(t, tc.do(d))
		before := snapshot(t, m)
		if got := snapshot(t, m.CrashClone(nil)); !maps.Equal(got, tc.want) {
			t.Errorf("%s: a crash leaves %q, want %q", tc.name, got, tc.want)
		}
		if got := snapshot(t, m); !maps.Equal(got, before) {
			t.Errorf("%s: the crash changed the original to %q", tc.name, got)
		}
	}
}

// TestCrashesTear: over many crashes an unsynced write is seen old, new and
// torn, and a synced one always whole.
func TestCrashesTear(t *testing.T) {
	m := NewMemory(MemoryOptions{})
	d := openRoot(t, m, "/")
	const pages = 4
	for _, name := range []string{"synced", "not"} {
		write(t, d, name, strings.Repeat("o", pages*pageSize))
	}
	ok(t, d.SyncFS())
	for _, name := range []string{"synced", "not"} {
		f, err := d.Open(name, ReadWrite)
		ok(t, err)
		_, err = f.WriteAt([]byte(strings.Repeat("n", pages*pageSize)), 0)
		ok(t, err)
		if name == "synced" {
			ok(t, f.SyncData())
		}
	}
	seen := map[string]bool{}
	for seed := range uint64(200) {
		got := snapshot(t, m.CrashClone(rand.New(rand.NewPCG(seed, 0))))
		if got["synced"] != strings.Repeat("n", pages*pageSize) {
			t.Fatal("a synced write was lost")
		}
		switch news := strings.Count(got["not"], "n"); news {
		case 0:
			seen["old"] = true
		case pages * pageSize:
			seen["new"] = true
		default:
			seen["torn"] = true
		}
	}
	if len(seen) != 3 {
		t.Errorf("seen %v, want old, new and torn", seen)
	}
}

// TestCrashLosesTheEndOfTheJournal: directory changes survive in order, so
// that no crash shows a file twice or not at all that was renamed.
func TestCrashLosesTheEndOfTheJournal(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		m := NewMemory(MemoryOptions{})
		d, _ := m.OpenRoot("/")
		ok(t, d.Mkdir("p", 0o700))
		p, _ := d.OpenDir("p")
		write(t, d, "f", "F")
		write(t, d, "g", "G")
		ok(t, d.SyncFS())
		dirs := []Dir{d, p}
		names := []string{"f", "g", "h"}
		for range rapid.IntRange(1, 10).Draw(rt, "renames") {
			from, to := rapid.SampledFrom(dirs).Draw(rt, "from"), rapid.SampledFrom(dirs).Draw(rt, "to")
			how := rapid.SampledFrom([]RenameMode{NoReplace, Exchange}).Draw(rt, "how")
			_ = from.Rename(rapid.SampledFrom(names).Draw(rt, "a"), to, rapid.SampledFrom(names).Draw(rt, "b"), how)
		}
		r := rand.New(rand.NewPCG(rapid.Uint64().Draw(rt, "seed"), 0))
		var files []string
		for _, text := range snapshot(t, m.CrashClone(r)) {
			if text != "/" {
				files = append(files, text)
			}
		}
		if got := strings.Join(files, ""); got != "FG" && got != "GF" {
			rt.Fatalf("a crash left the files %q of FG", got)
		}
	})
}

func TestMemoryBounds(t *testing.T) {
	m := NewMemory(MemoryOptions{Capacity: 2 * pageSize, MaxFiles: 4, RefuseName: func(n string) bool { return n == "con" }})
	d := openRoot(t, m, "/")
	f, err := d.Create("f", 0o600)
	ok(t, err)
	_, err = f.WriteAt(make([]byte, 2*pageSize), 0)
	ok(t, err)
	if _, err := f.WriteAt([]byte{1}, 2*pageSize); !errors.Is(err, ErrNoSpace) {
		t.Errorf("write on a full disk: %v, want %v", err, ErrNoSpace)
	}
	if s, _ := d.Space(); s.Free != 0 || s.Total != 2*pageSize || s.FreeInodes != 2 {
		t.Errorf("Space = %+v", s)
	}
	ok(t, d.Remove("f"))
	if s, _ := d.Space(); s.Free != 0 {
		t.Errorf("an open file gave back its space: %+v", s)
	}
	ok(t, f.Close())
	if s, _ := d.Space(); s.Free != 2*pageSize || s.FreeInodes != 3 {
		t.Errorf("after the last close: %+v", s)
	}
	if err := d.Mkdir("con", 0o700); !errors.Is(err, ErrName) {
		t.Errorf("a refused name: %v, want %v", err, ErrName)
	}
	for _, name := range []string{"1", "2", "3"} {
		ok(t, d.Mkdir(name, 0o700))
	}
	if err := d.Mkdir("4", 0o700); !errors.Is(err, ErrNoSpace) {
		t.Errorf("one file too many: %v, want %v", err, ErrNoSpace)
	}
	m.SetClock(time.Unix(1000, 0))
	ok(t, d.Rename("1", d, "x", NoReplace))
	if i, _ := d.Stat("x"); i.CTime <= 1000e9 || i.CTime > 1001e9 {
		t.Errorf("after SetClock: %+v", i)
	}
}
