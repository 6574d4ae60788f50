package fsx

import (
	"errors"
	"math/rand/v2"
	"testing"
)

// suiteUnnamed: a file without a name is nowhere to be seen until it gets one.
func suiteUnnamed(t *testing.T, b backend) {
	d := b.open(t)
	f, err := d.CreateUnnamed(0o600)
	if !b.handles {
		if !errors.Is(err, ErrUnsupported) {
			t.Errorf("CreateUnnamed: %v, want %v", err, ErrUnsupported)
		}
		return
	}
	if errors.Is(err, ErrUnsupported) {
		t.Skip("no unnamed files here:", err)
	}
	ok(t, err)
	defer f.Close()
	_, err = f.WriteAt([]byte("text"), 0)
	ok(t, err)
	ok(t, f.SetMTime(5))
	if got := list(t, d); len(got) > 0 {
		t.Errorf("the directory holds %v", got)
	}
	if i, err := f.Info(); err != nil || i.Links != 0 || i.Mode != 0o600 || i.Kind != Regular {
		t.Errorf("Info before = %+v, %v", i, err)
	}
	write(t, d, "taken", "mine")
	ok(t, d.Mkdir("d", 0o755))
	ok(t, d.Symlink("d", "s"))
	for path, want := range map[string]error{
		"taken": ErrExist, "d": ErrExist, "s": ErrExist, "s/x": ErrEscapes, "taken/x": ErrNotDirectory,
		"no/x": ErrNotExist, "../x": ErrEscapes, "": ErrName,
	} {
		if err := d.LinkUnnamed(f, path); !errors.Is(err, want) {
			t.Errorf("LinkUnnamed to %q: %v, want %v", path, err, want)
		}
	}
	ok(t, d.LinkUnnamed(f, "d/f"))
	if got := read(t, d, "d/f"); got != "text" {
		t.Errorf("named, it reads %q", got)
	}
	named, err := d.Stat("d/f")
	ok(t, err)
	if i, err := f.Info(); err != nil || i != named || i.Links != 1 || i.MTime != 5 {
		t.Errorf("Info after = %+v, %v; Stat = %+v", i, err, named)
	}
	if got := read(t, d, "taken"); got != "mine" {
		t.Errorf("what had the name reads %q", got)
	}
}

// TestUnnamedAndCrashes: it is lost without its name, and whole with it once
// the file system was synced before.
func TestUnnamedAndCrashes(t *testing.T) {
	m := NewMemory(MemoryOptions{})
	d := openRoot(t, m, "/")
	f, err := d.CreateUnnamed(0o600)
	ok(t, err)
	defer f.Close()
	_, err = f.WriteAt([]byte("text"), 0)
	ok(t, err)
	ok(t, d.SyncFS())
	if got := snapshot(t, m.CrashClone(nil)); len(got) > 0 {
		t.Errorf("a crash leaves %v", got)
	}
	ok(t, d.LinkUnnamed(f, "f"))
	for seed := range uint64(20) {
		got := snapshot(t, m.CrashClone(rand.New(rand.NewPCG(seed, 1))))
		if text, there := got["f"]; there && text != "text" {
			t.Errorf("seed %d: a crash leaves %q", seed, text)
		}
	}
	ok(t, d.Sync())
	if got := snapshot(t, m.CrashClone(nil)); len(got) > 0 {
		t.Errorf("a crash after Sync of the directory alone leaves %v", got)
	}
	ok(t, f.Sync())
	if got := snapshot(t, m.CrashClone(nil)); got["f"] != "text" {
		t.Errorf("a crash after Sync of both leaves %v", got)
	}
}

// TestUnnamedGivesItsSpaceBack when its handle is closed.
func TestUnnamedGivesItsSpaceBack(t *testing.T) {
	d := openRoot(t, NewMemory(MemoryOptions{Capacity: pageSize, MaxFiles: 2}), "/")
	for range 3 {
		f, err := d.CreateUnnamed(0o600)
		ok(t, err)
		_, err = f.WriteAt([]byte("text"), 0)
		ok(t, err)
		if _, err := d.CreateUnnamed(0o600); !errors.Is(err, ErrNoSpace) {
			t.Errorf("one file more: %v, want %v", err, ErrNoSpace)
		}
		ok(t, f.Close())
	}
}
