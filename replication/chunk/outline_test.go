package chunk

import (
	"errors"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// longList is a list of n chunks of a content that nobody has.
func longList(seed byte, n int) List {
	bytes := noise(seed, 16*n)
	l := List{Average: 1 << 20, Sum: sumOf(seed)}
	for i := range n {
		c := Chunk{Length: 1<<20 + int64(bytes[i]), ID: ID(bytes[16*i:])}
		l.Chunks = append(l.Chunks, c)
		l.Size += c.Length
	}
	return l
}

func TestOutlinesExpandToTheirList(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		base := longList(1, rapid.IntRange(0, 3000).Draw(t, "entries"))
		target := base
		target.Chunks = slices.Clone(base.Chunks)
		for i := range target.Chunks {
			if rapid.IntRange(0, 400).Draw(t, "changed") == 0 {
				target.Chunks[i].ID[3]++
			}
		}
		outline, _, err := ParseList(target.Outline().Append(nil))
		if err != nil {
			t.Fatalf("ParseList of an outline: %v", err)
		}
		known, sender := Groups{}, Groups{}
		known.Add(base)
		sender.Add(target)
		for _, m := range known.Missing(outline) {
			known[Group(sender[m.ID]).ID] = sender[m.ID]
		}
		if got, err := known.Expand(outline); err != nil || !equalLists(got, target) {
			t.Fatalf("Expand = %d entries, %v, want the %d of the target", len(got.Chunks), err, len(target.Chunks))
		}
	})
}

func TestExpandRefuses(t *testing.T) {
	l := longList(1, 500)
	outline := l.Outline()
	if _, err := (Groups{}).Expand(outline); !errors.Is(err, ErrUnknownGroup) {
		t.Errorf("Expand without groups = %v, want ErrUnknownGroup", err)
	}
	if _, err := (Groups{}).Expand(l); !errors.Is(err, ErrMalformed) {
		t.Errorf("Expand of a list of chunks = %v, want ErrMalformed", err)
	}
	g := Groups{}
	g.Add(l)
	outline.Chunks[0].Length++
	outline.Size++
	if _, err := g.Expand(outline); !errors.Is(err, ErrMalformed) {
		t.Errorf("Expand of a group of another length = %v, want ErrMalformed", err)
	}
}

// TestOutlinesShorten: each level has about a 32nd of the entries of the level
// below, up to the highest.
func TestOutlinesShorten(t *testing.T) {
	l := longList(2, 100000)
	for range 3 {
		up := l.Outline()
		if n := len(l.Chunks) / len(up.Chunks); len(l.Chunks) > 1000 && (n < 24 || n > 40) {
			t.Errorf("outline of %d entries has %d, want about a 32nd", len(l.Chunks), len(up.Chunks))
		}
		if up.Level != l.Level+1 || up.Size != l.Size || up.Validate() != nil {
			t.Errorf("outline of level %d and %d bytes, %v", up.Level, up.Size, up.Validate())
		}
		l = up
	}
}
