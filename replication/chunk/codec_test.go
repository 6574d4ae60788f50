package chunk

import (
	"bytes"
	"encoding/hex"
	"errors"
	"reflect"
	"slices"
	"testing"
)

func mustHex(s string) []byte {
	b, err := hex.DecodeString(s)
	if err != nil {
		panic(err)
	}
	return b
}

func fill(b byte) (id ID) { copy(id[:], bytes.Repeat([]byte{b}, len(id))); return id }

func sumOf(b byte) (sum [32]byte) { copy(sum[:], bytes.Repeat([]byte{b}, len(sum))); return sum }

var (
	sampleList = List{
		Average: 4 << 10, Size: 4097, Sum: sumOf(0x11),
		Chunks: []Chunk{{4096, fill(0x22)}, {1, fill(0x33)}},
	}
	sampleRecipe = Recipe{
		Size: 406, Sum: sumOf(0x11),
		Steps: []Step{{Length: 200, From: 200}, {Fetch: true, Length: 6, ID: fill(0x22)}, {Length: 200}},
	}
)

// codecs are the formats of this package, each with a value and its encoding.
var codecs = []struct {
	name   string
	golden string
	value  any
	append func(any, []byte) []byte
	parse  func([]byte) (any, []byte, error)
}{
	{
		"list", goldenList, sampleList,
		func(v any, b []byte) []byte { return v.(List).Append(b) },
		func(b []byte) (any, []byte, error) { v, rest, err := ParseList(b); return v, rest, err },
	},
	{
		"recipe", goldenRecipe, sampleRecipe,
		func(v any, b []byte) []byte { return v.(Recipe).Append(b) },
		func(b []byte) (any, []byte, error) { v, rest, err := ParseRecipe(b); return v, rest, err },
	},
	{
		"chunks", goldenList[len(goldenList)-2*(1+18+17):], sampleList.Chunks,
		func(v any, b []byte) []byte { return AppendChunks(b, v.([]Chunk)) },
		func(b []byte) (any, []byte, error) { v, rest, err := ParseChunks(b); return v, rest, err },
	},
}

func TestCodecsMatchTheirGoldenBytes(t *testing.T) {
	for _, c := range codecs {
		want := mustHex(c.golden)
		if got := c.append(c.value, []byte("front")); !bytes.Equal(got, append([]byte("front"), want...)) {
			t.Errorf("%s: Append = %x, want %x", c.name, got[5:], want)
		}
		got, rest, err := c.parse(append(want, "tail"...))
		if err != nil || string(rest) != "tail" || !reflect.DeepEqual(got, c.value) {
			t.Errorf("%s: Parse = %+v, %q, %v, want %+v", c.name, got, rest, err, c.value)
		}
	}
}

func TestCodecsRefuseEveryPrefix(t *testing.T) {
	for _, c := range codecs {
		valid := mustHex(c.golden)
		for n := range valid {
			if _, _, err := c.parse(valid[:n:n]); !errors.Is(err, ErrMalformed) {
				t.Errorf("%s: Parse of %d of %d bytes = %v, want ErrMalformed", c.name, n, len(valid), err)
			}
		}
	}
}

func TestParseListRefuses(t *testing.T) {
	for name, change := range map[string]func(*List){
		"average":       func(l *List) { l.Average = 512 },
		"level":         func(l *List) { l.Level = MaxLevel + 1 },
		"size too much": func(l *List) { l.Size++ },
		"size too low":  func(l *List) { l.Size-- },
		"empty chunk":   func(l *List) { l.Chunks = append(l.Chunks, Chunk{ID: fill(1)}) },
		"long chunk":    func(l *List) { l.Chunks[0].Length = 16<<10 + 1; l.Size = 16<<10 + 2 },
	} {
		l := sampleList
		l.Chunks = slices.Clone(l.Chunks)
		change(&l)
		if _, _, err := ParseList(l.Append(nil)); !errors.Is(err, ErrMalformed) {
			t.Errorf("%s: ParseList = %v, want ErrMalformed", name, err)
		}
	}
	format := sampleList.Append(nil)
	format[0] = 2
	if _, _, err := ParseList(format); !errors.Is(err, ErrMalformed) {
		t.Errorf("format 2: ParseList = %v, want ErrMalformed", err)
	}
}

func TestParseRecipeRefuses(t *testing.T) {
	for name, change := range map[string]func(*Recipe){
		"size":            func(r *Recipe) { r.Size = 407 },
		"empty step":      func(r *Recipe) { r.Steps = append(r.Steps, Step{From: 3}) },
		"before the base": func(r *Recipe) { r.Steps[2].From = -1 },
		"beyond a base":   func(r *Recipe) { r.Steps[2].From = MaxSize - 1 },
		"long fetch":      func(r *Recipe) { r.Steps[1].Length = MaxChunk + 1; r.Size = 400 + MaxChunk + 1 },
	} {
		r := sampleRecipe
		r.Steps = slices.Clone(r.Steps)
		change(&r)
		if _, _, err := ParseRecipe(r.Append(nil)); !errors.Is(err, ErrMalformed) {
			t.Errorf("%s: ParseRecipe = %v, want ErrMalformed", name, err)
		}
	}
}

// fuzz holds a parser to: no panic, errors are ErrMalformed, and what is
// accepted is exactly what Append writes.
func fuzz(f *testing.F, i int) {
	c := codecs[i]
	f.Add(mustHex(c.golden))
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, b []byte) {
		b = slices.Clip(b)
		v, rest, err := c.parse(b)
		if err != nil {
			if !errors.Is(err, ErrMalformed) {
				t.Fatalf("Parse(%x) = %v, want ErrMalformed", b, err)
			}
			return
		}
		if again := c.append(v, nil); !bytes.Equal(again, b[:len(b)-len(rest)]) {
			t.Fatalf("Parse(%x) = %+v, which encodes as %x", b, v, again)
		}
	})
}

func FuzzParseList(f *testing.F)   { fuzz(f, 0) }
func FuzzParseRecipe(f *testing.F) { fuzz(f, 1) }
func FuzzParseChunks(f *testing.F) { fuzz(f, 2) }
