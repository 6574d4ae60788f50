package main

import (
	"context"
	"errors"
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"dfsd/configs"
	"dfsd/internal/admin"
)

// Exit codes, a contract with scripts.
const (
	exitFine        = 0
	exitFailed      = 1
	exitUsage       = 2
	exitNotFound    = 3
	exitUnreachable = 6
	exitTimedOut    = 7
	exitDegraded    = 8
	exitRefused     = 9
)

// errDegraded says that something that was looked at is not well. What it is has
// been printed already.
var errDegraded = errors.New("degraded")

// errUsage marks a command line that makes no sense.
var errUsage = errors.New("usage")

// exitCode is the one place where errors become exit codes.
func exitCode(err error) int {
	var refused *configs.Error
	switch {
	case err == nil:
		return exitFine
	case errors.Is(err, errUsage), errors.Is(err, admin.ErrBadRequest):
		return exitUsage
	case errors.As(err, &refused), errors.Is(err, admin.ErrRefused):
		return exitRefused
	case errors.Is(err, errDegraded):
		return exitDegraded
	case errors.Is(err, admin.ErrNotFound):
		return exitNotFound
	case errors.Is(err, admin.ErrUnreachable):
		return exitUnreachable
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, os.ErrDeadlineExceeded):
		return exitTimedOut
	}
	return exitFailed
}

// hintedError carries the next step along with what went wrong.
type hintedError struct {
	err  error
	hint string
}

func (e *hintedError) Error() string { return e.err.Error() }
func (e *hintedError) Unwrap() error { return e.err }

func withHint(err error, format string, args ...any) error {
	return &hintedError{err: err, hint: fmt.Sprintf(format, args...)}
}

type usage struct{ err error }

func (e *usage) Error() string        { return e.err.Error() }
func (e *usage) Unwrap() error        { return e.err }
func (e *usage) Is(target error) bool { return target == errUsage }

func usageError(cmd *cobra.Command, err error) error {
	return withHint(&usage{err}, "see '%s --help'", cmd.CommandPath())
}
