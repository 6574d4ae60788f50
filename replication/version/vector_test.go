package version

import (
	"bytes"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

func origin(b byte) Origin { return Origin{15: b} }

func vec(stamps ...Stamp) Vector {
	var v Vector
	for _, s := range stamps {
		v = v.With(s)
	}
	return v
}

// vectors draws from few origins and small counts, so that all orders occur.
func vectors() *rapid.Generator[Vector] {
	return rapid.Custom(func(t *rapid.T) Vector {
		var v Vector
		for o := range byte(4) {
			if n := rapid.Uint64Range(0, 4).Draw(t, "count"); n > 0 {
				v = v.With(Stamp{origin(o), n})
			}
		}
		return v
	})
}

// set is the oracle: a vector as the set of its stamps.
func set(v Vector) map[Stamp]bool {
	out := map[Stamp]bool{}
	for s := range v.All() {
		for n := range s.Count {
			out[Stamp{s.Origin, n + 1}] = true
		}
	}
	return out
}

func same(v, o Vector) bool { return bytes.Equal(v.Append(nil), o.Append(nil)) }

func TestCompare(t *testing.T) {
	a, b := Stamp{origin(1), 2}, Stamp{origin(2), 1}
	for _, c := range []struct {
		name string
		v, o Vector
		want Order
	}{
		{"both empty", Vector{}, Vector{}, Equal},
		{"empty and one", Vector{}, vec(a), Before},
		{"one and empty", vec(a), Vector{}, After},
		{"same", vec(a, b), vec(b, a), Equal},
		{"lower count", vec(Stamp{origin(1), 1}), vec(a), Before},
		{"more origins", vec(a, b), vec(a), After},
		{"each lacks one", vec(a), vec(b), Concurrent},
	} {
		if got := c.v.Compare(c.o); got != c.want {
			t.Errorf("%s: %v.Compare(%v) = %v, want %v", c.name, c.v, c.o, got, c.want)
		}
	}
}

// TestAlgebra compares every operation with the same one on sets of stamps.
func TestAlgebra(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		v, o, x := vectors().Draw(t, "v"), vectors().Draw(t, "o"), vectors().Draw(t, "x")
		vs, os := set(v), set(o)
		if got, want := v.Includes(o), subset(os, vs); got != want {
			t.Fatalf("%v.Includes(%v) = %v, want %v", v, o, got, want)
		}
		merged, met := v.Merge(o), v.Meet(o)
		for o := range byte(4) {
			for n := range uint64(5) {
				s := Stamp{origin(o), n + 1}
				if merged.Covers(s) != (vs[s] || os[s]) || met.Covers(s) != (vs[s] && os[s]) {
					t.Fatalf("%v and %v: merge %v, meet %v are wrong about %v", v, o, merged, met, s)
				}
			}
		}
		if x.Includes(v) && x.Includes(o) && !x.Includes(merged) {
			t.Fatalf("%v is a smaller upper bound than %v", x, merged)
		}
		if v.Includes(x) && o.Includes(x) && !met.Includes(x) {
			t.Fatalf("%v is a greater lower bound than %v", x, met)
		}
		if !same(merged, o.Merge(v)) || !same(v.Merge(o.Merge(x)), merged.Merge(x)) || !same(v.Merge(v), v) {
			t.Fatalf("Merge of %v, %v, %v depends on order or repetition", v, o, x)
		}
	})
}

func subset(a, b map[Stamp]bool) bool {
	for s := range a {
		if !b[s] {
			return false
		}
	}
	return true
}

func TestMissingIsExact(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		v, o := vectors().Draw(t, "v"), vectors().Draw(t, "o")
		vs, os := set(v), set(o)
		got := map[Stamp]bool{}
		for _, r := range v.Missing(o) {
			for n := r.After + 1; n <= r.UpTo; n++ {
				got[Stamp{r.Origin, n}] = true
			}
		}
		for s := range os {
			if got[s] == vs[s] {
				t.Fatalf("%v.Missing(%v) is wrong about %v", v, o, s)
			}
			delete(got, s)
		}
		if len(got) > 0 {
			t.Fatalf("%v.Missing(%v) has %v too many", v, o, got)
		}
	})
}

func TestCapped(t *testing.T) {
	a, b := Stamp{origin(1), 5}, Stamp{origin(2), 3}
	for _, c := range []struct {
		n    uint64
		want Vector
	}{{9, vec(a, b)}, {5, vec(a, b)}, {2, vec(Stamp{origin(1), 2}, b)}, {0, vec(b)}} {
		v := vec(a, b)
		if got := v.Capped(origin(1), c.n); !same(got, c.want) {
			t.Errorf("%v.Capped(1, %d) = %v, want %v", v, c.n, got, c.want)
		}
		if !same(v, vec(a, b)) {
			t.Errorf("Capped changed its receiver to %v", v)
		}
	}
}

func TestMethodsLeaveTheirReceiverAlone(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		v, o := vectors().Draw(t, "v"), vectors().Draw(t, "o")
		before := v.Append(nil)
		v.Merge(o)
		v.Meet(o)
		v.With(Stamp{origin(2), 9})
		v.Capped(origin(1), 1)
		if !bytes.Equal(v.Append(nil), before) {
			t.Fatalf("%v was changed", v)
		}
	})
}

// golden is worked out by hand from the layout in the comment of Append.
var golden = slices.Concat(
	[]byte{1, 2},
	make([]byte, 15), []byte{1, 3},
	make([]byte, 15), []byte{2, 0xac, 0x02},
)

func TestGolden(t *testing.T) {
	v := vec(Stamp{origin(2), 300}, Stamp{origin(1), 3})
	if got := v.Append(nil); !bytes.Equal(got, golden) {
		t.Errorf("Append(%v) = %x, want %x", v, got, golden)
	}
	got, rest, err := ParseVector(append(slices.Clone(golden), 7))
	if err != nil || !same(got, v) || !bytes.Equal(rest, []byte{7}) {
		t.Errorf("ParseVector = %v, %x, %v", got, rest, err)
	}
	for n := range golden {
		if _, _, err := ParseVector(golden[:n:n]); err == nil {
			t.Errorf("ParseVector took the first %d bytes", n)
		}
	}
}

func TestParseVectorRefuses(t *testing.T) {
	for name, b := range map[string][]byte{
		"format":             {2, 0},
		"many origins":       {1, 0x81, 0x20},
		"long number":        {1, 0x80, 0x00},
		"count 0":            slices.Concat([]byte{1, 1}, make([]byte, 16), []byte{0}),
		"long count":         slices.Concat([]byte{1, 1}, make([]byte, 16), []byte{0x81, 0x00}),
		"the same twice":     slices.Concat([]byte{1, 2}, make([]byte, 16), []byte{1}, make([]byte, 16), []byte{1}),
		"descending order":   slices.Concat([]byte{1, 2}, []byte{9}, make([]byte, 15), []byte{1}, make([]byte, 16), []byte{1}),
		"number over 64 bit": {1, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1},
	} {
		if v, _, err := ParseVector(b); err == nil {
			t.Errorf("%s: ParseVector(%x) = %v, want an error", name, b, v)
		}
	}
}

func FuzzParseVector(f *testing.F) {
	f.Add(golden)
	f.Add([]byte{1, 0})
	f.Fuzz(func(t *testing.T, b []byte) {
		v, rest, err := ParseVector(slices.Clip(b))
		if err != nil {
			return
		}
		if again := append(v.Append(nil), rest...); !bytes.Equal(again, b) {
			t.Fatalf("ParseVector(%x) is appended as %x", b, again)
		}
	})
}
