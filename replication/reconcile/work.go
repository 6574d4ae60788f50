package reconcile

import (
	"encoding/binary"
	"errors"

	"dfsd/replication"
)

var errRestless = errors.New("reconcile: the work list does not come to rest")

// work looks at the entries of the work list that may have something to do,
// until nothing more follows from it: versions that the disk holds already are
// noted, clashes are decided, and what can be done to the tree is planned.
func (s *State) work() error {
	turns := 0
	for {
		it := s.next()
		if it == nil {
			if err := s.merge(); err != nil || s.agenda.now.live == 0 {
				return err
			}
			continue
		}
		changed, err := s.attend(it)
		if err != nil {
			return err
		}
		if changed {
			turns++
		}
		if turns > 10_000+100*len(s.agenda.items) {
			return errRestless
		}
	}
}

// attend looks at one entry, which then is done, or waits for something.
func (s *State) attend(it *item) (bool, error) {
	if s.busy.has(it.id) {
		return false, nil // it is looked at when its plan has ended
	}
	e, ok, err := s.store.Entry(it.id)
	if err != nil || !ok {
		return false, err
	}
	s.agenda.look()
	changed, err := s.settle(e)
	if err != nil {
		return false, err
	}
	switch {
	case it.gone || s.busy.has(it.id):
	case changed:
		s.agenda.ready(it)
	case it.in == nil:
		s.agenda.park(it, s.contents.of[it.id].state == fetched)
	}
	return changed, nil
}

// settle takes the next step for one entry of the work list. It returns true
// if entries changed thereby.
func (s *State) settle(e Entry) (bool, error) {
	if _, ok := s.blocked[e.ID]; ok {
		s.agenda.wait(key{kind: onRetry})
		return false, nil
	}
	if e.Known.Deleted {
		return s.remove(e)
	}
	return s.bring(e)
}

// noted makes Known the version on disk: nothing needs to be done to the tree.
func (s *State) noted(e Entry) (bool, error) {
	e.OnRecord, e.Disk, e.Doing = true, e.Known, nil
	return true, s.put(e)
}

// remove takes the object of a tombstone away.
func (s *State) remove(e Entry) (bool, error) {
	if !e.Live() {
		return s.noted(e)
	}
	disk := e.Disk
	p := Plan{ID: e.ID, Op: Delete, Record: e.Known, From: e.At, Expect: &disk}
	if e.Known.Kind != replication.Directory {
		p.Preserve = &Loser{disk, Conflict}
		if !e.Known.Displaced && e.Known.History.Covers(disk.Stamp) {
			p.Preserve.Reason = Deleted
		}
		return s.plan(e, p)
	}
	children, err := s.store.Children(e.ID)
	if err != nil {
		return false, err
	}
	if e.Known.Displaced {
		if s.inhabited(children, e.ID) {
			return false, nil
		}
	} else if held, changed, err := s.outlived(e, children); err != nil || held {
		return changed, err
	}
	p.Op = Rmdir
	return s.plan(e, p)
}

// inhabited tells whether one of children stands in dir, and waits for one of
// them to leave: for any, whatever the order in which they go. Half of them are
// gone by then, as a rule, so that a great directory is not listed anew for each
// that leaves.
func (s *State) inhabited(children []Entry, dir replication.FileID) bool {
	standing := 0
	for i := range children {
		if c := &children[i]; c.Live() && c.At.Parent == dir {
			standing++
		}
	}
	if standing == 0 {
		return false
	}
	pick := binary.BigEndian.Uint64(dir[:]) + uint64(standing)
	pick = (pick * 0x9e3779b97f4a7c15 >> 32) % uint64(standing) // the golden ratio spreads what comes in a row
	for i := range children {
		if c := &children[i]; !c.Live() || c.At.Parent != dir {
			continue
		}
		if pick == 0 {
			s.agenda.waitObject(children[i].ID)
			break
		}
		pick--
	}
	s.agenda.why = forEmpty
	return true
}

// outlived resurrects the deleted directory e if one of its children is to
// live, and otherwise waits until they are gone.
func (s *State) outlived(e Entry, children []Entry) (held, changed bool, err error) {
	s.agenda.wait(key{kind: onSurvivor, id: e.ID})
	for i := range children {
		c := &children[i]
		survives, err := s.survives(c, e.ID)
		if err != nil {
			return false, false, err
		}
		if survives {
			s.agenda.waitObject(c.ID)
			changed, err := s.resurrect(e)
			return true, changed, err
		}
	}
	return s.inhabited(children, e.ID), false, nil
}

// survives tells whether c belongs into dir, whose tombstone is known, and is
// not deleted.
func (s *State) survives(c *Entry, dir replication.FileID) (bool, error) {
	if c.Foreign || c.Known.Deleted {
		return false, nil
	}
	parent, ok, err := s.directory(c.Known.Parent)
	return ok && parent == dir, err
}

