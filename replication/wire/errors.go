package wire

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"

	"dfsd/internal/field"
)

// What goes wrong between members, the same on both sides of the wire.
var (
	ErrMalformed     = errors.New("malformed message")
	ErrTooLarge      = errors.New("message too large")
	ErrVersion       = errors.New("no protocol version in common")
	ErrProtocol      = errors.New("message out of place")
	ErrUnsupported   = errors.New("request not supported")
	ErrUnknownFolder = errors.New("no such replicated folder for this member")
	ErrNotPermitted  = errors.New("not permitted to this member")
	ErrNotFound      = errors.New("no such content")
	ErrChanged       = errors.New("content has changed since")
	ErrBusy          = errors.New("too much at once")
	ErrPaused        = errors.New("replication is paused")
	ErrStorage       = errors.New("storage failed")
	ErrCanceled      = errors.New("request canceled")
	ErrShuttingDown  = errors.New("member is shutting down")
	ErrDuplicate     = errors.New("another session took this one's place")
	ErrInternal      = errors.New("internal error")
)

// Code is the number of an error on the wire; zero is none.
type Code uint32

// codes pairs errors and codes. The number of a code is its place counted from
// 1; entries are only ever added at the end.
var codes = [...]error{
	ErrInternal, ErrMalformed, ErrTooLarge, ErrVersion, ErrProtocol, ErrUnsupported, ErrUnknownFolder, ErrNotPermitted,
	ErrNotFound, ErrChanged, ErrBusy, ErrPaused, ErrStorage, ErrCanceled, ErrShuttingDown, ErrDuplicate,
}

// CodeOf returns the code that a partner is told for err: 0 for nil, that of
// ErrInternal for what has none of its own.
func CodeOf(err error) Code {
	if err == nil {
		return 0
	}
	for i, sentinel := range codes {
		if errors.Is(err, sentinel) {
			return Code(i + 1)
		}
	}
	if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return CodeOf(ErrCanceled)
	}
	return CodeOf(ErrInternal)
}

// Err returns the error that c stands for: nil for 0, ErrInternal for a code
// of a newer version.
func (c Code) Err() error {
	switch {
	case c == 0:
		return nil
	case int(c) <= len(codes):
		return codes[c-1]
	}
	return ErrInternal
}

const maxText = 1 << 10

// Error answers a request that failed, and tells why. As a Go error it wraps
// the sentinel of its code.
type Error struct {
	Code Code
	Text string // for people; at most 1 KiB
}

// ErrorOf returns the message that tells a partner of err: for errors without
// a code of their own the code alone, because their text may name paths here.
func ErrorOf(err error) Error {
	e := Error{Code: CodeOf(err)}
	if e.Code != CodeOf(ErrInternal) {
		e.Text = clip(err.Error(), maxText)
	}
	return e
}

// Type is TypeError.
func (Error) Type() Type { return TypeError }

// Append writes code and text.
func (e Error) Append(b []byte) []byte {
	return field.AppendBytes(binary.AppendUvarint(b, uint64(e.Code)), clip(e.Text, maxText))
}

func parseError(r *reader) Message { return Error{Code(r.uint32("code")), r.text(maxText, "text")} }

func (e Error) Error() string {
	if e.Text == "" || e.Text == e.Unwrap().Error() {
		return fmt.Sprintf("partner: %v", e.Unwrap())
	}
	return "partner: " + e.Text
}

// Unwrap returns the sentinel of the code.
func (e Error) Unwrap() error {
	if err := e.Code.Err(); err != nil {
		return err
	}
	return ErrInternal
}

// Goodbye ends a session and tells why; nothing follows it.
type Goodbye struct {
	Code Code // 0: no fault
	Text string
}

// Type is TypeGoodbye.
func (Goodbye) Type() Type { return TypeGoodbye }

// Append writes code and text.
func (g Goodbye) Append(b []byte) []byte {
	return field.AppendBytes(binary.AppendUvarint(b, uint64(g.Code)), clip(g.Text, maxText))
}

func parseGoodbye(r *reader) Message { return Goodbye{Code(r.uint32("code")), r.text(maxText, "text")} }
