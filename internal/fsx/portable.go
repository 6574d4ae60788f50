package fsx

import (
	"errors"
	"io/fs"
	"os"
	"syscall"
	"time"
)

// Portable returns a file system made of what [os.Root] can do on every
// platform. It keeps paths beneath the root. What it lacks: a handle of a
// directory goes by its path and not with the directory; a symbolic link is
// looked for before a path is used, and one that appears between the two is
// followed inside the root; there are no extended attributes, holes, inode
// numbers or Exchange (ErrUnsupported); NoReplace is one step for files only.
func Portable() FS { return portableFS{} }

type portableFS struct{}

func (portableFS) OpenRoot(path string) (Dir, error) {
	root, err := os.OpenRoot(path)
	if err != nil {
		return nil, failPortable(OpOpenRoot, path, err)
	}
	return &portableDir{portableHandle: portableHandle{root: root, path: "."}, owner: true}, nil
}

// portableHandle goes by a path below the root.
type portableHandle struct {
	root *os.Root
	path string
}

func (h *portableHandle) Info() (Info, error) {
	fi, err := h.root.Lstat(h.path)
	if err != nil {
		return Info{}, failPortable(OpInfo, "", err)
	}
	return portableInfo(fi), nil
}

func portableInfo(fi fs.FileInfo) Info {
	i := Info{
		Mode: uint32(fi.Mode().Perm()), Links: 1, Size: fi.Size(), Allocated: fi.Size(),
		MTime: fi.ModTime().UnixNano(), Kind: portableKind(fi.Mode()),
	}
	for bit, flag := range map[fs.FileMode]uint32{fs.ModeSetuid: 0o4000, fs.ModeSetgid: 0o2000, fs.ModeSticky: 0o1000} {
		if fi.Mode()&bit != 0 {
			i.Mode |= flag
		}
	}
	return i
}

func portableKind(m fs.FileMode) Kind {
	switch m.Type() {
	case 0:
		return Regular
	case fs.ModeDir:
		return Directory
	case fs.ModeSymlink:
		return Symlink
	}
	return Other
}

func portableMode(mode uint32) fs.FileMode {
	m := fs.FileMode(mode).Perm()
	for flag, bit := range map[uint32]fs.FileMode{0o4000: fs.ModeSetuid, 0o2000: fs.ModeSetgid, 0o1000: fs.ModeSticky} {
		if mode&flag != 0 {
			m |= bit
		}
	}
	return m
}

func (h *portableHandle) Chmod(mode uint32) error {
	return failPortable(OpChmod, "", h.root.Chmod(h.path, portableMode(mode)))
}

func (h *portableHandle) Chown(uid, gid uint32) error {
	return failPortable(OpChown, "", h.root.Lchown(h.path, int(uid), int(gid)))
}

func (h *portableHandle) SetMTime(ns int64) error {
	return failPortable(OpSetMTime, "", h.root.Chtimes(h.path, time.Time{}, time.Unix(0, ns)))
}

func (h *portableHandle) Xattrs() ([]string, error) { return nil, refuse(OpXattrs, "", ErrUnsupported) }

func (h *portableHandle) Xattr(name string) ([]byte, error) {
	return nil, refuse(OpXattr, name, ErrUnsupported)
}

func (h *portableHandle) SetXattr(name string, _ []byte) error {
	return refuse(OpSetXattr, name, ErrUnsupported)
}

func (h *portableHandle) RemoveXattr(name string) error {
	return refuse(OpRemoveXattr, name, ErrUnsupported)
}

// Sync of a directory does nothing where directories cannot be synced.
func (h *portableHandle) Sync() error {
	f, err := h.root.Open(h.path)
	if err != nil {
		return failPortable(OpSync, "", err)
	}
	defer f.Close()
	if err := f.Sync(); err != nil && !errors.Is(err, fs.ErrPermission) && !errors.Is(err, fs.ErrInvalid) {
		return failPortable(OpSync, "", err)
	}
	return nil
}

func (h *portableHandle) Close() error { return nil }

// failPortable gives a system's error its class, as far as package syscall
// knows the same numbers everywhere.
func failPortable(op Op, path string, err error) error {
	if err == nil {
		return nil
	}
	if told, ok := err.(*Error); ok { //nolint:errorlint // only one that this package has just made
		return told
	}
	e := &Error{Op: op, Path: path, Err: err}
	for _, class := range []error{ErrNotExist, ErrExist, ErrPermission, ErrClosed, ErrUnsupported} {
		if errors.Is(err, class) {
			e.Class = class
		}
	}
	for errno, class := range map[syscall.Errno]error{
		syscall.ENOSPC: ErrNoSpace, syscall.EROFS: ErrReadOnly, syscall.EIO: ErrIO, syscall.ENAMETOOLONG: ErrName,
		syscall.EILSEQ: ErrName, syscall.ENOTDIR: ErrNotDirectory, syscall.EISDIR: ErrIsDirectory,
		syscall.ENOTEMPTY: ErrNotEmpty, syscall.ELOOP: ErrEscapes, syscall.EXDEV: ErrCrossDevice,
	} {
		if errors.Is(err, errno) {
			e.Class = class
		}
	}
	return e
}