// resurrect gives a deleted directory a new version, because an object in it
// outlived it. That is certain once the tombstone is among what was seen: a
// directory is deleted after what was in it, so the deletions that its deleter
// knew of are seen too. Where nobody tells of them any more, they are not waited
// for.
func (s *State) resurrect(e Entry) (bool, error) {
	if !s.told && !s.meta.Seen.Covers(e.Known.Stamp) {
		s.agenda.wait(key{kind: onSeen})
		s.agenda.why = forOthers
		return false, nil
	}
	r := e.Known
	r.Deleted = false
	r.Attr = replication.Attr{Mode: 0o755}
	if e.Live() {
		r.Attr = e.Disk.Attr
	}
	base := e.Known
	if e.OnRecord {
		base.History = base.History.Merge(e.Disk.History)
	}
	s.stamp(&r, &base)
	return true, s.learn(e, r)
}

// bring makes a live version real: first its place, then its content.
func (s *State) bring(e Entry) (bool, error) {
	dir, ready, changed, err := s.parentReady(e)
	if err != nil || !ready {
		return changed, err
	}
	s.agenda.why = forNothing
	to := Place{dir, e.Known.Name}
	if e.Live() && e.At == to {
		return s.refresh(e)
	}
	return s.enter(e, to)
}

// parentReady finds the directory that e belongs into, and tells whether it is
// on disk and not below e.
func (s *State) parentReady(e Entry) (dir replication.FileID, ready, changed bool, err error) {
	dir, p, ok, err := s.resolve(e.Known.Parent)
	if err != nil {
		return dir, false, false, err
	}
	s.agenda.why = forFolder
	if dir != replication.RootID {
		s.agenda.waitObject(dir)
	}
	if !ok || dir == replication.RootID {
		return dir, ok, false, nil
	}
	if p.Known.Kind != replication.Directory || p.Foreign {
		return dir, false, false, nil
	}
	if p.Known.Deleted {
		if p.Known.Displaced {
			return dir, false, false, nil
		}
		changed, err = s.resurrect(p)
		return dir, false, changed, err
	}
	if e.Known.Kind == replication.Directory {
		if wrong, changed, err := s.misplaced(e, dir); err != nil || wrong {
			return dir, false, changed, err
		}
	}
	return dir, p.Live() && p.At.Parent != HoldID, false, nil
}

// misplaced tells whether dir, which the directory e belongs into, is below e,
// by the known versions or on disk.
func (s *State) misplaced(e Entry, dir replication.FileID) (wrong, changed bool, err error) {
	s.agenda.wait(key{kind: onChain})
	if cyclic, changed, err := s.cycle(e); err != nil || cyclic {
		s.agenda.wait(key{kind: onAnything})
		return cyclic, changed, err
	}
	if !e.Live() {
		return false, false, nil // nothing stands below what is not there
	}
	below, err := s.standsBelow(dir, e.ID)
	if below {
		s.agenda.wait(key{kind: onAnything})
	}
	return below, false, err
}

// refresh gives an object that stands where it belongs its content.
func (s *State) refresh(e Entry) (bool, error) {
	disk := e.Disk
	o := Object{Kind: disk.Kind, Size: disk.Size, Hash: disk.Hash, Target: disk.Target, Attr: disk.Attr}
	if o.is(&e.Known) {
		return s.noted(e)
	}
	if !disk.SameContent(&e.Known) && !s.contentReady(e) {
		return false, nil
	}
	p := Plan{ID: e.ID, Op: Replace, Record: e.Known, From: e.At, Expect: &disk, To: e.At}
	if !disk.SameContent(&e.Known) && !e.Known.History.Covers(disk.Stamp) {
		p.Preserve = &Loser{disk, Conflict}
	}
	return s.plan(e, p)
}

// enter brings an object to the place where it belongs, once the content is at
// hand if it comes from outside, and the name is free or won.
func (s *State) enter(e Entry, to Place) (bool, error) {
	occupants, err := s.store.At(to)
	if err != nil {
		return false, err
	}
	s.agenda.wait(key{kind: onPlace, id: to.Parent, name: to.Name})
	p := Plan{ID: e.ID, Op: Create, Record: e.Known, To: to}
	if e.Live() {
		disk := e.Disk
		p.Op, p.From, p.Expect = Move, e.At, &disk
	}
	for i := range occupants {
		s.agenda.waitObject(occupants[i].ID)
		s.agenda.why = forName
	}
	if len(occupants) > 1 {
		return false, nil // a swap that is being observed
	}
	if len(occupants) == 1 {
		return s.clash(e, occupants[0], p)
	}
	if p.Op == Create && !s.contentReady(e) {
		return false, nil
	}
	return s.plan(e, p)
}
