package report

import (
	"fmt"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"dfsd/internal/quantity"
	"dfsd/replication/status"
)

// counted is n with its noun, which takes an s where it is not one.
func counted[T int | int64 | uint64](n T, noun string) string {
	if n != 1 {
		noun += "s"
	}
	return quantity.Count(n) + " " + noun
}

// isAre is the verb that goes with n things.
func isAre(n int) string {
	if n == 1 {
		return "is"
	}
	return "are"
}

// between is the span from t to now, "-" where t is not known. A t that is yet
// to come, as clocks differ, is now.
func between(t, now time.Time) string {
	if t.IsZero() {
		return "-"
	}
	return quantity.Span(max(0, now.Sub(t).Seconds()))
}

// progress is long work in a phrase: "installing, 12 of 100 files, about 21 s
// left".
func progress(p *status.Progress) string {
	if p == nil {
		return "no progress told yet"
	}
	parts := []string{p.Phase}
	switch {
	case p.FilesTotal > 0:
		parts = append(parts, quantity.Count(p.FilesDone)+" of "+counted(p.FilesTotal, "file"))
	case p.FilesDone > 0:
		parts = append(parts, counted(p.FilesDone, "file"))
	}
	switch {
	case p.BytesTotal > 0:
		parts = append(parts, quantity.Bytes(p.BytesDone)+" of "+quantity.Bytes(p.BytesTotal))
	case p.BytesDone > 0:
		parts = append(parts, quantity.Bytes(p.BytesDone))
	}
	if left := quantity.Span(p.SecondsLeft); left != "-" && p.FilesTotal > 0 {
		parts = append(parts, "about "+left+" left")
	}
	return strings.Join(parts, ", ")
}

// argument is s as one argument of a command in a POSIX shell. Backslashes
// survive in single quotes, in PowerShell too.
func argument(s string) string {
	plain := func(r rune) bool {
		return r < utf8.RuneSelf && (unicode.IsLetter(r) || unicode.IsDigit(r) || strings.ContainsRune("._:/@%+=,-", r))
	}
	if s != "" && strings.IndexFunc(s, func(r rune) bool { return !plain(r) }) < 0 {
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}

// visible is s with everything spelled out that cannot be seen or that moves
// what stands around it: control characters, marks of writing direction, zero
// width. Names come from any client; a page and a terminal obey what they hold.
func visible(s string) string {
	if strings.IndexFunc(s, unseen) < 0 && utf8.ValidString(s) {
		return s
	}
	var b strings.Builder
	for s != "" {
		r, size := utf8.DecodeRuneInString(s)
		switch {
		case r == utf8.RuneError && size == 1:
			fmt.Fprintf(&b, "⟨%02X⟩", s[0])
		case unseen(r):
			fmt.Fprintf(&b, "⟨U+%04X⟩", r)
		default:
			b.WriteRune(r)
		}
		s = s[size:]
	}
	return b.String()
}

// unseen holds for what visible spells out. The joiner and the variation
// selectors stay: emoji and several scripts are written with them.
func unseen(r rune) bool {
	switch {
	case r < utf8.RuneSelf: // most are
		return r < ' ' || r == 0x7f
	case r == '\u200c' || r == '\u200d':
		return false
	case r == '\ufffc', r == '\u115f', r == '\u1160', r == '\u3164', r == '\uffa0', r == '\u2800': // blank, yet letters or symbols
		return true
	}
	return unicode.In(r, unicode.Cc, unicode.Cf, unicode.Co, unicode.Zl, unicode.Zp)
}

// sentence is an error or a reason as one visible line of bounded length.
func sentence(s string) string {
	const longest = 600
	s = strings.Join(strings.FieldsFunc(s, func(r rune) bool { return r == '\n' || r == '\r' }), "; ")
	if utf8.RuneCountInString(s) > longest {
		s = string([]rune(s)[:longest]) + "…"
	}
	return visible(s)
}
