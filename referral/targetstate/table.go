package targetstate

import (
	"dfsd/namespace"
	"dfsd/referral"
)

// Table is the statuses of all targets of one namespace.Snapshot at one time:
// what referrals read. It is immutable and safe for concurrent use. In a nil
// Table every target is up, as are targets of other Snapshots in any.
type Table struct {
	rows     []row          // by namespace.Target.Index; nil where there are few
	few      map[uint32]row // likewise, nil where there are many
	statuses []Status
}

var _ referral.StateSource = (*Table)(nil)

// row is a target's status. It holds the target itself: after a reload the
// numbers are others', and referrals of the old Snapshot may still be asked for.
type row struct {
	target namespace.Target
	status uint32 // in Table.statuses; many targets share one
	state  referral.State
}

// Builder makes a Table of some of a Snapshot's targets; all others are up. It
// serves one goroutine.
type Builder struct {
	table *Table
	known map[Status]uint32
}

// sparse is how many targets there must be to each that has a status, for a
// Table to take room for these alone.
const sparse = 8

// NewBuilder makes one for the targets of ns, some of which will have a status.
func NewBuilder(ns *namespace.Snapshot, some int) *Builder {
	b := &Builder{&Table{}, map[Status]uint32{}}
	if some*sparse < ns.NumTargets() {
		b.table.few = make(map[uint32]row, some)
	} else {
		b.table.rows = make([]row, ns.NumTargets())
	}
	return b
}

// Put gives a target its status.
func (b *Builder) Put(target namespace.Target, s Status) {
	t := b.table
	at, ok := b.known[s]
	if !ok {
		at = uint32(len(t.statuses))
		b.known[s] = at
		t.statuses = append(t.statuses, s)
	}
	r := row{target, at, s.State}
	if t.few != nil {
		t.few[uint32(target.Index())] = r
		return
	}
	t.rows[target.Index()] = r
}

// Table returns what was put. The Builder is of no more use.
func (b *Builder) Table() *Table { return b.table }

func (t *Table) row(target namespace.Target) (r row, ok bool) {
	if t == nil {
		return r, false
	}
	if t.few != nil {
		r, ok = t.few[uint32(target.Index())]
		return r, ok && r.target == target
	}
	if i := target.Index(); i < len(t.rows) && t.rows[i].target == target {
		return t.rows[i], true
	}
	return r, false
}

// TargetState returns the state of a target. It allocates nothing.
func (t *Table) TargetState(target namespace.Target) referral.State {
	if r, ok := t.row(target); ok {
		return r.state
	}
	return referral.Up
}

// Status returns the status of a target.
func (t *Table) Status(target namespace.Target) Status {
	if r, ok := t.row(target); ok {
		return t.statuses[r.status]
	}
	return Status{}
}

// StateReason says in words why a target is in its state, "" where there is
// nothing to say.
func (t *Table) StateReason(target namespace.Target) string { return t.Status(target).Reason }

// Degraded reports whether a target of a link that the configuration has online
// is not up, or is about to be taken out. It allocates nothing, and looks at
// each target of the link.
func (t *Table) Degraded(link namespace.Link) bool {
	if t == nil || link.IsZero() {
		return false
	}
	for i := range link.NumTargets() {
		target := link.Target(i)
		r, ok := t.row(target)
		if !ok || target.State() == namespace.Offline {
			continue
		}
		if r.state != referral.Up || t.statuses[r.status].Leaving {
			return true
		}
	}
	return false
}
