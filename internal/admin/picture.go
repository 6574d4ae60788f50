package admin

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"strings"
	"time"

	"dfsd/namespace"
	"dfsd/referral"
	"dfsd/sites"
)

// Picture answers from one view of namespaces and sites. It is safe for
// concurrent use.
type Picture struct {
	view    *referral.View
	sources Sources
}

// NewPicture makes a Picture of a view whose sites are from s.
func NewPicture(v *referral.View, s Sources) Picture { return Picture{v, s} }

// ExplainQuery asks for the referral to Path that a client at IP gets, or, with
// Site, one that says it is in that site. Path is `\\host\namespace\…`, with
// slashes if that is easier to type.
type ExplainQuery struct {
	Path string
	IP   netip.Addr
	Site string
}

// Explain answers what a client would be told, and why each target stands where
// it does. Equal targets come in random order, as they do for clients.
// ErrNotFound: no such namespace or site. ErrBadRequest: the path is no UNC path.
func (p Picture) Explain(_ context.Context, q ExplainQuery) (Explanation, error) {
	if q.Site != "" {
		if _, known := p.view.Topology().Lookup(q.Site); !known {
			return Explanation{}, unknownSite(q.Site)
		}
	}
	path := uncPath(q.Path)
	var r referral.Referral
	req := referral.Request{Path: path, Client: q.IP, Site: q.Site}
	switch err := p.view.Resolve(req, rand.New(rand.NewPCG(rand.Uint64(), rand.Uint64())), &r); {
	case errors.Is(err, referral.ErrNotFound):
		return Explanation{}, fmt.Errorf("%w: no namespace of this configuration is named in %s", ErrNotFound, path)
	case errors.Is(err, referral.ErrUnavailable):
		return Explanation{}, fmt.Errorf("%w: %s: %w", ErrNotFound, path, err)
	case err != nil:
		return Explanation{}, fmt.Errorf("%w: %s: a path has the form \\\\host\\namespace\\folder", ErrBadRequest, path)
	}
	return explain(path, &r), nil
}

