//go:build integration

package replicas

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// What users do to files. Each fails the test when the file system refuses.

func check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// write makes or overwrites a file in place, with the folders above it.
func write(t testing.TB, path, content string) {
	t.Helper()
	check(t, os.MkdirAll(filepath.Dir(path), 0o755))
	check(t, os.WriteFile(path, []byte(content), 0o644))
}

// writeAt writes some bytes within a file.
func writeAt(t testing.TB, path string, off int64, content string) {
	t.Helper()
	f, err := os.OpenFile(path, os.O_WRONLY, 0)
	check(t, err)
	_, err = f.WriteAt([]byte(content), off)
	check(t, err)
	check(t, f.Close())
}

func appendTo(t testing.TB, path, content string) {
	t.Helper()
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_APPEND, 0)
	check(t, err)
	_, err = f.WriteString(content)
	check(t, err)
	check(t, f.Close())
}

// save is how editors save: a temporary, synced, renamed over the old file,
// and the folder synced.
func save(t testing.TB, root, rel, content string) {
	t.Helper()
	check(t, trySave(root, rel, content))
}

func trySave(root, rel, content string) error {
	path := filepath.Join(root, rel)
	temp, err := writeTemp(path, content)
	if err != nil {
		return err
	}
	if err := os.Rename(temp, path); err != nil {
		return err
	}
	return syncFolder(filepath.Dir(path))
}

// writeTemp writes the temporary of a save, under a name that nobody else
// chooses.
func writeTemp(path, content string) (string, error) {
	f, err := os.CreateTemp(filepath.Dir(path), ".save-"+filepath.Base(path)+"-*")
	if err != nil {
		return "", err
	}
	defer f.Close()
	if _, err := f.WriteString(content); err != nil {
		return "", err
	}
	return f.Name(), f.Sync()
}

func syncFolder(path string) error {
	d, err := os.Open(path)
	if err != nil {
		return err
	}
	defer d.Close()
	return d.Sync()
}

// holes makes a file that is all hole but for some bytes in the middle.
func holes(t testing.TB, path string, size int64, content string) {
	t.Helper()
	write(t, path, "")
	check(t, os.Truncate(path, size))
	writeAt(t, path, size/2, content)
}

// fill writes every byte of a file again, so that it has no hole.
func fill(t testing.TB, path string) {
	t.Helper()
	info, err := os.Stat(path)
	check(t, err)
	b, err := os.ReadFile(path)
	check(t, err)
	f, err := os.OpenFile(path, os.O_WRONLY, 0)
	check(t, err)
	_, err = f.Write(b)
	check(t, err)
	check(t, f.Sync())
	check(t, f.Close())
	touch(t, path, info.ModTime())
}

func mkdir(t testing.TB, path string) { t.Helper(); check(t, os.MkdirAll(path, 0o755)) }

func link(t testing.TB, target, path string) {
	t.Helper()
	check(t, os.MkdirAll(filepath.Dir(path), 0o755))
	check(t, os.Symlink(target, path))
}

func remove(t testing.TB, path string) { t.Helper(); check(t, os.Remove(path)) }

func removeAll(t testing.TB, path string) { t.Helper(); check(t, os.RemoveAll(path)) }

func rename(t testing.TB, from, to string) { t.Helper(); check(t, os.Rename(from, to)) }

func chmod(t testing.TB, path string, mode uint32) { t.Helper(); check(t, unix.Chmod(path, mode)) }

func chown(t testing.TB, path string, uid, gid int) { t.Helper(); check(t, os.Lchown(path, uid, gid)) }

// touch sets the time of a file, directory or symlink itself.
func touch(t testing.TB, path string, at time.Time) {
	t.Helper()
	ts := unix.NsecToTimespec(at.UnixNano())
	check(t, unix.UtimesNanoAt(unix.AT_FDCWD, path, []unix.Timespec{ts, ts}, unix.AT_SYMLINK_NOFOLLOW))
}

func xattr(t testing.TB, path, name, value string) {
	t.Helper()
	check(t, unix.Lsetxattr(path, name, []byte(value), 0))
}

func read(t testing.TB, root string) tree {
	t.Helper()
	found, err := readTree(root)
	check(t, err)
	return found
}

// content is that of a file, "" where there is none.
func content(path string) string {
	b, err := os.ReadFile(path)
	if err != nil {
		return ""
	}
	return string(b)
}
