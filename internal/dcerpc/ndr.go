package dcerpc

import (
	"encoding/binary"
	"fmt"
	"unicode/utf16"
)

// reader walks a PDU body or an NDR stub. The first fault sticks, and every
// later read answers zero.
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

func (r *reader) take(n int, field string) []byte {
	if r.err != nil {
		return nil
	}
	if n < 0 || n > len(r.b)-r.off {
		r.fail("%s at offset %d needs %d bytes, %d left", field, r.off, n, len(r.b)-r.off)
		return nil
	}
	r.off += n
	return r.b[r.off-n : r.off]
}

// align skips to the next multiple of n bytes from the stub's start. Senders
// leave out padding behind the last field, so its lack is no fault.
func (r *reader) align(n int) {
	if r.err == nil {
		r.off = min((r.off+n-1)/n*n, len(r.b))
	}
}

func (r *reader) u8(field string) uint8 {
	if b := r.take(1, field); b != nil {
		return b[0]
	}
	return 0
}

func (r *reader) u16(field string) uint16 {
	r.align(2)
	if b := r.take(2, field); b != nil {
		return binary.LittleEndian.Uint16(b)
	}
	return 0
}

func (r *reader) u32(field string) uint32 {
	r.align(4)
	if b := r.take(4, field); b != nil {
		return binary.LittleEndian.Uint32(b)
	}
	return 0
}

// text reads a conformant and varying string of UTF-16 units ([C706]
// 14.3.4.2): maximum count, offset, actual count, units. A closing NUL is
// dropped. Unpaired surrogates come out as U+FFFD: the names are only compared.
func (r *reader) text(field string) string {
	most, offset, count := r.u32(field), r.u32(field), r.u32(field)
	if offset != 0 || count > most || count > maxString {
		r.fail("%s: string of %d units at %d, maximum %d", field, count, offset, most)
		return ""
	}
	raw := r.take(int(count)*2, field)
	units := make([]uint16, len(raw)/2)
	for i := range units {
		units[i] = binary.LittleEndian.Uint16(raw[2*i:])
	}
	if n := len(units); n > 0 && units[n-1] == 0 {
		units = units[:n-1]
	}
	return string(utf16.Decode(units))
}

// optionalText reads a unique pointer to a string.
func (r *reader) optionalText(field string) string {
	if r.u32(field) == 0 {
		return ""
	}
	return r.text(field)
}

// writer builds an NDR stub. Pointers are written as referents, and what they
// point to follows behind the structure that holds them ([C706] 14.3.12.3):
// callers write the referents first, then the strings in the same order.
type writer struct {
	b        []byte
	referent uint32
}

func (w *writer) align(n int) {
	for len(w.b)%n != 0 {
		w.b = append(w.b, 0)
	}
}

func (w *writer) u32(v uint32) {
	w.align(4)
	w.b = binary.LittleEndian.AppendUint32(w.b, v)
}

// pointer writes a referent that is unique in the stub.
func (w *writer) pointer() {
	w.referent++
	w.u32(0x00020000 + 4*w.referent)
}

func (w *writer) null() { w.u32(0) }

// text writes a conformant and varying string with its closing NUL.
func (w *writer) text(s string) {
	units := utf16.Encode([]rune(s))
	n := uint32(len(units) + 1)
	w.u32(n)
	w.u32(0)
	w.u32(n)
	for _, u := range units {
		w.b = binary.LittleEndian.AppendUint16(w.b, u)
	}
	w.b = append(w.b, 0, 0)
}
