package configs

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"unicode/utf8"

	"gopkg.in/yaml.v3"
)

// Both bound, in bytes, the search for the place of a syntax error: how much
// may be parsed for it in all, and how long a text may be for a search from
// its first line.
const (
	locateBudget = 128 << 20
	locateAll    = 4 << 20
)

// locate returns the offset in b at which the parser's problem arises. The
// parser names a line at best, often that of what surrounds the problem. But b
// cut off before that place fails in another way, or not at all, so the
// shortest beginning of b that fails alike ends there.
func locate(b []byte, problem string, err error) int {
	s := search{b: b, problem: problem, budget: locateBudget}
	first := 1
	if len(b) > locateAll {
		first = reportedLine(err)
	}
	start, end := s.line(first)
	return s.column(start, end)
}

// reportedLine is the line that the parser names, 1 where it names none.
func reportedLine(err error) int {
	var line int
	if _, scanErr := fmt.Sscanf(err.Error(), "yaml: line %d:", &line); scanErr != nil {
		return 1
	}
	return line
}

// search looks for the shortest beginning of b that fails with problem.
type search struct {
	b       []byte
	problem string
	budget  int
}

// failsAlike tells whether the first n bytes fail as the whole does.
func (s *search) failsAlike(n int) bool {
	s.budget -= n
	d := yaml.NewDecoder(bytes.NewReader(s.b[:n]))
	for {
		var doc yaml.Node
		switch err := decodeNode(d, &doc); {
		case errors.Is(err, io.EOF):
			return false
		case err != nil:
			return problemOf(err) == s.problem
		}
	}
}

// line returns where the line with the problem begins and where it ends, given
// that it is not above line first.
func (s *search) line(first int) (start, end int) {
	ends := lineEnds(s.b)
	first = min(max(first-1, 0), len(ends)-1)
	n, _ := slices.BinarySearchFunc(ends[first:], true, func(end int, _ bool) int {
		if s.budget < 0 || s.failsAlike(end) {
			return 0
		}
		return -1
	})
	n = min(first+n, len(ends)-1)
	if n > 0 {
		start = ends[n-1]
	}
	return start, ends[n]
}

// lineEnds returns the offset behind each line of b, its line break included.
func lineEnds(b []byte) []int {
	var ends []int
	for i, c := range b {
		if c == '\n' {
			ends = append(ends, i+1)
		}
	}
	if len(ends) == 0 || ends[len(ends)-1] < len(b) {
		ends = append(ends, len(b))
	}
	return ends
}

// column returns the offset of the problem between start and end: of the
// character with which the line begins to fail. Where it is the colon behind a
// key or the name behind a star, the key or the star stands wrong.
func (s *search) column(start, end int) int {
	text := bytes.TrimRight(s.b[start:end], " \r\n")
	at := s.boundary(start, len(text))
	for at > 0 && at < len(text) && !utf8.RuneStart(text[at]) {
		at--
	}
	switch {
	case at < len(text) && text[at] == ':':
		at = bytes.LastIndexAny(text[:at], " \t{[,") + 1
	case at > 0 && text[at-1] == '*':
		at--
	}
	indent := len(text) - len(bytes.TrimLeft(text, " "))
	return start + max(at, indent)
}

// boundary returns how many of the n bytes behind start can be there before
// the problem is. It comes from the end with growing steps, because earlier in
// a line the same problem may arise for a while: in a quote that is closed.
func (s *search) boundary(start, n int) int {
	fails, step := n, 1
	fine := n - step
	for fine > 0 && s.budget > 0 && s.failsAlike(start+fine) {
		fails = fine
		step *= 2
		fine = max(fine-step, 0)
	}
	for fails-fine > 1 && s.budget > 0 {
		if middle := fine + (fails-fine)/2; s.failsAlike(start + middle) {
			fails = middle
		} else {
			fine = middle
		}
	}
	return max(fine, 0)
}
