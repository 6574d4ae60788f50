package namespace

import (
	"errors"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"dfsd/internal/fault"
)

// newSnapshot returns the snapshot of cfgs, which have no faults.
func newSnapshot(tb rapid.TB, cfgs ...Config) *Snapshot {
	tb.Helper()
	s, err := New(cfgs)
	if err != nil {
		tb.Fatalf("New() = %v", err)
	}
	return s
}

// tree returns a namespace with these folders.
func tree(name string, folders ...FolderConfig) Config {
	c := Config{Name: name, Folders: folders}
	c.SetDefaults()
	return c
}

func TestNewRefuses(t *testing.T) {
	_, err := New([]Config{tree("public"), tree("PUBLIC")})
	var faults fault.List
	if !errors.As(err, &faults) || len(faults) != 1 || faults[0].Path != "[1].name" {
		t.Errorf("New() = %v, want the fault of ValidateAll", err)
	}
}

func TestEmptySnapshot(t *testing.T) {
	s := newSnapshot(t)
	if m := s.Match(`\host\public\a`); m != (Match{}) {
		t.Errorf("Match() = %+v, want nothing", m)
	}
	if r, ok := s.Root("public"); ok || len(s.Roots()) != 0 || len(s.Hosts()) != 0 || !slices.Equal(s.SiteNames(), []string{""}) {
		t.Errorf("Root() = %v, Roots() = %v, Hosts() = %q, SiteNames() = %q, want nothing", r, s.Roots(), s.Hosts(), s.SiteNames())
	}
}

func TestRoots(t *testing.T) {
	full := Config{
		Name: "Public", Type: Domain, Comment: "Company shares", TTL: time.Minute, Ordering: Random,
		InSiteOnly: true, Failback: true, State: Offline,
		Folders: []FolderConfig{link("a", `\\h\a`), plain("b"), link(`b\c`, `\\h\c`)},
	}
	s := newSnapshot(t, tree("tools"), full, tree("Apps"))
	var names []string
	for _, r := range s.Roots() {
		names = append(names, r.Name())
	}
	if want := []string{"tools", "Public", "Apps"}; !slices.Equal(names, want) {
		t.Errorf("Roots() = %q, want %q", names, want)
	}
	r, ok := s.Root("pUBLIC")
	if !ok || r != s.Roots()[1] {
		t.Fatalf("Root(pUBLIC) = %v, %v, want the second", r, ok)
	}
	if r.Type() != Domain || r.Comment() != "Company shares" || r.TTL() != time.Minute || r.Ordering() != Random {
		t.Errorf("Root = %v %q %v %v, want what the configuration says", r.Type(), r.Comment(), r.TTL(), r.Ordering())
	}
	if !r.InSiteOnly() || !r.Failback() || r.State() != Offline || r.NumLinks() != 2 {
		t.Errorf("Root = %v %v %v %d, want what the configuration says", r.InSiteOnly(), r.Failback(), r.State(), r.NumLinks())
	}
	if other := s.Roots()[0]; other.InSiteOnly() || other.Failback() || other.State() != Online || other.NumLinks() != 0 || other.Type() != Standalone {
		t.Errorf("Root = %v %v %v %d, want defaults", other.InSiteOnly(), other.Failback(), other.State(), other.NumLinks())
	}
	if r, ok := s.Root("publi"); ok {
		t.Errorf("Root(publi) = %v, want none", r.Name())
	}
}

func TestLink(t *testing.T) {
	full := link(`Dept\Projects`, `\\fs1\p`)
	full.Comment, full.TTL, full.State = "Project files", time.Hour, Offline
	full.InSiteOnly, full.Failback, full.Interlink = true, true, true
	full.Replicates, full.Gate = "branch/projects", &GateConfig{MaxLag: 2 * time.Minute}
	s := newSnapshot(t, tree("public", link("a", `\\h\a`), full))

	l := s.Match(`\h\public\dept\projects`).Link
	if l.IsZero() || l.Path() != `Dept\Projects` || l.Comment() != "Project files" || l.TTL() != time.Hour || l.State() != Offline {
		t.Errorf("Link = %q %q %v %v, want what the configuration says", l.Path(), l.Comment(), l.TTL(), l.State())
	}
	if !l.InSiteOnly() || !l.Failback() || !l.Interlink() || l.Replicates() != "branch/projects" || l.MaxLag() != 2*time.Minute {
		t.Errorf("Link = %v %v %v %q %v, want what the configuration says", l.InSiteOnly(), l.Failback(), l.Interlink(), l.Replicates(), l.MaxLag())
	}
	if node := l.Node(); node.Link() != l || node.Name() != "Projects" {
		t.Errorf("Link.Node() = %q, want Projects", node.Path())
	}
	l = s.Match(`\h\public\a`).Link
	if l.Path() != "a" || l.Comment() != "" || l.TTL() != 1800*time.Second || l.State() != Online || l.MaxLag() != 0 ||
		l.InSiteOnly() || l.Failback() || l.Interlink() || l.Replicates() != "" {
		t.Errorf("Link = %+v, want defaults", l.policy())
	}
}

