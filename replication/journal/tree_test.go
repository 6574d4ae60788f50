package journal

import (
	"slices"
	"strings"
	"testing"
)

// plantTree makes a tree of the directories given, in order, with the watches
// 1, 2, … after the root's 0.
func plantTree(t *testing.T, paths ...string) *tree {
	t.Helper()
	tr := newTree()
	tr.plant(0, identity{})
	at := map[string]*watched{".": tr.root}
	for i, path := range paths {
		dir, base := split(path)
		at[path] = tr.put(int32(i+1), identity{}, at[dir], base)
		if at[path] == nil {
			t.Fatalf("%s is not new", path)
		}
	}
	return &tr
}

func (t *tree) show() string {
	var out []string
	for _, n := range t.nodes {
		if path, placed := n.path(); placed {
			out = append(out, path)
		}
	}
	slices.Sort(out)
	return strings.Join(out, " ")
}

func TestTreeMoves(t *testing.T) {
	tests := []struct {
		name   string
		change func(tr *tree)
		want   string
		gone   []int32 // after two sweeps
	}{
		{"nothing", func(*tree) {}, ". a a/b a/b/c x", nil},
		{"moved", func(tr *tree) { tr.loosen(tr.nodes[2]); tr.put(2, identity{}, tr.nodes[4], "y") }, ". a x x/y x/y/c", nil},
		{"seen at its new place first", func(tr *tree) { tr.put(2, identity{}, tr.nodes[4], "y"); tr.loosen(tr.nodes[1].children["b"]) }, ". a x x/y x/y/c", nil},
		{"left", func(tr *tree) { tr.loosen(tr.nodes[2]) }, ". a x", []int32{2, 3}},
		{"left and another came", func(tr *tree) { tr.put(9, identity{}, tr.nodes[1], "b") }, ". a a/b x", []int32{2, 3}},
		{"deleted", func(tr *tree) { tr.remove(tr.nodes[3]) }, ". a a/b x", nil},
		{"deleted before what is below it", func(tr *tree) { tr.remove(tr.nodes[2]) }, ". a x", []int32{3}},
		{"the same again", func(tr *tree) { tr.put(2, identity{}, tr.nodes[1], "b") }, ". a a/b a/b/c x", nil},
		{"nothing left", func(tr *tree) { tr.loosen(nil); tr.loosen(tr.root) }, ". a a/b a/b/c x", nil},
	}
	for _, tt := range tests {
		tr := plantTree(t, "a", "a/b", "a/b/c", "x")
		tt.change(tr)
		if got := tr.show(); got != tt.want {
			t.Errorf("%s: tree is %q, want %q", tt.name, got, tt.want)
		}
		if early := tr.sweep(); early != nil {
			t.Errorf("%s: %v swept at once", tt.name, early)
		}
		gone := tr.sweep()
		slices.Sort(gone)
		if !slices.Equal(gone, tt.gone) {
			t.Errorf("%s: swept %v, want %v", tt.name, gone, tt.gone)
		}
		if len(tr.loose) != 0 || tr.torn {
			t.Errorf("%s: %d loose, torn %v", tt.name, len(tr.loose), tr.torn)
		}
	}
}

// TestTreeNeverLoops: places read at different times may contradict.
func TestTreeNeverLoops(t *testing.T) {
	tr := plantTree(t, "a", "a/b", "a/b/c")
	for _, below := range []int32{1, 2, 3} {
		tr.torn = false
		if n := tr.put(1, identity{}, tr.nodes[below], "a"); n != nil || !tr.torn {
			t.Errorf("a below watch %d: put = %v, torn %v", below, n, tr.torn)
		}
		tr.show()
	}
}
