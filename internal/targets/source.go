package targets

import (
	"sync/atomic"

	"dfsd/namespace"
	"dfsd/referral"
	"dfsd/referral/targetstate"
)

// Source tells referrals the states of the targets of one namespace.Snapshot.
// It is safe for concurrent use, and takes no lock.
type Source struct {
	snapshot *namespace.Snapshot
	table    atomic.Pointer[targetstate.Table]

	// Keeper.judging guards these.
	untold  []change // that the first judgement found
	decided *decided // what decisions come to; nil: nobody asked yet
	extra   []spot   // that decisions are about, and that are not lively
	ended   []spot   // that decisions were about until now, likewise

	// lively are the targets that are probed, replicate, or are offline in the
	// configuration, where few are; many says that most are, so that all are
	// looked at.
	lively []spot
	many   bool
}

// spot is a target and where it stands.
type spot struct {
	root   *namespace.Root
	link   namespace.Link
	target namespace.Target
}

// sparse is how many targets there must be to each lively one, for those to be
// looked at alone.
const sparse = 8

// newSource finds out which targets of ns may be in a state of their own.
func newSource(ns *namespace.Snapshot) *Source {
	s := &Source{snapshot: ns}
	limit := ns.NumTargets() / sparse
	for _, root := range ns.Roots() {
		_, probed := root.Probe()
		for link := range root.Links() {
			plain := !probed && link.Replicates() == ""
			for i := range link.NumTargets() {
				if plain && link.Target(i).State() == namespace.Online {
					continue
				}
				if len(s.lively) >= limit {
					s.lively, s.many = nil, true
					return s
				}
				s.lively = append(s.lively, spot{root, link, link.Target(i)})
			}
		}
	}
	return s
}

// each visits the targets that may be in a state of their own, or with all every
// one; those of a link that replicates one after the other.
func (s *Source) each(all bool, visit func(*namespace.Root, namespace.Link, namespace.Target)) {
	if all || s.many {
		each(s.snapshot, visit)
		return
	}
	for _, spots := range [...][]spot{s.lively, s.extra, s.ended} {
		for _, l := range spots {
			visit(l.root, l.link, l.target)
		}
	}
}

var _ referral.StateSource = (*Source)(nil)

// TargetState implements referral.StateSource.
func (s *Source) TargetState(t namespace.Target) referral.State { return s.table.Load().TargetState(t) }

// StateReason implements referral.StateSource.
func (s *Source) StateReason(t namespace.Target) string { return s.table.Load().StateReason(t) }

// Degraded implements referral.StateSource.
func (s *Source) Degraded(l namespace.Link) bool { return s.table.Load().Degraded(l) }

// Status is what a target was judged last.
func (s *Source) Status(t namespace.Target) targetstate.Status { return s.table.Load().Status(t) }