func TestTargets(t *testing.T) {
	f := plain("a")
	f.Targets = []TargetConfig{
		{Path: `\\fs1.corp\Data\dir`, State: Offline, Priority: GlobalLow, Rank: 31, Site: "London", Member: "m1"},
		{Path: `\\FS2.corp\Data\dir`, Priority: SiteCostHigh, Rank: 0, Site: "HQ"},
		{Path: `\\fs1.corp\other`, Rank: 5},
	}
	s := newSnapshot(t, tree("public", link("0", `\\fs0\x`), f, link("b", `\\fs1.corp\b`)))
	l := s.Match(`\h\public\a`).Link
	var got []TargetConfig
	for i := range l.NumTargets() {
		target := l.Target(i)
		got = append(got, TargetConfig{
			Path: UNC(target.Path()), State: target.State(), Priority: target.Class(), Rank: int(target.Rank()),
			Site: target.SiteName(), Member: target.Member(),
		})
		if host := s.Hosts()[target.HostID()]; host != target.Host() {
			t.Errorf("Hosts()[%d] = %q, want %q", target.HostID(), host, target.Host())
		}
		if site := s.SiteNames()[target.SiteRef()]; site != target.SiteName() {
			t.Errorf("SiteNames()[%d] = %q, want %q", target.SiteRef(), site, target.SiteName())
		}
	}
	want := slices.Clone(f.Targets)
	want[1].Member, want[2].Member = "FS2.corp", "fs1.corp"
	if !slices.Equal(got, want) {
		t.Errorf("targets = %+v, want %+v", got, want)
	}
	if want := []string{"fs0", "fs1.corp", "FS2.corp"}; !slices.Equal(s.Hosts(), want) {
		t.Errorf("Hosts() = %q, want %q", s.Hosts(), want)
	}
	if want := []string{"", "London", "HQ"}; !slices.Equal(s.SiteNames(), want) {
		t.Errorf("SiteNames() = %q, want %q", s.SiteNames(), want)
	}
	if got, want := string(l.Target(1).AppendPath([]byte("to "))), `to \\FS2.corp\Data\dir`; got != want {
		t.Errorf("AppendPath() = %q, want %q", got, want)
	}
	if again := s.Match(`\h\public\A`).Link; l != again || l.Target(0) != again.Target(0) || l.Target(0) == l.Target(1) {
		t.Error("links and targets do not compare by what they are")
	}
}

func TestOutOfRangePanics(t *testing.T) {
	s := newSnapshot(t, tree("public", link("a", `\\h\a`, `\\h\b`), link("b", `\\h\c`)))
	l := s.Match(`\h\public\a`).Link
	top := s.Roots()[0].Top()
	for name, call := range map[string]func(){
		"Target(-1)":  func() { l.Target(-1) },
		"Target(2)":   func() { l.Target(2) },
		"ChildAt(-1)": func() { top.ChildAt(-1) },
		"ChildAt(2)":  func() { top.ChildAt(2) },
	} {
		t.Run(name, func(t *testing.T) {
			defer func() {
				if recover() == nil {
					t.Errorf("%s did not panic", name)
				}
			}()
			call()
		})
	}
}

func TestSharedText(t *testing.T) {
	a, b := link("a", `\\h1\data\same`, `\\h2\data\same`), link("b", `\\h1\data\same`)
	a.Comment, b.Comment = "one comment", "one comment"
	s := newSnapshot(t, tree("public", a, b))
	if want := len("public" + "a" + "b" + "one comment" + `data\same` + `data\same`); len(s.text) != want {
		t.Errorf("snapshot holds %d bytes of text, %q, want %d", len(s.text), s.text, want)
	}
}
