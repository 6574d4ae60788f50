package replication

import (
	"bytes"
	"cmp"
)

// Beats tells whether r wins over o: the total order of [MS-FRS2] 3.3.4.6.2,
// which every member computes alike. The first field that differs decides, and
// the higher value wins:
//
//	displaced, because such a tombstone must never be superseded by a live version
//	fence
//	directory
//	Created
//	Clock
//	ID
//	Stamp, its origin first
//
// A version that was made in knowledge of another beats it: Fence never falls,
// kind and Created stay, and Clock rises. No record beats itself.
func (r *Record) Beats(o *Record) bool { return r.compare(o) > 0 }

func (r *Record) compare(o *Record) int {
	return cmp.Or(
		compareBool(r.Displaced, o.Displaced),
		cmp.Compare(r.Fence, o.Fence),
		compareBool(r.Kind == Directory, o.Kind == Directory),
		cmp.Compare(r.Created, o.Created),
		cmp.Compare(r.Clock, o.Clock),
		bytes.Compare(r.ID[:], o.ID[:]),
		r.Stamp.Compare(o.Stamp),
	)
}

func compareBool(a, b bool) int {
	switch {
	case a == b:
		return 0
	case a:
		return 1
	default:
		return -1
	}
}
