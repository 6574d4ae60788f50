package referral

import (
	"math"
	"math/rand/v2"
	"strings"

	"dfsd/namespace"
	"dfsd/sites"
)

// Resolve fills out with the referral for req. Targets that nothing tells apart
// are shuffled with random; nil leaves them in the order of the configuration.
// The error is one of this package's, and out is then of no use.
//
// Resolve may be called at any time from any goroutine, each with an out of its
// own, and a random of its own or one that may be shared (NewRandom). It
// allocates nothing once out's slices have grown, but for a root referral of a
// path without its leading backslash.
func (v *View) Resolve(req Request, random *rand.Rand, out *Referral) error {
	out.reset(v)
	if v == nil {
		return ErrUnavailable
	}
	path, err := trim(req.Path)
	if err != nil {
		return err
	}
	if err := v.find(path, out); err != nil {
		return err
	}
	out.Client = v.placeOf(&req)
	if out.IsRoot {
		v.addRoot(out)
	} else {
		v.addLink(out)
	}
	out.order(random)
	return nil
}

// find looks a trimmed path up, and sets all of out that does not depend on the
// client.
func (v *View) find(path string, out *Referral) error {
	m := v.namespaces.Match(path)
	if m.Root == nil {
		return v.unknown(path)
	}
	if m.Root.State() == namespace.Offline {
		return ErrUnavailable
	}
	out.Path, out.Prefix = path, path[:m.Consumed]
	if out.Consumed = utf16Bytes(out.Prefix); out.Consumed > math.MaxUint16 {
		return ErrMalformedPath
	}
	out.Root, out.Link, out.IsRoot = m.Root, m.Link, m.Link.IsZero()
	out.TTL, out.Failback = m.Root.TTL(), m.Root.Failback()
	if !out.IsRoot {
		out.TTL, out.Interlink = m.Link.TTL(), m.Link.Interlink()
		out.Failback = out.Failback || m.Link.Failback()
	}
	return nil
}

// unknown says why a path has no root here: one asked for under the name of the
// domain is domain-based and may well live elsewhere.
func (v *View) unknown(path string) error {
	host, name := split(path)
	if v.isDomain(host) && !isLogonShare(name) {
		return ErrUnavailable
	}
	return ErrNotFound
}

// isLogonShare reports whether a share is one of those that domain controllers
// give SYSVOL referrals for.
func isLogonShare(name string) bool {
	return strings.EqualFold(name, "SYSVOL") || strings.EqualFold(name, "NETLOGON")
}

// addRoot adds the one target of a stand-alone root: this server, as the client
// calls it.
func (v *View) addRoot(out *Referral) {
	path := out.Prefix
	if path[0] != '\\' {
		path = `\` + path
	}
	out.Targets = append(out.Targets, Place{
		RootTarget: path, Cost: sites.Unreachable, Reason: ThisServer,
	})
}

// addLink adds each target of the link, to Targets or to Excluded.
func (v *View) addLink(out *Referral) {
	costs := v.topology.CostsFrom(out.Client.Site)
	for i := range out.Link.NumTargets() {
		t := out.Link.Target(i)
		site := v.SiteOf(t)
		state := v.stateOf(t)
		if reason, excluded := out.exclude(t, site, state); excluded {
			out.Excluded = append(out.Excluded, Exclusion{Target: t, Site: site, Reason: reason})
			continue
		}
		out.add(t, site, state, costs)
	}
	if len(out.Targets) == 0 {
		out.lastResort(v, costs)
	}
	if short := out.Root.DegradedTTL(); short > 0 && v.states != nil && v.states.Degraded(out.Link) {
		out.TTL = min(out.TTL, short)
	}
}

func (r *Referral) add(t namespace.Target, site sites.ID, state State, costs *sites.Costs) {
	r.Targets = append(r.Targets, Place{
		Target: t, Site: site, Cost: costs.To(site), Class: t.Class(), Rank: t.Rank(), State: state,
	})
}

// lastResort gives out what only a command took out: as long as the
// configuration has a target online, clients are sent somewhere.
func (r *Referral) lastResort(v *View, costs *sites.Costs) {
	kept := r.Excluded[:0]
	for _, e := range r.Excluded {
		byCommand := e.Reason == TargetDrained || e.Reason == TargetOffline && e.Target.State() == namespace.Online
		if _, away := r.excludeBySite(e.Target, e.Site); byCommand && !away {
			r.add(e.Target, e.Site, v.stateOf(e.Target), costs)
		} else {
			kept = append(kept, e)
		}
	}
	r.Excluded = kept
}

// exclude tells why a target is not given out, if it is not. Targets of the
// global classes are given out beyond the client's site in any case (3.2.5.5).
func (r *Referral) exclude(t namespace.Target, site sites.ID, state State) (Reason, bool) {
	switch {
	case r.Link.State() == namespace.Offline:
		return FolderOffline, true
	case state == Offline:
		return TargetOffline, true
	case state == Drained:
		return TargetDrained, true
	}
	return r.excludeBySite(t, site)
}

// excludeBySite tells why the site of a target keeps it out, if it does.
func (r *Referral) excludeBySite(t namespace.Target, site sites.ID) (Reason, bool) {
	switch {
	case r.isLocal(site), groupOf(t.Class()) != groupSiteCost:
		return 0, false
	case r.Root.InSiteOnly():
		return InSiteOnlyNamespace, true
	case r.Link.InSiteOnly():
		return InSiteOnlyFolder, true
	}
	return 0, false
}

// isLocal reports whether a site is the client's.
func (r *Referral) isLocal(site sites.ID) bool {
	return site != sites.None && site == r.Client.Site
}
