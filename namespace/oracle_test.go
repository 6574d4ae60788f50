package namespace

import (
	"errors"
	"runtime"
	"slices"
	"strings"
	"testing"
	"unsafe"
	"weak"

	"pgregory.net/rapid"
)

// oracle is a namespace the naive way: maps of folded paths.
type oracle struct {
	links map[string]bool
	tree  map[string]bool // all folders, "" for the top
}

func newOracle(folders []FolderConfig) oracle {
	o := oracle{links: map[string]bool{}, tree: map[string]bool{"": true}}
	for _, f := range folders {
		path := FoldString(strings.ReplaceAll(f.Path, "/", `\`))
		o.links[path] = len(f.Targets) > 0
		for i, c := range path + `\` {
			if c == '\\' {
				o.tree[path[:i]] = true
			}
		}
	}
	return o
}

// match returns how many bytes of path the oracle consumes, and the folded path
// of the link.
func (o oracle) match(root, path string) (consumed int, link string) {
	at := len(path) - len(strings.TrimPrefix(strings.TrimPrefix(path, `\`), `\`))
	parts := strings.Split(path[at:], `\`)
	if len(parts) < 2 || parts[0] == "" || FoldString(parts[1]) != FoldString(root) {
		return 0, ""
	}
	end := at + len(parts[0]) + 1 + len(parts[1])
	consumed = end
	for i := 2; i < len(parts); i++ {
		end += 1 + len(parts[i])
		if below := FoldString(strings.Join(parts[2:i+1], `\`)); o.links[below] {
			return end, below
		}
	}
	return consumed, ""
}

// walk returns the folded path of what Walk finds, and its error.
func (o oracle) walk(path string) (string, error) {
	path = FoldString(path)
	parts := strings.Split(path, `\`)
	for i := range parts {
		switch prefix := strings.Join(parts[:i+1], `\`); {
		case o.links[prefix]:
			return prefix, ErrCovered
		case path != "" && parts[i] == "", !o.tree[prefix]:
			if i < len(parts)-1 {
				return "", ErrPathNotFound
			}
			return "", ErrNotFound
		}
	}
	return path, nil
}

// conflicts reports whether two folders have one path, or one lies below a link.
func conflicts(folders []FolderConfig) bool {
	for i, f := range folders {
		for j, g := range folders {
			path, other := FoldString(f.Path), FoldString(g.Path)
			if i != j && (path == other || len(f.Targets) > 0 && strings.HasPrefix(other, path+`\`)) {
				return true
			}
		}
	}
	return false
}

// Names that fall together, that only look alike, and that sort in odd ways.
var oddNames = []string{
	"a", "A", "b", "ab", "a-b", "a b", "é", "É", "e", "ß", "ss", "ẞ", "ÿ", "Ÿ", "ɐ", "Ɐ", "ⱥ", "Ⱥ", "ı", "i", "I", "İ",
	"ς", "σ", "Σ", "ǆ", "ǅ", "😀", "\uFFFD", "!", "~", "public",
}

func drawPath(t *rapid.T, label string) string {
	return strings.Join(rapid.SliceOfN(rapid.SampledFrom(oddNames), 1, 4).Draw(t, label), `\`)
}

func drawFolders(t *rapid.T) []FolderConfig {
	var folders []FolderConfig
	for range rapid.IntRange(0, 12).Draw(t, "folders") {
		f := plain(drawPath(t, "path"))
		for range rapid.IntRange(0, 1).Draw(t, "targets") {
			f.Targets = append(f.Targets, TargetConfig{Path: UNC(`\\h\` + strings.ReplaceAll(f.Path, `\`, "-"))})
		}
		folders = append(folders, f)
	}
	return folders
}

func TestValidateOracle(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		folders := drawFolders(t)
		faults := tree("public", folders...).Validate()
		if got, want := len(faults) > 0, conflicts(folders); got != want {
			t.Fatalf("Validate(%q) = %v, want faults: %v", paths(folders), faults, want)
		}
	})
}

func paths(folders []FolderConfig) []string {
	var paths []string
	for _, f := range folders {
		paths = append(paths, f.Path)
	}
	return paths
}

// drawTree returns folders that go together.
func drawTree(t *rapid.T) []FolderConfig {
	var folders []FolderConfig
	for _, f := range drawFolders(t) {
		if more := append(slices.Clip(folders), f); !conflicts(more) {
			folders = more
		}
	}
	return folders
}

func TestMatchOracle(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		folders := drawTree(t)
		o := newOracle(folders)
		s := newSnapshot(t, tree("first"), tree("Public", folders...))
		for range 20 {
			path := rapid.SampledFrom([]string{`\h\public\`, `\\h\PUBLIC\`, `h\public\`, `\h\first\`, `\`}).Draw(t, "prefix") + drawPath(t, "request")
			checkOracle(t, s, o, path)
		}
		for _, f := range folders {
			checkOracle(t, s, o, `\h\public\`+f.Path+`\x`)
		}
	})
}

func checkOracle(t rapid.TB, s *Snapshot, o oracle, path string) {
	t.Helper()
	m := s.Match(path)
	if m.Root != nil && m.Root.Name() != "Public" {
		return
	}
	consumed, link := o.match("public", path)
	got := ""
	if !m.Link.IsZero() {
		got = FoldString(m.Link.Path())
	}
	if m.Consumed != consumed || got != link {
		t.Errorf("Match(%q) = %d bytes, link %q, want %d, %q", path, m.Consumed, got, consumed, link)
	}
}

func TestWalkOracle(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		folders := drawTree(t)
		o := newOracle(folders)
		s := newSnapshot(t, tree("public", folders...))
		if spare := cap(s.ids) - len(s.ids) + cap(s.nodes) - len(s.nodes) + cap(s.targets) - len(s.targets); spare != 0 {
			t.Errorf("New(%q) has room for %d more, want none", paths(folders), spare)
		}
		r := s.Roots()[0]
		for range 20 {
			path := rapid.OneOf(rapid.Just(""), rapid.Custom(func(t *rapid.T) string { return drawPath(t, "path") })).Draw(t, "walk")
			path += rapid.SampledFrom([]string{"", "", "", `\`, `\\a`}).Draw(t, "tail")
			checkWalk(t, r, o, path)
		}
		checkTree(t, r.Top(), o)
	})
}

func checkWalk(t rapid.TB, r *Root, o oracle, path string) {
	t.Helper()
	n, err := r.Walk(path)
	want, wantErr := o.walk(path)
	if !errors.Is(err, wantErr) {
		t.Fatalf("Walk(%q) = %v, want %v", path, err, wantErr)
	}
	if n != (Node{}) && FoldString(n.Path()) != want {
		t.Fatalf("Walk(%q) = %q, want %q", path, n.Path(), want)
	}
}

// checkTree compares the tree below top with the oracle's.
func checkTree(t rapid.TB, top Node, o oracle) {
	t.Helper()
	seen := make(map[string]bool)
	ids := make(map[uint64]bool)
	var visit func(n Node)
	visit = func(n Node) {
		path := FoldString(n.Path())
		if seen[path] || ids[n.ID()] || n.IsLink() != o.links[path] {
			t.Errorf("folder %q: link %v, id %#x; want link %v, and nothing twice", n.Path(), n.IsLink(), n.ID(), o.links[path])
		}
		seen[path], ids[n.ID()] = true, true
		last := ""
		for i := range n.NumChildren() {
			child := n.ChildAt(i)
			if folded := FoldString(child.Name()); folded <= last {
				t.Errorf("%q comes after %q in %q", child.Name(), last, n.Path())
			} else {
				last = folded
			}
			if parent, ok := child.Parent(); !ok || parent != n {
				t.Errorf("parent of %q is %q, want %q", child.Path(), parent.Path(), n.Path())
			}
			visit(child)
		}
	}
	visit(top)
	if len(seen) != len(o.tree) {
		t.Errorf("tree = %v, want %v", seen, o.tree)
	}
}

// fuzzFolders are what FuzzMatch asks about.
func fuzzFolders() []FolderConfig {
	return []FolderConfig{
		link("projects", `\\h\1`), link(`Dept\Straße\x`, `\\h\2`), plain(`dept\plain`), link(`ɐ\ⱥ`, `\\h\3`),
		link("😀", `\\h\4`), link(strings.Repeat("é", 255), `\\h\5`), link("\uFFFD", `\\h\6`),
	}
}

func FuzzMatch(f *testing.F) {
	for _, path := range []string{
		`\host\public\projects\a`, `\\h\PUBLIC\dept\straße\X`, `h\public\Ɐ\Ⱥ\`, `\h\public\😀`, "\\h\\public\\\xff\\x",
		`\h\public\` + strings.Repeat("É", 255), `\h\public\\projects`, `\h\public\dept\plain`, `\`, ``, `\\\\`,
	} {
		f.Add(path)
	}
	s := newSnapshot(f, tree("Public", fuzzFolders()...))
	o := newOracle(fuzzFolders())
	f.Fuzz(func(t *testing.T, path string) {
		checkOracle(t, s, o, path)
		if m := s.Match(path); m.Root != nil {
			rest := strings.TrimPrefix(path[m.Consumed:], `\`)
			checkWalk(t, m.Root, o, rest)
		}
	})
}

// TestNewKeepsNothing builds a configuration whose strings all lie in one piece
// of memory, and wants that piece to be gone once the snapshot stands.
func TestNewKeepsNothing(t *testing.T) {
	s, piece, folders := snapshotOfPiece(t)
	runtime.GC()
	runtime.GC()
	if piece.Value() != nil {
		t.Error("the snapshot keeps strings of the configuration")
	}
	if folders.Value() != nil {
		t.Error("the snapshot keeps folders of the configuration")
	}
	if m := s.Match(`\h\public\dept\a`); m.Link.IsZero() || m.Link.Target(0).Path() != `\\fs1\data` || m.Link.Replicates() != "group/folder" {
		t.Errorf("Match() = %+v, want the link", m)
	}
}

func snapshotOfPiece(t *testing.T) (*Snapshot, weak.Pointer[byte], weak.Pointer[FolderConfig]) {
	piece := make([]byte, 0, 1<<20)
	in := func(s string) string {
		start := len(piece)
		piece = append(piece, s...)
		return unsafe.String(&piece[start], len(s))
	}
	f := plain(in(`dept\a`))
	f.Comment, f.Replicates = in("comment"), in("group/folder")
	f.Targets = []TargetConfig{{Path: UNC(in(`\\fs1\data`)), Site: in("site"), Member: in("member")}}
	c := tree(in("public"), f)
	c.Comment = in("root comment")
	s := newSnapshot(t, c)
	return s, weak.Make(&piece[0]), weak.Make(&c.Folders[0])
}
