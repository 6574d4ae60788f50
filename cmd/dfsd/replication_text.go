package main

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"dfsd/internal/quantity"
	"dfsd/replication/status"
)

// humanFiles is a number of files with its noun.
func humanFiles(n int64) string {
	if n == 1 {
		return "1 file"
	}
	return quantity.Count(n) + " files"
}

// humanSize writes n bytes in the largest unit of at least one: 1.2 GiB.
func humanSize(n int64) string {
	if n < 1024 {
		return strconv.FormatInt(n, 10) + " B"
	}
	return quantity.Bytes(n)
}

// humanSeconds writes a span of time. One of more than 68 years is not known.
func humanSeconds(s float64) string {
	if s > math.MaxInt32 {
		return "-"
	}
	return quantity.Span(s)
}

// humanProgress is the state of long work in one line: "installing  12,345 of
// 100,000 files, 1.2 GiB of 9.8 GiB, 4,210 files/s, about 21 s left".
func humanProgress(p status.Progress) string {
	var parts []string
	switch {
	case p.FilesTotal > 0:
		parts = append(parts, quantity.Count(p.FilesDone)+" of "+humanFiles(p.FilesTotal))
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
		parts = append(parts, quantity.Count(int64(p.FilesPerSecond))+" files/s")
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
