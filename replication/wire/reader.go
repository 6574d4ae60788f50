package wire

import (
	"encoding/binary"
	"fmt"
	"strings"

	"dfsd/replication"
	"dfsd/replication/version"
)

// reader takes fields off a body. The first fault sticks, and all later fields
// are zero.
type reader struct {
	b   []byte
	off int
	err error
}

func (r *reader) fail(format string, args ...any) {
	if r.err == nil {
		r.err = fmt.Errorf("%w: %s", ErrMalformed, fmt.Sprintf(format, args...))
	}
}

func (r *reader) left() int { return len(r.b) - r.off }

// take returns the next n bytes, which alias the body.
func (r *reader) take(n int, field string) []byte {
	if r.err != nil {
		return nil
	}
	if n < 0 || n > r.left() {
		r.fail("%s at offset %d needs %d bytes, %d left", field, r.off, n, r.left())
		return nil
	}
	r.off += n
	return r.b[r.off-n : r.off : r.off]
}

func (r *reader) byte(field string) byte {
	if b := r.take(1, field); b != nil {
		return b[0]
	}
	return 0
}

// bool takes one byte that is 0 or 1.
func (r *reader) bool(field string) bool {
	b := r.byte(field)
	if b > 1 {
		r.fail("%s is %d, neither 0 nor 1", field, b)
	}
	return b == 1
}

// uvarint takes an unsigned number in its shortest form.
func (r *reader) uvarint(field string) uint64 {
	if r.err != nil {
		return 0
	}
	v, n := binary.Uvarint(r.b[r.off:])
	if n <= 0 || n > 1 && r.b[r.off+n-1] == 0 {
		r.fail("%s at offset %d is no number", field, r.off)
		return 0
	}
	r.off += n
	return v
}

// uint32 takes a number that fits 32 bits.
func (r *reader) uint32(field string) uint32 {
	v := r.uvarint(field)
	if v > 1<<32-1 {
		r.fail("%s %d does not fit 32 bits", field, v)
		return 0
	}
	return uint32(v)
}

// amount takes a number of bytes or files, which is never negative.
func (r *reader) amount(field string) int64 {
	v := r.uvarint(field)
	if v > 1<<63-1 {
		r.fail("%s %d is too large", field, v)
		return 0
	}
	return int64(v)
}

// count takes a number of items that follow, of at least least bytes each, and
// refuses more than limit or than the bytes left can hold.
func (r *reader) count(limit, least int, field string) int {
	v := r.uvarint(field)
	if v > uint64(limit) || v > uint64(r.left()/least) {
		r.fail("%d %s, at most %d; %d bytes left", v, field, limit, r.left())
		return 0
	}
	return int(v)
}

// bytes takes a byte string behind its length; it aliases the body.
func (r *reader) bytes(limit int, field string) []byte {
	n := r.uvarint(field)
	if n > uint64(limit) {
		r.fail("%s of %d bytes, at most %d", field, n, limit)
		return nil
	}
	return r.take(int(n), field)
}

// text takes a string for people: what is no UTF-8 is replaced.
func (r *reader) text(limit int, field string) string {
	return strings.ToValidUTF8(string(r.bytes(limit, field)), "\uFFFD")
}

func (r *reader) folder() (k FolderKey) {
	copy(k[:], r.take(len(k), "folder"))
	return k
}

func (r *reader) id(field string) (id replication.FileID) {
	copy(id[:], r.take(len(id), field))
	return id
}

func (r *reader) hash(field string) (h replication.Hash) {
	copy(h[:], r.take(len(h), field))
	return h
}

func (r *reader) vector(field string) version.Vector {
	if r.err != nil {
		return version.Vector{}
	}
	v, rest, err := version.ParseVector(r.b[r.off:])
	if err != nil {
		r.fail("%s at offset %d: %v", field, r.off, err)
		return version.Vector{}
	}
	r.off = len(r.b) - len(rest)
	return v
}

// end refuses what follows the last field.
func (r *reader) end(what string) {
	if r.err == nil && r.left() > 0 {
		r.fail("%d bytes behind %s", r.left(), what)
	}
}

func appendBool(b []byte, v bool) []byte {
	if v {
		return append(b, 1)
	}
	return append(b, 0)
}

// appendBytes writes s behind its length.
func appendBytes[S []byte | string](b []byte, s S) []byte {
	return append(binary.AppendUvarint(b, uint64(len(s))), s...)
}

// clip cuts a text of ours to what a partner accepts.
func clip(s string, limit int) string { return s[:min(len(s), limit)] }
