package fsx

import (
	"bytes"
	"encoding/binary"
	"errors"
	"strconv"

	"golang.org/x/sys/unix"
)

type linuxDir struct{ linuxHandle }

func (d *linuxDir) OpenDir(path string) (Dir, error) {
	if err := checkPath(path, true); err != nil {
		return nil, refuse(OpOpenDir, path, err)
	}
	fd, err := openBeneath(d.fd, path, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_NOFOLLOW, 0)
	if err != nil {
		return nil, fail(OpOpenDir, path, err)
	}
	return &linuxDir{linuxHandle{fd: fd}}, nil
}

// at runs call with the directory that holds path's last component.
func (d *linuxDir) at(op Op, path string, call func(dir int, name string) error) error {
	if err := checkPath(path, false); err != nil {
		return refuse(op, path, err)
	}
	parent, name := Split(path)
	dir := d.fd
	if parent != "." {
		var err error
		dir, err = openBeneath(d.fd, parent, unix.O_PATH|unix.O_DIRECTORY, 0)
		if err != nil {
			return fail(op, path, err)
		}
		defer func() { _ = unix.Close(dir) }()
	}
	return fail(op, path, retry(func() error { return call(dir, name) }))
}

func (d *linuxDir) Stat(path string) (Info, error) {
	if path == "." {
		return statAt(OpStat, d.fd, "", path)
	}
	var st unix.Statx_t
	err := d.at(OpStat, path, func(dir int, name string) error {
		return unix.Statx(dir, name, unix.AT_SYMLINK_NOFOLLOW|unix.AT_NO_AUTOMOUNT, statMask, &st)
	})
	if err != nil {
		return Info{}, err
	}
	return infoOf(&st), nil
}

// Open never waits for the other end of a pipe, and hands out regular files
// only.
func (d *linuxDir) Open(path string, access Access) (File, error) {
	if err := checkPath(path, false); err != nil {
		return nil, refuse(OpOpen, path, err)
	}
	flags := uint64(unix.O_RDONLY)
	if access == ReadWrite {
		flags = unix.O_RDWR
	}
	fd, err := openBeneath(d.fd, path, flags|unix.O_NOFOLLOW|unix.O_NONBLOCK|unix.O_NOCTTY, 0)
	if err != nil {
		return nil, fail(OpOpen, path, err)
	}
	var st unix.Stat_t
	if err = retry(func() error { return unix.Fstat(fd, &st) }); err == nil && st.Mode&unix.S_IFMT == unix.S_IFREG {
		return &linuxFile{linuxHandle{fd: fd}}, nil
	}
	_ = unix.Close(fd)
	if err != nil {
		return nil, fail(OpOpen, path, err)
	}
	return nil, refuse(OpOpen, path, ErrNotRegular)
}

func (d *linuxDir) OpenLink(path string) (Handle, error) {
	if err := checkPath(path, false); err != nil {
		return nil, refuse(OpOpenLink, path, err)
	}
	fd, err := openBeneath(d.fd, path, unix.O_PATH|unix.O_NOFOLLOW, 0)
	if err != nil {
		return nil, fail(OpOpenLink, path, err)
	}
	return &linuxHandle{fd: fd}, nil
}

func (d *linuxDir) Create(path string, mode uint32) (File, error) {
	if err := checkPath(path, false); err != nil {
		return nil, refuse(OpCreate, path, err)
	}
	fd, err := openBeneath(d.fd, path, unix.O_RDWR|unix.O_CREAT|unix.O_EXCL|unix.O_NOFOLLOW, mode&permBits)
	if err != nil {
		return nil, fail(OpCreate, path, err)
	}
	return &linuxFile{linuxHandle{fd: fd}}, nil
}

func (d *linuxDir) CreateUnnamed(mode uint32) (File, error) {
	fd, err := retryFD(func() (int, error) {
		return unix.Openat(d.fd, ".", unix.O_RDWR|unix.O_TMPFILE|unix.O_CLOEXEC, mode&permBits)
	})
	if err != nil {
		return nil, fail(OpCreateUnnamed, "", err)
	}
	return &linuxFile{linuxHandle{fd: fd}}, nil
}

// LinkUnnamed takes the file by its descriptor. Where only a privileged
// process may do that (before Linux 6.10, which answers ENOENT), it goes by
// the descriptor's own name.
func (d *linuxDir) LinkUnnamed(f File, path string) error {
	file, ok := f.(*linuxFile)
	if !ok {
		return refuse(OpLinkUnnamed, path, ErrCrossDevice)
	}
	return d.at(OpLinkUnnamed, path, func(dir int, name string) error {
		err := unix.Linkat(file.fd, "", dir, name, unix.AT_EMPTY_PATH)
		if !errors.Is(err, unix.ENOENT) {
			return err
		}
		return unix.Linkat(unix.AT_FDCWD, "/proc/self/fd/"+strconv.Itoa(file.fd), dir, name, unix.AT_SYMLINK_FOLLOW)
	})
}

