package namespace

import (
	"fmt"
	"strings"
	"testing"
)

func TestMatch(t *testing.T) {
	s := newSnapshot(t,
		tree("public", link("projects", `\\h\p`), link(`Dept\Straße\x`, `\\h\x`), plain(`dept\plain`), link(strings.Repeat("ɐ", 255), `\\h\l`)),
		tree("Tools", link("bin", `\\h\b`)),
	)
	tests := []struct {
		name, path string
		consumed   string // what of path names the root or the link
		link       string // path of the link
	}{
		{name: "empty", path: ""},
		{name: "backslash", path: `\`},
		{name: "host", path: `\host`},
		{name: "host and backslash", path: `\host\`},
		{name: "no such namespace", path: `\host\private\projects`},
		{name: "part of a name", path: `\host\publi`},
		{name: "root", path: `\host\public`, consumed: `\host\public`},
		{name: "root and backslash", path: `\host\public\`, consumed: `\host\public`},
		{name: "root in capitals", path: `\HOST\PUBLIC`, consumed: `\HOST\PUBLIC`},
		{name: "another root", path: `\host\tools\BIN`, consumed: `\host\tools\BIN`, link: "bin"},
		{name: "link", path: `\host\public\projects`, consumed: `\host\public\projects`, link: "projects"},
		{name: "link and backslash", path: `\host\public\projects\`, consumed: `\host\public\projects`, link: "projects"},
		{name: "below a link", path: `\host\public\Projects\a\b.txt`, consumed: `\host\public\Projects`, link: "projects"},
		{name: "below a link, not a path", path: `\host\public\projects\\..\*`, consumed: `\host\public\projects`, link: "projects"},
		{name: "longer name", path: `\host\public\projects2`, consumed: `\host\public`},
		{name: "shorter name", path: `\host\public\project`, consumed: `\host\public`},
		{name: "deep link", path: `\host\public\DEPT\STRAßE\X\y`, consumed: `\host\public\DEPT\STRAßE\X`, link: `Dept\Straße\x`},
		{name: "folder above a link", path: `\host\public\dept\straße`, consumed: `\host\public`},
		{name: "folder without targets", path: `\host\public\dept\plain\x`, consumed: `\host\public`},
		{name: "longer in another case", path: `\h\public\` + strings.Repeat("Ɐ", 255), consumed: `\h\public\` + strings.Repeat("Ɐ", 255), link: strings.Repeat("ɐ", 255)},
		{name: "longer than any name", path: `\h\public\` + strings.Repeat("Ɐ", 256), consumed: `\h\public`},
		{name: "longer than what is looked at", path: `\h\public\` + strings.Repeat("x", 64<<10), consumed: `\h\public`},
		{name: "empty component", path: `\host\public\\projects`, consumed: `\host\public`},
		{name: "empty namespace", path: `\host\\public`},
		{name: "empty host", path: `\\\public\projects`},
		{name: "two leading backslashes", path: `\\host\public\projects\x`, consumed: `\\host\public\projects`, link: "projects"},
		{name: "no leading backslash", path: `host\public\projects\x`, consumed: `host\public\projects`, link: "projects"},
		{name: "three leading backslashes", path: `\\\host\public`},
		{name: "slashes are no separators", path: `/host/public`},
		{name: "any host", path: `\10.0.0.1\public`, consumed: `\10.0.0.1\public`},
		{name: "NUL behind a name", path: "\\h\\public\\projects\x00", consumed: `\h\public`},
		{name: "not UTF-8", path: "\\h\\public\\\xff", consumed: `\h\public`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			m := s.Match(tt.path)
			checkMatch(t, tt.path, m, tt.consumed, tt.link)
		})
	}
}

func checkMatch(t testing.TB, path string, m Match, consumed, link string) {
	t.Helper()
	if got := path[:m.Consumed]; got != consumed || (m.Root == nil) != (consumed == "") {
		t.Errorf("Match(%q) consumed %q with root %v, want %q", path, got, m.Root, consumed)
	}
	got := ""
	if !m.Link.IsZero() {
		got = m.Link.Path()
	}
	if got != link {
		t.Errorf("Match(%q) = link %q, want %q", path, got, link)
	}
}

func TestMatchAllocatesNothing(t *testing.T) {
	s := newSnapshot(t, tree("public", link(`a\Straße`, `\\h\a`), link(strings.Repeat("é", 200), `\\h\b`)))
	for _, path := range []string{`\h\public\A\STRAßE\x`, `\h\Public\` + strings.Repeat("É", 200), `\h\other\a`, `\h\public\` + strings.Repeat("b", 2000)} {
		if n := testing.AllocsPerRun(100, func() { s.Match(path) }); n != 0 {
			t.Errorf("Match(%q) allocates %v times, want 0", path, n)
		}
	}
}

// TestIndexSpread looks at how far lookups go from their first slot: a few steps
// on average, however many folders there are.
func TestIndexSpread(t *testing.T) {
	for _, n := range []int{1_000, 100_000} {
		s := newSnapshot(t, largeConfig(n)...)
		steps, used := 0, 0
		for parent := range len(s.nodes) - 1 {
			table := s.index.table(s.nodes[parent].child, s.nodes[parent+1].child)
			for i, slot := range table {
				if slot.node != 0 {
					used++
					home := first(s.index.hash([]byte(FoldString(s.name(slot.node)))), table)
					steps += (i - home + len(table)) % len(table)
				}
			}
		}
		if want := len(s.nodes) - 2; used != want {
			t.Errorf("%d links: %d slots in use, want %d", n, used, want)
		}
		if mean := float64(steps) / float64(used); mean > 2 {
			t.Errorf("%d links: lookups go %.2f slots far, want at most 2", n, mean)
		}
	}
}

// TestIndexWraps fills tables so small that every probe sequence passes the end.
func TestIndexWraps(t *testing.T) {
	for n := range 20 {
		for range 50 {
			var folders []FolderConfig
			for i := range n {
				folders = append(folders, link(fmt.Sprintf("f%d", i), `\\h\s`))
			}
			s := newSnapshot(t, tree("r", folders...))
			for i := range n + 1 {
				path := fmt.Sprintf(`\h\R\F%d`, i)
				if m := s.Match(path); m.Link.IsZero() != (i == n) {
					t.Fatalf("%d links: Match(%q) = %+v", n, path, m)
				}
				if m := s.Match(path + "\x00"); !m.Link.IsZero() {
					t.Fatalf("%d links: Match(%q) = %+v, want no link", n, path+"\x00", m)
				}
			}
		}
	}
}

// TestLongNames looks for names that differ behind what a slot holds of them.
func TestLongNames(t *testing.T) {
	name := func(i int) string { return fmt.Sprintf("Quarterly-Réports-of-the-%02d", i) }
	var folders []FolderConfig
	for i := range 40 {
		folders = append(folders, link(name(i), `\\h\s`))
	}
	for range 20 {
		s := newSnapshot(t, tree("r", folders...))
		for i := range 80 {
			path := `\h\r\` + strings.ToUpper(name(i))
			m := s.Match(path)
			if m.Link.IsZero() != (i >= 40) || !m.Link.IsZero() && m.Link.Path() != name(i) {
				t.Fatalf("Match(%q) = %+v, want the link of its name", path, m)
			}
		}
	}
}
