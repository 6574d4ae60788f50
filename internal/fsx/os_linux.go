package fsx

import (
	"errors"

	"golang.org/x/sys/unix"
)

const (
	beneath   = unix.RESOLVE_BENEATH | unix.RESOLVE_NO_SYMLINKS | unix.RESOLVE_NO_MAGICLINKS
	statMask  = unix.STATX_BASIC_STATS | unix.STATX_BTIME | unix.STATX_MNT_ID
	permBits  = 0o7777
	direntCap = 32 << 10
	// resolveTries bounds how often a path that other processes are renaming
	// is resolved again.
	resolveTries = 64
)

// OS returns the file system of the operating system.
func OS() FS { return linuxFS{} }

type linuxFS struct{}

// OpenRoot refuses a kernel without openat2 (before Linux 5.6, or kept away
// by a seccomp filter): nothing else keeps a path inside its directory.
func (linuxFS) OpenRoot(path string) (Dir, error) {
	fd, err := retryFD(func() (int, error) {
		return unix.Open(path, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	})
	if err != nil {
		return nil, fail(OpOpenRoot, path, err)
	}
	probe, err := openBeneath(fd, ".", unix.O_PATH|unix.O_DIRECTORY, 0)
	if err != nil {
		_ = unix.Close(fd)
		if errors.Is(err, unix.ENOSYS) {
			err = errors.New("the kernel lacks openat2: Linux 5.6 or later is needed")
			return nil, &Error{Op: OpOpenRoot, Path: path, Class: ErrUnsupported, Err: err}
		}
		return nil, fail(OpOpenRoot, path, err)
	}
	_ = unix.Close(probe)
	return &linuxDir{linuxHandle{fd: fd}}, nil
}

// openBeneath opens path without ever leaving dir.
func openBeneath(dir int, path string, flags uint64, mode uint32) (int, error) {
	how := unix.OpenHow{Flags: flags | unix.O_CLOEXEC, Mode: uint64(mode), Resolve: beneath}
	for try := 0; ; try++ {
		fd, err := unix.Openat2(dir, path, &how)
		switch {
		case err == unix.EINTR:
			continue
		case err == unix.EAGAIN && try < resolveTries:
			continue
		}
		return fd, err
	}
}

// retry repeats a call that a signal interrupted.
func retry(call func() error) error {
	for {
		if err := call(); err != unix.EINTR { //nolint:errorlint // a bare errno
			return err
		}
	}
}

func retryFD(call func() (int, error)) (fd int, err error) {
	err = retry(func() error { fd, err = call(); return err })
	return fd, err
}

// linuxHandle is what a file, a directory and a link have in common: an open
// descriptor.
type linuxHandle struct{ fd int }

func (h *linuxHandle) Info() (Info, error) {
	return statAt(OpInfo, h.fd, "", "")
}

// statAt describes name below dir, or dir itself for an empty name.
func statAt(op Op, dir int, name, path string) (Info, error) {
	flags := unix.AT_SYMLINK_NOFOLLOW | unix.AT_NO_AUTOMOUNT
	if name == "" {
		flags |= unix.AT_EMPTY_PATH
	}
	var st unix.Statx_t
	if err := retry(func() error { return unix.Statx(dir, name, flags, statMask, &st) }); err != nil {
		return Info{}, fail(op, path, err)
	}
	return infoOf(&st), nil
}

func infoOf(st *unix.Statx_t) Info {
	i := Info{
		Dev: unix.Mkdev(st.Dev_major, st.Dev_minor), Mount: st.Mnt_id, Inode: st.Ino,
		Kind: kindOf(uint32(st.Mode)), Mode: uint32(st.Mode) & permBits, Links: st.Nlink,
		UID: st.Uid, GID: st.Gid, Size: int64(st.Size), Allocated: int64(st.Blocks) * 512,
		MTime: nanos(st.Mtime), CTime: nanos(st.Ctime),
	}
	if st.Mask&unix.STATX_BTIME != 0 {
		i.BTime = nanos(st.Btime)
	}
	return i
}

func nanos(t unix.StatxTimestamp) int64 { return t.Sec*1e9 + int64(t.Nsec) }

func kindOf(mode uint32) Kind {
	switch mode & unix.S_IFMT {
	case unix.S_IFREG:
		return Regular
	case unix.S_IFDIR:
		return Directory
	case unix.S_IFLNK:
		return Symlink
	}
	return Other
}

func (h *linuxHandle) Chmod(mode uint32) error {
	return fail(OpChmod, "", retry(func() error { return unix.Fchmod(h.fd, mode&permBits) }))
}

func (h *linuxHandle) Chown(uid, gid uint32) error {
	return fail(OpChown, "", retry(func() error {
		return unix.Fchownat(h.fd, "", int(uid), int(gid), unix.AT_EMPTY_PATH)
	}))
}

func (h *linuxHandle) SetMTime(ns int64) error {
	times := []unix.Timespec{{Nsec: unix.UTIME_OMIT}, unix.NsecToTimespec(ns)}
	return fail(OpSetMTime, "", retry(func() error { return unix.UtimesNanoAt(h.fd, "", times, unix.AT_EMPTY_PATH) }))
}

func (h *linuxHandle) Sync() error {
	return fail(OpSync, "", retry(func() error { return unix.Fsync(h.fd) }))
}

func (h *linuxHandle) Close() error {
	return fail(OpClose, "", unix.Close(h.fd))
}

// fail turns a system's error into an Error with its class, and nil into nil.
func fail(op Op, path string, err error) error {
	if err == nil {
		return nil
	}
	if told, ok := err.(*Error); ok { //nolint:errorlint // only one that this package has just made
		return told
	}
	return &Error{Op: op, Path: path, Class: classOf(op, err), Err: err}
}

var classes = map[unix.Errno]error{
	unix.ENOENT: ErrNotExist, unix.EEXIST: ErrExist, unix.EACCES: ErrPermission, unix.EPERM: ErrPermission,
	unix.EBADF: ErrClosed, unix.ENOSPC: ErrNoSpace, unix.EDQUOT: ErrNoSpace, unix.EFBIG: ErrNoSpace,
	unix.EROFS: ErrReadOnly, unix.EIO: ErrIO, unix.ENAMETOOLONG: ErrName, unix.EILSEQ: ErrName,
	unix.ENOTDIR: ErrNotDirectory, unix.EISDIR: ErrIsDirectory, unix.ENOTEMPTY: ErrNotEmpty, unix.ELOOP: ErrEscapes,
	unix.ENODATA: ErrNoXattr, unix.E2BIG: ErrXattrSize, unix.ERANGE: ErrXattrSize,
	unix.ENOSYS: ErrUnsupported, unix.EOPNOTSUPP: ErrUnsupported, unix.ENOTTY: ErrUnsupported,
}

// classOf reads the errors that mean one thing here and another there.
func classOf(op Op, err error) error {
	var errno unix.Errno
	if !errors.As(err, &errno) {
		return nil
	}
	switch {
	case errno == unix.EXDEV && (op == OpRename || op == OpLink || op == OpLinkUnnamed || op == OpCopyFrom || op == OpClone):
		return ErrCrossDevice
	case errno == unix.EXDEV:
		return ErrEscapes
	case errno == unix.ENXIO && op == OpOpen:
		return ErrNotRegular
	case op == OpCreateUnnamed && (errno == unix.EISDIR || errno == unix.EINVAL):
		return ErrUnsupported
	case errno == unix.EINVAL && (op == OpCreate || op == OpMkdir || op == OpSymlink):
		return ErrName
	case errno == unix.EINVAL && (op == OpCopyFrom || op == OpClone || op == OpRename):
		return ErrUnsupported
	}
	return classes[errno]
}
