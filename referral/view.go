package referral

import (
	"net/netip"
	"strings"

	"dfsd/namespace"
	"dfsd/sites"
)

// View is one immutable picture of namespaces and sites, safe for concurrent
// use. A nil View is that of a server that has not read its namespaces yet:
// Resolve answers ErrUnavailable.
type View struct {
	namespaces *namespace.Snapshot
	topology   *sites.Topology
	states     StateSource
	domains    []string
	fallback   sites.ID   // of clients that no subnet holds
	server     sites.ID   // of this server
	byHost     []sites.ID // namespace.HostID → where its address is
	byRef      []sites.ID // namespace.SiteRef → the site of that name
}

// ViewOptions are what a View knows beyond its snapshots. The zero value works.
type ViewOptions struct {
	// DefaultSite is the site of clients whose address is in no subnet. It
	// counts for nothing where the topology does not have it.
	DefaultSite string
	// OnlySite takes such clients to be at the only site of a topology that has
	// just one, where DefaultSite counts for nothing, as Windows does.
	OnlySite bool
	// ServerAddrs are those of this server. The first in a subnet gives the site
	// of clients with a loopback or link-local address that is in none.
	ServerAddrs []netip.Addr
	// HostAddrs returns the addresses of a target's host, the first in a subnet
	// giving the target's site; nil: host names have none. NewView calls it once
	// for every host that is no IP address. It may block.
	HostAddrs func(host string) []netip.Addr
	// States tells the state of targets; nil: all are Up.
	States StateSource
	// Domains are the names, DNS and NetBIOS, of the domain that this server is
	// a member of. A namespace asked for under one of them is domain-based.
	Domains []string
}

// NewView makes a View of two snapshots. topo may be nil: no sites are known.
func NewView(ns *namespace.Snapshot, topo *sites.Topology, o ViewOptions) *View {
	v := &View{namespaces: ns, topology: topo, states: o.States, domains: o.Domains}
	v.fallback, _ = topo.Lookup(o.DefaultSite)
	if all := topo.Sites(); v.fallback == sites.None && o.OnlySite && len(all) == 1 {
		v.fallback = all[0].ID
	}
	v.server = topo.SiteOfFirst(o.ServerAddrs)
	v.byHost = make([]sites.ID, len(ns.Hosts()))
	for i, host := range ns.Hosts() {
		v.byHost[i] = siteOfHost(topo, host, o.HostAddrs)
	}
	v.byRef = make([]sites.ID, len(ns.SiteNames()))
	for i, name := range ns.SiteNames() {
		v.byRef[i], _ = topo.Lookup(name)
	}
	return v
}

// Namespaces returns the namespaces in the picture.
func (v *View) Namespaces() *namespace.Snapshot { return v.namespaces }

// Topology returns the sites in the picture, nil where none are known.
func (v *View) Topology() *sites.Topology { return v.topology }

func siteOfHost(topo *sites.Topology, host string, lookup func(string) []netip.Addr) sites.ID {
	if a, ok := hostAddr(host); ok {
		return topo.SiteOf(a)
	}
	if lookup == nil {
		return sites.None
	}
	return topo.SiteOfFirst(lookup(host))
}

// ipv6Literal ends the form that IPv6 addresses take in UNC paths, where colons
// cannot stand: 2001-db8--1.ipv6-literal.net.
const ipv6Literal = ".ipv6-literal.net"

// hostAddr returns the address that a host is named by.
func hostAddr(host string) (netip.Addr, bool) {
	if cut := len(host) - len(ipv6Literal); cut > 0 && strings.EqualFold(host[cut:], ipv6Literal) {
		host = strings.ReplaceAll(host[:cut], "-", ":")
		host, _, _ = strings.Cut(host, "s") // a zone
	}
	a, err := netip.ParseAddr(host)
	return a, err == nil
}

// SiteOf returns where a target stands: at the site that it names, else
// where its host's address is.
func (v *View) SiteOf(t namespace.Target) sites.ID {
	if ref := t.SiteRef(); ref != 0 {
		return v.byRef[ref]
	}
	return v.SiteOfHost(t.HostID())
}

// SiteOfHost returns where the address of a host of Namespaces is.
func (v *View) SiteOfHost(host namespace.HostID) sites.ID { return v.byHost[host] }

// StateOf returns what a target counts as now, and why in words, "" where there
// is nothing to say.
func (v *View) StateOf(t namespace.Target) (State, string) {
	state := v.stateOf(t)
	if v.states == nil || t.State() == namespace.Offline {
		return state, ""
	}
	return state, v.states.StateReason(t)
}

// stateOf returns the state of a target. The configuration has the first word.
func (v *View) stateOf(t namespace.Target) State {
	switch {
	case t.State() == namespace.Offline:
		return Offline
	case v.states == nil:
		return Up
	}
	return v.states.TargetState(t)
}

// PlaceOf returns where a client with an address is taken to be that names no site.
func (v *View) PlaceOf(client netip.Addr) ClientPlace { return v.placeOf(&Request{Client: client}) }

// placeOf finds out where the client of a request is.
func (v *View) placeOf(req *Request) ClientPlace {
	p := ClientPlace{Addr: req.Client}
	if req.Site != "" {
		if site, ok := v.topology.Lookup(req.Site); ok {
			p.Site, p.By = site, ByName
			return p
		}
	}
	if s, ok := v.topology.SubnetOf(req.Client); ok {
		p.Site, p.Subnet, p.By = s.Site, s.Prefix, BySubnet
	} else if v.server != sites.None && isNear(req.Client) {
		p.Site, p.By = v.server, ByServer
	} else if v.fallback != sites.None {
		p.Site, p.By = v.fallback, ByDefault
	}
	return p
}

// isNear reports whether an address is of this server itself or of its wire.
func isNear(a netip.Addr) bool {
	a = a.Unmap()
	return a.IsLoopback() || a.IsLinkLocalUnicast()
}

// isDomain reports whether a path's first component names this server's domain.
func (v *View) isDomain(host string) bool {
	for _, domain := range v.domains {
		if strings.EqualFold(domain, host) {
			return true
		}
	}
	return false
}
