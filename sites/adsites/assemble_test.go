package adsites

import (
	"fmt"
	"net/netip"
	"reflect"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"dfsd/sites"
)

const testSites = "CN=Sites,CN=Configuration,DC=corp,DC=test"

func siteDN(name string) string   { return "CN=" + name + "," + testSites }
func subnetDN(name string) string { return "CN=" + name + ",CN=Subnets," + testSites }
func linkDN(name string) string   { return "CN=" + name + ",CN=IP,CN=Inter-Site Transports," + testSites }

func subnet(name, site string) subnetRow {
	row := subnetRow{dn: subnetDN(name), site: site}
	row.prefix, _ = firstValue(row.dn)
	return row
}

func link(name, cost string, names ...string) linkRow {
	row := linkRow{dn: linkDN(name), cost: cost}
	row.name, _ = firstValue(row.dn)
	for _, n := range names {
		row.sites = append(row.sites, siteDN(n))
	}
	return row
}

func bridge(name string, links ...string) bridgeRow {
	row := bridgeRow{dn: linkDN(name), name: name}
	for _, l := range links {
		row.links = append(row.links, linkDN(l))
	}
	return row
}

func estate(names ...string) rows {
	r := rows{windows: true}
	for _, n := range names {
		row := siteRow{dn: siteDN(n)}
		row.name, _ = firstValue(row.dn)
		r.sites = append(r.sites, row)
	}
	return r
}

// text writes a Config in a few words: `HQ 10.1.0.0/16=HQ l(HQ+NY:100) all`.
func text(c sites.Config) string {
	words := slices.Clone(c.Sites)
	for _, s := range c.Subnets {
		words = append(words, s.Prefix.String()+"="+s.Site)
	}
	for _, l := range c.Links {
		words = append(words, fmt.Sprintf("%s(%s:%d)", l.Name, strings.Join(l.Sites, "+"), l.Cost))
	}
	for _, b := range c.Bridges {
		words = append(words, fmt.Sprintf("%s[%s]", b.Name, strings.Join(b.Links, "+")))
	}
	if c.BridgeAll {
		words = append(words, "all")
	}
	return strings.Join(words, " ")
}

