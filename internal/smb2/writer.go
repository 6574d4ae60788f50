package smb2

import "fmt"

// writer appends fields in wire order.
type writer struct{ b []byte }

func (w *writer) u8(v uint8)   { w.b = append(w.b, v) }
func (w *writer) u16(v uint16) { w.b = le.AppendUint16(w.b, v) }
func (w *writer) u32(v uint32) { w.b = le.AppendUint32(w.b, v) }
func (w *writer) u64(v uint64) { w.b = le.AppendUint64(w.b, v) }

func (w *writer) bytes(b []byte) { w.b = append(w.b, b...) }

// zero appends n zero bytes, n at most 64.
func (w *writer) zero(n int) { w.b = append(w.b, zeros[:n]...) }

func (w *writer) fileID(id FileID) {
	w.u64(id.Persistent)
	w.u64(id.Volatile)
}

// len16 appends a length that the field gives 16 bits.
func (w *writer) len16(n int, field string) {
	if n > 0xFFFF {
		panic(fmt.Sprintf("smb2: %s of %d bytes does not fit its 16-bit length", field, n))
	}
	w.u16(uint16(n))
}

// len32 appends a length that the field gives 32 bits.
func (w *writer) len32(n int, field string) {
	if uint64(n) > 0xFFFFFFFF {
		panic(fmt.Sprintf("smb2: %s of %d bytes does not fit its 32-bit length", field, n))
	}
	w.u32(uint32(n))
}

// tail appends the buffer of a request whose StructureSize is odd. Such a body
// is never without a buffer: an empty one is a single zero byte, which servers
// demand of some commands. Responses go without, as those of Windows do.
func (w *writer) tail(b []byte) {
	if len(b) == 0 {
		w.u8(0)
		return
	}
	w.bytes(b)
}

// name appends a UTF-16 buffer, by the same rule as tail.
func (w *writer) name(s string) {
	if s == "" {
		w.u8(0)
		return
	}
	w.b = appendUTF16(w.b, s)
}

// offsetOf is the offset of a buffer of n bytes that stands at off: clients name
// none for an empty one.
func offsetOf(off uint16, n int) uint16 {
	if n == 0 {
		return 0
	}
	return off
}

// align8 pads to a multiple of 8 counted from start.
func (w *writer) align8(start int) { w.zero(-(len(w.b) - start) & 7) }

var zeros [64]byte
