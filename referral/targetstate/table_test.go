package targetstate

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"dfsd/namespace"
	"dfsd/referral"
)

// snapshot makes a namespace of a folder for each list of hosts; a host with a
// "-" before it is offline.
func snapshot(tb testing.TB, name string, folders ...string) *namespace.Snapshot {
	tb.Helper()
	c := namespace.Config{Name: name}
	c.SetDefaults()
	for i, hosts := range folders {
		f := namespace.FolderConfig{Path: fmt.Sprintf("f%d", i)}
		f.SetDefaults()
		for host := range strings.FieldsSeq(hosts) {
			t := namespace.TargetConfig{Path: namespace.UNC(`\\` + strings.TrimPrefix(host, "-") + `\data`)}
			if strings.HasPrefix(host, "-") {
				t.State = namespace.Offline
			}
			f.Targets = append(f.Targets, t)
		}
		c.Folders = append(c.Folders, f)
	}
	ns, err := namespace.New([]namespace.Config{c})
	if err != nil {
		tb.Fatal(err)
	}
	return ns
}

func linkAt(tb testing.TB, ns *namespace.Snapshot, path string) namespace.Link {
	tb.Helper()
	l := ns.Match(path).Link
	if l.IsZero() {
		tb.Fatalf("no link at %s", path)
	}
	return l
}

// byHost gives targets the status of their host.
func byHost(m map[string]Status) func(*namespace.Root, namespace.Link, namespace.Target) Status {
	return func(_ *namespace.Root, _ namespace.Link, t namespace.Target) Status { return m[t.Host()] }
}

func TestTable(t *testing.T) {
	ns := snapshot(t, "public", "fs1 fs2", "fs2 fs3", "fs1 fs4")
	var asked []string
	table := newTable(ns, func(root *namespace.Root, link namespace.Link, target namespace.Target) Status {
		name := root.Name() + "|" + link.Path() + "|" + target.Host()
		asked = append(asked, name)
		if target.Host() == "fs2" && link.Path() == "f1" {
			return Status{State: referral.Down, Reason: name, Since: noon}
		}
		return Status{Since: started}
	})
	if want := "public|f0|fs1 public|f0|fs2 public|f1|fs2 public|f1|fs3 public|f2|fs1 public|f2|fs4"; strings.Join(asked, " ") != want {
		t.Errorf("newTable() asked for %q, want %q", asked, want)
	}
	if len(table.statuses) != 2 {
		t.Errorf("newTable() keeps %d statuses, want 2", len(table.statuses))
	}
	for r := range ns.Roots()[0].Links() {
		for i := range r.NumTargets() {
			target, want := r.Target(i), Status{Since: started}
			if r.Path() == "f1" && i == 0 {
				want = Status{State: referral.Down, Reason: "public|f1|fs2", Since: noon}
			}
			if got := table.Status(target); got != want || table.TargetState(target) != want.State || table.StateReason(target) != want.Reason {
				t.Errorf("Status(%s in %s) = %+v, want %+v", target.Path(), r.Path(), got, want)
			}
		}
	}
}

// TestTableOfAnotherSnapshot: after a reload nothing is said of what the numbers
// once were.
func TestTableOfAnotherSnapshot(t *testing.T) {
	table := newTable(snapshot(t, "public", "fs1 fs2"), byHost(map[string]Status{"fs1": {State: referral.Down}, "fs2": {State: referral.Offline}}))
	for _, other := range []*namespace.Snapshot{snapshot(t, "public", "fs1 fs2"), snapshot(t, "public", "fs1 fs2 fs3 fs4 fs5")} {
		link := linkAt(t, other, `\h\public\f0`)
		for i := range link.NumTargets() {
			if got := table.Status(link.Target(i)); got != (Status{}) || table.TargetState(link.Target(i)) != referral.Up {
				t.Errorf("Status(%s) = %+v, want nothing", link.Target(i).Path(), got)
			}
		}
		if table.Degraded(link) {
			t.Error("Degraded() of a link of another snapshot")
		}
	}
}

func TestTableWithoutStatuses(t *testing.T) {
	ns := snapshot(t, "public", "fs1")
	link := linkAt(t, ns, `\h\public\f0`)
	for name, table := range map[string]*Table{"nil": nil, "no snapshot": newTable(nil, byHost(nil)), "no statuses": newTable(ns, nil)} {
		if table.TargetState(link.Target(0)) != referral.Up || table.StateReason(link.Target(0)) != "" || table.Degraded(link) || table.Degraded(namespace.Link{}) {
			t.Errorf("%s: a table without statuses says something", name)
		}
	}
}

func TestDegraded(t *testing.T) {
	for _, c := range []struct {
		hosts string
		state Status // of fs2
		want  bool
	}{
		{"fs1 fs2", Status{}, false},
		{"fs1 fs2", Status{State: referral.Lagging}, true},
		{"fs1 fs2 fs3", Status{State: referral.Down}, true},
		{"fs2", Status{State: referral.Drained}, true},
		{"fs1 fs2", Status{State: referral.Offline}, true},
		{"fs1 -fs2", Status{State: referral.Offline}, false},
		{"fs1 fs2", Status{Leaving: true}, true},
		{"fs1 fs2", Status{Reason: "all is well"}, false},
		{"fs1 fs3", Status{State: referral.Down}, false},
	} {
		ns := snapshot(t, "public", c.hosts, "fs9")
		table := newTable(ns, byHost(map[string]Status{"fs2": c.state}))
		if got := table.Degraded(linkAt(t, ns, `\h\public\f0`)); got != c.want {
			t.Errorf("Degraded(%s) = %v with %+v, want %v", c.hosts, got, c.state, c.want)
		}
		if table.Degraded(linkAt(t, ns, `\h\public\f1`)) {
			t.Errorf("Degraded() of a link beside %s", c.hosts)
		}
	}
}

