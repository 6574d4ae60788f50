package fscc

import (
	"errors"
	"strings"
	"testing"
	"unicode"
	"unicode/utf16"

	"pgregory.net/rapid"
)

func upper(r rune) rune {
	if r > 0xFFFF {
		return r
	}
	return unicode.ToUpper(r)
}

// TestPatternMatch: the wildcards of [MS-FSA] 2.1.4.4, and the patterns that
// Windows makes of what users type: *.* stays, *. becomes <, ? becomes >, a dot
// before a wildcard becomes ".
func TestPatternMatch(t *testing.T) {
	tests := []struct {
		pattern, name string
		want          bool
	}{
		{"*", "", true},
		{"*", ".", true},
		{"*", "anything.at.all", true},
		{"*.*", "a.b", true},
		{"*.*", "a", false},
		{"*.*", "..", true},
		{"a*", "abc", true},
		{"a*", "bac", false},
		{"*c", "abc", true},
		{"*c", "abcd", false},
		{"a*b*c", "a--b--b--c", true},
		{"a*b*c", "a--c", false},
		{"**", "abc", true},
		{"abc", "ABC", true},
		{"äÖ", "Äö", true},
		{"abc", "ab", false},
		{"abc", "abcd", false},
		{"?", "a", true},
		{"?", "", false},
		{"?", "ab", false},
		{"?", ".", true},
		{"??", "𝄞", true}, // two UTF-16 code units
		{"?", "𝄞", false},
		{"𝄞*", "𝄞x", true},
		{"𝄢*", "𝄞x", false},

		{"<", "name", true},
		{"<", "name.ext", false},
		{"<", "name.", true},
		{"<", ".", true},
		{"<", "..", true},
		{"<.txt", "a.txt", true},
		{"<.txt", "a.b.txt", true},
		{"<.txt", "a.txt.bak", false},
		{"<txt", "a.b.txt", true},
		{"<b.txt", "a.b.txt", true},
		{"a.<", "a.b", true},
		{"<<", "a.b", true},
		{"<*", "a.b", true},
		{"<x", "a.bx", false},

		{">", "a", true},
		{">", "", true},
		{">", ".", false},
		{">>>", "ab", true},
		{">>>", "abcd", false},
		{"a>>>", "a", true},
		{`>>>".txt`, "ab..txt", true},
		{">>>.txt", "ab.txt", true},
		{">>>.txt", "abcd.txt", false},
		{">>>.txt", ".txt", true},
		{"a>b", "ab", false},
		{"a>b", "axb", true},

		{`a"`, "a", true},
		{`a"`, "a.", true},
		{`a"`, "ab", false},
		{`a"*`, "a", true},
		{`a"*`, "a.b", true},
		{`a"*`, "ab", false},
		{`a""`, "a", true},
		{`"`, "", true},
		{`<"*`, "name", true},
		{`<"*`, "name.ext", true},
		{`>>>>>>>>">>>`, "name.ext", true},
		{`>>>>>>>>">>>`, "name", true},
		{`>>>>>>>>">>>`, "longername.ext", false},
	}
	for _, tt := range tests {
		t.Run(tt.pattern+" "+tt.name, func(t *testing.T) {
			p, err := NewPattern(tt.pattern, upper)
			if err != nil {
				t.Fatalf("NewPattern(%q) = %v", tt.pattern, err)
			}
			if got := p.Match(tt.name); got != tt.want {
				t.Errorf("Match(%q, %q) = %v, want %v", tt.pattern, tt.name, got, tt.want)
			}
			if got := oracleMatch(tt.pattern, tt.name); got != tt.want {
				t.Errorf("oracleMatch(%q, %q) = %v, want %v", tt.pattern, tt.name, got, tt.want)
			}
		})
	}
}

func TestNewPattern(t *testing.T) {
	tests := []struct {
		name    string
		pattern string
		err     error
		literal bool
	}{
		{"literal", "a.b", nil, true},
		{"star", "a*", nil, false},
		{"question", "a?", nil, false},
		{"less", "a<", nil, false},
		{"greater", "a>", nil, false},
		{"quote", `a"`, nil, false},
		{"dots", "..", nil, true},
		{"255 stars", strings.Repeat("*", 255), nil, false},
		{"256 stars", strings.Repeat("*", 256), ErrBadPattern, false},
		{"256 units", strings.Repeat("𝄞", 128), ErrBadPattern, false},
		{"empty", "", ErrBadPattern, false},
		{"backslash", `a\*`, ErrBadPattern, false},
		{"slash", "a/*", ErrBadPattern, false},
		{"colon", "a:*", ErrBadPattern, false},
		{"bar", "a|*", ErrBadPattern, false},
		{"NUL", "a\x00*", ErrBadPattern, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			p, err := NewPattern(tt.pattern, upper)
			if !errors.Is(err, tt.err) {
				t.Fatalf("NewPattern(%q) = %v, want %v", tt.pattern, err, tt.err)
			}
			if err != nil {
				return
			}
			if text, literal := p.Literal(); literal != tt.literal || text != tt.pattern {
				t.Errorf("Literal() = %q, %v, want %q, %v", text, literal, tt.pattern, tt.literal)
			}
		})
	}
}

