package fsx

import (
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// TestRacer swaps the components of a path with symbolic links to a folder
// outside, as fast as it can, while every call is made through that path.
// Nothing outside changes, and nothing of it is read.
func TestRacer(t *testing.T) {
	top := t.TempDir()
	inside, outside := filepath.Join(top, "in"), filepath.Join(top, "out")
	for _, dir := range []string{inside + "/a/b", outside + "/b", inside + "/spare"} {
		ok(t, os.MkdirAll(dir, 0o755))
	}
	ok(t, os.WriteFile(inside+"/a/b/f", []byte("inside"), 0o600))
	ok(t, os.WriteFile(outside+"/b/f", []byte("secret"), 0o600))
	ok(t, os.WriteFile(outside+"/f", []byte("secret"), 0o600))
	ok(t, os.Symlink(outside, inside+"/spare/a"))
	ok(t, os.Symlink(outside, inside+"/spare/b"))
	before := listing(t, outside)

	stop := make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() { swap(stop, inside) })
	d := openRoot(t, OS(), inside)
	end := time.Now().Add(2 * time.Second)
	tries, reached := 0, 0
	for ; time.Now().Before(end); tries++ {
		for _, err := range raceCalls(t, d, tries) {
			if err == nil {
				reached++
			}
		}
	}
	close(stop)
	wg.Wait()
	if after := listing(t, outside); after != before {
		t.Errorf("outside changed from\n%s to\n%s", before, after)
	}
	if tries < 100 || reached == 0 || reached == tries*len(raceCalls(t, d, tries)) {
		t.Errorf("%d rounds, %d calls reached their file: nothing was raced", tries, reached)
	}
}

// swap exchanges a and a/b with links to outside, until stop.
func swap(stop <-chan struct{}, inside string) {
	for {
		select {
		case <-stop:
			return
		default:
		}
		for _, pair := range [][2]string{{"/a", "/spare/a"}, {"/a/b", "/spare/b"}} {
			for range 2 {
				_ = unix.Renameat2(unix.AT_FDCWD, inside+pair[0], unix.AT_FDCWD, inside+pair[1], unix.RENAME_EXCHANGE)
			}
		}
	}
}

// raceCalls makes the calls and returns what each said.
func raceCalls(t *testing.T, d Dir, try int) (errs []error) {
	path := fmt.Sprintf("a/b/new%d", try)
	f, err := d.Create(path, 0o600)
	if err == nil {
		_, err = f.WriteAt([]byte("written"), 0)
		_ = f.Chmod(0o777)
		_ = f.Close()
	}
	errs = append(errs, err, d.Rename(path, d, "a/b/renamed", Replace), d.Link("a/b/f", d, path+"l"), d.Remove(path+"l"))
	errs = append(errs, d.Mkdir(path+"d", 0o700), d.RemoveDir(path+"d"), d.Symlink("x", path+"s"), d.Remove(path+"s"))
	errs = append(errs, d.Remove(path))
	if g, err := d.Open("a/b/f", ReadWrite); err == nil {
		b := make([]byte, 6)
		if _, err := g.ReadAt(b, 0); err == nil && string(b) != "inside" {
			t.Errorf("read %q from outside", b)
		}
		_ = g.SetMTime(1)
		_ = g.SetXattr("user.x", []byte("1"))
		_ = g.Close()
	}
	if sub, err := d.OpenDir("a/b"); err == nil {
		_ = sub.Mkdir("deep", 0o700)
		_ = sub.RemoveDir("deep")
		_ = sub.Chmod(0o755)
		_ = sub.Close()
	}
	return errs
}

// listing describes a tree completely.
func listing(t *testing.T, root string) (s string) {
	t.Helper()
	ok(t, filepath.Walk(root, func(path string, fi os.FileInfo, err error) error {
		if err != nil {
			return err
		}
		var content []byte
		if fi.Mode().IsRegular() {
			content, err = os.ReadFile(path)
		}
		n, _ := unix.Llistxattr(path, make([]byte, 1024))
		s += fmt.Sprintln(path, fi.Mode(), fi.ModTime().UnixNano(), n, string(content))
		return err
	}))
	return s
}
