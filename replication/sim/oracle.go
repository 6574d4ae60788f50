package sim

import (
	"fmt"
	"hash/fnv"
	"maps"
	"slices"

	"dfsd/replication"
	"dfsd/replication/reconcile"
	"dfsd/replication/version"
)

// save is one content that a user saved. Every save has its own content.
type save struct {
	by      string
	retired bool // a user who had it before them replaced or deleted it
	deleted bool // it was deleted
}

// watch looks at what a step left in a member's index.
func (w *World) watch(m *Member) {
	meta := m.core.Meta()
	if meta.Count > m.count {
		for _, e := range m.store.All() {
			for _, r := range []replication.Record{e.Known, e.Disk} {
				if r.Stamp.Origin == meta.Origin && r.Stamp.Count > m.count {
					w.issued[r.Stamp] = r
				}
			}
		}
		m.count = meta.Count
	}
	if !meta.Held.Includes(m.held) {
		w.fail("%s held %v and now claims %v", m.name, m.held, meta.Held)
	}
	m.held = meta.Held
	if id, found, err := m.core.Overlooked(); found || err != nil {
		w.fail("%s could go on with %v, which waits: %q, %v", m.name, id, m.core.Waiting(id), err)
	}
	if w.steps%64 == 0 {
		w.checkKnowledge(m)
	}
}

// checkKnowledge: what a member claims to have seen, it has seen, and what it
// claims to hold is on its disk, each in that version or a greater one.
func (w *World) checkKnowledge(m *Member) {
	meta := m.core.Meta()
	for _, s := range slices.SortedFunc(maps.Keys(w.issued), version.Stamp.Compare) {
		r := w.issued[s]
		e, ok, _ := m.store.Entry(r.ID)
		if meta.Seen.Covers(s) && (!ok || r.Beats(&e.Known)) {
			w.fail("%s claims to have seen %v of %v %q and has not", m.name, s, r.ID, r.Name)
		}
		if meta.Held.Covers(s) && (!ok || !e.OnRecord || r.Beats(&e.Disk)) {
			w.fail("%s claims to hold %v of %v %q and does not: %+v; known %+v; disk %+v", m.name, s, r.ID, r.Name, r, e.Known, e.Disk)
		}
	}
}

// Check looks at a world that has healed and settled: all oracles.
func (w *World) Check() error {
	if w.err != nil {
		return w.err
	}
	for _, m := range w.members {
		w.checkKnowledge(m)
		w.checkRest(m)
		w.checkEqual(w.members[0], m)
	}
	w.checkSaves()
	return w.err
}

// checkRest: nothing is left behind, in the tree or in the index.
func (w *World) checkRest(m *Member) {
	if held := m.disk.list(holdInode); len(held) > 0 {
		w.fail("%s still holds %q aside", m.name, held[0].name)
	}
	if p := m.core.Meta().Phase; p != reconcile.Normal {
		w.fail("%s is still in phase %d", m.name, p)
	}
	for _, e := range m.store.All() {
		switch {
		case e.Wanted || e.Doing != nil || e.Foreign:
			w.fail("%s is not done with %v %q: wanted=%v doing=%v foreign=%v known=%+v at=%v", m.name, e.ID, e.Known.Name, e.Wanted, e.Doing != nil, e.Foreign, e.Known, e.At)
		case e.Live() && !m.present(e.ID):
			w.fail("%s believes in %v %q, which is not on disk", m.name, e.ID, e.Disk.Name)
		}
	}
	m.disk.walk(rootInode, "", func(path string, o object) {
		e, ok, _ := m.store.Entry(m.bound[o.inode])
		if !ok || !e.Live() || !o.dir && e.Disk.Hash != hashOf(o.content) {
			w.fail("%s does not know %s as it is", m.name, path)
		}
	})
}

// checkEqual: the trees and the knowledge of a and b are equal.
func (w *World) checkEqual(a, b *Member) {
	x, y := a.disk.tree(), b.disk.tree()
	for _, path := range slices.Sorted(maps.Keys(x)) {
		if c, ok := y[path]; !ok || c != x[path] {
			w.fail("%s has %s %q, %s has %q (%v)", a.name, path, x[path], b.name, c, ok)
		}
	}
	if len(x) != len(y) {
		w.fail("%s has %d objects, %s %d", a.name, len(x), b.name, len(y))
	}
	if p, q := a.core.Meta(), b.core.Meta(); p.Held.Compare(q.Held) != version.Equal || p.Held.Compare(p.Seen) != version.Equal {
		w.fail("%s holds %v of %v, %s holds %v of %v", a.name, p.Held, p.Seen, b.name, q.Held, q.Seen)
	}
}

// checkSaves: every save is live, superseded by a user who had it, or
// preserved; and what a user deleted does not return as something new.
func (w *World) checkSaves() {
	live := map[string]bool{}
	for _, c := range w.members[0].disk.tree() {
		live[c] = true
	}
	for _, c := range slices.Sorted(maps.Keys(w.saves)) {
		s := w.saves[c]
		kept := live[c] || s.retired
		for _, m := range w.members {
			kept = kept || m.disk.preserved[c]
		}
		if !kept {
			w.fail("the save %s by %s is lost", c, s.by)
		}
		if s.deleted && live[c] {
			w.checkReturned(c)
		}
	}
}

// checkReturned: a deleted content may live on only as the object that it was,
// because a version that did not know of the deletion won.
func (w *World) checkReturned(content string) {
	hash := hashOf(content)
	ids := map[replication.FileID]bool{}
	for _, r := range w.issued {
		if r.Hash == hash {
			ids[r.ID] = true
		}
	}
	if len(ids) > 1 {
		w.fail("the deleted %s is back as another object", content)
	}
}

// digest sums up what m has committed.
func (m *Member) digest() uint64 {
	h := fnv.New64a()
	var b []byte
	for _, e := range m.store.All() {
		b = e.Known.Append(b[:0])
		b = e.Disk.Append(b)
		h.Write(b)
		fmt.Fprint(h, e.At, e.OnRecord, e.Doing != nil, e.Foreign, e.Wanted)
	}
	meta, _ := m.store.Meta()
	fmt.Fprint(h, meta.Phase, meta.Held, meta.Seen)
	return h.Sum64()
}
