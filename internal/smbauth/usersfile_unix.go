//go:build unix

package smbauth

import (
	"io/fs"
	"os"
	"syscall"
)

// foreignBits are the permissions that a users file must not have.
const foreignBits fs.FileMode = 0o077

// lockDir keeps other writers out of a folder until unlock. It waits for them.
func lockDir(dir string) (unlock func(), err error) {
	d, err := os.Open(dir)
	if err != nil {
		return nil, err
	}
	if err := syscall.Flock(int(d.Fd()), syscall.LOCK_EX); err != nil {
		_ = d.Close() // the lock's error counts
		return nil, err
	}
	return func() { _ = d.Close() }, nil // which gives the lock up; nothing was written
}

// keepOwner gives f the owner of the file that it is to replace.
func keepOwner(f *os.File, old fs.FileInfo) error {
	if old == nil {
		return nil
	}
	st, ok := old.Sys().(*syscall.Stat_t)
	if !ok || int(st.Uid) == os.Geteuid() && int(st.Gid) == os.Getegid() {
		return nil
	}
	return f.Chown(int(st.Uid), int(st.Gid))
}
