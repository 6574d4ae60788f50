package sites

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

func mustNew(t testing.TB, c Config) *Topology {
	t.Helper()
	topo, err := New(c)
	if err != nil {
		t.Fatal(err)
	}
	return topo
}

func TestSubnetOf(t *testing.T) {
	c := Config{Sites: []string{"World", "Region", "Branch", "Six"}}
	for prefix, site := range map[string]string{
		"10.0.0.0/8": "World", "10.1.0.0/16": "Region", "10.1.2.0/24": "Branch", "10.1.2.3/32": "Region",
		"2001:db8::/32": "Six", "fe80::/10": "Six",
	} {
		c.Subnets = append(c.Subnets, SubnetConfig{Prefix: netip.MustParsePrefix(prefix), Site: site})
	}
	topo := mustNew(t, c)
	tests := []struct{ addr, subnet, site string }{
		{"10.9.9.9", "10.0.0.0/8", "World"},
		{"10.1.9.9", "10.1.0.0/16", "Region"},
		{"10.1.2.9", "10.1.2.0/24", "Branch"},
		{"10.1.2.3", "10.1.2.3/32", "Region"},
		{"::ffff:10.1.2.9", "10.1.2.0/24", "Branch"},
		{"2001:db8::1", "2001:db8::/32", "Six"},
		{"fe80::1%eth0", "fe80::/10", "Six"},
		{"11.0.0.1", "invalid Prefix", ""},
		{"::a01:203", "invalid Prefix", ""},
	}
	for _, tt := range tests {
		t.Run(tt.addr, func(t *testing.T) {
			a := netip.MustParseAddr(tt.addr)
			s, ok := topo.SubnetOf(a)
			if s.Prefix.String() != tt.subnet || topo.Name(s.Site) != tt.site || ok != (tt.site != "") {
				t.Errorf("SubnetOf(%v) = %v, %q, %v, want %v, %q", a, s.Prefix, topo.Name(s.Site), ok, tt.subnet, tt.site)
			}
			if got := topo.SiteOf(a); got != s.Site {
				t.Errorf("SiteOf(%v) = %v, want %v", a, got, s.Site)
			}
		})
	}
	every := mustNew(t, Config{Sites: []string{"x"}, Subnets: []SubnetConfig{
		{Prefix: netip.MustParsePrefix("0.0.0.0/0"), Site: "x"}, {Prefix: netip.MustParsePrefix("::/0"), Site: "x"},
	}})
	if got := every.SiteOf(netip.Addr{}); got != None {
		t.Errorf("SiteOf(invalid) = %v, want None", got)
	}
}

func TestLookup(t *testing.T) {
	topo := mustNew(t, Config{Sites: []string{"London", "Ærø", "Straße"}})
	tests := []struct{ name, want string }{
		{"London", "London"},
		{"LONDON", "London"},
		{"æRØ", "Ærø"},
		{"STRAẞE", "Straße"},
		{"Lond", ""},
		{"", ""},
		{"STRASSE", ""},
		{"a name that is far longer than any site of the topology could ever be, and then some", ""},
	}
	for _, tt := range tests {
		id, ok := topo.Lookup(tt.name)
		if topo.Name(id) != tt.want || ok != (tt.want != "") {
			t.Errorf("Lookup(%q) = %q, %v, want %q", tt.name, topo.Name(id), ok, tt.want)
		}
	}
}

func TestListings(t *testing.T) {
	topo := mustNew(t, estate())
	if got := fmt.Sprint(topo.Sites()); got != "[{1 HQ} {2 NewYork} {3 London}]" {
		t.Errorf("Sites() = %s", got)
	}
	if got := fmt.Sprint(topo.Subnets()); got != "[{10.1.0.0/16 2} {2001:db8:2::/48 3}]" {
		t.Errorf("Subnets() = %s", got)
	}
	if got := fmt.Sprint(topo.Links()); got != "[{hq-ny [1 2] 100} {hq-lon [1 3] 200}]" {
		t.Errorf("Links() = %s", got)
	}
	if got := topo.Name(4); got != "" {
		t.Errorf("Name(4) = %q, want none", got)
	}
}

func TestNilTopology(t *testing.T) {
	var topo *Topology
	_, subnet := topo.SubnetOf(netip.MustParseAddr("10.1.2.3"))
	_, site := topo.Lookup("London")
	_, route := topo.Route(1, 1)
	if subnet || site || route {
		t.Errorf("a nil topology found something: subnet %v, site %v, route %v", subnet, site, route)
	}
	if n := len(topo.Sites()) + len(topo.Subnets()) + len(topo.Links()); n != 0 || topo.Name(1) != "" {
		t.Errorf("a nil topology lists %d things", n)
	}
	if got := topo.CostsFrom(1).To(1); got != Unreachable {
		t.Errorf("CostsFrom(1).To(1) = %d, want Unreachable", got)
	}
}

