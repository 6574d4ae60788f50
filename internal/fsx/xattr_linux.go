package fsx

import (
	"errors"
	"slices"
	"strings"

	"golang.org/x/sys/unix"
)

func (h *linuxHandle) Xattrs() ([]string, error) {
	if n, err := unix.Flistxattr(h.fd, nil); err == nil && n == 0 {
		return nil, nil // as of most files, without a buffer
	}
	b, err := grow(func(b []byte) (int, error) { return unix.Flistxattr(h.fd, b) })
	if err != nil {
		return nil, failXattr(OpXattrs, "", err)
	}
	names := strings.Split(strings.TrimSuffix(string(b), "\x00"), "\x00")
	if names[0] == "" {
		return nil, nil
	}
	slices.Sort(names)
	return names, nil
}

func (h *linuxHandle) Xattr(name string) ([]byte, error) {
	b, err := grow(func(b []byte) (int, error) { return unix.Fgetxattr(h.fd, name, b) })
	if err != nil {
		return nil, failXattr(OpXattr, name, err)
	}
	return b, nil
}

// grow reads what may grow while it is read.
func grow(read func([]byte) (int, error)) ([]byte, error) {
	for size := 1 << 10; ; size *= 4 {
		b := make([]byte, size)
		n, err := retryFD(func() (int, error) { return read(b) })
		if errors.Is(err, unix.ERANGE) && size < 1<<20 {
			continue
		}
		return b[:max(n, 0)], err
	}
}

func (h *linuxHandle) SetXattr(name string, value []byte) error {
	return failXattr(OpSetXattr, name, retry(func() error { return unix.Fsetxattr(h.fd, name, value, 0) }))
}

func (h *linuxHandle) RemoveXattr(name string) error {
	return failXattr(OpRemoveXattr, name, retry(func() error { return unix.Fremovexattr(h.fd, name) }))
}

// failXattr knows that a link's handle (O_PATH) holds no attributes.
func failXattr(op Op, name string, err error) error {
	if errors.Is(err, unix.EBADF) {
		return &Error{Op: op, Path: name, Class: ErrUnsupported, Err: err}
	}
	return fail(op, name, err)
}
