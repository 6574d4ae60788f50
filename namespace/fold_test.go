package namespace

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"strings"
	"testing"
	"unicode/utf16"
	"unicode/utf8"

	"pgregory.net/rapid"
)

// TestFoldDigest compares the whole table with the one that it was made from.
func TestFoldDigest(t *testing.T) {
	table := make([]byte, 0, 2<<16)
	for r := range rune(1 << 16) {
		table = binary.LittleEndian.AppendUint16(table, uint16(Fold(r)))
	}
	if got := fmt.Sprintf("%x", sha256.Sum256(table)); got != upcaseSHA256 {
		t.Errorf("digest of Fold = %s, want that of $UpCase, %s", got, upcaseSHA256)
	}
}

func TestFold(t *testing.T) {
	tests := []struct {
		name    string
		r, want rune
	}{
		{name: "letter", r: 'a', want: 'A'},
		{name: "capital", r: 'Z', want: 'Z'},
		{name: "digit", r: '7', want: '7'},
		{name: "before the letters", r: '`', want: '`'},
		{name: "behind the letters", r: '{', want: '{'},
		{name: "Latin-1", r: 'é', want: 'É'},
		{name: "division sign", r: '÷', want: '÷'},
		{name: "into Latin Extended-A", r: 'ÿ', want: 'Ÿ'},
		{name: "sharp s stays", r: 'ß', want: 'ß'},
		{name: "capital sharp s stays", r: 'ẞ', want: 'ẞ'},
		{name: "micro sign stays", r: 'µ', want: 'µ'},
		{name: "dotless i stays", r: 'ı', want: 'ı'},
		{name: "dotted capital I stays", r: 'İ', want: 'İ'},
		{name: "long s stays", r: 'ſ', want: 'ſ'},
		{name: "dz with caron", r: 'ǆ', want: 'Ǆ'},
		{name: "title case stays", r: 'ǅ', want: 'ǅ'},
		{name: "Greek", r: 'σ', want: 'Σ'},
		{name: "Greek final sigma stays", r: 'ς', want: 'ς'},
		{name: "Greek with iota below", r: 'ᾳ', want: 'ᾼ'},
		{name: "Cyrillic", r: 'я', want: 'Я'},
		{name: "Cyrillic Extended", r: 'ꙁ', want: 'Ꙁ'},
		{name: "Armenian", r: 'ա', want: 'Ա'},
		{name: "Georgian Mkhedruli stays", r: 'ა', want: 'ა'},
		{name: "Georgian Nuskhuri", r: 'ⴀ', want: 'Ⴀ'},
		{name: "Cherokee stays", r: 'ꭰ', want: 'ꭰ'},
		{name: "two bytes to three", r: 'ɐ', want: 'Ɐ'},
		{name: "three bytes to two", r: 'ⱥ', want: 'Ⱥ'},
		{name: "far away", r: 'ᵹ', want: 'Ᵹ'},
		{name: "circled", r: 'ⓐ', want: 'Ⓐ'},
		{name: "full width", r: 'ａ', want: 'Ａ'},
		{name: "last of the plane", r: 0xFFFF, want: 0xFFFF},
		{name: "Deseret stays", r: '𐐨', want: '𐐨'},
		{name: "last of all", r: utf8.MaxRune, want: utf8.MaxRune},
		{name: "negative", r: -1, want: -1},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := Fold(tt.r); got != tt.want {
				t.Errorf("Fold(%c %U) = %c %U, want %c %U", tt.r, tt.r, got, got, tt.want, tt.want)
			}
		})
	}
}

func TestFoldTwice(t *testing.T) {
	for r := range rune(1 << 16) {
		if once := Fold(r); Fold(once) != once {
			t.Errorf("Fold(Fold(%U)) = %U, want %U", r, Fold(once), once)
		}
		if s := string(r); utf8.ValidRune(r) && len(FoldString(s)) > maxFolded/maxName {
			t.Errorf("FoldString(%U) takes %d bytes, want at most %d", r, len(FoldString(s)), maxFolded/maxName)
		}
	}
}

