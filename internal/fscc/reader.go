package fscc

import (
	"errors"
	"fmt"
	"slices"
	"unicode/utf16"
)

// ErrMalformed is input whose lengths, offsets or values are wrong.
var ErrMalformed = errors.New("malformed file information")

// reader reads fields straight down; the first fault sticks.
type reader struct {
	b   []byte
	off int
	err error
}

func (r *reader) fault(format string, args ...any) {
	if r.err == nil {
		r.err = fmt.Errorf("%w: %s", ErrMalformed, fmt.Sprintf(format, args...))
	}
}

func (r *reader) take(n uint32, field string) []byte {
	if r.err != nil {
		return nil
	}
	left := len(r.b) - r.off
	if uint64(n) > uint64(left) {
		r.fault("%s at offset %d needs %d bytes, %d left", field, r.off, n, left)
		return nil
	}
	r.off += int(n)
	return r.b[r.off-int(n) : r.off]
}

func (r *reader) u32(field string) uint32 {
	if b := r.take(4, field); b != nil {
		return le.Uint32(b)
	}
	return 0
}

func (r *reader) u64(field string) uint64 {
	if b := r.take(8, field); b != nil {
		return le.Uint64(b)
	}
	return 0
}

// name reads n bytes of UTF-16 without unpaired surrogates.
func (r *reader) name(n uint32, field string) string {
	b := r.take(n, field)
	if len(b)%2 != 0 {
		r.fault("%s has the odd length %d", field, n)
		return ""
	}
	text := make([]uint16, len(b)/2)
	for i := range text {
		text[i] = le.Uint16(b[2*i:])
	}
	runes := utf16.Decode(text)
	if !slices.Equal(utf16.Encode(runes), text) {
		r.fault("%s is not UTF-16", field)
		return ""
	}
	return string(runes)
}
