// Package durable replaces small files so that a crash leaves the one before or
// the new one, whole.
package durable

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
)

// Replace makes b the content of the file name, of mode 0600, by a new file
// name.new that takes its place once it is on the disk. On an error name is as it
// was; only where the directory cannot be synced at the end, a crash may still
// bring the file before back. Of two callers at once for one name, one fails.
func Replace(name string, b []byte) error {
	fresh := name + ".new"
	if err := write(fresh, b); err != nil {
		_ = os.Remove(fresh) // the fault that counts is err
		return err
	}
	if err := os.Rename(fresh, name); err != nil {
		_ = os.Remove(fresh)
		return err
	}
	return SyncDir(filepath.Dir(name))
}

// write makes the file anew: what a crash left there may have any mode.
func write(name string, b []byte) error {
	if err := os.Remove(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	f, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(b)
	if err == nil {
		err = f.Sync()
	}
	return errors.Join(err, f.Close())
}

// SyncDir makes the names in dir last. Windows keeps a journal of names, and
// cannot sync a folder.
func SyncDir(dir string) error {
	if runtime.GOOS == "windows" {
		return nil
	}
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