// oracleMatch is [MS-FSA] 2.1.4.4 as it reads, by trial of every choice.
func oracleMatch(pattern, name string) bool {
	o := oracle{
		pattern: utf16.Encode([]rune(strings.Map(upper, pattern))),
		name:    utf16.Encode([]rune(strings.Map(upper, name))),
		lastDot: -1,
		known:   map[[2]int]bool{},
	}
	for i, c := range o.name {
		if c == '.' {
			o.lastDot = i
		}
	}
	return o.match(0, 0)
}

type oracle struct {
	pattern, name []uint16
	lastDot       int
	known         map[[2]int]bool
}

// match reports whether pattern[p:] matches name[n:].
func (o oracle) match(p, n int) bool {
	if p == len(o.pattern) {
		return n == len(o.name)
	}
	at := [2]int{p, n}
	result, ok := o.known[at]
	if !ok {
		result = o.try(p, n)
		o.known[at] = result
	}
	return result
}

func (o oracle) try(p, n int) bool {
	ended := n == len(o.name)
	dot := !ended && o.name[n] == '.'
	switch o.pattern[p] {
	case '*':
		return o.match(p+1, n) || !ended && o.match(p, n+1)
	case '<':
		if o.match(p+1, n) || ended {
			return o.match(p+1, n)
		}
		if n == o.lastDot {
			return o.match(p+1, n+1)
		}
		return o.match(p, n+1)
	case '?':
		return !ended && o.match(p+1, n+1)
	case '>':
		if ended || dot {
			return o.match(p+1, n)
		}
		return o.match(p+1, n+1)
	case '"':
		return ended && o.match(p+1, n) || dot && o.match(p+1, n+1)
	}
	return !ended && o.pattern[p] == o.name[n] && o.match(p+1, n+1)
}

func TestPatternAgainstOracle(t *testing.T) {
	letters := []rune(`ab.𝄞Ä`)
	wild := append([]rune(`*?<>"*?<>"`), letters...)
	rapid.Check(t, func(t *rapid.T) {
		pattern := rapid.StringOfN(rapid.SampledFrom(wild), 1, 12, -1).Draw(t, "pattern")
		name := rapid.StringOfN(rapid.SampledFrom(letters), 0, 14, -1).Draw(t, "name")
		p, err := NewPattern(pattern, upper)
		if err != nil {
			t.Fatal(err)
		}
		if got, want := p.Match(name), oracleMatch(pattern, name); got != want {
			t.Fatalf("Match(%q, %q) = %v, want %v", pattern, name, got, want)
		}
	})
}

// TestPatternMatchesItself: a pattern without wildcards matches its own text in
// any case and nothing else.
func TestPatternMatchesItself(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		name := rapid.StringMatching(`[a-zA-Zäé.𝄞 -]{1,80}`).Draw(t, "name")
		p, err := NewPattern(name, upper)
		if err != nil {
			t.Fatal(err)
		}
		if !p.Match(strings.ToUpper(name)) || !p.Match(strings.ToLower(name)) {
			t.Fatalf("%q does not match itself", name)
		}
		if p.Match(name+"x") || p.Match(name[:len(name)-1]) {
			t.Fatalf("%q matches more than itself", name)
		}
	})
}

func FuzzPattern(f *testing.F) {
	f.Add("*.*", "a.b")
	f.Add(`<".>?`, "a.b.c")
	f.Add(strings.Repeat("*a", 100), strings.Repeat("a", 255))
	f.Add(strings.Repeat(">", 255), strings.Repeat(".", 255))
	f.Add("𝄞?", "𝄞\xff")
	f.Fuzz(func(t *testing.T, pattern, name string) {
		p, err := NewPattern(pattern, upper)
		if err != nil {
			if !errors.Is(err, ErrBadPattern) {
				t.Errorf("NewPattern(%q) = %v, want ErrBadPattern", pattern, err)
			}
			return
		}
		if len(name) > 1000 {
			return
		}
		if got, want := p.Match(name), oracleMatch(pattern, name); got != want {
			t.Errorf("Match(%q, %q) = %v, want %v", pattern, name, got, want)
		}
	})
}

// BenchmarkPattern matches a name of 255 characters against patterns that make
// others back-track, and an ordinary name against an ordinary pattern.
func BenchmarkPattern(b *testing.B) {
	tests := []struct{ name, pattern, text string }{
		{"ordinary", "*.docx", "Quarterly report.xlsx"},
		{"stars", strings.Repeat("*a", 120) + "b", strings.Repeat("a", 255)},
		{"dots", strings.Repeat(">", 254) + "x", strings.Repeat(".", 255)},
	}
	for _, tt := range tests {
		b.Run(tt.name, func(b *testing.B) {
			p, err := NewPattern(tt.pattern, upper)
			if err != nil {
				b.Fatal(err)
			}
			b.ReportAllocs()
			for b.Loop() {
				p.Match(tt.text)
			}
		})
	}
}