// uncPath brings what people type to backslashes, two of them leading.
func uncPath(path string) string {
	return `\\` + strings.TrimLeft(strings.ReplaceAll(path, "/", `\`), `\`)
}

func explain(path string, r *referral.Referral) Explanation {
	e := Explanation{
		Path:         path,
		Namespace:    r.Root.Name(),
		PathConsumed: r.Consumed,
		TTLSeconds:   seconds(r.TTL),
		Failback:     r.Failback,
		Client:       ExplainedClient{IP: text(r.Client.Addr), Site: r.SiteName(r.Client.Site), Subnet: text(r.Client.Subnet)},
		Targets:      make([]ExplainedTarget, len(r.Targets)),
		Excluded:     make([]Excluded, len(r.Excluded)),
	}
	if !r.IsRoot {
		e.Folder = r.Link.Path()
	}
	for i, t := range r.Targets {
		e.Targets[i] = ExplainedTarget{
			Path: t.Path(), Site: r.SiteName(t.Site), Cost: cost(t.Cost), Priority: t.Class.String(), Rank: int(t.Rank),
			Set: t.Set, State: t.State.String(), Reason: r.Why(t),
		}
	}
	for i, x := range r.Excluded {
		e.Excluded[i] = Excluded{Path: x.Path(), Reason: r.WhyNot(x)}
	}
	return e
}

func cost(c uint32) *uint32 {
	if c == sites.Unreachable {
		return nil
	}
	return &c
}

// text is the string of an address or prefix, "" of an invalid one.
func text[T interface {
	IsValid() bool
	String() string
}](v T,
) string {
	if !v.IsValid() {
		return ""
	}
	return v.String()
}

func seconds(d time.Duration) int { return int(d / time.Second) }

func unknownSite(name string) error {
	return fmt.Errorf("%w: no site is named %q; `dfsd site list` shows them", ErrNotFound, name)
}

// SiteOf answers which subnet holds an address, and at which site a client with
// it is. An address in no subnet is an answer too: its site may be that of
// sites.default.
func (p Picture) SiteOf(_ context.Context, ip netip.Addr) (SiteAnswer, error) {
	place := p.view.PlaceOf(ip)
	return SiteAnswer{IP: ip.String(), Subnet: text(place.Subnet), Site: p.view.Topology().Name(place.Site)}, nil
}

// Sites answers the topology, in the order of the configuration.
func (p Picture) Sites(context.Context) (SiteList, error) {
	topo := p.view.Topology()
	from := p.sources.origins()
	l := SiteList{Sites: []string{}, Subnets: []SubnetItem{}, Links: []LinkItem{}, SiteSources: map[string]string{}}
	for _, s := range topo.Sites() {
		l.Sites = append(l.Sites, s.Name)
		l.SiteSources[s.Name] = from.site(s.Name)
	}
	for _, s := range topo.Subnets() {
		prefix := s.Prefix.String()
		l.Subnets = append(l.Subnets, SubnetItem{Prefix: prefix, Site: topo.Name(s.Site), Source: from.subnet(prefix)})
	}
	for _, k := range topo.Links() {
		l.Links = append(l.Links, LinkItem{Name: k.Name, Sites: names(topo, k.Sites), Cost: k.Cost, Source: from.link(k.Name)})
	}
	return l, nil
}

func names(topo *sites.Topology, ids []sites.ID) []string {
	out := make([]string, len(ids))
	for i, id := range ids {
		out[i] = topo.Name(id)
	}
	return out
}

// Cost answers the cheapest route between two sites. ErrNotFound: one of them is
// unknown, or no route joins them.
func (p Picture) Cost(_ context.Context, from, to string) (CostAnswer, error) {
	topo := p.view.Topology()
	a, known := topo.Lookup(from)
	if !known {
		return CostAnswer{}, unknownSite(from)
	}
	b, known := topo.Lookup(to)
	if !known {
		return CostAnswer{}, unknownSite(to)
	}
	route, ok := topo.Route(a, b)
	if !ok {
		return CostAnswer{}, fmt.Errorf("%w: no site links lead from %s to %s", ErrNotFound, topo.Name(a), topo.Name(b))
	}
	return CostAnswer{From: topo.Name(a), To: topo.Name(b), Cost: route.Cost, Route: names(topo, route.Sites)}, nil
}

// Namespaces answers every namespace in short, in the order of the configuration.
func (p Picture) Namespaces(context.Context) ([]NamespaceItem, error) {
	items := []NamespaceItem{}
	for _, root := range p.view.Namespaces().Roots() {
		items = append(items, p.namespaceItem(root))
	}
	return items, nil
}

func (p Picture) namespaceItem(root *namespace.Root) NamespaceItem {
	degraded := 0
	for link := range root.Links() {
		if p.degraded(link) {
			degraded++
		}
	}
	return NamespaceItem{
		Name: root.Name(), Type: root.Type().String(), Comment: root.Comment(), State: root.State().String(),
		TTLSeconds: seconds(root.TTL()), Ordering: root.Ordering().String(), InSiteOnly: root.InSiteOnly(),
		Failback: root.Failback(), Folders: root.NumLinks(), Degraded: degraded,
	}
}

// degraded reports whether a target of a link that the configuration has online
// is not up.
func (p Picture) degraded(link namespace.Link) bool {
	for i := range link.NumTargets() {
		t := link.Target(i)
		if state, _ := p.view.StateOf(t); t.State() == namespace.Online && state != referral.Up {
			return true
		}
	}
	return false
}

// Namespace answers one namespace with its folders and their targets.
// ErrNotFound: there is none of that name.
func (p Picture) Namespace(_ context.Context, name string) (NamespaceAnswer, error) {
	name = strings.TrimPrefix(uncPath(name), `\\`)
	if i := strings.LastIndexByte(name, '\\'); i >= 0 {
		name = name[i+1:] // \\host\name
	}
	root, known := p.view.Namespaces().Root(name)
	if !known {
		return NamespaceAnswer{}, fmt.Errorf("%w: no namespace is named %q; `dfsd namespace list` shows them", ErrNotFound, name)
	}
	a := NamespaceAnswer{NamespaceItem: p.namespaceItem(root), Links: make([]FolderItem, 0, root.NumLinks())}
	for link := range root.Links() {
		a.Links = append(a.Links, p.folderItem(link))
	}
	return a, nil
}

func (p Picture) folderItem(link namespace.Link) FolderItem {
	f := FolderItem{
		Path: link.Path(), Comment: link.Comment(), State: link.State().String(), TTLSeconds: seconds(link.TTL()),
		InSiteOnly: link.InSiteOnly(), Failback: link.Failback(), Targets: make([]TargetItem, link.NumTargets()),
	}
	for i := range f.Targets {
		t := link.Target(i)
		present, reason := p.view.StateOf(t)
		f.Targets[i] = TargetItem{
			Path: t.Path(), Site: p.view.Topology().Name(p.view.SiteOf(t)), State: t.State().String(),
			Present: present.String(), Reason: reason,
			Priority: t.Class().String(), Rank: int(t.Rank()),
		}
	}
	return f
}
