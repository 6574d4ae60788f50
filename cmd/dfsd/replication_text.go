package main

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"dfsd/replication/status"
)

// humanCount writes n with its thousands apart: 12,345.
func humanCount(n int64) string {
	digits := strconv.FormatInt(n, 10)
	sign := ""
	if n < 0 {
		sign, digits = "-", digits[1:]
	}
	for i := len(digits) - 3; i > 0; i -= 3 {
		digits = digits[:i] + "," + digits[i:]
	}
	return sign + digits
}

// humanFiles is a number of files with its noun.
func humanFiles(n int64) string {
	if n == 1 {
		return "1 file"
	}
	return humanCount(n) + " files"
}

// humanSize writes n bytes in the largest unit of at least one: 1.2 GiB.
func humanSize(n int64) string {
	if n < 1024 {
		return strconv.FormatInt(n, 10) + " B"
	}
	x, unit := float64(n), -1
	for unit < 5 && (x >= 1024 || math.Round(x*10)/10 >= 1024) {
		x /= 1024
		unit++
	}
	return strings.TrimSuffix(strconv.FormatFloat(x, 'f', 1, 64), ".0") + " " + []string{"KiB", "MiB", "GiB", "TiB", "PiB", "EiB"}[unit]
}

// humanSeconds writes a span of time in at most two units, rounded down, as it
// is said: 21 s, 3 min, 2 h 5 min. What is unknown, below 0, is "-".
func humanSeconds(s float64) string {
	if math.IsNaN(s) || s < 0 || s > math.MaxInt32 {
		return "-"
	}
	n := int64(s)
	switch {
	case n < 60:
		return fmt.Sprintf("%d s", n)
	case n < 600:
		return twoUnits(n, 60, "min", "s")
	case n < 3600:
		return fmt.Sprintf("%d min", n/60)
	case n < 86400:
		return twoUnits(n/60, 60, "h", "min")
	}
	return twoUnits(n/3600, 24, "d", "h")
}

func twoUnits(n, per int64, large, small string) string {
	text := humanCount(n/per) + " " + large
	if n%per != 0 {
		text += fmt.Sprintf(" %d %s", n%per, small)
	}
	return text
}

// humanProgress is the state of long work in one line: "installing  12,345 of
// 100,000 files, 1.2 GiB of 9.8 GiB, 4,210 files/s, about 21 s left".
func humanProgress(p status.Progress) string {
	var parts []string
	switch {
	case p.FilesTotal > 0:
		parts = append(parts, humanCount(p.FilesDone)+" of "+humanFiles(p.FilesTotal))
	case p.FilesDone > 0:
		parts = append(parts, humanFiles(p.FilesDone))
	}
	switch {
	case p.BytesTotal > 0:
		parts = append(parts, humanSize(p.BytesDone)+" of "+humanSize(p.BytesTotal))
	case p.BytesDone > 0:
		parts = append(parts, humanSize(p.BytesDone))
	}
	switch { // few large files move without one of them ending
	case p.FilesPerSecond >= 1:
		parts = append(parts, humanCount(int64(p.FilesPerSecond))+" files/s")
	case p.BytesPerSecond >= 1:
		parts = append(parts, humanSize(int64(p.BytesPerSecond))+"/s")
	}
	if p.SecondsLeft >= 0 && p.FilesTotal > 0 {
		parts = append(parts, "about "+humanSeconds(p.SecondsLeft)+" left")
	}
	if len(parts) == 0 {
		return oneLine(p.Phase)
	}
	return oneLine(p.Phase) + "  " + strings.Join(parts, ", ")
}

// shown is a name or path as a table may show it: names come from any client,
// and a terminal obeys what they contain. One that could be mistaken, because
// it holds what cannot be printed or begins or ends with what cannot be seen,
// is written in quotes as Go writes strings.
func shown(name string) string {
	if name == "" {
		return "-"
	}
	if printable(name) && strings.TrimSpace(name) == name && name[0] != '"' {
		return name
	}
	return strconv.Quote(name)
}

func printable(s string) bool {
	return utf8.ValidString(s) && strings.IndexFunc(s, func(r rune) bool { return !unicode.IsPrint(r) }) < 0
}

// oneLine is a text for people on one line, harmless to a terminal.
func oneLine(text string) string {
	return harmless(strings.Join(strings.FieldsFunc(text, func(r rune) bool { return r == '\n' || r == '\r' }), "; "))
}

// harmless escapes what cannot be printed, but for the ends of lines.
func harmless(text string) string {
	if printable(text) {
		return text
	}
	var b strings.Builder
	for len(text) > 0 {
		r, size := utf8.DecodeRuneInString(text)
		switch {
		case r == utf8.RuneError && size == 1:
			fmt.Fprintf(&b, `\x%02x`, text[0])
		case r == '\n' || unicode.IsPrint(r):
			b.WriteRune(r)
		default:
			b.WriteString(strings.Trim(strconv.QuoteRune(r), "'"))
		}
		text = text[size:]
	}
	return b.String()
}

// harmlessError is an error whose words a terminal may show.
type harmlessError struct{ err error }

func (e *harmlessError) Error() string { return harmless(e.err.Error()) }
func (e *harmlessError) Unwrap() error { return e.err }
