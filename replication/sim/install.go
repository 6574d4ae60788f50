package sim

import (
	"time"

	"dfsd/replication"
	"dfsd/replication/reconcile"
)

// install carries a plan out, unless the disk is full just then. The core hears of it a moment later, so that a
// crash can fall between.
func (m *Member) install(p reconcile.Plan) {
	if m.w.rng.Float64() < m.w.faults.Loss/4 {
		m.w.note("%s %v %v: no space", m.name, p.Op, p.ID)
		m.post(reconcile.Installed{ID: p.ID, Outcome: reconcile.NoSpace})
		return
	}
	inode, ok := m.change(&p)
	m.w.note("%s %v %v %q done=%v", m.name, p.Op, p.ID, p.To.Name, ok)
	if !ok {
		m.scan()
		m.post(reconcile.Installed{ID: p.ID, Outcome: reconcile.Changed})
		return
	}
	m.changed[p.ID] = m.scans
	m.made[inode] = p.ID
	m.again(m.w.soon(20*time.Millisecond), func() {
		if inode != 0 {
			m.bind(inode, p.ID)
		}
		m.post(reconcile.Installed{ID: p.ID, Outcome: reconcile.Done})
	})
}

// change does the one atomic step of p, if all is as p expects. It returns the
// inode that is the object from now on, 0 if there is none.
func (m *Member) change(p *reconcile.Plan) (uint64, bool) {
	d := m.disk
	old, ok := m.expected(p)
	if !ok {
		return 0, false
	}
	parent, ok := m.inode(p.To.Parent)
	if !ok && p.To.Name != "" {
		return 0, false
	}
	loser, ok := m.occupant(p, parent)
	if !ok {
		return 0, false
	}
	r := &p.Record
	dir := r.Kind == replication.Directory
	content := m.contents[p.ID]
	if needs := p.Op == reconcile.Create || p.Op == reconcile.Replace && hashOf(old.content) != r.Hash; needs && !dir && !m.has(*r) {
		return 0, false
	}
	if p.Preserve != nil {
		if p.Expect != nil && p.Preserve.Record.ID == p.ID {
			d.preserve(old)
		} else {
			d.preserve(loser)
		}
	}
	switch p.Op {
	case reconcile.Create:
		d.remove(loser.inode)
		return d.add(parent, p.To.Name, dir, content, r.Attr.Mode), true
	case reconcile.Replace:
		if dir || hashOf(old.content) == r.Hash {
			old.mode = r.Attr.Mode
			d.objects[old.inode] = old
			return old.inode, true
		}
		d.remove(old.inode)
		return d.add(parent, p.To.Name, false, content, r.Attr.Mode), true
	case reconcile.Move:
		d.remove(loser.inode)
		old.parent, old.name = parent, p.To.Name
		d.objects[old.inode] = old
		return old.inode, true
	case reconcile.Adopt:
		loser.mode = r.Attr.Mode
		d.objects[loser.inode] = loser
		return loser.inode, true
	default:
		d.remove(old.inode)
		return 0, true
	}
}

// expected finds the object of p, if it is as p expects.
func (m *Member) expected(p *reconcile.Plan) (object, bool) {
	if p.Expect == nil { // it may have been found meanwhile, where a crash and a user left it
		return object{}, !m.present(p.ID)
	}
	o, ok := m.standing(p.From, p.Expect)
	if ok && p.Op == reconcile.Rmdir && len(m.disk.list(o.inode)) > 0 {
		return o, false
	}
	if ok && p.Op == reconcile.Move && o.dir {
		to, found := m.inode(p.To.Parent)
		return o, found && !m.disk.below(to, o.inode)
	}
	return o, ok
}

// occupant finds what stands where p wants to put its object, if it is what p
// expects there.
func (m *Member) occupant(p *reconcile.Plan, parent uint64) (object, bool) {
	if p.Occupant != nil {
		return m.standing(p.To, p.Occupant)
	}
	if p.To.Name == "" || p.Op == reconcile.Replace {
		return object{}, true
	}
	_, taken := m.disk.lookup(parent, p.To.Name)
	return object{}, !taken
}

// standing finds the object that r describes at p, if it is as described.
func (m *Member) standing(at reconcile.Place, r *replication.Record) (object, bool) {
	parent, ok := m.inode(at.Parent)
	if !ok {
		return object{}, false
	}
	o, ok := m.disk.lookup(parent, at.Name)
	if !ok || m.bound[o.inode] != r.ID || o.dir != (r.Kind == replication.Directory) {
		return object{}, false
	}
	return o, o.mode == r.Attr.Mode && (o.dir || hashOf(o.content) == r.Hash)
}

// inode finds the directory with the given ID.
func (m *Member) inode(id replication.FileID) (uint64, bool) {
	switch id {
	case replication.RootID:
		return rootInode, true
	case reconcile.HoldID:
		return holdInode, true
	}
	for inode, b := range m.bound {
		if b == id {
			_, ok := m.disk.objects[inode]
			return inode, ok
		}
	}
	return 0, false
}

// bind notes that inode is the object id from now on.
func (m *Member) bind(inode uint64, id replication.FileID) {
	for i, b := range m.bound {
		if b == id {
			delete(m.bound, i)
		}
	}
	m.bound[inode] = id
}

func (d *disk) remove(inode uint64) { delete(d.objects, inode) }

func (d *disk) preserve(o object) {
	if o.inode != 0 && !o.dir {
		d.preserved[o.content] = true
	}
}
