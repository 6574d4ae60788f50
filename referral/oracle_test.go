package referral

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"dfsd/namespace"
)

// trial is one case for the twins: a folder's targets and who asks.
type trial struct {
	targets []trialTarget
	client  string // site; "" is none
	config  namespace.Config
	states  states
}

type trialTarget struct {
	host, site, class string
	rank              int
	offline           bool
}

func (tt trialTarget) line() string {
	line := fmt.Sprintf("%s %s %s rank%d", tt.host, tt.site, tt.class, tt.rank)
	if tt.offline {
		line += " offline"
	}
	return line
}

func (tr *trial) view(t fataler) *View {
	t.Helper()
	var lines []string
	for _, target := range tr.targets {
		lines = append(lines, target.line())
	}
	c := tr.config
	folder := c.Folders[0]
	folder.Targets = public(t, lines...).Folders[0].Targets
	c.Folders = []namespace.FolderConfig{folder}
	return newView(t, ViewOptions{States: tr.states}, c)
}

func (tr *trial) resolve(t fataler, v *View, seed uint64) *Referral {
	t.Helper()
	addr := map[string]netip.Addr{"London": london, "Tokyo": tokyo, "": nowhere}[tr.client]
	r := new(Referral)
	if err := v.Resolve(Request{Path: `\srv\public\data\x`, Client: addr}, rand.New(rand.NewPCG(seed, 1)), r); err != nil {
		t.Fatal(err)
	}
	return r
}

func anyTrial() *rapid.Generator[trial] {
	return rapid.Custom(func(t *rapid.T) trial {
		tr := trial{config: public(t, "x London"), states: make(states)}
		classes := []string{"site-cost-normal", "global-high", "site-cost-high", "site-cost-low", "global-low"}
		if rapid.Bool().Draw(t, "default priorities") {
			classes = classes[:1]
		}
		for i := range rapid.IntRange(1, 12).Draw(t, "targets") {
			target := trialTarget{
				host:    fmt.Sprintf("fs%02d", i),
				site:    rapid.SampledFrom([]string{"London", "Paris", "Tokyo", "Island", "Rome", "-"}).Draw(t, "site"),
				class:   rapid.SampledFrom(classes).Draw(t, "class"),
				offline: rapid.IntRange(0, 5).Draw(t, "offline") == 0,
			}
			if len(classes) > 1 {
				target.rank = rapid.SampledFrom([]int{0, 0, 1, 31}).Draw(t, "rank")
			}
			tr.targets = append(tr.targets, target)
			if rapid.IntRange(0, 3).Draw(t, "state known") == 0 {
				tr.states[target.host] = State(rapid.IntRange(int(Up), int(Offline)).Draw(t, "state"))
			}
		}
		tr.client = rapid.SampledFrom([]string{"London", "Tokyo", ""}).Draw(t, "client")
		tr.config.InSiteOnly = rapid.IntRange(0, 3).Draw(t, "root in site") == 0
		tr.config.Folders[0].InSiteOnly = rapid.IntRange(0, 3).Draw(t, "link in site") == 0
		if rapid.Bool().Draw(t, "random") {
			tr.config.Ordering = namespace.Random
		}
		if rapid.IntRange(0, 9).Draw(t, "offline") == 0 {
			tr.config.Folders[0].State = namespace.Offline
		}
		return tr
	})
}

// sets is the twin of order: [MS-DFSC] 3.2.1.1, 3.2.1.2 and 3.2.5.5 step by
// step, for the targets that are well, then those that lag, then those that are
// down; and where there are none of these, those that a command took out.
func (tr *trial) sets() [][]string {
	var sets [][]string
	for _, counts := range [][]State{{Up}, {Lagging}, {Down}, {Drained, Offline}} {
		if counts[0] == Drained && len(sets) > 0 {
			break
		}
		online := slices.DeleteFunc(slices.Clone(tr.targets), func(target trialTarget) bool {
			return target.offline || tr.config.Folders[0].State == namespace.Offline || !slices.Contains(counts, tr.states[target.host])
		})
		if slices.ContainsFunc(online, func(target trialTarget) bool { return target.class != "site-cost-normal" || target.rank != 0 }) {
			sets = append(sets, tr.byPriority(online)...)
		} else {
			sets = append(sets, tr.byDistance(tr.inSite(online))...)
		}
	}
	return sets
}

// byPriority is the order where a target has a priority.
func (tr *trial) byPriority(targets []trialTarget) [][]string {
	of := func(list []trialTarget, keep func(trialTarget) bool) []trialTarget {
		return slices.DeleteFunc(slices.Clone(list), func(target trialTarget) bool { return !keep(target) })
	}
	byRank := func(list []trialTarget) (sets [][]string) {
		for rank := range 32 {
			sets = append(sets, tr.byDistance(of(list, func(x trialTarget) bool { return x.rank == rank }))...)
		}
		return sets
	}
	var sets [][]string
	for _, classes := range [][]string{{"global-high"}, {"site-cost-high", "site-cost-normal", "site-cost-low"}, {"global-low"}} {
		group := of(targets, func(x trialTarget) bool { return slices.Contains(classes, x.class) })
		if len(classes) == 3 {
			group = tr.inSite(group)
		}
		for _, distance := range tr.distances() {
			near := of(group, func(x trialTarget) bool { return tr.distance(x) == distance })
			for _, class := range classes {
				sets = append(sets, byRank(of(near, func(x trialTarget) bool { return x.class == class }))...)
			}
		}
	}
	return sets
}

