package referral

import (
	"net/netip"
	"testing"

	"dfsd/namespace"
	"dfsd/sites"
)

func TestClientPlace(t *testing.T) {
	v := newView(t, ViewOptions{DefaultSite: "island"}, public(t, "fs1 London"))
	local := newView(t, ViewOptions{DefaultSite: "island", ServerAddrs: []netip.Addr{nowhere, tokyo, london}}, public(t, "fs1 London"))
	one := newView(t, ViewOptions{OnlySite: true}, public(t, "fs1 London"))
	homeless := newView(t, ViewOptions{DefaultSite: "Atlantis"}, public(t, "fs1 London"))
	tests := []struct {
		name   string
		view   *View
		client string
		site   string
		want   string
		subnet string
		by     SiteSource
	}{
		{name: "by address", view: v, client: "10.3.0.1", want: "Tokyo", subnet: "10.3.0.0/16", by: BySubnet},
		{name: "by address in IPv6 clothes", view: v, client: "::ffff:10.3.0.1", want: "Tokyo", subnet: "10.3.0.0/16", by: BySubnet},
		{name: "by name", view: v, client: "10.3.0.1", site: "PARIS", want: "Paris", by: ByName},
		{name: "by an unknown name", view: v, client: "10.3.0.1", site: "Rome", want: "Tokyo", subnet: "10.3.0.0/16", by: BySubnet},
		{name: "by default", view: v, client: "192.0.2.1", want: "Island", by: ByDefault},
		{name: "by name before default", view: v, client: "192.0.2.1", site: "Paris", want: "Paris", by: ByName},
		{name: "without address", view: v, want: "Island", by: ByDefault},
		{name: "from this server", view: local, client: "127.0.0.1", want: "Tokyo", by: ByServer},
		{name: "from its wire", view: local, client: "fe80::1%eth0", want: "Tokyo", by: ByServer},
		{name: "from its wire in IPv6 clothes", view: local, client: "::ffff:169.254.7.1", want: "Tokyo", by: ByServer},
		{name: "from elsewhere", view: local, client: "192.0.2.1", want: "Island", by: ByDefault},
		{name: "one of many sites", view: one, client: "192.0.2.1", by: ByNothing},
		{name: "not at all", view: homeless, client: "192.0.2.1", site: "Rome", by: ByNothing},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			addr, _ := netip.ParseAddr(tt.client)
			var r Referral
			if err := tt.view.Resolve(Request{Path: `\srv\public`, Client: addr, Site: tt.site}, nil, &r); err != nil {
				t.Fatal(err)
			}
			subnet := ""
			if r.Client.Subnet.IsValid() {
				subnet = r.Client.Subnet.String()
			}
			if got := r.SiteName(r.Client.Site); got != tt.want || subnet != tt.subnet || r.Client.By != tt.by || r.Client.Addr != addr {
				t.Errorf("client %+v in %q, want %q, %q, %v", r.Client, got, tt.want, tt.subnet, tt.by)
			}
		})
	}
}

// TestOnlySite: clients that no subnet holds are at the one site there is, where
// the view is to take them so.
func TestOnlySite(t *testing.T) {
	ns, err := namespace.New([]namespace.Config{public(t, "fs1 -")})
	if err != nil {
		t.Fatal(err)
	}
	single, err := sites.New(sites.Config{Sites: []string{"Hub"}})
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		topology *sites.Topology
		only     bool
		want     string
	}{{single, true, "Hub"}, {single, false, ""}, {estate(t), true, ""}, {nil, true, ""}} {
		v := NewView(ns, tt.topology, ViewOptions{OnlySite: tt.only})
		r := resolve(t, v, nowhere)
		if got := r.SiteName(r.Client.Site); got != tt.want {
			t.Errorf("client in %q with %d sites and OnlySite %v, want %q", got, len(tt.topology.Sites()), tt.only, tt.want)
		}
	}
}

func TestTargetSite(t *testing.T) {
	addrs := map[string][]netip.Addr{
		"one.example.com": {tokyo}, "two.example.com": {nowhere, london, tokyo}, "none.example.com": {nowhere},
	}
	asked := make(map[string]int)
	c := public(t, "one.example.com -", "two.example.com -", "none.example.com -", "gone.example.com -",
		"named.example.com Island", "misnamed.example.com Rome", "10.2.0.1 -", "10.2.0.1 Tokyo")
	c.Folders[0].Targets[7].Path += `2`
	c.Folders[0].Targets = append(c.Folders[0].Targets,
		namespace.TargetConfig{Path: `\\2001-db8--1.IPv6-literal.net\data`},
		namespace.TargetConfig{Path: `\\2001-db8--1s4.ipv6-literal.net\data`})
	six := sites.Config{Sites: []string{"Six"}, Subnets: []sites.SubnetConfig{{Prefix: netip.MustParsePrefix("2001:db8::/32"), Site: "Six"}}}
	topo, err := sites.New(six)
	if err != nil {
		t.Fatal(err)
	}
	lookup := func(host string) []netip.Addr {
		asked[host]++
		return addrs[host]
	}
	ns, err := namespace.New([]namespace.Config{c})
	if err != nil {
		t.Fatal(err)
	}
	v, v6 := NewView(ns, estate(t), ViewOptions{HostAddrs: lookup}), NewView(ns, topo, ViewOptions{})
	want := []string{"Tokyo", "London", "", "", "Island", "", "Paris", "Tokyo", "", ""}
	link := ns.Match(`\srv\public\data`).Link
	for i, site := range want {
		if got := v.Topology().Name(v.SiteOf(link.Target(i))); got != site {
			t.Errorf("site of %s = %q, want %q", link.Target(i).Path(), got, site)
		}
	}
	for i := 8; i < 10; i++ {
		if got := topo.Name(v6.SiteOf(link.Target(i))); got != "Six" {
			t.Errorf("site of %s = %q, want Six", link.Target(i).Path(), got)
		}
	}
	if asked["10.2.0.1"] != 0 || asked["one.example.com"] != 1 || asked["2001-db8--1.IPv6-literal.net"] != 0 {
		t.Errorf("addresses asked for: %v, want once for each host that is no address", asked)
	}
	if v.Namespaces() != ns {
		t.Error("Namespaces() is not what the view was made of")
	}
}

func TestViewWithoutSites(t *testing.T) {
	ns, err := namespace.New([]namespace.Config{public(t, "fs1 London", "fs2 -", "fs3 London global-high")})
	if err != nil {
		t.Fatal(err)
	}
	r := resolve(t, NewView(ns, nil, ViewOptions{DefaultSite: "London"}), london)
	if got := order(r); got != "fs3 | fs1 fs2" || r.Client.By != ByNothing {
		t.Errorf("order %q, client %+v, want fs3 and the rest, and no site", got, r.Client)
	}
}
