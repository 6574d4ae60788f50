package fsx

import (
	"errors"
	"io"

	"golang.org/x/sys/unix"
)

type linuxFile struct{ linuxHandle }

func (f *linuxFile) ReadAt(b []byte, off int64) (int, error) {
	done := 0
	for done < len(b) {
		n, err := retryFD(func() (int, error) { return unix.Pread(f.fd, b[done:], off+int64(done)) })
		if err != nil {
			return done, fail(OpReadAt, "", err)
		}
		if n == 0 {
			return done, io.EOF
		}
		done += n
	}
	return done, nil
}

func (f *linuxFile) WriteAt(b []byte, off int64) (int, error) {
	done := 0
	for done < len(b) {
		n, err := retryFD(func() (int, error) { return unix.Pwrite(f.fd, b[done:], off+int64(done)) })
		if err != nil {
			return done, fail(OpWriteAt, "", err)
		}
		done += n
	}
	return done, nil
}

func (f *linuxFile) SyncData() error {
	return fail(OpSyncData, "", retry(func() error { return unix.Fdatasync(f.fd) }))
}

func (f *linuxFile) Truncate(size int64) error {
	return fail(OpTruncate, "", retry(func() error { return unix.Ftruncate(f.fd, size) }))
}

func (f *linuxFile) PunchHole(off, n int64) error {
	return fail(OpPunchHole, "", retry(func() error {
		return unix.Fallocate(f.fd, unix.FALLOC_FL_PUNCH_HOLE|unix.FALLOC_FL_KEEP_SIZE, off, n)
	}))
}

func (f *linuxFile) Allocate(off, n int64) error {
	return fail(OpAllocate, "", retry(func() error { return unix.Fallocate(f.fd, unix.FALLOC_FL_KEEP_SIZE, off, n) }))
}

func (f *linuxFile) SeekData(off int64) (int64, error) {
	return f.seek(OpSeekData, off, unix.SEEK_DATA)
}

func (f *linuxFile) SeekHole(off int64) (int64, error) {
	return f.seek(OpSeekHole, off, unix.SEEK_HOLE)
}

func (f *linuxFile) seek(op Op, off int64, whence int) (int64, error) {
	at, err := unix.Seek(f.fd, off, whence)
	if errors.Is(err, unix.ENXIO) {
		return 0, io.EOF
	}
	return at, fail(op, "", err)
}

func (f *linuxFile) CopyFrom(src File, srcOff, off, n int64) (int64, error) {
	from, ok := src.(*linuxFile)
	if !ok {
		return 0, refuse(OpCopyFrom, "", ErrUnsupported)
	}
	const most = 1 << 30
	left := n
	for left > 0 {
		k, err := retryFD(func() (int, error) {
			return unix.CopyFileRange(from.fd, &srcOff, f.fd, &off, int(min(left, most)), 0)
		})
		if err != nil {
			return n - left, fail(OpCopyFrom, "", err)
		}
		if k == 0 {
			break
		}
		left -= int64(k)
	}
	return n - left, nil
}

func (f *linuxFile) Clone(src File) error {
	from, ok := src.(*linuxFile)
	if !ok {
		return refuse(OpClone, "", ErrUnsupported)
	}
	return fail(OpClone, "", retry(func() error { return unix.IoctlFileClone(f.fd, from.fd) }))
}