func TestFoldString(t *testing.T) {
	tests := []struct{ name, s, want string }{
		{name: "empty", s: "", want: ""},
		{name: "nothing to do", s: "PROJECTS-2026", want: "PROJECTS-2026"},
		{name: "ASCII", s: "Projects", want: "PROJECTS"},
		{name: "later letters", s: "ABCd", want: "ABCD"},
		{name: "mixed", s: "Straße Nº1 é", want: "STRAßE Nº1 É"},
		{name: "longer than before", s: "ɐɐ", want: "ⱯⱯ"},
		{name: "shorter than before", s: "ⱥ", want: "Ⱥ"},
		{name: "emoji", s: "a😀b", want: "A😀B"},
		{name: "not UTF-8", s: "a\xffb\xc3", want: "A\xffB\xc3"},
		{name: "replacement character", s: "a\uFFFDb", want: "A\uFFFDB"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := FoldString(tt.s); got != tt.want {
				t.Errorf("FoldString(%q) = %q, want %q", tt.s, got, tt.want)
			}
		})
	}
}

func TestEqualFold(t *testing.T) {
	tests := []struct {
		name, a, b string
		want       bool
	}{
		{name: "empty", want: true},
		{name: "one empty", a: "a"},
		{name: "case", a: "Projects", b: "pROJECTS", want: true},
		{name: "prefix", a: "Projects", b: "project"},
		{name: "another letter", a: "Projects", b: "Projectz"},
		{name: "accents count", a: "é", b: "e"},
		{name: "accents fold", a: "CAFÉ", b: "café", want: true},
		{name: "lengths differ", a: "xɐ", b: "XⱯ", want: true},
		{name: "sharp s is not ss", a: "straße", b: "strasse"},
		{name: "sigmas differ", a: "ς", b: "σ"},
		{name: "behind a common letter", a: "éa", b: "Éb"},
		{name: "prefix behind a common letter", a: "éa", b: "É"},
		{name: "not UTF-8", a: "a\xff", b: "A\xff", want: true},
		{name: "not UTF-8 is no replacement character", a: "\xff", b: "\uFFFD"},
		{name: "other bytes", a: "\xff", b: "\xfe"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := EqualFold(tt.a, tt.b); got != tt.want {
				t.Errorf("EqualFold(%q, %q) = %v, want %v", tt.a, tt.b, got, tt.want)
			}
			if got := EqualFold(tt.b, tt.a); got != tt.want {
				t.Errorf("EqualFold(%q, %q) = %v, want %v", tt.b, tt.a, got, tt.want)
			}
		})
	}
}

// TestFoldOracle compares with Windows' way: code units, one by one.
func TestFoldOracle(t *testing.T) {
	oracle := func(s string) string {
		units := utf16.Encode([]rune(s))
		for i, u := range units {
			units[i] = uint16(Fold(rune(u)))
		}
		return string(utf16.Decode(units))
	}
	rapid.Check(t, func(t *rapid.T) {
		a := rapid.String().Draw(t, "a")
		if got, want := FoldString(a), oracle(a); got != want {
			t.Fatalf("FoldString(%q) = %q, want %q", a, got, want)
		}
		b := rapid.OneOf(rapid.String(), rapid.Just(strings.ToUpper(a)), rapid.Just(strings.ToLower(a))).Draw(t, "b")
		if got, want := EqualFold(a, b), oracle(a) == oracle(b); got != want {
			t.Fatalf("EqualFold(%q, %q) = %v, want %v", a, b, got, want)
		}
	})
}

func FuzzEqualFold(f *testing.F) {
	f.Add("Projects", "pROJECTS")
	f.Add("ɐé", "ⱯÉ")
	f.Add("\xff\uFFFD", "\xff\xff")
	f.Fuzz(func(t *testing.T, a, b string) {
		if got, want := EqualFold(a, b), FoldString(a) == FoldString(b); got != want {
			t.Errorf("EqualFold(%q, %q) = %v, want %v", a, b, got, want)
		}
		if folded := FoldString(a); FoldString(folded) != folded || !EqualFold(folded, a) {
			t.Errorf("FoldString(%q) = %q, which is another name", a, folded)
		}
	})
}
