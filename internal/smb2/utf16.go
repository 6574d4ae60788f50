package smb2

import (
	"unicode/utf16"
	"unicode/utf8"
)

// decodeUTF16 turns little-endian UTF-16 into a string. An odd length is
// ErrMalformed, an unpaired surrogate ErrBadName.
func decodeUTF16(b []byte) (string, error) {
	if len(b)%2 != 0 {
		return "", errOddName
	}
	var stack [256]byte
	out := stack[:0]
	for i := 0; i < len(b); i += 2 {
		u := rune(le.Uint16(b[i:]))
		if !utf16.IsSurrogate(u) {
			out = utf8.AppendRune(out, u)
			continue
		}
		if i+4 > len(b) {
			return "", ErrBadName
		}
		i += 2
		full := utf16.DecodeRune(u, rune(le.Uint16(b[i:])))
		if full == utf8.RuneError {
			return "", ErrBadName
		}
		out = utf8.AppendRune(out, full)
	}
	return string(out), nil
}

// appendUTF16 appends s as little-endian UTF-16 without a terminator. Bytes
// that are not UTF-8 become U+FFFD.
func appendUTF16(b []byte, s string) []byte {
	for _, r := range s {
		if hi, lo := utf16.EncodeRune(r); hi != utf8.RuneError {
			b = le.AppendUint16(b, uint16(hi))
			b = le.AppendUint16(b, uint16(lo))
			continue
		}
		b = le.AppendUint16(b, uint16(r))
	}
	return b
}

// sizeUTF16 is the number of bytes that appendUTF16 appends.
func sizeUTF16(s string) int {
	n := 0
	for _, r := range s {
		n += 2 * utf16.RuneLen(r)
	}
	return n
}
