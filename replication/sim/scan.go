package sim

import (
	"slices"

	"dfsd/replication"
	"dfsd/replication/reconcile"
)

// scan compares the whole tree with the index, as the journal does.
func (m *Member) scan() {
	m.scanning = false
	m.scans++
	var found []object
	for _, top := range []uint64{rootInode, holdInode} {
		m.disk.walk(top, "", func(_ string, o object) { found = append(found, o) })
	}
	for _, o := range found {
		m.observe(o)
	}
	var gone []reconcile.Event
	for _, e := range m.lost() {
		gone = append(gone, reconcile.Gone{ID: e.ID})
	}
	for len(gone) > 0 {
		n := 1 + m.w.rng.IntN(len(gone))
		m.step(gone[:n]...)
		gone = gone[n:]
	}
	for inode := range m.bound {
		if _, ok := m.disk.objects[inode]; !ok {
			delete(m.bound, inode)
		}
	}
}

func (m *Member) observe(o object) {
	ev := reconcile.Observed{Object: m.describe(o)}
	e, ok, _ := m.store.Entry(ev.Object.ID)
	if ok && ev.Object.ID != replication.RootID && e.Live() && e.Doing == nil && e.At == ev.Object.At &&
		e.Disk.Hash == ev.Object.Hash && e.Disk.Attr.Mode == ev.Object.Attr.Mode {
		return
	}
	if ev.Object.ID == replication.RootID {
		m.random(ev.Fresh[:])
		at, _ := m.store.At(ev.Object.At)
		for i := range at {
			if !m.present(at[i].ID) {
				ev.Replaced = at[i].ID
			}
		}
	}
	if m.w.err != nil {
		return
	}
	m.w.steps++
	actions, err := m.core.Step(m.w.now+int64(m.skew), ev)
	if err != nil {
		m.w.fail("%s: observe %s: %v", m.name, o.name, err)
		return
	}
	for _, a := range actions {
		if id, ok := a.(reconcile.Identified); ok {
			m.bind(o.inode, id.ID)
			m.w.note("%s sees %q %q as %v", m.name, o.name, o.content, id.ID)
		}
	}
	m.done(actions)
}

func (m *Member) describe(o object) reconcile.Object {
	out := reconcile.Object{
		ID: m.identity(o.inode), At: reconcile.Place{Name: o.name}, Kind: replication.Directory,
		Attr: replication.Attr{Mode: o.mode},
	}
	switch o.parent {
	case rootInode:
	case holdInode:
		out.At.Parent = reconcile.HoldID
	default:
		out.At.Parent = m.identity(o.parent)
	}
	if !o.dir {
		out.Kind, out.Size, out.Hash = replication.File, int64(len(o.content)), hashOf(o.content)
	}
	return out
}

// identity tells which object an inode is: one that was just installed too.
func (m *Member) identity(inode uint64) replication.FileID {
	if id, ok := m.bound[inode]; ok {
		return id
	}
	return m.made[inode]
}

func (m *Member) present(id replication.FileID) bool {
	inode, ok := m.inode(id)
	return ok && inode != rootInode
}

// lost returns the entries whose objects are not in the tree, deepest first.
func (m *Member) lost() []reconcile.Entry {
	depth := map[replication.FileID]int{}
	var out []reconcile.Entry
	for _, e := range m.store.All() {
		if e.Live() && !m.present(e.ID) {
			out = append(out, e)
			depth[e.ID] = m.depth(e)
		}
	}
	slices.SortStableFunc(out, func(a, b reconcile.Entry) int { return depth[b.ID] - depth[a.ID] })
	return out
}

func (m *Member) depth(e reconcile.Entry) int {
	n := 0
	for n < 100 && e.At.Parent != replication.RootID {
		p, ok, _ := m.store.Entry(e.At.Parent)
		if !ok {
			break
		}
		n, e = n+1, p
	}
	return n
}
