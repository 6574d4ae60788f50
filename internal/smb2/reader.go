package smb2

import (
	"encoding/binary"
	"fmt"
)

var le = binary.LittleEndian

// reader walks the fixed part of one body. The first fault sticks, so that
// fields read straight down; after it every read gives zero.
type reader struct {
	msg   []byte
	kind  string // the message, for errors
	off   int    // next byte to read
	floor int    // first byte behind the fixed part; no section begins earlier
	err   error
}

// readBody opens the body behind the header of msg and checks its
// StructureSize. The lowest bit of a structure size only says that a buffer
// follows; the fixed part is the rest.
func readBody(msg []byte, kind string, structureSize uint16) reader {
	return readFixed(msg, kind, structureSize, int(structureSize&^1))
}

// readFixed is readBody for the bodies whose StructureSize is not the length
// of their fixed part.
func readFixed(msg []byte, kind string, structureSize uint16, fixed int) reader {
	r := reader{msg: msg, kind: kind, off: HeaderSize, floor: HeaderSize + fixed}
	if len(msg) < r.floor {
		r.short("fixed part", HeaderSize, fixed)
		return r
	}
	if got := r.u16("structure size"); got != structureSize {
		r.fault("structure size is %d, want %d", got, structureSize)
	}
	return r
}

// readBytes opens a structure that stands alone, such as the input of an IOCTL
// or one context; offsets count from its first byte.
func readBytes(b []byte, kind string) reader {
	return reader{msg: b, kind: kind}
}

func (r *reader) take(n int, field string) []byte {
	if r.err != nil {
		return nil
	}
	if n < 0 || n > len(r.msg)-r.off {
		r.short(field, r.off, n)
		return nil
	}
	r.off += n
	return r.msg[r.off-n : r.off : r.off]
}

func (r *reader) u8(field string) uint8 {
	if b := r.take(1, field); b != nil {
		return b[0]
	}
	return 0
}

func (r *reader) u16(field string) uint16 {
	if b := r.take(2, field); b != nil {
		return le.Uint16(b)
	}
	return 0
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

func (r *reader) skip(n int) { r.take(n, "reserved") }

func (r *reader) guid(field string) (g [16]byte) {
	copy(g[:], r.take(16, field))
	return g
}

func (r *reader) fileID() FileID {
	return FileID{Persistent: r.u64("file id"), Volatile: r.u64("file id")}
}

// section returns the n bytes that the peer placed at off. An empty section is
// nil wherever it points, since peers leave garbage in offsets that they do
// not use.
func (r *reader) section(off, n uint32, field string) []byte {
	if r.err != nil || n == 0 {
		return nil
	}
	if int64(off) < int64(r.floor) {
		r.fault("%s at offset %d begins inside the fixed part of %d bytes", field, off, r.floor)
		return nil
	}
	end := uint64(off) + uint64(n)
	if end > uint64(len(r.msg)) {
		r.short(field, int(off), int(n))
		return nil
	}
	return r.msg[off:end:end]
}

// name is a section that holds UTF-16.
func (r *reader) name(off, n uint32, field string) string {
	b := r.section(off, n, field)
	if r.err != nil {
		return ""
	}
	s, err := decodeUTF16(b)
	if err != nil {
		r.err = fmt.Errorf("%s: %s at offset %d: %w", r.kind, field, off, err)
	}
	return s
}

// aligned demands that a section which is not empty begins at a multiple of 8.
func (r *reader) aligned(off, n uint32, field string) {
	if n != 0 && off%8 != 0 {
		r.fault("%s at offset %d is not aligned to 8", field, off)
	}
}

func (r *reader) short(field string, off, need int) {
	r.fault("%s at offset %d needs %d bytes, %d left", field, off, need, max(len(r.msg)-off, 0))
}

func (r *reader) fault(format string, args ...any) {
	if r.err == nil {
		r.err = fmt.Errorf("%w: %s: %s", ErrMalformed, r.kind, fmt.Sprintf(format, args...))
	}
}

// refuse records an error that is more exact than ErrMalformed.
func (r *reader) refuse(err error) {
	if r.err == nil {
		r.err = fmt.Errorf("%s: %w", r.kind, err)
	}
}
