//go:build integration

package replicas

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"
)

// ext4Shutdown is EXT4_IOC_SHUTDOWN; with the flag noLogFlush the file system
// forgets what was not synced and answers EIO from then on, as a disk does
// whose power was cut.
const (
	ext4Shutdown = 0x8004587d
	noLogFlush   = 2
)

// image is an ext4 in a file, mounted by a loop device.
type image struct {
	file    string
	at      string // where it is mounted
	mounted bool
}

// newImage makes and mounts a file system of mb MiB. It is unmounted and
// removed at the end of the test.
func newImage(t testing.TB, dir, name string, mb int) *image {
	t.Helper()
	folder := dir
	if other := os.Getenv("DFSD_LAB_IMAGES"); other != "" {
		var err error
		if folder, err = os.MkdirTemp(other, "dfsd-image-"); err != nil { //nolint:usetesting // a disk that the caller chose
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = os.RemoveAll(folder) })
	}
	im := &image{file: filepath.Join(folder, name+".img"), at: filepath.Join(dir, name+".disk")}
	f, err := os.Create(im.file)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(f.Truncate(int64(mb)<<20), f.Close(), os.Mkdir(im.at, 0o755)); err != nil {
		t.Fatal(err)
	}
	must(t, "mkfs.ext4", "-q", "-F", "-m", "0", "-b", "4096", "-i", "4096", "-E", "nodiscard,lazy_itable_init=1,lazy_journal_init=1", im.file)
	t.Cleanup(func() {
		if err := im.unmount(); err != nil {
			t.Error(err)
		}
		_ = os.Remove(im.file)
	})
	im.mount(t)
	return im
}

func (im *image) mount(t testing.TB) {
	t.Helper()
	must(t, "mount", "-o", "loop,noatime", im.file, im.at)
	im.mounted = true
}

// unmount waits for those that still use the file system.
func (im *image) unmount() error {
	if !im.mounted {
		return nil
	}
	im.mounted = false
	var err error
	if await(patience, func() string {
		if err = unix.Unmount(im.at, 0); errors.Is(err, unix.EBUSY) {
			return "busy"
		}
		return ""
	}) != "" {
		return errors.Join(fmt.Errorf("%s is in use after the test", im.at), unix.Unmount(im.at, unix.MNT_DETACH))
	}
	if err != nil {
		return fmt.Errorf("unmount %s: %w", im.at, err)
	}
	return nil
}

// detach takes the mount point away from under those that use it (umount -l).
func (im *image) detach(t testing.TB) {
	t.Helper()
	if err := unix.Unmount(im.at, unix.MNT_DETACH); err != nil {
		t.Fatal(err)
	}
	im.mounted = false
}

// cutPower makes the file system forget what was not synced.
func (im *image) cutPower(t testing.TB) {
	t.Helper()
	fd, err := unix.Open(im.at, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(fd) //nolint:errcheck // nothing was written through it
	if err := unix.IoctlSetPointerInt(fd, ext4Shutdown, noLogFlush); err != nil {
		t.Fatalf("shut down %s: %v", im.at, err)
	}
}

// check fails the test if the file system is damaged; it must be unmounted.
func (im *image) check(t testing.TB) {
	t.Helper()
	if r := run("e2fsck", "-fn", im.file); r.code != 0 {
		t.Error(r)
	}
}

// free is the room left for ordinary users, in bytes.
func (im *image) free(t testing.TB) int64 {
	t.Helper()
	var st unix.Statfs_t
	if err := unix.Statfs(im.at, &st); err != nil {
		t.Fatal(err)
	}
	return int64(st.Bavail) * st.Bsize
}

// deviceOf is the number of the file system that a path is on.
func deviceOf(path string) (uint64, error) {
	var st unix.Stat_t
	err := unix.Stat(path, &st)
	return st.Dev, err
}
