package smbtree

import (
	"errors"
	"fmt"

	"dfsd/internal/smb2"
)

// ErrWouldBlock is a READ on a pipe that holds no reply yet. The caller may
// park the request and try again after the next write to the pipe ([MS-SMB2]
// 3.3.5.12).
var ErrWouldBlock = errors.New("no reply on the pipe yet")

// BufferTooSmallError is STATUS_BUFFER_TOO_SMALL with the length that would do;
// the error body of the response carries it ([MS-SMB2] 2.2.2).
type BufferTooSmallError struct {
	Needed uint32 // bytes
}

func (e *BufferTooSmallError) Error() string {
	return fmt.Sprintf("%v: %d bytes needed", smb2.StatusBufferTooSmall, e.Needed)
}

// Unwrap returns smb2.StatusBufferTooSmall.
func (e *BufferTooSmallError) Unwrap() error { return smb2.StatusBufferTooSmall }