func (d *linuxDir) Mkdir(path string, mode uint32) error {
	return d.at(OpMkdir, path, func(dir int, name string) error { return unix.Mkdirat(dir, name, mode&permBits) })
}

func (d *linuxDir) Symlink(target, path string) error {
	return d.at(OpSymlink, path, func(dir int, name string) error { return unix.Symlinkat(target, dir, name) })
}

func (d *linuxDir) Readlink(path string) (string, error) {
	var target string
	err := d.at(OpReadlink, path, func(dir int, name string) error {
		for size := 256; ; size *= 4 {
			b := make([]byte, size)
			n, err := unix.Readlinkat(dir, name, b)
			if err != nil || n < size {
				target = string(b[:max(n, 0)])
				return err
			}
		}
	})
	return target, err
}

// pair runs call with the directories that hold the last components of two
// paths, the second below to.
func (d *linuxDir) pair(op Op, path string, to Dir, newPath string, call func(from int, name string, to int, newName string) error) error {
	dest, ok := to.(*linuxDir)
	if !ok {
		return refuse(op, path, ErrCrossDevice)
	}
	if err := checkPath(newPath, false); err != nil {
		return refuse(op, newPath, err)
	}
	return d.at(op, path, func(from int, name string) error {
		return dest.at(op, newPath, func(into int, newName string) error { return call(from, name, into, newName) })
	})
}

func (d *linuxDir) Link(path string, to Dir, newPath string) error {
	return d.pair(OpLink, path, to, newPath, func(from int, name string, into int, newName string) error {
		return unix.Linkat(from, name, into, newName, 0)
	})
}

func (d *linuxDir) Rename(path string, to Dir, newPath string, how RenameMode) error {
	flags := [...]uint{Replace: 0, NoReplace: unix.RENAME_NOREPLACE, Exchange: unix.RENAME_EXCHANGE}[how]
	return d.pair(OpRename, path, to, newPath, func(from int, name string, into int, newName string) error {
		return unix.Renameat2(from, name, into, newName, flags)
	})
}

func (d *linuxDir) Remove(path string) error {
	return d.at(OpRemove, path, func(dir int, name string) error { return unix.Unlinkat(dir, name, 0) })
}

func (d *linuxDir) RemoveDir(path string) error {
	return d.at(OpRemoveDir, path, func(dir int, name string) error { return unix.Unlinkat(dir, name, unix.AT_REMOVEDIR) })
}

func (d *linuxDir) SyncFS() error {
	return fail(OpSyncFS, "", retry(func() error { return unix.Syncfs(d.fd) }))
}

func (d *linuxDir) Space() (Space, error) {
	var st unix.Statfs_t
	if err := retry(func() error { return unix.Fstatfs(d.fd, &st) }); err != nil {
		return Space{}, fail(OpSpace, "", err)
	}
	s := Space{Free: int64(st.Bavail) * st.Bsize, Total: int64(st.Blocks) * st.Bsize, FreeInodes: int64(st.Ffree)}
	if st.Files == 0 {
		s.FreeInodes = -1
	}
	return s, nil
}

// ReadDir reads through a descriptor of its own, so that several may read at
// once and each from the beginning.
func (d *linuxDir) ReadDir(yield func(Entry) bool) error {
	fd, err := openBeneath(d.fd, ".", unix.O_RDONLY|unix.O_DIRECTORY, 0)
	if err != nil {
		return fail(OpReadDir, "", err)
	}
	defer func() { _ = unix.Close(fd) }()
	buf := make([]byte, direntCap)
	for {
		n, err := retryFD(func() (int, error) { return unix.Getdents(fd, buf) })
		if err != nil {
			return fail(OpReadDir, "", err)
		}
		if n == 0 || !yieldEntries(fd, buf[:n], yield) {
			return nil
		}
	}
}

// yieldEntries reads the records of getdents64: inode (8 bytes), offset (8),
// length of the record (2), type (1), name with its NUL.
func yieldEntries(dir int, b []byte, yield func(Entry) bool) bool {
	const nameAt = 19
	for len(b) >= nameAt {
		size := int(binary.NativeEndian.Uint16(b[16:]))
		if size < nameAt || size > len(b) {
			return true
		}
		name, _, _ := bytes.Cut(b[nameAt:size], []byte{0})
		e := Entry{Name: string(name), Inode: binary.NativeEndian.Uint64(b), Kind: entryKind(b[18])}
		b = b[size:]
		if e.Inode == 0 || e.Name == "." || e.Name == ".." {
			continue
		}
		if e.Kind == 0 {
			info, err := statAt(OpReadDir, dir, e.Name, e.Name)
			if err != nil {
				continue // gone since
			}
			e.Kind = info.Kind
		}
		if !yield(e) {
			return false
		}
	}
	return true
}

// entryKind is zero where the file system does not tell.
func entryKind(t byte) Kind {
	switch t {
	case unix.DT_REG:
		return Regular
	case unix.DT_DIR:
		return Directory
	case unix.DT_LNK:
		return Symlink
	case unix.DT_UNKNOWN:
		return 0
	}
	return Other
}
