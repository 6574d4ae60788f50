package targets

import (
	"slices"

	"dfsd/namespace"
	"dfsd/referral/targetstate"
	"dfsd/replication"
)

// decided is what decisions come to for the targets of one snapshot. It is made
// anew only where decisions change, because that takes a look at every target.
type decided struct {
	own, foreign []targetstate.Decision        // that it was made of
	counts       map[int]*targetstate.Decision // the one that counts, by namespace.Target.Index
	leaving      [][]departure                 // by decision, own before foreign
	spots        []spot                        // the targets that some decision is about
	done         map[int]Drain                 // own decisions that have come to their end, by their place
}

// departure are the targets of one link that one decision is about, those
// that the configuration has online.
type departure struct {
	root    *namespace.Root
	link    namespace.Link
	targets []namespace.Target
}

// newDecided finds the targets that decisions are about. Where an own decision
// and a foreign one outrank each other alike, the own one counts.
func newDecided(ns *namespace.Snapshot, own, foreign []targetstate.Decision) *decided {
	d := &decided{own: own, foreign: foreign, done: map[int]Drain{}, counts: map[int]*targetstate.Decision{}, leaving: make([][]departure, len(own)+len(foreign))}
	if len(d.leaving) == 0 {
		return d
	}
	byHost, byTarget := map[string][]int{}, map[targetstate.Scope][]int{}
	for i := range d.leaving {
		if about := d.at(i); about.Host != "" {
			host := replication.FoldHost(about.Host)
			byHost[host] = append(byHost[host], i)
		} else {
			scope := foldScope(about.Path, about.Target)
			byTarget[scope] = append(byTarget[scope], i)
		}
	}
	for _, root := range ns.Roots() {
		for link := range root.Links() {
			for n := range link.NumTargets() {
				t := link.Target(n)
				found := byHost[replication.FoldHost(t.Host())]
				if len(byTarget) > 0 {
					scope := foldScope(targetstate.FolderPath(root.Name(), link.Path()), t.Path())
					found = append(found[:len(found):len(found)], byTarget[scope]...)
				}
				d.take(spot{root, link, t}, found)
			}
		}
	}
	return d
}

func foldScope(path, target string) targetstate.Scope {
	return targetstate.Scope{Path: namespace.FoldString(path), Target: namespace.FoldString(target)}
}

// at is decision i, own before foreign.
func (d *decided) at(i int) *targetstate.Decision {
	if i < len(d.own) {
		return &d.own[i]
	}
	return &d.foreign[i-len(d.own)]
}

// take notes the decisions that are about a target.
func (d *decided) take(s spot, found []int) {
	if len(found) == 0 {
		return
	}
	d.spots = append(d.spots, s)
	found = slices.Sorted(slices.Values(found))
	for _, i := range found {
		index := s.target.Index()
		if best := d.counts[index]; best == nil || d.at(i).Outranks(*best) {
			d.counts[index] = d.at(i)
		}
		if s.target.State() != namespace.Online {
			continue
		}
		all := d.leaving[i]
		if n := len(all); n > 0 && all[n-1].link == s.link {
			all[n-1].targets = append(all[n-1].targets, s.target)
			continue
		}
		d.leaving[i] = append(all, departure{s.root, s.link, []namespace.Target{s.target}})
	}
}

// decide takes in the decisions that hold now. What was decided about before is
// judged once more, so that it comes back.
func (s *Source) decide(own, foreign []targetstate.Decision) {
	if d := s.decided; d != nil && slices.Equal(d.own, own) && slices.Equal(d.foreign, foreign) {
		return
	}
	s.ended = append(s.ended, s.extra...)
	s.decided = newDecided(s.snapshot, own, foreign)
	s.extra = nil
	if s.many {
		s.ended = nil
		return
	}
	seen := make(map[int]bool, len(s.lively)+len(s.decided.spots))
	for _, l := range s.lively {
		seen[l.target.Index()] = true
	}
	isNew := func(l spot) bool {
		index := l.target.Index()
		before := seen[index]
		seen[index] = true
		return !before
	}
	for _, l := range s.decided.spots {
		if isNew(l) {
			s.extra = append(s.extra, l)
		}
	}
	s.ended = slices.DeleteFunc(s.ended, func(l spot) bool { return !isNew(l) })
}
