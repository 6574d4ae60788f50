package fscc

import (
	"encoding/binary"
	"unicode/utf16"
	"unicode/utf8"
)

var le = binary.LittleEndian

// units returns how many UTF-16 code units s takes.
func units(s string) int {
	n := utf8.RuneCountInString(s)
	for _, r := range s {
		if r > 0xFFFF {
			n++
		}
	}
	return n
}

// nameBytes returns how many bytes s takes in UTF-16.
func nameBytes(s string) int { return 2 * units(s) }

// appendName appends s in UTF-16LE.
func appendName(b []byte, s string) []byte {
	for _, r := range s {
		if r > 0xFFFF {
			high, low := utf16.EncodeRune(r)
			b = le.AppendUint16(b, uint16(high))
			r = low
		}
		b = le.AppendUint16(b, uint16(r))
	}
	return b
}

// appendZeros appends n zero bytes.
func appendZeros(b []byte, n int) []byte {
	return append(b, make([]byte, n)...)
}
