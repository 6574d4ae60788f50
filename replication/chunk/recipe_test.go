package chunk

import (
	"bytes"
	"errors"
	"io"
	"slices"
	"testing"
	"testing/iotest"

	"pgregory.net/rapid"
)

// store answers fetches from the chunks of one content.
func store(content []byte, a Average) func(Chunk) ([]byte, error) {
	chunks := map[ID][]byte{}
	for piece := range Split(content, a) {
		chunks[IDOf(piece)] = piece
	}
	return func(c Chunk) ([]byte, error) {
		b, ok := chunks[c.ID]
		if !ok {
			return nil, io.ErrUnexpectedEOF
		}
		return b, nil
	}
}

// drawEdit draws a version of base: parts of it dropped, moved, doubled, and
// new bytes between.
func drawEdit(t *rapid.T, base []byte) []byte {
	var b []byte
	for range rapid.IntRange(0, 6).Draw(t, "parts") {
		if len(base) == 0 || rapid.Bool().Draw(t, "new") {
			b = append(b, noise(rapid.Byte().Draw(t, "seed"), rapid.IntRange(0, 3000).Draw(t, "bytes"))...)
			continue
		}
		from := rapid.IntRange(0, len(base)-1).Draw(t, "from")
		b = append(b, base[from:rapid.IntRange(from, len(base)).Draw(t, "to")]...)
	}
	return b
}

func TestApplyMakesTheTarget(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		base := drawContent(t, "base", 20<<10)
		target := drawEdit(t, base)
		r := Diff(ListOf(base, 1<<10), ListOf(target, 1<<10))
		r, _, err := ParseRecipe(r.Append(nil))
		if err != nil {
			t.Fatalf("ParseRecipe: %v", err)
		}
		var out bytes.Buffer
		if err := r.Apply(&out, bytes.NewReader(base), store(target, 1<<10)); err != nil {
			t.Fatalf("Apply: %v", err)
		}
		if !bytes.Equal(out.Bytes(), target) {
			t.Fatal("Apply made another target")
		}
	})
}

func TestDiffOfEqualListsIsOneCopy(t *testing.T) {
	l := ListOf(noise(1, 100<<10), 1<<10)
	r := Diff(l, l)
	if want := []Step{{Length: l.Size}}; !slices.Equal(r.Steps, want) || len(r.Missing()) != 0 {
		t.Errorf("Diff(l, l) = %v, want %v", r.Steps, want)
	}
}

// TestDiffFollowsRepeats: a base that holds one chunk many times is copied in
// one run, not from its first occurrence again and again.
func TestDiffFollowsRepeats(t *testing.T) {
	zeros := ListOf(make([]byte, 64<<10), 1<<10)
	if r := Diff(zeros, zeros); len(r.Steps) != 1 {
		t.Errorf("Diff of 64 KiB of zeros = %d steps, want 1", len(r.Steps))
	}
	if r := Diff(List{Average: 1 << 10}, zeros); len(r.Missing()) != 1 {
		t.Errorf("64 KiB of zeros miss %d chunks, want 1", len(r.Missing()))
	}
}

