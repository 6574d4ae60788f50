package namespace

import (
	"errors"
	"slices"
	"testing"
)

func TestWalk(t *testing.T) {
	s := newSnapshot(t, tree("public", link(`a\b\Link`, `\\h\l`), plain(`a\Plain`), link("top", `\\h\t`)), tree("other", link("x", `\\h\x`)))
	r := s.Roots()[0]
	tests := []struct {
		name, path string
		node       string // path of what is found
		want       error
	}{
		{name: "top", path: ""},
		{name: "folder", path: "A", node: "a"},
		{name: "folder in a folder", path: `a\B`, node: `a\b`},
		{name: "plain folder", path: `a\plain`, node: `a\Plain`},
		{name: "link", path: `a\b\link`, node: `a\b\Link`, want: ErrCovered},
		{name: "below a link", path: `a\b\link\x\y`, node: `a\b\Link`, want: ErrCovered},
		{name: "below a link, not a path", path: `TOP\\`, node: "top", want: ErrCovered},
		{name: "missing", path: "x", want: ErrNotFound},
		{name: "missing below", path: `a\x`, want: ErrNotFound},
		{name: "missing in a plain folder", path: `a\plain\x`, want: ErrNotFound},
		{name: "missing above", path: `x\b`, want: ErrPathNotFound},
		{name: "missing in between", path: `a\x\Link`, want: ErrPathNotFound},
		{name: "leading backslash", path: `\a`, want: ErrPathNotFound},
		{name: "trailing backslash", path: `a\`, want: ErrNotFound},
		{name: "two backslashes", path: `a\\b`, want: ErrPathNotFound},
		{name: "slash", path: `a/b`, want: ErrNotFound},
		{name: "own name", path: "public", want: ErrNotFound},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			n, err := r.Walk(tt.path)
			if !errors.Is(err, tt.want) {
				t.Fatalf("Walk(%q) = %v, want %v", tt.path, err, tt.want)
			}
			if found := n != (Node{}); found != (tt.want == nil || errors.Is(tt.want, ErrCovered)) || found && n.Path() != tt.node {
				t.Errorf("Walk(%q) = %+v, want %q", tt.path, n, tt.node)
			}
			if allocs := testing.AllocsPerRun(10, func() { _, _ = r.Walk(tt.path) }); allocs != 0 {
				t.Errorf("Walk(%q) allocates %v times, want 0", tt.path, allocs)
			}
		})
	}
}

func TestNodes(t *testing.T) {
	described := plain("B")
	described.Comment = "explicit"
	s := newSnapshot(t, tree("public",
		link(`b\zeta`, `\\h\z`), described, link(`B\Alpha`, `\\h\a`), link(`b\éa`, `\\h\e`), link(`b\Èb`, `\\h\f`),
		link("C", `\\h\c`), link(`A\x`, `\\h\x`), link(`a\y`, `\\h\y`), link("😀", `\\h\s`), link("\uFFFD", `\\h\r`),
	))
	top := s.Roots()[0].Top()
	if top.Name() != "public" || top.Path() != "" || top.IsLink() || !top.Link().IsZero() {
		t.Errorf("Top() = %q at %q, want public", top.Name(), top.Path())
	}
	if parent, ok := top.Parent(); ok {
		t.Errorf("Top().Parent() = %+v, want none", parent)
	}
	if got, want := names(top), []string{"A", "B", "C", "\uFFFD", "😀"}; !slices.Equal(got, want) {
		t.Errorf("children of Top() = %q, want %q", got, want)
	}
	b, ok := top.Child("b")
	if !ok || b.Comment() != "explicit" || b.IsLink() {
		t.Fatalf("Child(b) = %v, want a folder with its comment", ok)
	}
	if got, want := names(b), []string{"Alpha", "zeta", "Èb", "éa"}; !slices.Equal(got, want) {
		t.Errorf("children of b = %q, want %q", got, want)
	}
	alpha, ok := b.Child("ALPHA")
	if parent, _ := alpha.Parent(); !ok || parent != b || !alpha.IsLink() || alpha.Link().Path() != `B\Alpha` || alpha.NumChildren() != 0 {
		t.Errorf("Child(ALPHA) = %q, %v, want the link", alpha.Path(), ok)
	}
	if child, ok := alpha.Child("x"); ok {
		t.Errorf("child of a link = %q, want none", child.Path())
	}
	if child, ok := top.Child(""); ok {
		t.Errorf("Child() = %q, want none", child.Path())
	}
}

func names(n Node) []string {
	var names []string
	for i := range n.NumChildren() {
		names = append(names, n.ChildAt(i).Name())
	}
	return names
}

// TestSpelling wants a folder named as its own entry has it, or else as the first
// entry below it.
func TestSpelling(t *testing.T) {
	s := newSnapshot(t, tree("public",
		link(`DATA\zz`, `\\h\1`), link(`Data\aa`, `\\h\2`), link(`data\bb`, `\\h\3`),
		link(`TOOLS\b`, `\\h\4`), plain("Tools"), link(`tools/A/b`, `\\h\5`),
	))
	if got, want := names(s.Roots()[0].Top()), []string{"DATA", "Tools"}; !slices.Equal(got, want) {
		t.Errorf("children = %q, want %q", got, want)
	}
	if got, want := s.Match(`\h\public\tools\a\b`).Link.Path(), `Tools\A\b`; got != want {
		t.Errorf("Link.Path() = %q, want %q", got, want)
	}
}

func TestLinks(t *testing.T) {
	s := newSnapshot(t,
		tree("one", link(`c\b`, `\\h\1`), link("B", `\\h\2`), plain("a"), link(`C\A\z`, `\\h\3`), link(`c\a\Y`, `\\h\4`), link("c-d", `\\h\5`)),
		tree("two", link("x", `\\h\6`)),
	)
	var got []string
	for l := range s.Roots()[0].Links() {
		got = append(got, l.Path())
	}
	if want := []string{"B", `c\A\Y`, `c\A\z`, `c\b`, "c-d"}; !slices.Equal(got, want) {
		t.Errorf("Links() = %q, want %q", got, want)
	}
	for l := range s.Roots()[0].Links() {
		if l.Path() != "B" {
			t.Errorf("Links() went on to %q", l.Path())
		}
		break
	}
}
