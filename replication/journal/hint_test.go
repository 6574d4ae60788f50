package journal

import (
	"math/rand/v2"
	"reflect"
	"testing"
)

func TestCompact(t *testing.T) {
	tests := []struct {
		name     string
		in, want []Hint
	}{
		{"nothing", nil, []Hint{}},
		{"sorted", []Hint{{Dir: "b", Name: "a"}, {Dir: "a", Name: "b"}, {Dir: "a", Name: "a"}}, []Hint{{Dir: "a", Name: "a"}, {Dir: "a", Name: "b"}, {Dir: "b", Name: "a"}}},
		{"twice", []Hint{{Dir: ".", Name: "a"}, {Dir: ".", Name: "a"}}, []Hint{{Dir: ".", Name: "a"}}},
		{"once deep", []Hint{{Dir: ".", Name: "a", Deep: true}, {Dir: ".", Name: "a"}}, []Hint{{Dir: ".", Name: "a", Deep: true}}},
		{"below a deep name", []Hint{{Dir: ".", Name: "a", Deep: true}, {Dir: "a", Name: "x"}, {Dir: "a/b", Name: "x", Deep: true}, {Dir: "ab", Name: "x"}}, []Hint{{Dir: ".", Name: "a", Deep: true}, {Dir: "ab", Name: "x"}}},
		{"a deep name and its directory", []Hint{{Dir: ".", Name: "a", Deep: true}, {Dir: "a", Deep: true}}, []Hint{{Dir: ".", Name: "a", Deep: true}}},
		{"a directory and its names", []Hint{{Dir: "a"}, {Dir: "a", Name: "x"}, {Dir: "a", Name: "y", Deep: true}, {Dir: "a/b", Name: "x"}}, []Hint{{Dir: "a"}, {Dir: "a", Name: "y", Deep: true}, {Dir: "a/b", Name: "x"}}},
		{"a directory is not its own name", []Hint{{Dir: "a", Deep: true}, {Dir: ".", Name: "a"}}, []Hint{{Dir: ".", Name: "a"}, {Dir: "a", Deep: true}}},
		{"everything", []Hint{{Dir: "a", Name: "x"}, {Dir: ".", Deep: true}, {Dir: ".", Name: "y"}, {Dir: "a", Deep: true}}, []Hint{{Dir: ".", Deep: true}}},
		{"the names of the root", []Hint{{Dir: "."}, {Dir: ".", Name: "y"}, {Dir: "a", Name: "z"}}, []Hint{{Dir: "."}, {Dir: "a", Name: "z"}}},
	}
	for _, tt := range tests {
		if got := compact(tt.in); !reflect.DeepEqual(got, tt.want) {
			t.Errorf("%s: compact(%v) = %v, want %v", tt.name, tt.in, got, tt.want)
		}
	}
}

// TestCompactLosesNothing: what some hint covered is covered still.
func TestCompactLosesNothing(t *testing.T) {
	dirs := []string{".", "a", "b", "a/a", "a/b", "a/a/b", "ab"}
	bases := []string{"", "a", "b"}
	rng := rand.New(rand.NewPCG(3, 3))
	for range 3000 {
		in := make([]Hint, rng.IntN(8))
		for i := range in {
			in[i] = Hint{Dir: dirs[rng.IntN(len(dirs))], Name: bases[rng.IntN(3)], Deep: rng.IntN(3) == 0}
		}
		out := compact(in)
		for _, dir := range dirs {
			for _, base := range []string{"a", "b"} {
				if was, is := anyCovers(in, dir, base), anyCovers(out, dir, base); was != is {
					t.Fatalf("compact(%v) = %v: %s covered %v, then %v", in, out, join(dir, base), was, is)
				}
			}
		}
		if !reflect.DeepEqual(compact(out), out) {
			t.Fatalf("compact(%v) is not compact", out)
		}
	}
}

func anyCovers(hints []Hint, dir, base string) bool {
	for _, h := range hints {
		if h.Covers(dir, base) {
			return true
		}
	}
	return false
}

func TestCovers(t *testing.T) {
	tests := []struct {
		hint      Hint
		dir, name string
		want      bool
	}{
		{Hint{Dir: "a", Name: "b"}, "a", "b", true},
		{Hint{Dir: "a", Name: "b"}, "a", "c", false},
		{Hint{Dir: "a", Name: "b"}, "a/b", "c", false},
		{Hint{Dir: "a", Name: "b", Deep: true}, "a/b", "c", true},
		{Hint{Dir: "a", Name: "b", Deep: true}, "a/b/c", "d", true},
		{Hint{Dir: "a", Name: "b", Deep: true}, "a", "bc", false},
		{Hint{Dir: "a"}, "a", "b", true},
		{Hint{Dir: "a"}, "a/b", "c", false},
		{Hint{Dir: "a"}, ".", "b", false},
		{Hint{Dir: "."}, ".", "b", true},
		{Hint{Dir: ".", Deep: true}, "x/y", "z", true},
	}
	for _, tt := range tests {
		if got := tt.hint.Covers(tt.dir, tt.name); got != tt.want {
			t.Errorf("%+v.Covers(%q, %q) = %v, want %v", tt.hint, tt.dir, tt.name, got, tt.want)
		}
	}
}

func TestPathsSplitAndJoin(t *testing.T) {
	for _, path := range []string{".", "a", "a/b", "a/b/c"} {
		dir, base := split(path)
		if got := join(dir, base); got != path {
			t.Errorf("join(split(%q)) = %q", path, got)
		}
	}
}

func TestPrivateNameIsLeftOut(t *testing.T) {
	const skip = ".dfsd"
	none := event{}
	tests := []struct{ in, want event }{
		{touch("a"), touch("a")},
		{touch(".dfsd"), none},
		{touch(".dfsd/x"), none},
		{touch("a/.dfsd"), touch("a/.dfsd")},
		{touch(".dfsdx"), touch(".dfsdx")},
		{move("a", "b"), move("a", "b")},
		{move(".dfsd/staging/1", "b"), touch("b")},
		{move("b", ".dfsd/staging/1"), gone("b")},
		{move(".dfsd/1", ".dfsd/2"), none},
	}
	for _, tt := range tests {
		got, keep := tt.in.without(skip)
		if !keep {
			got = none
		}
		if got != tt.want {
			t.Errorf("%+v without %s = %+v, want %+v", tt.in, skip, got, tt.want)
		}
	}
	if e, keep := everything().without(skip); !keep || e != everything() {
		t.Error("everything was left out")
	}
}
