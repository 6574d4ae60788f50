package fsx

import (
	"errors"
	"io"
	"os"
)

type portableFile struct {
	portableHandle
	f *os.File
}

func (f *portableFile) Info() (Info, error) {
	fi, err := f.f.Stat()
	if err != nil {
		return Info{}, failPortable(OpInfo, "", err)
	}
	return portableInfo(fi), nil
}

func (f *portableFile) Chmod(mode uint32) error {
	return failPortable(OpChmod, "", f.f.Chmod(portableMode(mode)))
}

func (f *portableFile) Chown(uid, gid uint32) error {
	return failPortable(OpChown, "", f.f.Chown(int(uid), int(gid)))
}

func (f *portableFile) ReadAt(b []byte, off int64) (int, error) {
	n, err := f.f.ReadAt(b, off)
	if errors.Is(err, io.EOF) {
		return n, io.EOF
	}
	return n, failPortable(OpReadAt, "", err)
}

func (f *portableFile) WriteAt(b []byte, off int64) (int, error) {
	n, err := f.f.WriteAt(b, off)
	return n, failPortable(OpWriteAt, "", err)
}

func (f *portableFile) Sync() error     { return failPortable(OpSync, "", f.f.Sync()) }
func (f *portableFile) SyncData() error { return failPortable(OpSyncData, "", f.f.Sync()) }
func (f *portableFile) Close() error    { return failPortable(OpClose, "", f.f.Close()) }

func (f *portableFile) Truncate(size int64) error {
	return failPortable(OpTruncate, "", f.f.Truncate(size))
}

func (f *portableFile) PunchHole(int64, int64) error { return refuse(OpPunchHole, "", ErrUnsupported) }
func (f *portableFile) Allocate(int64, int64) error  { return refuse(OpAllocate, "", ErrUnsupported) }

// SeekData takes the whole file for data.
func (f *portableFile) SeekData(off int64) (int64, error) {
	info, err := f.Info()
	if err == nil && off >= info.Size {
		return 0, io.EOF
	}
	return off, err
}

// SeekHole finds the hole at the end of the file only.
func (f *portableFile) SeekHole(off int64) (int64, error) {
	info, err := f.Info()
	if err == nil && off >= info.Size {
		return 0, io.EOF
	}
	return info.Size, err
}

func (f *portableFile) CopyFrom(File, int64, int64, int64) (int64, error) {
	return 0, refuse(OpCopyFrom, "", ErrUnsupported)
}

func (f *portableFile) Clone(File) error { return refuse(OpClone, "", ErrUnsupported) }
