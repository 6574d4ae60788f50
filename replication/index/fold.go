package index

import (
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// foldVersion names the tables that fold works by. An index written by others
// has its children table rewritten when it is opened.
const foldVersion = unicode.Version + "/" + norm.Version

// fold returns the form in which names that some file system would take for the
// same are equal: composed (NFC), each character replaced by the least of those
// that differ from it in case alone. Bytes that are no UTF-8 stay as they are.
func fold(name string) string {
	if folded, ok := foldASCII(name); ok {
		return folded
	}
	b := make([]byte, 0, len(name))
	for name = norm.NFC.String(name); name != ""; {
		r, n := utf8.DecodeRuneInString(name)
		if r == utf8.RuneError && n == 1 {
			b = append(b, name[0])
		} else {
			b = utf8.AppendRune(b, foldRune(r))
		}
		name = name[n:]
	}
	return string(b)
}

// foldASCII folds a name of ASCII characters alone.
func foldASCII(name string) (string, bool) {
	b := make([]byte, len(name))
	for i := range len(name) {
		c := name[i]
		if c >= utf8.RuneSelf {
			return "", false
		}
		if 'a' <= c && c <= 'z' {
			c -= 'a' - 'A'
		}
		b[i] = c
	}
	return string(b), true
}

// foldRune goes round the characters that equal r but for case, in rising
// order, until the order starts anew.
func foldRune(r rune) rune {
	for {
		next := unicode.SimpleFold(r)
		if next <= r {
			return next
		}
		r = next
	}
}
