package referral

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"

	"dfsd/namespace"
	"dfsd/sites"
)

// fataler is what testing.T and rapid.T have in common.
type fataler interface {
	Helper()
	Fatal(args ...any)
}

// estate has London, Paris at 10 and Tokyo at 30 from it, and Island without a
// link. Sites' addresses are 10.1 to 10.4.
func estate(t fataler) *sites.Topology {
	t.Helper()
	c := sites.Config{
		Sites:     []string{"London", "Paris", "Tokyo", "Island"},
		BridgeAll: true,
		Links: []sites.LinkConfig{
			{Name: "channel", Sites: []string{"London", "Paris"}, Cost: 10},
			{Name: "far", Sites: []string{"Paris", "Tokyo"}, Cost: 20},
		},
	}
	for i, name := range c.Sites {
		c.Subnets = append(c.Subnets, sites.SubnetConfig{
			Prefix: netip.PrefixFrom(netip.AddrFrom4([4]byte{10, byte(i + 1)}), 16), Site: name,
		})
	}
	topo, err := sites.New(c)
	if err != nil {
		t.Fatal(err)
	}
	return topo
}

// In these places a test's clients and targets are.
var (
	london  = netip.MustParseAddr("10.1.0.9")
	tokyo   = netip.MustParseAddr("10.3.0.9")
	nowhere = netip.MustParseAddr("192.0.2.9")
)

// target makes the config of a target on a host of the given name from words
// such as "London", "global-high", "rank5", "offline". A site that is "-" is
// not given.
func target(t fataler, line string) namespace.TargetConfig {
	t.Helper()
	words := strings.Fields(line)
	c := namespace.TargetConfig{Path: namespace.UNC(`\\` + words[0] + `\data`)}
	for _, word := range words[1:] {
		switch {
		case word == "offline":
			c.State = namespace.Offline
		case strings.HasPrefix(word, "rank"):
			if _, err := fmt.Sscanf(word, "rank%d", &c.Rank); err != nil {
				t.Fatal(err)
			}
		case strings.Contains(word, "-") && word != "-":
			if err := c.Priority.UnmarshalText([]byte(word)); err != nil {
				t.Fatal(err)
			}
		case word != "-":
			c.Site = word
		}
	}
	return c
}

// public makes a namespace of that name with the folder data of these targets.
func public(t fataler, lines ...string) namespace.Config {
	t.Helper()
	f := namespace.FolderConfig{Path: "data", TTL: 1800 * time.Second}
	for _, line := range lines {
		f.Targets = append(f.Targets, target(t, line))
	}
	return namespace.Config{Name: "public", TTL: 300 * time.Second, DegradedTTL: 60 * time.Second, Folders: []namespace.FolderConfig{f}}
}

func newView(t fataler, o ViewOptions, cfgs ...namespace.Config) *View {
	t.Helper()
	ns, err := namespace.New(cfgs)
	if err != nil {
		t.Fatal(err)
	}
	return NewView(ns, estate(t), o)
}

// resolve resolves `\srv\public\data` for a client, in the order of the
// configuration where nothing else tells targets apart.
func resolve(t testing.TB, v *View, client netip.Addr) *Referral {
	t.Helper()
	r := new(Referral)
	if err := v.Resolve(Request{Path: `\srv\public\data`, Client: client}, nil, r); err != nil {
		t.Fatalf("Resolve() = %v", err)
	}
	return r
}

// order writes the hosts of r's targets, with a bar between target sets.
func order(r *Referral) string {
	var b strings.Builder
	for i, p := range r.Targets {
		if p.Boundary && i > 0 {
			b.WriteString("| ")
		}
		b.WriteString(p.Target.Host() + " ")
	}
	return strings.TrimSpace(b.String())
}

// excluded writes the hosts that r leaves out, with the reason of each.
func excluded(r *Referral) string {
	var parts []string
	for _, e := range r.Excluded {
		parts = append(parts, e.Target.Host()+":"+e.Reason.String())
	}
	return strings.Join(parts, " ")
}

// states are the states of targets by host; those not in it are Up.
type states map[string]State

func (s states) TargetState(t namespace.Target) State { return s[t.Host()] }

func (s states) StateReason(t namespace.Target) string {
	if s[t.Host()] == Up {
		return ""
	}
	return "because of " + t.Host()
}

func (s states) Degraded(l namespace.Link) bool {
	for i := range l.NumTargets() {
		if t := l.Target(i); t.State() == namespace.Online && s[t.Host()] != Up {
			return true
		}
	}
	return false
}
