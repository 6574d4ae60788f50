package fsx

import (
	"errors"
	"io/fs"
)

// The classes of errors that callers branch on.
var (
	ErrNotExist    = fs.ErrNotExist
	ErrExist       = fs.ErrExist
	ErrPermission  = fs.ErrPermission
	ErrClosed      = fs.ErrClosed
	ErrUnsupported = errors.ErrUnsupported

	ErrEscapes      = errors.New("path leaves its directory or crosses a symbolic link")
	ErrName         = errors.New("name impossible here")
	ErrNoSpace      = errors.New("no space left")
	ErrReadOnly     = errors.New("read-only file system")
	ErrIO           = errors.New("input/output error")
	ErrNotDirectory = errors.New("not a directory")
	ErrIsDirectory  = errors.New("is a directory")
	ErrNotEmpty     = errors.New("directory not empty")
	ErrNotRegular   = errors.New("not a regular file")
	ErrCrossDevice  = errors.New("on another file system")
	ErrNoXattr      = errors.New("no such extended attribute")
	ErrXattrSize    = errors.New("extended attribute too large")
)

// Error is a call that failed.
type Error struct {
	Op    Op
	Path  string // as the caller gave it; empty for a handle's own methods
	Class error  // one of this package's; nil when it is none of them
	Err   error  // the system's own; nil when the class says it all
}

// Error returns operation, path and cause.
func (e *Error) Error() string {
	cause := e.Err
	if cause == nil {
		cause = e.Class
	}
	if e.Path == "" {
		return e.Op.String() + ": " + cause.Error()
	}
	return e.Op.String() + " " + e.Path + ": " + cause.Error()
}

// Unwrap returns class and cause.
func (e *Error) Unwrap() []error {
	var out []error
	for _, err := range []error{e.Class, e.Err} {
		if err != nil {
			out = append(out, err)
		}
	}
	return out
}

// refuse is a call that this package itself refuses.
func refuse(op Op, path string, class error) error {
	return &Error{Op: op, Path: path, Class: class}
}