// TestReferralsReadTheTable is the way from facts to an answer.
func TestReferralsReadTheTable(t *testing.T) {
	ns := snapshot(t, "public", "fs1 fs2 fs3 fs4")
	facts := map[string]Inputs{
		"fs1": {Health: Health{Probed: true, Known: true, Down: true, Why: "refused"}},
		"fs2": {Decision: &Decision{Kind: Drained, At: started, TakenOut: started}},
		"fs3": {Replicated: true, MaxLag: s, Words: []Word{lacking("fs4", 9, time.Hour, 0)}},
	}
	table := newTable(ns, func(_ *namespace.Root, _ namespace.Link, target namespace.Target) Status {
		return Judge(facts[target.Host()], noon)
	})
	view := referral.NewView(ns, nil, referral.ViewOptions{States: table})
	var r referral.Referral
	if err := view.Resolve(referral.Request{Path: `\h\public\f0`, Client: netip.MustParseAddr("10.0.0.1")}, nil, &r); err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, p := range r.Targets {
		got = append(got, p.Target.Host())
	}
	if want := []string{"fs4", "fs3", "fs1"}; !slices.Equal(got, want) || r.TTL != 60*s {
		t.Errorf("the referral has %q for %v, want %q for 1m", got, r.TTL, want)
	}
	if why := r.Why(r.Targets[1]); !strings.Contains(why, "lagging (9 files behind fs4") {
		t.Errorf("Why() = %q, want the reason", why)
	}
}

func TestTableAllocatesNothing(t *testing.T) {
	ns := snapshot(t, "public", "fs1 fs2")
	table := newTable(ns, byHost(nil))
	link := linkAt(t, ns, `\h\public\f0`)
	target := link.Target(1)
	if n := testing.AllocsPerRun(100, func() {
		_, _ = table.TargetState(target), table.Degraded(link)
	}); n != 0 {
		t.Errorf("%v allocations for each state, want 0", n)
	}
}

func BenchmarkTargetState(b *testing.B) {
	ns := snapshot(b, "public", "fs1 fs2 fs3")
	table := newTable(ns, byHost(map[string]Status{"fs2": {State: referral.Down}}))
	target := linkAt(b, ns, `\h\public\f0`).Target(1)
	b.ReportAllocs()
	for b.Loop() {
		if table.TargetState(target) != referral.Down {
			b.Fatal("not down")
		}
	}
}

// TestFewOfMany: a Table of a few targets knows them as one of all does, and
// takes the others to be up.
func TestFewOfMany(t *testing.T) {
	hosts := "fs1 fs2"
	for i := range 40 {
		hosts += fmt.Sprintf(" x%d", i)
	}
	ns := snapshot(t, "public", hosts)
	down := Status{State: referral.Down, Reason: "no answer", Leaving: true}
	for _, some := range []int{1, 42} {
		b := NewBuilder(ns, some)
		for _, root := range ns.Roots() {
			for link := range root.Links() {
				for i := range link.NumTargets() {
					if target := link.Target(i); target.Host() == "fs2" {
						b.Put(target, down)
					}
				}
			}
		}
		table := b.Table()
		for _, root := range ns.Roots() {
			for link := range root.Links() {
				for i := range link.NumTargets() {
					want := Status{}
					target := link.Target(i)
					if target.Host() == "fs2" {
						want = down
					}
					if got := table.Status(target); got != want || table.TargetState(target) != want.State {
						t.Errorf("of %d: %s is %+v, want %+v", some, target.Host(), got, want)
					}
				}
				if !table.Degraded(link) {
					t.Errorf("of %d: %s is not degraded", some, link.Path())
				}
			}
		}
	}
}

func BenchmarkNewTable(b *testing.B) {
	folders := make([]string, 20_000)
	for i := range folders {
		folders[i] = "fs1 fs2 fs3 fs4 fs5"
	}
	ns := snapshot(b, "public", folders...)
	in := judged(func(in *Inputs) { in.Words = []Word{lacking("fs1", 3, 3*s, s), lacking("fs3", 0, 0, s)} })
	b.ReportAllocs()
	for b.Loop() {
		newTable(ns, func(_ *namespace.Root, _ namespace.Link, _ namespace.Target) Status { return Judge(in, noon) })
	}
}

// newTable makes a Table of all targets: it asks for the status of each target in ns, in the order of its roots
// and links, and keeps them. A target that several links name has several
// entries in ns, and a status in each. nil for ns or statuses: all are up.
func newTable(ns *namespace.Snapshot, statuses func(root *namespace.Root, link namespace.Link, t namespace.Target) Status) *Table {
	if ns == nil || statuses == nil {
		return &Table{}
	}
	b := NewBuilder(ns, ns.NumTargets())
	for _, root := range ns.Roots() {
		for link := range root.Links() {
			for i := range link.NumTargets() {
				t := link.Target(i)
				b.Put(t, statuses(root, link, t))
			}
		}
	}
	return b.Table()
}
