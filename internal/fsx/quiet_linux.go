package fsx

import (
	"errors"

	"golang.org/x/sys/unix"
)

// Quiet asks by a read lease, which the kernel grants only while nobody has
// the file open for writing. Holding one gives the right of the lease's owner
// to be signalled by SIGIO, which the Go runtime ignores.
func (f *linuxFile) Quiet() (bool, error) {
	err := f.lease(unix.F_RDLCK)
	switch {
	case err == nil:
	case errors.Is(err, unix.EAGAIN):
		return false, nil
	case errors.Is(err, unix.EACCES), errors.Is(err, unix.EPERM), errors.Is(err, unix.EINVAL),
		errors.Is(err, unix.ENOTSUP), errors.Is(err, unix.ENOSYS), errors.Is(err, unix.ENOLCK):
		return false, &Error{Op: OpInfo, Class: ErrUnsupported, Err: err}
	default:
		return false, fail(OpInfo, "", err)
	}
	if err := f.lease(unix.F_UNLCK); err != nil {
		return false, fail(OpInfo, "", err)
	}
	return true, nil
}

func (f *linuxFile) lease(kind int) error {
	return retry(func() error {
		_, err := unix.FcntlInt(uintptr(f.fd), unix.F_SETLEASE, kind)
		return err
	})
}
