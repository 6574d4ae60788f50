package sites

import (
	"errors"
	"net/netip"
	"strings"
	"testing"

	"dfsd/internal/fault"
)

// estate is a small topology without fault.
func estate() Config {
	return Config{
		Sites: []string{"HQ", "NewYork", "London"},
		Subnets: []SubnetConfig{
			{Prefix: netip.MustParsePrefix("10.1.0.0/16"), Site: "newyork"},
			{Prefix: netip.MustParsePrefix("2001:db8:2::/48"), Site: "London"},
		},
		Links: []LinkConfig{
			{Name: "hq-ny", Sites: []string{"HQ", "NewYork"}, Cost: 100},
			{Name: "hq-lon", Sites: []string{"HQ", "London"}, Cost: 200},
		},
		Bridges:   []BridgeConfig{{Name: "all", Links: []string{"HQ-NY", "hq-lon"}}},
		BridgeAll: true,
	}
}

func TestValidate(t *testing.T) {
	subnet := func(prefix, site string) SubnetConfig {
		return SubnetConfig{Prefix: netip.MustParsePrefix(prefix), Site: site}
	}
	tests := []struct {
		name   string
		change func(c *Config)
		want   []string
	}{
		{name: "nothing wrong", change: func(*Config) {}},
		{name: "nothing at all", change: func(c *Config) { *c = Config{} }},
		{
			name:   "site without name",
			change: func(c *Config) { c.Sites = append(c.Sites, "") },
			want:   []string{`sites[3]: a site needs a name`},
		},
		{
			name:   "site twice in other case",
			change: func(c *Config) { c.Sites = append(c.Sites, "lonDON") },
			want:   []string{`sites[3]: site "lonDON" is the same as "London" (sites[2])`},
		},
		{
			name: "site twice in other case beyond ASCII",
			change: func(c *Config) {
				c.Sites = append(c.Sites, "Ærø", "æRØ")
			},
			want: []string{`sites[4]: site "æRØ" is the same as "Ærø" (sites[3])`},
		},
		{
			name: "site names that a directory refuses",
			change: func(c *Config) {
				c.Sites = append(c.Sites, " x", "a=b", "a,b", "a\x00b", strings.Repeat("é", 65), strings.Repeat("è", 64))
			},
			want: []string{
				`sites[3]: site name " x" begins or ends with a space`,
				`sites[4]: site name "a=b" holds a '=' or a ','`,
				`sites[5]: site name "a,b" holds a '=' or a ','`,
				`sites[6]: site name "a\x00b" holds a control character`,
				`sites[7]: site name "` + strings.Repeat("é", 65) + `" has more than 64 characters`,
			},
		},
		{
			name:   "subnet of an unknown site",
			change: func(c *Config) { c.Subnets = append(c.Subnets, subnet("10.2.0.0/16", "Lodnon")) },
			want:   []string{`subnets[2].site: no site "Lodnon" in sites`},
		},
		{
			name:   "subnet of no site",
			change: func(c *Config) { c.Subnets = append(c.Subnets, subnet("10.2.0.0/16", "")) },
			want:   []string{`subnets[2].site: a site is needed here`},
		},
		{
			name:   "subnet without prefix",
			change: func(c *Config) { c.Subnets = append(c.Subnets, SubnetConfig{Site: "HQ"}) },
			want:   []string{`subnets[2].prefix: a subnet needs a prefix, such as 10.1.0.0/16`},
		},
		{
			name:   "subnet twice",
			change: func(c *Config) { c.Subnets = append(c.Subnets, subnet("10.1.0.0/16", "HQ")) },
			want:   []string{`subnets[2].prefix: subnet 10.1.0.0/16 is already one of site "newyork" (subnets[0].prefix)`},
		},
		{
			name: "host bits",
			change: func(c *Config) {
				c.Subnets = append(c.Subnets, subnet("10.2.3.4/16", "HQ"), subnet("2001:db8::1/64", "HQ"))
			},
			want: []string{
				`subnets[2].prefix: subnet 10.2.3.4/16 has bits set beyond its length; write 10.2.0.0/16`,
				`subnets[3].prefix: subnet 2001:db8::1/64 has bits set beyond its length; write 2001:db8::/64`,
			},
		},
		{
			name:   "IPv4 within IPv6",
			change: func(c *Config) { c.Subnets = append(c.Subnets, subnet("::ffff:10.2.0.0/112", "HQ")) },
			want:   []string{`subnets[2].prefix: subnet ::ffff:10.2.0.0/112 is IPv4 within IPv6; write the IPv4 prefix`},
		},
		{
			name: "link with too few sites",
			change: func(c *Config) {
				c.Links = append(c.Links, LinkConfig{Name: "a", Sites: []string{"HQ"}, Cost: 1}, LinkConfig{Name: "b", Cost: 1})
			},
			want: []string{
				`links[2].sites: site link "a" joins 1 sites; it needs at least 2`,
				`links[3].sites: site link "b" joins 0 sites; it needs at least 2`,
			},
		},
		{
			name: "link with an unknown site, one twice and one missing",
			change: func(c *Config) {
				c.Links[0].Sites = []string{"HQ", "Paris", "hq", ""}
			},
			want: []string{
				`links[0].sites[1]: no site "Paris" in sites`,
				`links[0].sites[2]: site "hq" is the same as "HQ" (links[0].sites[0])`,
				`links[0].sites[3]: a site is needed here`,
			},
		},
		{
			name: "costs",
			change: func(c *Config) {
				c.Links[0].Cost = 0
				c.Links[1].Cost = 1 << 31
			},
			want: []string{
				`links[0].cost: cost 0 of site link "hq-ny" is not within 1 and 2147483647`,
				`links[1].cost: cost 2147483648 of site link "hq-lon" is not within 1 and 2147483647`,
			},
		},
		{
			name:   "link without name",
			change: func(c *Config) { c.Links[0].Name, c.Bridges = "", nil },
			want:   []string{`links[0].name: a site link needs a name`},
		},
		{
			name:   "link twice",
			change: func(c *Config) { c.Links[1].Name, c.Bridges = "HQ-ny", nil },
			want:   []string{`links[1].name: site link "HQ-ny" is the same as "hq-ny" (links[0].name)`},
		},
		{
			name: "bridges",
			change: func(c *Config) {
				c.Bridges = append(c.Bridges, BridgeConfig{Name: "ALL", Links: []string{"hq-ny", "Hq-Ny"}},
					BridgeConfig{Links: []string{"nowhere"}})
			},
			want: []string{
				`bridges[1].name: bridge "ALL" is the same as "all" (bridges[0].name)`,
				`bridges[1].links[1]: site link "Hq-Ny" is the same as "hq-ny" (bridges[1].links[0])`,
				`bridges[2].name: a bridge needs a name`,
				`bridges[2].links: bridge "" joins 1 site links; it needs at least 2`,
				`bridges[2].links[0]: no site link "nowhere" in links`,
			},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c := estate()
			tt.change(&c)
			got, want := c.Validate().Error(), strings.Join(tt.want, "\n")
			if got != want {
				t.Errorf("Validate() =\n%s\nwant\n%s", got, want)
			}
		})
	}
}

func TestNewRefuses(t *testing.T) {
	c := estate()
	c.Links[0].Cost = 0
	topo, err := New(c)
	var faults fault.List
	if topo != nil || !errors.As(err, &faults) || len(faults) != 1 {
		t.Errorf("New() = %v, %v, want no topology and one fault", topo, err)
	}
}

func TestDefaults(t *testing.T) {
	c := Config{Sites: []string{"x"}}
	c.SetDefaults()
	l := LinkConfig{Name: "x"}
	l.SetDefaults()
	if !c.BridgeAll || c.Sites != nil || l.Cost != 100 || l.Name != "" {
		t.Errorf("SetDefaults() gave %+v and %+v", c, l)
	}
}
