package fscc

import (
	"testing"

	"pgregory.net/rapid"
)

// allClasses are the directory classes of [MS-SMB2] 2.2.33.
var allClasses = []DirectoryClass{
	Directory, FullDirectory, BothDirectory, Names, IDBothDirectory, IDFullDirectory, IDExtdDirectory,
	ID64ExtdDirectory, ID64ExtdBothDirectory, IDAllExtdDirectory, IDAllExtdBothDirectory,
}

// TestListingGolden: two entries of class Names; the second begins at the next
// multiple of 8, and nothing follows it.
func TestListingGolden(t *testing.T) {
	l := NewListing(Names, 1000)
	for i, name := range []string{"abc", "𝄞"} {
		if fit := l.Add(&Entry{Index: uint32(i), Name: name}); fit != Whole {
			t.Fatalf("Add(%q) = %v, want Whole", name, fit)
		}
	}
	checkGolden(t, "Bytes", l.Bytes(), `
		18000000 00000000 06000000 6100 6200 6300 000000000000
		00000000 01000000 04000000 34d8 1edd`)
}

func TestListingFit(t *testing.T) {
	three := Entry{Name: "abc"} // 12 + 6 bytes
	tests := []struct {
		name  string
		limit int
		fits  []Fit
		bytes int
	}{
		{"no room for a character", 12, []Fit{Cut}, 12},
		{"half a character", 13, []Fit{Cut}, 12},
		{"one character", 14, []Fit{Cut}, 14},
		{"one byte short", 17, []Fit{Cut}, 16},
		{"one exactly", 18, []Fit{Whole, Refused}, 18},
		{"one and its padding", 24, []Fit{Whole, Refused}, 18},
		{"second one byte short", 41, []Fit{Whole, Refused}, 18},
		{"two exactly", 42, []Fit{Whole, Whole, Refused}, 42},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			l := NewListing(Names, tt.limit)
			for i, want := range tt.fits {
				e := three
				if got := l.Add(&e); got != want {
					t.Errorf("Add %d = %v, want %v", i, got, want)
				}
			}
			if got := len(l.Bytes()); got != tt.bytes {
				t.Errorf("len(Bytes) = %d, want %d", got, tt.bytes)
			}
		})
	}
}

// TestListingCutKeepsLength: an entry that was cut says how long its name is,
// so that the client sees what it lacks.
func TestListingCutKeepsLength(t *testing.T) {
	l := NewListing(Names, 15)
	l.Add(&Entry{Name: "abc"})
	checkGolden(t, "Bytes", l.Bytes(), `00000000 00000000 06000000 6100`)
}

func TestListingEmpty(t *testing.T) {
	l := NewListing(Names, 100)
	if !l.Empty() {
		t.Error("Empty() = false, want true before Add")
	}
	l.Add(&Entry{Name: "a"})
	if l.Empty() {
		t.Error("Empty() = true, want false after Add")
	}
}

// TestListingStaysWithinLimit: whatever is added, a listing is never longer than
// the client's buffer, an entry that does not fit leaves it alone, and every
// Next leads to an entry at a multiple of 8.
func TestListingStaysWithinLimit(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		class := rapid.SampledFrom(allClasses).Draw(t, "class")
		limit := class.NameOffset() + rapid.IntRange(0, 600).Draw(t, "more")
		names := rapid.SliceOfN(rapid.StringN(1, 40, -1), 1, 20).Draw(t, "names")
		l := NewListing(class, limit)
		taken := 0
		for _, name := range names {
			before := len(l.Bytes())
			fit := l.Add(&Entry{Name: name})
			switch {
			case len(l.Bytes()) > limit:
				t.Fatalf("%d bytes, want at most %d", len(l.Bytes()), limit)
			case fit == Refused && len(l.Bytes()) != before:
				t.Fatalf("a refused entry left %d bytes, want %d", len(l.Bytes()), before)
			case fit == Cut && before != 0:
				t.Fatal("an entry was cut that is not the first")
			}
			if fit == Refused {
				break
			}
			taken++
			if fit == Cut {
				break
			}
		}
		count, at := 1, 0
		for next := le.Uint32(l.Bytes()); next != 0; next = le.Uint32(l.Bytes()[at:]) {
			at += int(next)
			count++
			if at%8 != 0 || at+class.NameOffset() > len(l.Bytes()) {
				t.Fatalf("entry %d at %d of %d bytes", count, at, len(l.Bytes()))
			}
		}
		if count != taken {
			t.Fatalf("the chain holds %d entries, want %d", count, taken)
		}
	})
}
