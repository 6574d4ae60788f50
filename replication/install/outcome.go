package install

import (
	"errors"
	"fmt"

	"dfsd/internal/fsx"
)

// The errors that callers branch on.
var (
	// ErrChanged: the disk is not what the caller expected.
	ErrChanged = errors.New("changed since it was looked at")
	// ErrReserved: the path lies in the private area.
	ErrReserved = errors.New("name reserved for .dfsd")
	// ErrNotPreserved: no entry of that name.
	ErrNotPreserved = errors.New("not in the preserved store")
	// ErrClosed: the Installer was closed.
	ErrClosed = errors.New("installer closed")
)

// outcomeOf is the one place where errors become outcomes.
func outcomeOf(err error) Outcome {
	for _, row := range []struct {
		class   error
		outcome Outcome
	}{
		{ErrReserved, NameImpossible},
		{fsx.ErrName, NameImpossible},
		{ErrChanged, Conflict},
		{fsx.ErrExist, Conflict},
		{fsx.ErrNotExist, Conflict},
		{fsx.ErrNotDirectory, Conflict},
		{fsx.ErrIsDirectory, Conflict},
		{fsx.ErrNotEmpty, Conflict},
		{fsx.ErrNotRegular, Conflict},
		{fsx.ErrEscapes, Conflict},
		{fsx.ErrNoSpace, NoSpace},
		{fsx.ErrPermission, Denied},
		{fsx.ErrReadOnly, Denied},
	} {
		if errors.Is(err, row.class) {
			return row.outcome
		}
	}
	return Failed
}

// failed is the result of an item that err ended.
func failed(it Item, err error) Result {
	return Result{Outcome: outcomeOf(err), Err: fmt.Errorf("%s %s: %w", it.Op, it.Path, err)}
}