// anyAddr draws addresses that share many leading bits, in either family.
func anyAddr() *rapid.Generator[netip.Addr] {
	return rapid.Custom(func(t *rapid.T) netip.Addr {
		low := rapid.Uint16().Draw(t, "low")
		if rapid.Bool().Draw(t, "v6") {
			b := [16]byte{0: 0x20, 1: 0x01}
			binary.BigEndian.PutUint16(b[rapid.SampledFrom([]int{2, 8, 14}).Draw(t, "at"):], low)
			return netip.AddrFrom16(b)
		}
		b := [4]byte{0: 10}
		binary.BigEndian.PutUint16(b[2:], low)
		return netip.AddrFrom4(b)
	})
}

func TestSubnetOfIsLongestPrefix(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c := Config{Sites: []string{"a", "b", "c"}}
		seen := make(map[netip.Prefix]bool)
		for range rapid.IntRange(0, 40).Draw(t, "subnets") {
			a := anyAddr().Draw(t, "network")
			p, _ := a.Prefix(rapid.IntRange(0, a.BitLen()).Draw(t, "bits"))
			if !seen[p] {
				seen[p] = true
				c.Subnets = append(c.Subnets, SubnetConfig{Prefix: p, Site: rapid.SampledFrom(c.Sites).Draw(t, "site")})
			}
		}
		topo, err := New(c)
		if err != nil {
			t.Fatal(err)
		}
		for range 20 {
			a := anyAddr().Draw(t, "client")
			want := longestPrefix(topo.Subnets(), a)
			if a.Is4() && rapid.Bool().Draw(t, "mapped") {
				a = netip.AddrFrom16(a.As16())
			}
			if got, ok := topo.SubnetOf(a); got != want || ok != want.Prefix.IsValid() {
				t.Fatalf("SubnetOf(%v) = %v, want %v", a, got, want)
			}
		}
	})
}

// longestPrefix is the twin of SubnetOf: a look at every subnet.
func longestPrefix(subnets []Subnet, a netip.Addr) Subnet {
	best := Subnet{}
	for _, s := range subnets {
		if s.Prefix.Contains(a) && (!best.Prefix.IsValid() || s.Prefix.Bits() > best.Prefix.Bits()) {
			best = s
		}
	}
	return best
}

// company makes a large topology: regions of sites around a hub each, links
// across, and subnets of both families.
func company(sites, links, subnets int) Config {
	random := rand.New(rand.NewPCG(1, 2))
	c := Config{BridgeAll: true}
	for i := range sites {
		c.Sites = append(c.Sites, fmt.Sprintf("Site-%05d", i))
	}
	link := func(a, b int) {
		name := fmt.Sprintf("link-%05d", len(c.Links))
		c.Links = append(c.Links, LinkConfig{Name: name, Sites: []string{c.Sites[a], c.Sites[b]}, Cost: 1 + random.IntN(1000)})
	}
	for i := 1; i < sites; i++ {
		link(i, random.IntN(i))
	}
	for len(c.Links) < links {
		if a, b := random.IntN(sites), random.IntN(sites); a != b {
			link(a, b)
		}
	}
	for i := range subnets {
		a := [4]byte{10, byte(i >> 12), byte(i >> 4), byte(i << 4)}
		p := netip.PrefixFrom(netip.AddrFrom4(a), 28)
		if i%4 == 3 {
			p = netip.PrefixFrom(netip.AddrFrom16([16]byte{0: 0x20, 1: 1, 2: 0x0d, 3: 0xb8, 4: byte(i >> 16), 5: byte(i >> 8), 6: byte(i)}), 56)
		}
		c.Subnets = append(c.Subnets, SubnetConfig{Prefix: p, Site: c.Sites[i%sites]})
	}
	return c
}

func BenchmarkNew(b *testing.B) {
	c := company(10_000, 20_000, 100_000)
	for b.Loop() {
		mustNew(b, c)
	}
}

func BenchmarkSiteLookup(b *testing.B) {
	topo := mustNew(b, company(10_000, 20_000, 100_000))
	random := rand.New(rand.NewPCG(3, 4))
	clients := make([]netip.Addr, 1<<12)
	for i := range clients {
		clients[i] = topo.subnets[random.IntN(len(topo.subnets))].Prefix.Addr().Next()
	}
	b.ReportAllocs()
	i := 0
	for b.Loop() {
		i++
		if topo.SiteOf(clients[i%len(clients)]) == None {
			b.Fatal("no site")
		}
	}
}

func TestLookupAllocatesNothing(t *testing.T) {
	topo := mustNew(t, company(100, 200, 1000))
	a := slices.MaxFunc(topo.Subnets(), func(x, y Subnet) int { return x.Prefix.Addr().Compare(y.Prefix.Addr()) }).Prefix.Addr()
	topo.CostsFrom(7)
	got := testing.AllocsPerRun(100, func() {
		site, _ := topo.Lookup("SITE-00042")
		topo.CostsFrom(7).To(site + topo.SiteOf(a))
	})
	if got != 0 {
		t.Errorf("a lookup and a kept row allocate %v times, want 0", got)
	}
}
