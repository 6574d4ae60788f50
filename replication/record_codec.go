package replication

import (
	"encoding/binary"
	"errors"
	"fmt"

	"dfsd/replication/version"
)

// ErrMalformed is returned for bytes that are not an encoded record.
var ErrMalformed = errors.New("replication: malformed record")

// Bounds of a record that comes from outside.
const (
	MaxName       = 255       // bytes of a name
	MaxTarget     = 4095      // bytes of a symbolic link's target
	MaxXattrs     = 1024      // extended attributes of one object
	MaxXattrName  = 255       // bytes of an extended attribute's name
	MaxXattrValue = 64 * 1024 // bytes of an extended attribute's value
)

const recordFormat = 1 // the first byte of every encoded record

// Bits of the flags byte.
const (
	flagDeleted   = 1 << 0
	flagDisplaced = 1 << 1
	flagInto      = 1 << 2
	flagsKnown    = flagDeleted | flagDisplaced | flagInto
)

// Append appends the encoding of r to b, the same for index and wire:
//
//	format    1 byte, 1
//	flags     1 byte: 1 deleted, 2 displaced, 4 Into follows
//	kind      1 byte
//	id        16 bytes
//	parent    16 bytes
//	into      16 bytes, if flagged; not zero
//	name      string
//	stamp     origin, 16 bytes; count, uvarint
//	history   as [version.Vector.Append]
//	fence     uvarint
//	created   varint
//	clock     varint
//	size      uvarint
//	hash      32 bytes, files that are not deleted only
//	target    string, symbolic links only
//	mode, uid, gid  uvarint
//	mtime     varint
//	xattrs    uvarint count, then name and value of each as strings
//
// A string is a uvarint length and as many bytes. Every number has its
// shortest form, so equal records have equal bytes.
func (r *Record) Append(b []byte) []byte {
	b = append(b, recordFormat, r.flags(), byte(r.Kind))
	b = append(b, r.ID[:]...)
	b = append(b, r.Parent[:]...)
	if r.Into != RootID {
		b = append(b, r.Into[:]...)
	}
	b = appendString(b, r.Name)
	b = append(b, r.Stamp.Origin[:]...)
	b = binary.AppendUvarint(b, r.Stamp.Count)
	b = r.History.Append(b)
	b = binary.AppendUvarint(b, uint64(r.Fence))
	b = binary.AppendVarint(b, r.Created)
	b = binary.AppendVarint(b, r.Clock)
	b = binary.AppendUvarint(b, uint64(r.Size))
	if r.hasHash() {
		b = append(b, r.Hash[:]...)
	}
	if r.Kind == Symlink {
		b = appendString(b, r.Target)
	}
	return r.Attr.append(b)
}

func (r *Record) hasHash() bool { return r.Kind == File && !r.Deleted }

func (r *Record) flags() byte {
	var f byte
	if r.Deleted {
		f |= flagDeleted
	}
	if r.Displaced {
		f |= flagDisplaced
	}
	if r.Into != RootID {
		f |= flagInto
	}
	return f
}

func (a *Attr) append(b []byte) []byte {
	b = binary.AppendUvarint(b, uint64(a.Mode))
	b = binary.AppendUvarint(b, uint64(a.UID))
	b = binary.AppendUvarint(b, uint64(a.GID))
	b = binary.AppendVarint(b, a.MTime)
	b = binary.AppendUvarint(b, uint64(len(a.Xattrs)))
	for _, x := range a.Xattrs {
		b = appendString(b, x.Name)
		b = binary.AppendUvarint(b, uint64(len(x.Value)))
		b = append(b, x.Value...)
	}
	return b
}

func appendString(b []byte, s string) []byte {
	b = binary.AppendUvarint(b, uint64(len(s)))
	return append(b, s...)
}

// ParseRecord reads a record from the front of b and returns what follows it.
// It checks form and bounds only; [Record.Validate] checks sense. The record
// holds no part of b. It allocates in proportion to the bytes that are there.
func ParseRecord(b []byte) (Record, []byte, error) {
	rd := recordReader{b: b}
	r := rd.record()
	if rd.err != nil {
		return Record{}, nil, rd.err
	}
	return r, rd.b, nil
}

