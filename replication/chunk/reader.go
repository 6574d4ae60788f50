package chunk

import (
	"encoding/binary"
	"fmt"
)

// A reader takes fields off the front of b. The first fault sticks, so that a
// parser reads straight down and asks once at its end.
type reader struct {
	b   []byte
	off int
	err error
}

func (r *reader) fail(format string, args ...any) {
	if r.err == nil {
		r.err = fmt.Errorf("%w: "+format, append([]any{ErrMalformed}, args...)...)
	}
}

func (r *reader) left() int { return len(r.b) - r.off }

func (r *reader) take(n int, field string) []byte {
	if r.err != nil {
		return nil
	}
	if n > r.left() {
		r.fail("%s at offset %d needs %d bytes, %d left", field, r.off, n, r.left())
		return nil
	}
	r.off += n
	return r.b[r.off-n : r.off]
}

func (r *reader) octet(field string) byte {
	if b := r.take(1, field); b != nil {
		return b[0]
	}
	return 0
}

// uvarint reads a number of at most limit in its shortest form.
func (r *reader) uvarint(limit uint64, field string) uint64 {
	if r.err != nil {
		return 0
	}
	v, n := binary.Uvarint(r.b[r.off:])
	switch {
	case n <= 0:
		r.fail("%s at offset %d is no number", field, r.off)
		return 0
	case n > 1 && v>>(7*(n-1)) == 0:
		r.fail("%s at offset %d is a number with idle bytes", field, r.off)
		return 0
	case v > limit:
		r.fail("%s at offset %d is %d, above %d", field, r.off, v, limit)
		return 0
	}
	r.off += n
	return v
}

// count reads the number of elements of at least size bytes each that follow,
// and refuses one that the bytes left cannot hold.
func (r *reader) count(size int, field string) int {
	return int(r.uvarint(uint64(r.left()/size), field))
}

func (r *reader) sum(field string) (sum [32]byte) {
	copy(sum[:], r.take(32, field))
	return sum
}

func (r *reader) id(field string) (id ID) {
	copy(id[:], r.take(16, field))
	return id
}

func (r *reader) format(want byte, what string) {
	if got := r.octet(what + " format"); r.err == nil && got != want {
		r.fail("%s of format %d, this version knows %d", what, got, want)
	}
}