func TestAssemble(t *testing.T) {
	hq := siteDN("HQ")
	tests := []struct {
		name string
		raw  rows
		add  func(*rows)
		want string // topology
		warn string // one of each warning's words, "; " between; empty: none
	}{
		{"plain", estate("HQ", "NY"), func(r *rows) {
			r.subnets = []subnetRow{subnet(`10.1.0.0\/16`, hq), subnet("2001:db8::/32", strings.ToLower(siteDN("ny"))), subnet("2001:DB8:1::/48", hq)}
			r.links = []linkRow{link("l", "250", "HQ", "NY"), link("m", "", "NY", "HQ")}
			r.bridges = []bridgeRow{bridge("b", "l", "m")}
		}, "HQ NY 10.1.0.0/16=HQ 2001:db8:1::/48=HQ 2001:db8::/32=NY l(HQ+NY:250) m(HQ+NY:100) all", ""},
		{"escapes in references", estate(`A\2cB\+`, "HQ"), func(r *rows) {
			r.sites[0].name = "AB+"
			r.subnets = []subnetRow{subnet("10.0.0.0/8", `cn = A\,B\2B , `+testSites)}
		}, "AB+ HQ 10.0.0.0/8=AB+ all", ""},
		{"subnet of no site", estate("HQ"), func(r *rows) {
			r.subnets = []subnetRow{subnet("10.1.0.0/16", ""), subnet("10.0.0.0/8", hq)}
		}, "HQ 10.0.0.0/8=HQ all", "belongs to no site"},
		{"subnet of a deleted site", estate("HQ"), func(r *rows) {
			r.subnets = []subnetRow{subnet("10.1.0.0/16", `CN=NY\0ADEL:5e2b,CN=Deleted Objects,CN=Configuration,DC=corp,DC=test`)}
		}, "HQ all", `belongs to site "NY", which was deleted`},
		{
			"subnet of an unknown site", estate("HQ"), func(r *rows) { r.subnets = []subnetRow{subnet("10.1.0.0/16", siteDN("Rome"))} },
			"HQ all", `"CN=Rome,CN=Sites,CN=Configuration,DC=corp,DC=test", which is no site`,
		},
		{"prefixes that Windows does not take", estate("HQ"), func(r *rows) {
			for _, p := range []string{
				"10.1.0.0", "10.1.0.1/16", "10.01.0.0/16", "10.1.0.0/016", "10.1.0.0/33", "0.0.0.0/0", "::/0", "255.255.0.0/16",
				"::ffff:10.0.0.0/104", "2001:db8:0::/48", "10.1.0.0/16/1", "fe80::%25eth0/64",
			} {
				r.subnets = append(r.subnets, subnet(p, hq))
			}
		}, "HQ all", "length 0; is no prefix; is no prefix; is no prefix; is no prefix; is no prefix; should it be 10.1.0.0/16; name it 2001:db8::/48; " +
			"is its own mask; length 0; name it as IPv4; is no prefix"},
		{"prefixes elsewhere", rows{sites: estate("HQ").sites}, func(r *rows) {
			r.subnets = []subnetRow{{"a", "0.0.0.0/0", "hq"}, {"b", "2001:db8:0::/48", "HQ"}, {"c", "255.255.0.0/16", hq}, {"d", "2001:DB8::/48", "hq"}}
		}, "HQ 0.0.0.0/0=HQ 2001:db8::/48=HQ 255.255.0.0/16=HQ all", "b is the same"},
		{
			"conflict objects", estate("HQ", `HQ\0ACNF:aa`, "NY"), func(r *rows) {
				r.subnets = []subnetRow{subnet(`10.1.0.0\/16\0ACNF:bb`, hq), subnet("10.1.0.0/16", siteDN(`HQ\0ACNF:aa`))}
				r.links = []linkRow{link(`l\0ACNF:cc`, "5", "HQ", "NY"), link("l", "7", "HQ", "NY")}
			}, "HQ HQ CNF:aa NY 10.1.0.0/16=HQ CNF:aa l(HQ+NY:7) l CNF:cc(HQ+NY:5) all",
			`taken as site "HQ CNF:aa"; lost a naming conflict for "10.1.0.0/16"; it counts all the same`,
		},
		{"site names", estate("HQ", `a\3db`, strings.Repeat("x", 65), `y\20`, `z\01`), func(r *rows) {
			r.links = []linkRow{link("l", "5", "HQ", `a\3db`)}
		}, "HQ all", `"="; more than 64; ends with a space; control character; goes without; joins 1 sites`},
		{"equal site names", rows{}, func(r *rows) {
			r.sites = []siteRow{{"ou=b,o=x", "hq"}, {"ou=a,o=x", "HQ"}, {"ou=c,o=x", "NY"}}
			r.subnets = []subnetRow{{"s", "10.0.0.0/8", "OU=B,O=X"}}
		}, "HQ NY 10.0.0.0/8=HQ all", "name of another one"},
		{
			"links", estate("HQ", "NY", "LON"), func(r *rows) {
				r.links = []linkRow{
					link("a", "0", "HQ", "NY"), link("b", "-7", "HQ", "NY"), link("c", "1", "HQ"), link("d", "1", "HQ", "hq"), link("e", "1"),
					link("f", "1", "HQ", "Rome", "LON"), link("g", "99999999999", "HQ", "NY"), link("h", "x", "HQ", "NY"), link("i", "2147483647", "NY", "HQ"),
				}
			}, "HQ LON NY a(HQ+NY:1) b(HQ+NY:1) f(HQ+LON:1) g(HQ+NY:2147483647) h(HQ+NY:100) i(HQ+NY:2147483647) all",
			"cost 0; cost -7; joins 1 sites; joins 1 sites; joins 0 sites; goes without; cost 99999999999; no number",
		},
		{"bridges", estate("HQ", "NY"), func(r *rows) {
			r.options = "3"
			r.links = []linkRow{link("l", "1", "HQ", "NY"), link("m", "1", "HQ", "NY"), link("dead", "1", "HQ")}
			r.bridges = []bridgeRow{bridge("a", "m", "l", "l"), bridge("b", "l", "dead"), bridge("c", "l")}
		}, "HQ NY l(HQ+NY:1) m(HQ+NY:1) a[l+m]", "joins 1 sites; goes without; joins 1 site links; joins 1 site links"},
		{"bridges required and none there", estate("HQ"), func(r *rows) { r.options = "2" }, "HQ", ""},
		{"other options", estate("HQ"), func(r *rows) { r.options = "-3" }, "HQ all", ""},
		{"options that are none", estate("HQ"), func(r *rows) { r.options = "two" }, "HQ all", "are no number"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			tt.add(&tt.raw)
			slices.Reverse(tt.raw.subnets)
			slices.Reverse(tt.raw.links)
			got, warnings, err := assemble(tt.raw)
			if err != nil || text(got) != tt.want {
				t.Errorf("assemble() = %s, %v\nwant %s", text(got), err, tt.want)
			}
			checkWarnings(t, warnings, tt.warn)
		})
	}
}

