package doctor

import (
	"strings"
	"unicode"
)

// maxText bounds what is told of a text that somebody else chose.
const maxText = 128

// printable makes a text of somebody else fit for a terminal: one line, of what
// can be printed, and not long.
func printable(s string) string { return shortened(s, maxText) }

// printableLong is printable for what names several servers or a long DN.
func printableLong(s string) string { return shortened(s, 8*maxText) }

func shortened(s string, limit int) string {
	if len(s) > limit {
		s = strings.ToValidUTF8(s[:limit], "") + "…"
	}
	return strings.Map(func(c rune) rune {
		if !unicode.IsPrint(c) {
			return '?'
		}
		return c
	}, s)
}
