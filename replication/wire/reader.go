package wire

import (
	"strings"

	"dfsd/internal/field"
	"dfsd/replication"
	"dfsd/replication/version"
)

// reader takes the fields of this protocol off a body.
type reader struct{ field.Reader }

func readerOf(body []byte) reader {
	return reader{field.Reader{Body: body, Malformed: ErrMalformed}}
}

// uint32 takes a number that fits 32 bits.
func (r *reader) uint32(field string) uint32 {
	v := r.Uvarint(field)
	if v > 1<<32-1 {
		r.Fail("%s %d does not fit 32 bits", field, v)
		return 0
	}
	return uint32(v)
}

// text takes a string for people: what is no UTF-8 is replaced.
func (r *reader) text(limit int, field string) string {
	return strings.ToValidUTF8(string(r.Bytes(limit, field)), "\uFFFD")
}

func (r *reader) folder() (k FolderKey) {
	copy(k[:], r.Take(len(k), "folder"))
	return k
}

func (r *reader) id(field string) (id replication.FileID) {
	copy(id[:], r.Take(len(id), field))
	return id
}

func (r *reader) hash(field string) (h replication.Hash) {
	copy(h[:], r.Take(len(h), field))
	return h
}

func (r *reader) vector(field string) version.Vector {
	if r.Err != nil {
		return version.Vector{}
	}
	v, rest, err := version.ParseVector(r.Body[r.Off:])
	if err != nil {
		r.Fail("%s at offset %d: %v", field, r.Off, err)
		return version.Vector{}
	}
	r.Off = len(r.Body) - len(rest)
	return v
}

// clip cuts a text of ours to what a partner accepts.
func clip(s string, limit int) string { return s[:min(len(s), limit)] }
