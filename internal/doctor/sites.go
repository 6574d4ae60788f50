package doctor

import (
	"cmp"
	"context"
	"fmt"
	"net/netip"
	"slices"
	"time"

	"dfsd/sites"
)

// maxTold bounds what is told one by one.
const maxTold = 20

func (d *doctor) siteChecks() []Check {
	var checks []Check
	if d.Live != nil {
		checks = append(checks, check(Sites, "clients", d.checkClients), check(Sites, "sites.default", d.checkDefault))
		if d.Directory != nil {
			checks = append(checks, check(Sites, "age", d.checkAge))
		}
	}
	if d.Topology == nil || len(d.Topology.Sites()) == 0 {
		return checks
	}
	checks = append(checks, check(Sites, "topology", d.checkTopology))
	if d.Namespaces == nil {
		return checks
	}
	checks = append(checks, check(Sites, "targets", d.checkTargetSites))
	for _, hosts := range batches(d.unplacedHosts()) {
		checks = append(checks, check(Sites, hosts[0]+" and following", func(ctx context.Context, r *report) { d.placeHosts(ctx, r, hosts) }))
	}
	return checks
}

// checkClients tells the networks of clients that have no site.
func (d *doctor) checkClients(ctx context.Context, r *report) {
	networks, err := d.Live.ClientsWithoutSite(ctx)
	if err != nil {
		r.skipf("clients", "the daemon does not say: %v", err)
		return
	}
	networks = busiestFirst(networks)
	for _, n := range networks[:min(len(networks), maxTold)] {
		r.add(Warning, n.Prefix.String(), d.mendSubnet(n.Prefix), "%s from there without a site, the last at %s",
			countOf(int(min(n.Count, 1<<31-1)), "request"), n.Last.UTC().Format(time.RFC3339))
	}
	if more := len(networks) - maxTold; more > 0 {
		r.add(Warning, "clients", "sites.default gives a site to all clients without one", "clients of %s more have no site", countOf(more, "network"))
	}
	if len(networks) == 0 {
		r.okf("clients", "all clients that asked have a site")
	}
}

func busiestFirst(networks []Network) []Network {
	networks = slices.Clone(networks)
	slices.SortStableFunc(networks, func(a, b Network) int { return cmp.Compare(b.Count, a.Count) })
	return networks
}

// checkDefault tells of clients to which sites.default gave a site: as somebody
// wanted it, but perhaps not for so many.
func (d *doctor) checkDefault(ctx context.Context, r *report) {
	site, networks, err := d.Live.ClientsByDefault(ctx)
	if err != nil || len(networks) == 0 {
		return // the check of the clients says so
	}
	networks = busiestFirst(networks)
	most := networks[0].Prefix
	requests := uint64(0)
	for _, n := range networks {
		requests += n.Count
	}
	r.add(Notice, "sites.default", d.mendSubnet(most), "%s from %s in no subnet, most from %s: sites.default takes them to be at %s",
		countOf(int(min(requests, 1<<31-1)), "request"), countOf(len(networks), "network"), most, cmp.Or(site, "a site"))
}

// mendSubnet is what gives a network a site.
func (d *doctor) mendSubnet(p netip.Prefix) string {
	if d.Directory != nil && d.Directory.Mapping == nil {
		return fmt.Sprintf("samba-tool sites subnet create %s SITE", p)
	}
	return fmt.Sprintf("add {prefix: %q, site: SITE} to sites.static.subnets", p)
}

// checkAge tells a topology that has not been read for long.
func (d *doctor) checkAge(ctx context.Context, r *report) {
	age, err := d.Live.DirectoryAge(ctx)
	refresh := max(d.Directory.Refresh, time.Minute)
	switch {
	case err != nil:
		r.skipf("age", "the daemon does not say: %v", err)
	case age < 0:
		r.add(Failed, "age", "see the findings about ldap", "the daemon has never read the directory")
	case age > 2*refresh:
		r.add(Warning, "age", "see the findings about ldap", "the daemon's topology is %v old, and sites.ldap.refresh is %v", age.Round(time.Second), refresh)
	default:
		r.okf("age", "the daemon read the directory %v ago", age.Round(time.Second))
	}
}