func TestApplyRefuses(t *testing.T) {
	base := noise(1, 50<<10)
	target := slices.Concat(base[:20000], []byte("edit"), base[20000:])
	r := Diff(ListOf(base, 1<<10), ListOf(target, 1<<10))
	changed := slices.Clone(base)
	changed[100] ^= 1
	broken := errors.New("broken")
	invalid := r
	invalid.Size++
	for _, test := range []struct {
		name   string
		recipe Recipe
		base   []byte
		fetch  func(Chunk) ([]byte, error)
		w      io.Writer
		want   error
	}{
		{"another base", r, changed, store(target, 1<<10), io.Discard, ErrMismatch},
		{"a short base", r, base[:len(base)-1], store(target, 1<<10), io.Discard, ErrMismatch},
		{"a damaged chunk", r, base, func(c Chunk) ([]byte, error) { return make([]byte, c.Length), nil }, io.Discard, ErrMismatch},
		{"a short chunk", r, base, func(Chunk) ([]byte, error) { return nil, nil }, io.Discard, ErrMismatch},
		{"a fetch that fails", r, base, func(Chunk) ([]byte, error) { return nil, broken }, io.Discard, broken},
		{"a writer that fails", r, base, store(target, 1<<10), failing{broken}, broken},
		{"an invalid recipe", invalid, base, store(target, 1<<10), io.Discard, ErrMalformed},
	} {
		if err := test.recipe.Apply(test.w, bytes.NewReader(test.base), test.fetch); !errors.Is(err, test.want) {
			t.Errorf("%s: Apply = %v, want %v", test.name, err, test.want)
		}
	}
	if _, err := ReadList(iotest.ErrReader(broken), 1<<10); !errors.Is(err, broken) {
		t.Errorf("ReadList of a failing reader = %v, want %v", err, broken)
	}
	if _, err := ReadList(bytes.NewReader(nil), 3); !errors.Is(err, ErrAverage) {
		t.Errorf("ReadList with an average of 3 = %v, want ErrAverage", err)
	}
}

type failing struct{ err error }

func (f failing) Write([]byte) (int, error) { return 0, f.err }

// refine fills the gaps of r by a finer cut of both sides, as two members do.
func refine(t interface{ Fatalf(string, ...any) }, r Recipe, base, target []byte) Recipe {
	gaps := r.Gaps(int64(len(base)))
	fine := make([]Recipe, len(gaps))
	for i, g := range gaps {
		fine[i] = Diff(ListOf(of(base, g.Base), g.Average()), ListOf(of(target, g.Target), g.Average()))
	}
	r, err := r.Fill(gaps, fine)
	if err != nil {
		t.Fatalf("Fill: %v", err)
	}
	return r
}

func of(b []byte, r Range) []byte { return b[r.Offset : r.Offset+r.Length] }

func TestFilledGapsStillMakeTheTarget(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		base := drawContent(t, "base", 60<<10)
		target := drawEdit(t, base)
		coarse := Diff(ListOf(base, 8<<10), ListOf(target, 8<<10))
		r := refine(t, coarse, base, target)
		all := map[ID][]byte{}
		for _, g := range coarse.Gaps(int64(len(base))) {
			for piece := range Split(of(target, g.Target), g.Average()) {
				all[IDOf(piece)] = piece
			}
		}
		var out bytes.Buffer
		err := r.Apply(&out, bytes.NewReader(base), func(c Chunk) ([]byte, error) { return all[c.ID], nil })
		if err != nil || !bytes.Equal(out.Bytes(), target) {
			t.Fatalf("Apply of a filled recipe = %v, %d bytes, want %d", err, out.Len(), len(target))
		}
	})
}

func TestFillRefusesWhatDoesNotFit(t *testing.T) {
	r := Recipe{Size: 10, Steps: []Step{{Fetch: true, Length: 10, ID: fill(1)}}}
	gaps := r.Gaps(20)
	if want := []Gap{{Range{0, 10}, Range{0, 20}}}; !slices.Equal(gaps, want) {
		t.Fatalf("Gaps = %v, want %v", gaps, want)
	}
	for name, fine := range map[string][]Recipe{
		"none":            nil,
		"too short":       {{Size: 9, Steps: []Step{{Length: 9}}}},
		"outside":         {{Size: 10, Steps: []Step{{Length: 10, From: 11}}}},
		"not adding up":   {{Size: 10, Steps: []Step{{Length: 9}}}},
		"more than there": {{Size: 10, Steps: []Step{{Length: 10}}}, {}},
	} {
		if _, err := r.Fill(gaps, fine); !errors.Is(err, ErrMalformed) {
			t.Errorf("%s: Fill = %v, want ErrMalformed", name, err)
		}
	}
}
