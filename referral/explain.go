package referral

import (
	"fmt"
	"strings"

	"dfsd/namespace"
	"dfsd/sites"
)

// Why says in words why a target of r stands where it does.
func (r *Referral) Why(p Place) string {
	if p.Reason == ThisServer {
		return "this server, by the name that the client used"
	}
	var b strings.Builder
	b.WriteString(r.distance(p))
	fmt.Fprintf(&b, "; class %s; rank %d", p.Class, p.Rank)
	switch why := r.stateReason(p.Target); p.State {
	case Up:
		if why != "" {
			fmt.Fprintf(&b, "; %s", why)
		}
	case Drained, Offline:
		fmt.Fprintf(&b, "; %s%s, but no other target is left", p.State, because(why))
	default:
		fmt.Fprintf(&b, "; %s%s, so behind every target that is up", p.State, because(why))
	}
	return b.String()
}

// stateReason is why a link's target is in its state.
func (r *Referral) stateReason(t namespace.Target) string {
	if r.view == nil || r.view.states == nil || t.State() == namespace.Offline {
		return ""
	}
	return r.view.states.StateReason(t)
}

func because(why string) string {
	if why == "" {
		return ""
	}
	return " (" + why + ")"
}

func (r *Referral) distance(p Place) string {
	here, there := r.SiteName(r.Client.Site), r.SiteName(p.Site)
	switch p.Reason {
	case SameSite:
		return fmt.Sprintf("same site (%s), cost 0", there)
	case RouteCost:
		return fmt.Sprintf("site %s, cost %d from %s", there, p.Cost, here)
	case OtherSite:
		return fmt.Sprintf("site %s, not the client's (%s); ordering random, so cost does not count", there, here)
	case NoRoute:
		return fmt.Sprintf("site %s, no route from %s", there, here)
	case ClientSiteUnknown:
		return "the client's site is unknown, so cost does not count"
	}
	return r.unknownSite(p)
}

func (r *Referral) unknownSite(p Place) string {
	if name := p.Target.SiteName(); name != "" {
		return fmt.Sprintf("site %s is not a known site", name)
	}
	return fmt.Sprintf("no known site has the address of %s", p.Target.Host())
}

// WhyNot says in words why a target is left out of r.
func (r *Referral) WhyNot(e Exclusion) string {
	switch e.Reason {
	case TargetOffline:
		return "the target is offline" + because(r.stateReason(e.Target))
	case TargetDrained:
		return "the target is drained" + because(r.stateReason(e.Target))
	case FolderOffline:
		return "the folder is offline"
	case InSiteOnlyNamespace:
		return r.outside(e) + ", and the namespace is in_site_only"
	case InSiteOnlyFolder:
		return r.outside(e) + ", and the folder is in_site_only"
	}
	return e.Reason.String()
}

func (r *Referral) outside(e Exclusion) string {
	switch {
	case r.Client.Site == sites.None:
		return "the client's site is unknown"
	case e.Site == sites.None:
		return "the target's site is unknown"
	}
	return fmt.Sprintf("site %s is not the client's (%s)", r.SiteName(e.Site), r.SiteName(r.Client.Site))
}

// SiteName returns the name of a site in r, "" for sites.None.
func (r *Referral) SiteName(id sites.ID) string {
	if r.view == nil {
		return ""
	}
	return r.view.topology.Name(id)
}
