package sites

import (
	"unicode"
	"unicode/utf8"
)

// fold returns the form of a name that is equal for names that differ in case
// only, as strings.EqualFold sees it.
func fold(name string) string { return string(appendFold(nil, name)) }

func appendFold(b []byte, name string) []byte {
	for _, r := range name {
		b = utf8.AppendRune(b, foldRune(r))
	}
	return b
}

// foldRune returns the least rune that r is a case variant of.
func foldRune(r rune) rune {
	if r < utf8.RuneSelf {
		if 'a' <= r && r <= 'z' {
			r -= 'a' - 'A'
		}
		return r
	}
	least := r
	for next := unicode.SimpleFold(r); next != r; next = unicode.SimpleFold(next) {
		least = min(least, next)
	}
	return least
}