// recordReader reads fields from the front of b; the first fault sticks.
type recordReader struct {
	b   []byte
	err error
}

func (d *recordReader) record() Record {
	var r Record
	if f := d.byte("format"); d.err == nil && f != recordFormat {
		d.fail("format %d", f)
	}
	flags := d.byte("flags")
	if flags&^flagsKnown != 0 {
		d.fail("flags %#x", flags)
	}
	r.Deleted, r.Displaced = flags&flagDeleted != 0, flags&flagDisplaced != 0
	r.Kind = Kind(d.byte("kind"))
	d.id(&r.ID, "id")
	d.id(&r.Parent, "parent")
	if flags&flagInto != 0 {
		if d.id(&r.Into, "into"); r.Into == RootID {
			d.fail("into is zero")
		}
	}
	r.Name = string(d.bytes(MaxName, "name"))
	copy(r.Stamp.Origin[:], d.take(len(r.Stamp.Origin), "origin"))
	r.Stamp.Count = d.uvarint("count")
	r.History = d.vector()
	r.Fence = d.uint32("fence")
	r.Created = d.varint("created")
	r.Clock = d.varint("clock")
	if r.Size = int64(d.uvarint("size")); r.Size < 0 {
		d.fail("size %d", r.Size)
	}
	if r.hasHash() {
		copy(r.Hash[:], d.take(len(r.Hash), "hash"))
	}
	if r.Kind == Symlink {
		r.Target = string(d.bytes(MaxTarget, "target"))
	}
	r.Attr = d.attr()
	return r
}

func (d *recordReader) attr() Attr {
	a := Attr{Mode: d.uint32("mode"), UID: d.uint32("uid"), GID: d.uint32("gid"), MTime: d.varint("mtime")}
	n := d.uvarint("xattrs")
	if n > MaxXattrs || n > uint64(len(d.b)/2) {
		d.fail("%d xattrs in %d bytes", n, len(d.b))
	}
	if d.err != nil || n == 0 {
		return a
	}
	a.Xattrs = make([]Xattr, 0, n)
	for range n {
		name := string(d.bytes(MaxXattrName, "xattr name"))
		value := d.bytes(MaxXattrValue, "xattr value")
		a.Xattrs = append(a.Xattrs, Xattr{Name: name, Value: append([]byte{}, value...)})
	}
	return a
}

func (d *recordReader) fail(format string, args ...any) {
	if d.err == nil {
		d.err = fmt.Errorf("%w: %s", ErrMalformed, fmt.Sprintf(format, args...))
	}
}

func (d *recordReader) take(n int, field string) []byte {
	if d.err != nil {
		return nil
	}
	if n > len(d.b) {
		d.fail("%s needs %d bytes, %d left", field, n, len(d.b))
		return nil
	}
	out := d.b[:n]
	d.b = d.b[n:]
	return out
}

func (d *recordReader) byte(field string) byte {
	if b := d.take(1, field); b != nil {
		return b[0]
	}
	return 0
}

func (d *recordReader) id(id *FileID, field string) { copy(id[:], d.take(len(id), field)) }

func (d *recordReader) uvarint(field string) uint64 {
	if d.err != nil {
		return 0
	}
	x, n := binary.Uvarint(d.b)
	if n <= 0 || n > 1 && d.b[n-1] == 0 {
		d.fail("%s is no number", field)
		return 0
	}
	d.b = d.b[n:]
	return x
}

func (d *recordReader) varint(field string) int64 {
	u := d.uvarint(field)
	return int64(u>>1) ^ -int64(u&1)
}

func (d *recordReader) uint32(field string) uint32 {
	x := d.uvarint(field)
	if x > 1<<32-1 {
		d.fail("%s %d", field, x)
	}
	return uint32(x)
}

func (d *recordReader) bytes(most int, field string) []byte {
	n := d.uvarint(field)
	if n > uint64(most) {
		d.fail("%s of %d bytes", field, n)
		return nil
	}
	return d.take(int(n), field)
}

func (d *recordReader) vector() version.Vector {
	if d.err != nil {
		return version.Vector{}
	}
	v, rest, err := version.ParseVector(d.b)
	if err != nil {
		d.err = fmt.Errorf("%w: history: %w", ErrMalformed, err)
		return version.Vector{}
	}
	d.b = rest
	return v
}
