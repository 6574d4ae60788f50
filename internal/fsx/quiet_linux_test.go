package fsx

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"
)

func TestQuietSeesWriters(t *testing.T) {
	base := t.TempDir()
	path := filepath.Join(base, "file")
	ok(t, os.WriteFile(path, []byte("x"), 0o644))
	f, err := openRoot(t, OS(), base).Open("file", ReadOnly)
	ok(t, err)
	defer f.Close()
	ask := func(when string, want bool) {
		t.Helper()
		got, err := f.(Quieter).Quiet()
		if errors.Is(err, ErrUnsupported) {
			t.Skip("no leases here:", err)
		}
		if err != nil || got != want {
			t.Errorf("Quiet %s = %v, %v, want %v", when, got, err, want)
		}
	}
	ask("of a file that nobody else has open", true)
	for _, mode := range []int{os.O_RDONLY, os.O_WRONLY, os.O_RDWR, os.O_WRONLY | os.O_APPEND} {
		other, err := os.OpenFile(path, mode, 0)
		ok(t, err)
		ask("beside another descriptor", mode == os.O_RDONLY)
		ok(t, other.Close())
		ask("after the other was closed", true)
	}
}

// TestQuietSeesMappings: a mapping writes after its descriptor is closed.
func TestQuietSeesMappings(t *testing.T) {
	base := t.TempDir()
	path := filepath.Join(base, "file")
	ok(t, os.WriteFile(path, make([]byte, 4096), 0o644))
	f, err := openRoot(t, OS(), base).Open("file", ReadOnly)
	ok(t, err)
	defer f.Close()
	other, err := os.OpenFile(path, os.O_RDWR, 0)
	ok(t, err)
	mapped, err := unix.Mmap(int(other.Fd()), 0, 4096, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
	ok(t, err)
	ok(t, other.Close())
	if quiet, err := f.(Quieter).Quiet(); quiet && err == nil {
		t.Error("Quiet = true while a shared mapping is there")
	}
	ok(t, unix.Munmap(mapped))
	if quiet, err := f.(Quieter).Quiet(); !quiet && err == nil {
		t.Error("Quiet = false after the mapping went")
	}
}

// TestQuietLeavesNoLease: a lease that stayed would make every later writer
// wait for /proc/sys/fs/lease-break-time.
func TestQuietLeavesNoLease(t *testing.T) {
	base := t.TempDir()
	path := filepath.Join(base, "file")
	ok(t, os.WriteFile(path, []byte("x"), 0o644))
	f, err := openRoot(t, OS(), base).Open("file", ReadOnly)
	ok(t, err)
	defer f.Close()
	if _, err := f.(Quieter).Quiet(); err != nil {
		t.Skip("no leases here:", err)
	}
	fd, err := unix.Open(path, unix.O_WRONLY|unix.O_NONBLOCK|unix.O_CLOEXEC, 0)
	if err != nil {
		t.Fatalf("open for writing after Quiet: %v", err)
	}
	ok(t, unix.Close(fd))
}

// TestQuietOfAWriter: a file that was opened for writing finds itself.
func TestQuietOfAWriter(t *testing.T) {
	d := openRoot(t, OS(), t.TempDir())
	f, err := d.Create("file", 0o644)
	ok(t, err)
	defer f.Close()
	if quiet, err := f.(Quieter).Quiet(); quiet && err == nil {
		t.Error("Quiet of a file open for writing = true")
	}
}
