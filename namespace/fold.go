package namespace

import "unicode/utf8"

//go:generate go run gen_upcase.go -in upcase

// Fold returns the upper case of r by the table that Windows keeps on NTFS
// volumes ($UpCase, as of Windows 7): one code unit to one code unit, whatever
// the language. So ß, ı and İ stay, and so does every code point above U+FFFF.
func Fold(r rune) rune {
	if uint32(r) > 0xFFFF {
		return r
	}
	if upper := upcasePages[upcaseIndex[r>>8]][r&0xFF]; upper != 0 {
		return rune(upper)
	}
	return r
}

// FoldString returns s with every code point folded. Two names are the same to
// Windows where their folded strings are equal. Bytes that are no UTF-8 stay.
func FoldString(s string) string {
	for i := range len(s) {
		if c := s[i]; c >= utf8.RuneSelf || isLower(c) {
			return string(appendFold(append(make([]byte, 0, len(s)), s[:i]...), s[i:]))
		}
	}
	return s
}

// EqualFold reports whether a and b are the same name to Windows.
func EqualFold(a, b string) bool {
	if a == b {
		return true
	}
	for i := 0; i < len(a) && i < len(b); i++ {
		if a[i]|b[i] >= utf8.RuneSelf {
			return equalFoldUTF8(a[i:], b[i:])
		}
		if upperASCII(a[i]) != upperASCII(b[i]) {
			return false
		}
	}
	return len(a) == len(b)
}

func equalFoldUTF8(a, b string) bool {
	for a != "" && b != "" {
		ra, na := nextFolded(a)
		rb, nb := nextFolded(b)
		if ra != rb {
			return false
		}
		a, b = a[na:], b[nb:]
	}
	return a == b
}

// appendFold appends s folded. It may be up to half as long again as s.
func appendFold(dst []byte, s string) []byte {
	for i := 0; i < len(s); {
		c := s[i]
		if c < utf8.RuneSelf {
			dst = append(dst, upperASCII(c))
			i++
			continue
		}
		r, n := utf8.DecodeRuneInString(s[i:])
		if r == utf8.RuneError {
			dst = append(dst, s[i:i+n]...)
		} else {
			dst = utf8.AppendRune(dst, Fold(r))
		}
		i += n
	}
	return dst
}

// nextFolded returns the first code point of s, folded, and how many bytes it
// takes. A byte that is no UTF-8 becomes a negative number of its own.
func nextFolded(s string) (folded rune, size int) {
	if c := s[0]; c < utf8.RuneSelf {
		return rune(upperASCII(c)), 1
	}
	r, n := utf8.DecodeRuneInString(s)
	if r == utf8.RuneError && n == 1 {
		return -1 - rune(s[0]), 1
	}
	return Fold(r), n
}

func isLower(c byte) bool { return c-'a' <= 'z'-'a' }

func upperASCII(c byte) byte {
	if isLower(c) {
		return c - ('a' - 'A')
	}
	return c
}
