package dfsc

import (
	"encoding/binary"
	"fmt"
	"slices"
	"unicode/utf16"
	"unicode/utf8"
)

// appendText appends s, which is in UTF-8, in UTF-16LE and without a NUL.
func appendText[T string | []byte](b []byte, s T) []byte {
	b = slices.Grow(b, 2*len(s)) // no character is longer than that
	out, n := b[len(b):cap(b)], 0
	for i := 0; i < len(s); {
		if c := s[i]; c < utf8.RuneSelf {
			out[n], out[n+1] = c, 0
			i, n = i+1, n+2
			continue
		}
		r, size := decodeRune(s, i)
		i += size
		if r > 0xFFFF {
			var high rune
			high, r = utf16.EncodeRune(r)
			binary.LittleEndian.PutUint16(out[n:], uint16(high))
			n += 2
		}
		binary.LittleEndian.PutUint16(out[n:], uint16(r))
		n += 2
	}
	return b[:len(b)+n]
}

// terminate appends the NUL that ends a string.
func terminate(b []byte) []byte { return append(b, 0, 0) }

// textSize returns how many bytes appendText takes for s.
func textSize[T string | []byte](s T) int {
	n := 0
	for i := 0; i < len(s); n += 2 {
		r, size := decodeRune(s, i)
		i += size
		if r > 0xFFFF {
			n += 2
		}
	}
	return n
}

// decodeRune decodes the character of s at i, and returns its size.
func decodeRune[T string | []byte](s T, i int) (rune, int) {
	return utf8.DecodeRuneInString(string(s[i:min(i+utf8.UTFMax, len(s))]))
}

// decodeText decodes b, which has an even length, as UTF-16LE. It refuses a NUL
// and half a surrogate pair.
func decodeText(b []byte, field string) (string, error) {
	var buf [256]byte
	s := buf[:0]
	for i := 0; i < len(b); i += 2 {
		r := rune(binary.LittleEndian.Uint16(b[i:]))
		if utf16.IsSurrogate(r) {
			low := rune(0)
			if i+4 <= len(b) {
				low = rune(binary.LittleEndian.Uint16(b[i+2:]))
			}
			r = utf16.DecodeRune(r, low)
			if r == utf8.RuneError {
				return "", fmt.Errorf("%w: half a surrogate pair in %s", ErrIllegalCharacter, field)
			}
			i += 2
		}
		if r == 0 {
			return "", fmt.Errorf("%w: NUL within %s", ErrIllegalCharacter, field)
		}
		s = utf8.AppendRune(s, r)
	}
	return string(s), nil
}

// untilNUL returns the part of b before its first NUL character, and whether
// there is one.
func untilNUL(b []byte) ([]byte, bool) {
	for i := 0; i+2 <= len(b); i += 2 {
		if b[i] == 0 && b[i+1] == 0 {
			return b[:i], true
		}
	}
	return b, false
}
