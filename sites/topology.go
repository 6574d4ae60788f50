package sites

import (
	"net/netip"
	"unicode/utf8"

	"github.com/gaissmai/bart"
)

// ID names a site within one Topology. IDs count from 1 in the order of the
// configuration; those of different topologies have nothing to do with each
// other.
type ID uint32

// None is no site.
const None ID = 0

// Site is a place whose machines are near each other.
type Site struct {
	ID   ID
	Name string
}

// Subnet gives a range of addresses to a site. Its zero value is no subnet.
type Subnet struct {
	Prefix netip.Prefix
	Site   ID
}

// Link is a site link.
type Link struct {
	Name  string
	Sites []ID
	Cost  uint32
}

// Topology is one immutable picture of an estate's sites. A nil Topology has
// no sites. All methods are safe for concurrent use; slices that they return
// belong to the Topology and must not be changed.
type Topology struct {
	sites   []Site
	byName  map[string]ID
	subnets []Subnet
	links   []Link
	trie    bart.Table[uint32] // prefix → index into subnets
	graph   graph
	rows    rowCache
}

// New builds the topology that c describes. Its error is the fault.List of
// c.Validate.
func New(c Config) (*Topology, error) {
	if err := c.Validate().Err(); err != nil {
		return nil, err
	}
	t := &Topology{byName: make(map[string]ID, len(c.Sites))}
	t.addSites(c.Sites)
	t.addSubnets(c.Subnets)
	t.addLinks(c.Links)
	t.graph = newGraph(len(t.sites), t.links, t.bridgeLinks(c), c.BridgeAll)
	t.rows.open(len(t.sites))
	return t, nil
}

func (t *Topology) addSites(names []string) {
	t.sites = make([]Site, len(names))
	for i, name := range names {
		id := ID(i + 1)
		t.sites[i] = Site{ID: id, Name: name}
		t.byName[fold(name)] = id
	}
}

func (t *Topology) addSubnets(subnets []SubnetConfig) {
	t.subnets = make([]Subnet, len(subnets))
	for i, s := range subnets {
		t.subnets[i] = Subnet{Prefix: s.Prefix, Site: t.byName[fold(s.Site)]}
		t.trie.Insert(s.Prefix, uint32(i))
	}
}

func (t *Topology) addLinks(links []LinkConfig) {
	t.links = make([]Link, len(links))
	for i, l := range links {
		ids := make([]ID, len(l.Sites))
		for j, name := range l.Sites {
			ids[j] = t.byName[fold(name)]
		}
		t.links[i] = Link{Name: l.Name, Sites: ids, Cost: uint32(l.Cost)}
	}
}

// bridgeLinks returns, for each bridge, the indexes of its links.
func (t *Topology) bridgeLinks(c Config) [][]uint32 {
	byName := make(map[string]uint32, len(c.Links))
	for i, l := range c.Links {
		byName[fold(l.Name)] = uint32(i)
	}
	bridges := make([][]uint32, len(c.Bridges))
	for i, b := range c.Bridges {
		for _, name := range b.Links {
			bridges[i] = append(bridges[i], byName[fold(name)])
		}
	}
	return bridges
}

// SubnetOf returns the narrowest subnet that holds a. An IPv4 address in IPv6
// clothes is looked up as IPv4, and a zone is ignored.
func (t *Topology) SubnetOf(a netip.Addr) (Subnet, bool) {
	if t == nil || !a.IsValid() {
		return Subnet{}, false
	}
	i, ok := t.trie.Lookup(a.Unmap())
	if !ok {
		return Subnet{}, false
	}
	return t.subnets[i], true
}

// SiteOf returns the site of the narrowest subnet that holds a, or None.
func (t *Topology) SiteOf(a netip.Addr) ID {
	s, _ := t.SubnetOf(a)
	return s.Site
}

// SiteOfFirst returns the site of the first address that has one, or None.
func (t *Topology) SiteOfFirst(addrs []netip.Addr) ID {
	for _, a := range addrs {
		if site := t.SiteOf(a); site != None {
			return site
		}
	}
	return None
}

// Lookup returns the site called name in any case.
func (t *Topology) Lookup(name string) (ID, bool) {
	var buf [maxSiteName * utf8.UTFMax]byte
	if t == nil || len(name) > len(buf) {
		return None, false
	}
	id, ok := t.byName[string(appendFold(buf[:0], name))]
	return id, ok
}

// Name returns the name of a site as configured, or "" where id is None or of
// no site here.
func (t *Topology) Name(id ID) string {
	if !t.has(id) {
		return ""
	}
	return t.sites[id-1].Name
}

// Sites returns all sites in the order of the configuration.
func (t *Topology) Sites() []Site {
	if t == nil {
		return nil
	}
	return t.sites
}

// Subnets returns all subnets in the order of the configuration.
func (t *Topology) Subnets() []Subnet {
	if t == nil {
		return nil
	}
	return t.subnets
}

// Links returns all site links in the order of the configuration.
func (t *Topology) Links() []Link {
	if t == nil {
		return nil
	}
	return t.links
}

func (t *Topology) has(id ID) bool {
	return t != nil && id != None && int(id) <= len(t.sites)
}