// byDistance is the order where only distance counts.
func (tr *trial) byDistance(targets []trialTarget) [][]string {
	var sets [][]string
	for _, distance := range tr.distances() {
		var set []string
		for _, target := range targets {
			if tr.distance(target) == distance {
				set = append(set, target.host)
			}
		}
		if len(set) > 0 {
			sets = append(sets, set)
		}
	}
	return sets
}

func (tr *trial) inSite(targets []trialTarget) []trialTarget {
	if !tr.config.InSiteOnly && !tr.config.Folders[0].InSiteOnly {
		return targets
	}
	return slices.DeleteFunc(slices.Clone(targets), func(x trialTarget) bool { return x.site != tr.client })
}

func (tr *trial) distances() []string {
	if tr.config.Ordering == namespace.Random {
		return []string{"here", "elsewhere"}
	}
	return []string{"0", "10", "20", "30", "unreachable"}
}

// distance looks up what is between the client and a target.
func (tr *trial) distance(target trialTarget) string {
	switch {
	case tr.config.Ordering == namespace.SiteCost:
		cost, known := map[string]string{
			"London-London": "0", "London-Paris": "10", "London-Tokyo": "30",
			"Tokyo-Tokyo": "0", "Tokyo-Paris": "20", "Tokyo-London": "30",
		}[tr.client+"-"+target.site]
		if !known {
			return "unreachable"
		}
		return cost
	case target.site == tr.client:
		return "here"
	}
	return "elsewhere"
}

// setsOf returns the hosts of each target set of r, sorted within it.
func setsOf(r *Referral) [][]string {
	var sets [][]string
	for _, p := range r.Targets {
		if p.Boundary {
			sets = append(sets, nil)
		}
		last := len(sets) - 1
		sets[last] = append(sets[last], p.Target.Host())
	}
	for _, set := range sets {
		slices.Sort(set)
	}
	return sets
}

func TestOrderIsThatOfTheSpecification(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		tr := anyTrial().Draw(t, "trial")
		r := tr.resolve(t, tr.view(t), rapid.Uint64().Draw(t, "seed"))
		if got, want := fmt.Sprint(setsOf(r)), fmt.Sprint(tr.sets()); got != want {
			t.Fatalf("sets = %s, want %s", got, want)
		}
	})
}

func TestSetsAreContiguousAndAscending(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		tr := anyTrial().Draw(t, "trial")
		set := -1
		for i, p := range tr.resolve(t, tr.view(t), 1).Targets {
			if p.Boundary {
				set++
			}
			if p.Set != set || (i == 0 && !p.Boundary) {
				t.Fatalf("target %d: set %d, boundary %v, want set %d", i, p.Set, p.Boundary, set)
			}
		}
	})
}

func TestEveryTargetAppearsOnce(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		tr := anyTrial().Draw(t, "trial")
		r := tr.resolve(t, tr.view(t), 1)
		var got, want []string
		for _, p := range r.Targets {
			got = append(got, p.Path())
			if why := r.Why(p); why == "" || strings.Contains(why, "%!") {
				t.Fatalf("Why(%s) = %q", p.Path(), why)
			}
		}
		for _, e := range r.Excluded {
			got = append(got, e.Path())
			if why := r.WhyNot(e); why == "" || strings.HasPrefix(why, "reason") {
				t.Fatalf("WhyNot(%s) = %q", e.Path(), why)
			}
		}
		for _, target := range tr.targets {
			want = append(want, `\\`+target.host+`\data`)
		}
		slices.Sort(got)
		if !slices.Equal(got, want) {
			t.Fatalf("targets and exclusions = %v, want %v", got, want)
		}
	})
}

func TestNeverEmptyWhileATargetIsPermitted(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		tr := anyTrial().Draw(t, "trial")
		inSite := tr.config.InSiteOnly || tr.config.Folders[0].InSiteOnly
		permitted := tr.config.Folders[0].State == namespace.Online && slices.ContainsFunc(tr.targets, func(x trialTarget) bool {
			return !x.offline && (!inSite || x.site == tr.client || strings.HasPrefix(x.class, "global"))
		})
		if r := tr.resolve(t, tr.view(t), 1); (len(r.Targets) > 0) != permitted {
			t.Fatalf("%d targets, want some: %v", len(r.Targets), permitted)
		}
	})
}

func TestOrderOfConfigurationDoesNotMatter(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		tr := anyTrial().Draw(t, "trial")
		before := setsOf(tr.resolve(t, tr.view(t), 1))
		tr.targets = rapid.Permutation(tr.targets).Draw(t, "permutation")
		if after := setsOf(tr.resolve(t, tr.view(t), 2)); fmt.Sprint(after) != fmt.Sprint(before) {
			t.Fatalf("sets became %v, want %v", after, before)
		}
	})
}
