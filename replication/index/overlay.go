package index

import (
	"slices"

	"dfsd/replication"
	"dfsd/replication/reconcile"
)

// overlay is what a Store was told since its last commit, so that reads see it.
//
// Its lists of files are hints: they name each file that may belong to the
// answer, perhaps more than once and perhaps no longer, and whoever reads them
// looks at the entry.
type overlay struct {
	entries map[replication.FileID]*buffered
	at      map[reconcile.Place][]replication.FileID
	in      map[replication.FileID][]replication.FileID // by directory, as Store.Children has it
	wanted  idList
	foreign idList

	facts map[replication.FileID]*Facts // nil: dropped
	bound map[inode][]replication.FileID
	peers map[string]Peer
	lists []List
	meta  *reconcile.Meta
}

// buffered is an entry that is not committed yet.
type buffered struct {
	base *reconcile.Entry // as committed; nil: there is none
	now  *reconcile.Entry // nil: dropped
	// seq is when now was put, older what was there before: kept while an
	// iteration that began earlier may ask.
	seq   uint64
	older *buffered
}

func newOverlay() *overlay {
	return &overlay{
		entries: map[replication.FileID]*buffered{},
		at:      map[reconcile.Place][]replication.FileID{},
		in:      map[replication.FileID][]replication.FileID{},
		facts:   map[replication.FileID]*Facts{},
		bound:   map[inode][]replication.FileID{},
		peers:   map[string]Peer{},
	}
}

// after returns an empty overlay in place of o, which may still be read or not.
func (o *overlay) after(read bool) *overlay {
	const large = 4096 // maps keep the size that they once had
	if read || len(o.entries) > large || len(o.facts) > large {
		return newOverlay()
	}
	clear(o.entries)
	clear(o.at)
	clear(o.in)
	clear(o.facts)
	clear(o.bound)
	clear(o.peers)
	o.wanted, o.foreign, o.lists, o.meta = idList{}, idList{}, nil, nil
	return o
}

func (o *overlay) empty() bool {
	return len(o.entries) == 0 && len(o.facts) == 0 && len(o.peers) == 0 && len(o.lists) == 0 && o.meta == nil
}

// as returns the entry of id as it was at seq; not ok: it was the committed one.
func (o *overlay) as(id replication.FileID, seq uint64) (e *reconcile.Entry, ok bool) {
	for b := o.entries[id]; b != nil; b = b.older {
		if b.seq <= seq {
			return b.now, true
		}
	}
	return nil, false
}

// note adds e to the lists where it may be looked for.
func (o *overlay) note(e *reconcile.Entry) {
	if e.Live() {
		o.at[e.At] = append(o.at[e.At], e.ID)
		o.in[e.At.Parent] = append(o.in[e.At.Parent], e.ID)
	}
	for _, dir := range belongs(e) {
		o.in[dir] = append(o.in[dir], e.ID)
	}
	if e.Wanted {
		o.wanted.add(e.ID)
	}
	if e.Foreign {
		o.foreign.add(e.ID)
	}
}

// belongs returns the directories in which e belongs and does not stand.
func belongs(e *reconcile.Entry) []replication.FileID {
	var dirs []replication.FileID
	elsewhere := func(dir replication.FileID) bool { return !e.Live() || e.At.Parent != dir }
	if k := &e.Known; !k.Deleted && elsewhere(k.Parent) {
		dirs = append(dirs, k.Parent)
	}
	if k := &e.Known; k.Displaced && k.Into != replication.RootID && elsewhere(k.Into) && !slices.Contains(dirs, k.Into) {
		dirs = append(dirs, k.Into)
	}
	return dirs
}

// isChild tells whether e is a child of dir, as Store.Children has it.
func isChild(e *reconcile.Entry, dir replication.FileID) bool {
	return e.Live() && e.At.Parent == dir || slices.Contains(belongs(e), dir)
}

// idList is a list of files that is read in ascending order now and then.
type idList struct {
	sorted []replication.FileID // ascending, never changed
	tail   []replication.FileID // added since
}

func (l *idList) add(id replication.FileID) { l.tail = append(l.tail, id) }

// ascending returns the list as it is now, each file once; it will not change.
func (l *idList) ascending() []replication.FileID {
	if len(l.tail) == 0 {
		return l.sorted
	}
	slices.SortFunc(l.tail, compareIDs)
	merged := make([]replication.FileID, 0, len(l.sorted)+len(l.tail))
	s, t := l.sorted, l.tail
	for len(s) > 0 || len(t) > 0 {
		from := &s
		if len(s) == 0 || len(t) > 0 && compareIDs(t[0], s[0]) < 0 {
			from = &t
		}
		if id := (*from)[0]; len(merged) == 0 || merged[len(merged)-1] != id {
			merged = append(merged, id)
		}
		*from = (*from)[1:]
	}
	l.sorted, l.tail = merged, l.tail[:0]
	return merged
}
