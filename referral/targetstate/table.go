package targetstate

import (
	"dfsd/namespace"
	"dfsd/referral"
)

// Table is the statuses of all targets of one namespace.Snapshot at one time:
// what referrals read. It is immutable and safe for concurrent use. In a nil
// Table every target is up, as are targets of other Snapshots in any.
type Table struct {
	rows     []row // by namespace.Target.Index
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

// NewTable asks for the status of each target in ns, in the order of its roots
// and links, and keeps them. A target that several links name has several
// entries in ns, and a status in each. nil for ns or statuses: all are up.
func NewTable(ns *namespace.Snapshot, statuses func(root *namespace.Root, link namespace.Link, t namespace.Target) Status) *Table {
	table := &Table{}
	if ns == nil || statuses == nil {
		return table
	}
	table.rows = make([]row, ns.NumTargets())
	known := map[Status]uint32{}
	for _, root := range ns.Roots() {
		for link := range root.Links() {
			for i := range link.NumTargets() {
				t := link.Target(i)
				table.put(t, statuses(root, link, t), known)
			}
		}
	}
	return table
}

func (t *Table) put(target namespace.Target, s Status, known map[Status]uint32) {
	at, ok := known[s]
	if !ok {
		at = uint32(len(t.statuses))
		known[s] = at
		t.statuses = append(t.statuses, s)
	}
	t.rows[target.Index()] = row{target, at, s.State}
}

func (t *Table) row(target namespace.Target) *row {
	if t == nil {
		return nil
	}
	if i := target.Index(); i < len(t.rows) && t.rows[i].target == target {
		return &t.rows[i]
	}
	return nil
}

// TargetState returns the state of a target. It allocates nothing.
func (t *Table) TargetState(target namespace.Target) referral.State {
	if r := t.row(target); r != nil {
		return r.state
	}
	return referral.Up
}

// Status returns the status of a target.
func (t *Table) Status(target namespace.Target) Status {
	if r := t.row(target); r != nil {
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
		r := t.row(target)
		if r == nil || target.State() == namespace.Offline {
			continue
		}
		if r.state != referral.Up || t.statuses[r.status].Leaving {
			return true
		}
	}
	return false
}
