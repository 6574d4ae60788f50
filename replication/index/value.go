package index

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"

	"dfsd/replication"
	"dfsd/replication/version"
)

// valueFormat is the format of every payload of this version.
const valueFormat = 1

const sumSize = 4

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// errMalformed reports a payload that this package did not write.
var errMalformed = errors.New("malformed value")

// seal appends format and checksum around payload to b: the value to store
// under key.
func seal(b, key, payload []byte) []byte {
	start := len(b)
	b = append(append(b, valueFormat), payload...)
	sum := crc32.Update(crc32.Checksum(key, castagnoli), castagnoli, b[start:])
	return binary.LittleEndian.AppendUint32(b, sum)
}

// unseal returns the payload of the value stored under key, aliasing value.
func unseal(key, value []byte) ([]byte, error) {
	if len(value) < 1+sumSize {
		return nil, fmt.Errorf("%w: %d bytes", errMalformed, len(value))
	}
	body, sum := value[:len(value)-sumSize], binary.LittleEndian.Uint32(value[len(value)-sumSize:])
	if got := crc32.Update(crc32.Checksum(key, castagnoli), castagnoli, body); got != sum {
		return nil, fmt.Errorf("%w: checksum %08x, want %08x", errMalformed, got, sum)
	}
	if body[0] != valueFormat {
		return nil, fmt.Errorf("%w: format %d, this version knows %d", errMalformed, body[0], valueFormat)
	}
	return body[1:], nil
}

// fields takes numbers and bytes off the front of a payload; the first fault
// sticks.
type fields struct {
	b   []byte
	err error
}

func (f *fields) fail(field string) {
	if f.err == nil {
		f.err = fmt.Errorf("%w: %s is cut short or too long", errMalformed, field)
	}
}

func (f *fields) take(n int, field string) []byte {
	if f.err != nil || n > len(f.b) {
		f.fail(field)
		return nil
	}
	taken := f.b[:n]
	f.b = f.b[n:]
	return taken
}

func (f *fields) uvarint(field string) uint64 {
	v, n := binary.Uvarint(f.b)
	if f.err != nil || n <= 0 {
		f.fail(field)
		return 0
	}
	f.b = f.b[n:]
	return v
}

func (f *fields) varint(field string) int64 {
	v, n := binary.Varint(f.b)
	if f.err != nil || n <= 0 {
		f.fail(field)
		return 0
	}
	f.b = f.b[n:]
	return v
}

// text takes a length and as many bytes.
func (f *fields) text(most int, field string) string {
	n := f.uvarint(field)
	if n > uint64(most) {
		f.fail(field)
		return ""
	}
	return string(f.take(int(n), field))
}

func (f *fields) vector(field string) version.Vector {
	if f.err != nil {
		return version.Vector{}
	}
	v, rest, err := version.ParseVector(f.b)
	if err != nil {
		f.err = fmt.Errorf("%w: %s: %w", errMalformed, field, err)
		return version.Vector{}
	}
	f.b = rest
	return v
}

// record takes a record of the file id.
func (f *fields) record(id replication.FileID, field string) replication.Record {
	if f.err != nil {
		return replication.Record{}
	}
	r, rest, err := replication.ParseRecord(f.b)
	if err == nil && r.ID != id {
		err = fmt.Errorf("record of file %v", r.ID)
	}
	if err != nil {
		f.err = fmt.Errorf("%w: %s: %w", errMalformed, field, err)
		return replication.Record{}
	}
	f.b = rest
	return r
}

// end returns the first fault, counting bytes left over as one.
func (f *fields) end() error {
	if f.err == nil && len(f.b) > 0 {
		f.err = fmt.Errorf("%w: %d bytes left over", errMalformed, len(f.b))
	}
	return f.err
}
