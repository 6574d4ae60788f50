package referral

import (
	"cmp"
	"math/rand/v2"
	"slices"

	"dfsd/namespace"
	"dfsd/sites"
)

// group is what the priority classes divide targets into before cost counts.
type group uint8

const (
	groupGlobalHigh group = iota
	groupSiteCost
	groupGlobalLow
)

// precedence is where a priority class stands: its group, and its order among
// targets of that group and of equal cost.
type precedence struct {
	group group
	order uint8
}

var precedences = [...]precedence{
	namespace.GlobalHigh:     {groupGlobalHigh, 0},
	namespace.SiteCostHigh:   {groupSiteCost, 0},
	namespace.SiteCostNormal: {groupSiteCost, 1},
	namespace.SiteCostLow:    {groupSiteCost, 2},
	namespace.GlobalLow:      {groupGlobalLow, 0},
}

func groupOf(c namespace.Class) group { return precedences[c].group }

// order puts the targets of r into the order of the referral: by state, group,
// cost, class and rank, and at random where those are equal. Targets equal in
// all of them are one target set.
func (r *Referral) order(random *rand.Rand) {
	if !r.IsRoot {
		costed := r.Root.Ordering() == namespace.SiteCost
		for i := range r.Targets {
			r.Targets[i].weigh(r.Client.Site, costed)
		}
	}
	if random != nil {
		shuffle(r.Targets, random)
	}
	slices.SortStableFunc(r.Targets, func(a, b Place) int { return cmp.Compare(a.key, b.key) })
	set := -1
	for i := range r.Targets {
		p := &r.Targets[i]
		p.Boundary = i == 0 || p.key != r.Targets[i-1].key
		if p.Boundary {
			set++
		}
		p.Set = set
	}
}

// weigh sets the place's key and its reason. Where site costing is off, sites
// are either the client's or not (3.2.1.1).
func (p *Place) weigh(client sites.ID, costed bool) {
	distance := p.Cost
	p.Reason = reasonFor(p, client, costed)
	if !costed && p.Reason != SameSite {
		distance = 1
	}
	order := precedences[p.Class]
	p.key = uint64(demotion(p.State))<<44 | uint64(order.group)<<42 | uint64(distance)<<10 |
		uint64(order.order)<<8 | uint64(p.Rank)
}

func reasonFor(p *Place, client sites.ID, costed bool) Reason {
	switch {
	case client == sites.None:
		return ClientSiteUnknown
	case p.Site == sites.None:
		return TargetSiteUnknown
	case p.Site == client:
		return SameSite
	case !costed:
		return OtherSite
	case p.Cost == sites.Unreachable:
		return NoRoute
	}
	return RouteCost
}

// demotion keeps targets that are not well behind those that are: one with old
// content serves better than one that does not answer.
func demotion(s State) uint8 {
	switch s {
	case Lagging:
		return 1
	case Down:
		return 2
	case Drained, Offline: // given out only where nothing else is left
		return 3
	}
	return 0
}

// shuffle brings places into any order, each as likely as any other. Sorting
// them stably afterwards leaves equals so.
func shuffle(places []Place, random *rand.Rand) {
	for i := len(places) - 1; i > 0; i-- {
		j := random.IntN(i + 1)
		places[i], places[j] = places[j], places[i]
	}
}