// checkTopology looks for sites that nothing joins or leads to, and for this
// host's own.
func (d *doctor) checkTopology(_ context.Context, r *report) {
	linked, homed := map[sites.ID]bool{}, map[sites.ID]bool{}
	for _, l := range d.Topology.Links() {
		for _, s := range l.Sites {
			linked[s] = true
		}
	}
	for _, s := range d.Topology.Subnets() {
		homed[s.Site] = true
	}
	if site, ok := d.Topology.Lookup(d.DefaultSite); ok {
		homed[site] = true // the clients in no subnet are in it
	}
	all := d.Topology.Sites()
	var alone, empty []string
	for _, s := range all {
		if len(all) > 1 && !linked[s.ID] {
			alone = append(alone, s.Name)
		}
		if len(all) > 1 && !homed[s.ID] {
			empty = append(empty, s.Name)
		}
	}
	d.tellAlone(r, alone)
	for _, name := range empty[:min(len(empty), maxTold)] {
		r.add(Notice, name, fmt.Sprintf("samba-tool sites subnet create PREFIX %s, or add {prefix: PREFIX, site: %s} to sites.static.subnets", name, name), "the site has no subnet: no client is in it")
	}
	if more := len(empty) - maxTold; more > 0 {
		r.add(Notice, "topology", "", "%s more have no subnet", countOf(more, "site"))
	}
	if d.ownSite() == "" {
		own, _ := d.addrs() // none: the sentence says so
		r.add(Notice, "this host", d.mendOwn(own), "no address of this host is in a subnet of a site: %s", addrList(outward(own)))
	}
	if len(r.findings) == 0 {
		r.okf("topology", "%s, %s, %s; this host is in %s", countOf(len(all), "site"), countOf(len(d.Topology.Subnets()), "subnet"), countOf(len(d.Topology.Links()), "link"), d.ownSite())
	}
}

func (d *doctor) mendOwn(own []netip.Addr) string {
	if out := outward(own); len(out) > 0 {
		bits := map[bool]int{true: 24, false: 64}[out[0].Is4()]
		if p, err := out[0].Prefix(bits); err == nil {
			return d.mendSubnet(p)
		}
	}
	return "give a subnet of this host's network a site"
}

func (d *doctor) tellAlone(r *report, alone []string) {
	other := ""
	for _, s := range d.Topology.Sites() {
		if !slices.Contains(alone, s.Name) {
			other = s.Name
			break
		}
	}
	if other == "" {
		other = "OTHER-SITE"
	}
	for _, name := range alone[:min(len(alone), maxTold)] {
		r.add(Warning, name, fmt.Sprintf("add {name: %s-%s, sites: [%s, %s], cost: 100} to sites.static.links, or in the directory: New-ADReplicationSiteLink -Name %s-%s -SitesIncluded %s,%s -Cost 100",
			name, other, name, other, name, other, name, other), "no link joins the site: the cost from and to it is unknown")
	}
	if more := len(alone) - maxTold; more > 0 {
		r.add(Warning, "topology", "", "no link joins %s more", countOf(more, "site"))
	}
}

// checkTargetSites looks for sites that targets name and nobody knows.
func (d *doctor) checkTargetSites(_ context.Context, r *report) {
	var unknown []string
	for _, name := range d.Namespaces.SiteNames() {
		if _, ok := d.Topology.Lookup(name); name != "" && !ok {
			unknown = append(unknown, name)
		}
	}
	for _, name := range unknown[:min(len(unknown), maxTold)] {
		r.add(Failed, name, fmt.Sprintf("samba-tool sites create %s, or correct site of the targets that name it", name), "targets stand in a site that does not exist: their cost is unknown")
	}
	if more := len(unknown) - maxTold; more > 0 {
		r.add(Failed, "targets", "", "%s more of targets do not exist", countOf(more, "site"))
	}
	if len(unknown) == 0 {
		r.okf("targets", "all sites that targets name exist")
	}
}

// unplacedHosts are the hosts with a target whose site only an address tells.
func (d *doctor) unplacedHosts() []string {
	hosts := d.targetHosts()
	wanted := make([]bool, len(hosts))
	for _, root := range d.Namespaces.Roots() {
		for link := range root.Links() {
			for i := range link.NumTargets() {
				if t := link.Target(i); t.SiteName() == "" && int(t.HostID()) < len(hosts) {
					wanted[t.HostID()] = true
				}
			}
		}
	}
	var unplaced []string
	for i, h := range hosts {
		if wanted[i] {
			unplaced = append(unplaced, h)
		}
	}
	return unplaced
}

// placeHosts looks whether the addresses of some hosts are in subnets.
func (d *doctor) placeHosts(ctx context.Context, r *report, hosts []string) {
	client, err := d.resolver()
	if err != nil {
		return // told by the check of the servers
	}
	all := each(hosts, func(h string) []netip.Addr {
		a, err := client.Addresses(ctx, h)
		if err != nil {
			return nil // told by the check of the hosts
		}
		return a.Addrs
	})
	placed := 0
	for i, addrs := range all {
		inSite := slices.ContainsFunc(addrs, func(a netip.Addr) bool { return d.Topology.SiteOf(a) != sites.None })
		switch {
		case inSite:
			placed++
		case len(addrs) > 0:
			r.add(Warning, hosts[i], d.mendOwn(addrs)+", or set site of its targets", "the host of targets has %s, which is in no subnet of a site", addrList(addrs))
		}
	}
	if placed > 0 {
		r.okf("targets", "%s of targets by their addresses in a site", countOf(placed, "host"))
	}
}