func checkWarnings(t *testing.T, got []Warning, want string) {
	t.Helper()
	var words []string
	if want != "" {
		words = strings.Split(want, "; ")
	}
	if len(got) != len(words) {
		t.Fatalf("%d warnings, want %d:\n%v", len(got), len(words), got)
	}
	for i, w := range got {
		if !strings.Contains(w.Message, words[i]) || w.DN == "" && !strings.Contains(w.Message, "transport") {
			t.Errorf("warning %q, want one with %q", w, words[i])
		}
	}
}

func TestAssembleNothing(t *testing.T) {
	for _, raw := range []rows{{}, {subnets: []subnetRow{subnet("10.0.0.0/8", siteDN("HQ"))}}, estate(`a\3d`)} {
		if c, _, err := assemble(raw); err == nil || !reflect.DeepEqual(c, sites.Config{}) {
			t.Errorf("assemble(%v) = %v, %v, want an error", raw, c, err)
		}
	}
}

func TestWarningsAreBounded(t *testing.T) {
	raw := estate("HQ")
	for i := range 3000 {
		raw.subnets = append(raw.subnets, subnet(fmt.Sprintf("10.%d.%d.0/24", i/250, i%250), ""))
	}
	_, warnings, err := assemble(raw)
	if err != nil || len(warnings) != maxWarnings+1 || warnings[maxWarnings].Message != "2000 more objects have something wrong with them" {
		t.Errorf("%d warnings, %v", len(warnings), err)
	}
}

// TestAssembleScale: 10,000 sites, 100,000 subnets and 20,000 links take 0.5 s
// of a core, and no more than 300 MB.
func TestAssembleScale(t *testing.T) {
	raw := rows{windows: true}
	for i := range 10_000 {
		raw.sites = append(raw.sites, siteRow{siteDN(fmt.Sprintf("Site-%05d", i)), fmt.Sprintf("Site-%05d", i)})
	}
	for i := range 100_000 {
		p := netip.PrefixFrom(netip.AddrFrom4([4]byte{10 + byte(i>>16), byte(i >> 8), byte(i), 0}), 24)
		raw.subnets = append(raw.subnets, subnet(p.String(), raw.sites[i%10_000].dn))
	}
	for i := range 20_000 {
		raw.links = append(raw.links, link(fmt.Sprintf("link-%05d", i), "10", fmt.Sprintf("Site-%05d", i%10_000), fmt.Sprintf("Site-%05d", (i+1+i/10_000)%10_000)))
	}
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	begin := time.Now()
	c, warnings, err := assemble(raw)
	took := time.Since(begin)
	runtime.ReadMemStats(&after)
	if err != nil || len(warnings) > 0 || len(c.Sites) != 10_000 || len(c.Subnets) != 100_000 || len(c.Links) != 20_000 {
		t.Fatalf("%d sites, %d subnets, %d links, %v, %v", len(c.Sites), len(c.Subnets), len(c.Links), warnings, err)
	}
	t.Logf("%v, %d MB allocated in all", took, (after.TotalAlloc-before.TotalAlloc)>>20)
	// The time is measured, not tested: it is that of the machine and its load.
	if after.TotalAlloc-before.TotalAlloc > 300<<20 {
		t.Errorf("took %d MB", (after.TotalAlloc-before.TotalAlloc)>>20)
	}
}
