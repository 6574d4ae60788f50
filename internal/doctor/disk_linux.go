package doctor

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"
)

// networkSystems are the file systems of other hosts by their magic numbers
// (statfs(2)).
var networkSystems = map[uint32]string{
	unix.NFS_SUPER_MAGIC:   "nfs",
	unix.SMB_SUPER_MAGIC:   "smbfs",
	unix.CIFS_SUPER_MAGIC:  "cifs",
	unix.SMB2_SUPER_MAGIC:  "smb2",
	unix.AFS_SUPER_MAGIC:   "afs",
	unix.CEPH_SUPER_MAGIC:  "ceph",
	unix.V9FS_MAGIC:        "9p",
	unix.CODA_SUPER_MAGIC:  "coda",
	unix.OCFS2_SUPER_MAGIC: "ocfs2",
	unix.FUSE_SUPER_MAGIC:  "fuse",
}

// lookAtDisk asks the file system that holds a directory, and changes nothing
// in it.
func lookAtDisk(path string) (diskState, error) {
	var st unix.Statfs_t
	if err := retried(func() error { return unix.Statfs(path, &st) }); err != nil {
		return diskState{}, &os.PathError{Op: "statfs", Path: path, Err: err}
	}
	state := diskState{
		free: product(st.Bavail, uint64(max(st.Bsize, 1))), inodes: int64(min(st.Ffree, 1<<62)),
		network: networkSystems[uint32(st.Type)], readOnly: st.Flags&unix.ST_RDONLY != 0,
		writable: unix.Access(path, unix.W_OK|unix.X_OK), xattrs: xattrsOf(path), watched: watchable(path),
	}
	if st.Files == 0 { // Btrfs counts none
		state.inodes = -1
	}
	return state, nil
}

// product is how many bytes blocks hold, within what an int64 holds.
func product(blocks, size uint64) int64 {
	return int64(min(blocks, 1<<62/size) * size)
}

func retried(call func() error) error {
	for {
		if err := call(); !errors.Is(err, unix.EINTR) {
			return err
		}
	}
}

// xattrsOf asks for an attribute that is not there.
func xattrsOf(path string) error {
	_, err := unix.Getxattr(path, "user.dfsd.doctor", nil)
	if errors.Is(err, unix.ENODATA) {
		return nil
	}
	if errors.Is(err, unix.EACCES) || errors.Is(err, unix.EPERM) {
		return errUnknown
	}
	return err
}

// watchable marks the whole file system as replication does, and lets go.
func watchable(path string) error {
	const flags = unix.FAN_CLASS_NOTIF | unix.FAN_CLOEXEC | unix.FAN_NONBLOCK | unix.FAN_REPORT_DFID_NAME
	fd, err := unix.FanotifyInit(flags, unix.O_RDONLY|unix.O_LARGEFILE)
	if err != nil {
		return os.NewSyscallError("fanotify_init", err)
	}
	defer func() { _ = unix.Close(fd) }()
	err = unix.FanotifyMark(fd, unix.FAN_MARK_ADD|unix.FAN_MARK_FILESYSTEM, unix.FAN_CLOSE_WRITE|unix.FAN_ONDIR, unix.AT_FDCWD, path)
	return os.NewSyscallError("fanotify_mark", err)
}
