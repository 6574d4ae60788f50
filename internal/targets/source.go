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
	untold   []change // that the first judgement found; guarded by Keeper.judging
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
