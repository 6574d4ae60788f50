// Package field takes fields off the body of a message: numbers in their shortest
// form, counts and byte strings, all within bounds.
package field

import (
	"encoding/binary"
	"fmt"
	"math"
)

// Reader takes fields off Body. The first fault sticks in Err, and all later
// fields are zero. It serves one goroutine.
type Reader struct {
	Body []byte
	Off  int   // of the next field in Body
	Err  error // the first fault, which wraps Malformed
	// Malformed is what the protocol calls bytes that no honest peer sends.
	Malformed error
}

// Fail notes a fault, unless there is one already.
func (r *Reader) Fail(format string, args ...any) {
	if r.Err == nil {
		r.Err = fmt.Errorf("%w: %s", r.Malformed, fmt.Sprintf(format, args...))
	}
}

// Left is how many bytes follow.
func (r *Reader) Left() int { return len(r.Body) - r.Off }

// Take returns the next n bytes, which alias the body.
func (r *Reader) Take(n int, field string) []byte {
	if r.Err != nil {
		return nil
	}
	if n < 0 || n > r.Left() {
		r.Fail("%s at offset %d needs %d bytes, %d left", field, r.Off, n, r.Left())
		return nil
	}
	r.Off += n
	return r.Body[r.Off-n : r.Off : r.Off]
}

// Byte takes one byte.
func (r *Reader) Byte(field string) byte {
	if b := r.Take(1, field); b != nil {
		return b[0]
	}
	return 0
}

// Bool takes one byte that is 0 or 1.
func (r *Reader) Bool(field string) bool {
	b := r.Byte(field)
	if b > 1 {
		r.Fail("%s is %d, neither 0 nor 1", field, b)
	}
	return b == 1
}

// Uvarint takes an unsigned number in its shortest form.
func (r *Reader) Uvarint(field string) uint64 {
	if r.Err != nil {
		return 0
	}
	v, n := binary.Uvarint(r.Body[r.Off:])
	if n <= 0 || n > 1 && r.Body[r.Off+n-1] == 0 {
		r.Fail("%s at offset %d is no number", field, r.Off)
		return 0
	}
	r.Off += n
	return v
}

// Amount takes a number of bytes or files, which is never negative.
func (r *Reader) Amount(field string) int64 {
	v := r.Uvarint(field)
	if v > math.MaxInt64 {
		r.Fail("%s %d is too large", field, v)
		return 0
	}
	return int64(v)
}

// Count takes a number of items that follow, of at least least bytes each, and
// refuses more than limit or than the bytes left can hold.
func (r *Reader) Count(limit, least int, field string) int {
	v := r.Uvarint(field)
	if v > uint64(limit) || v > uint64(r.Left()/least) {
		r.Fail("%d %s, at most %d; %d bytes left", v, field, limit, r.Left())
		return 0
	}
	return int(v)
}

// Bytes takes a byte string behind its length; it aliases the body.
func (r *Reader) Bytes(limit int, field string) []byte {
	n := r.Uvarint(field)
	if n > uint64(limit) {
		r.Fail("%s of %d bytes, at most %d", field, n, limit)
		return nil
	}
	return r.Take(int(n), field)
}

// End refuses what follows the last field of what, and returns the first fault.
func (r *Reader) End(what string) error {
	if r.Err == nil && r.Left() > 0 {
		r.Fail("%d bytes behind %s", r.Left(), what)
	}
	return r.Err
}

// AppendBool writes what Bool takes.
func AppendBool(b []byte, v bool) []byte {
	if v {
		return append(b, 1)
	}
	return append(b, 0)
}

// AppendBytes writes what Bytes takes.
func AppendBytes[S []byte | string](b []byte, s S) []byte {
	return append(binary.AppendUvarint(b, uint64(len(s))), s...)
}
