package reconcile

import (
	"errors"

	"dfsd/replication"
)

// maxPlans bounds the installs that are under way at once.
const maxPlans = 256

var errRestless = errors.New("reconcile: the work list does not come to rest")

// work goes over the work list until nothing more follows from it: versions
// that the disk holds already are noted, clashes are decided, and what can be
// done to the tree is planned.
func (s *State) work() error {
	for range 10_000 {
		again, err := s.pass()
		if err != nil {
			return err
		}
		if !again {
			return s.merge()
		}
	}
	return errRestless
}

func (s *State) pass() (again bool, err error) {
	wanted, err := s.store.Wanted()
	if err != nil {
		return false, err
	}
	for _, w := range wanted {
		e, ok, err := s.store.Entry(w.ID) // an earlier one of this pass may have changed it
		if err != nil {
			return false, err
		}
		if !ok || !e.Wanted || s.isBusy(e.ID) {
			continue
		}
		changed, err := s.settle(e)
		if err != nil {
			return false, err
		}
		again = again || changed
	}
	return again, nil
}

// settle takes the next step for one entry of the work list. It returns true
// if entries changed thereby.
func (s *State) settle(e Entry) (bool, error) {
	if _, ok := s.blocked[e.ID]; ok {
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
	empty := true
	for i := range children {
		c := &children[i]
		survives, err := s.survives(c, e.ID)
		if err != nil {
			return false, err
		}
		if survives && !e.Known.Displaced {
			return s.resurrect(e)
		}
		empty = empty && (!c.Live() || c.At.Parent != e.ID)
	}
	if !empty {
		return false, nil
	}
	p.Op = Rmdir
	return s.plan(e, p)
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
// knew of are seen too.
func (s *State) resurrect(e Entry) (bool, error) {
	if !s.meta.Seen.Covers(e.Known.Stamp) {
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
	ready, changed, err := s.parentReady(e)
	if err != nil || !ready {
		return changed, err
	}
	to, ok, err := s.place(&e.Known)
	if err != nil || !ok {
		return false, err
	}
	if e.Live() && e.At == to {
		return s.refresh(e)
	}
	return s.enter(e, to)
}

// parentReady tells whether the directory that e belongs into is on disk and
// not below e.
func (s *State) parentReady(e Entry) (ready, changed bool, err error) {
	dir, ok, err := s.directory(e.Known.Parent)
	if err != nil || !ok {
		return false, false, err
	}
	if dir == replication.RootID {
		return true, false, nil
	}
	p, _, err := s.store.Entry(dir)
	if err != nil || p.Known.Kind != replication.Directory || p.Foreign {
		return false, false, err
	}
	if p.Known.Deleted {
		if p.Known.Displaced {
			return false, false, nil
		}
		changed, err = s.resurrect(p)
		return false, changed, err
	}
	if e.Known.Kind == replication.Directory {
		if cyclic, changed, err := s.cycle(e); err != nil || cyclic {
			return false, changed, err
		}
		if below, err := s.standsBelow(dir, e.ID); err != nil || below {
			return false, false, err
		}
	}
	return p.Live() && p.At.Parent != HoldID, false, nil
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

// contentReady tells whether the content of Known is at hand, and asks for it
// otherwise.
func (s *State) contentReady(e Entry) bool {
	if e.Known.Kind != replication.File {
		return true
	}
	c, ok := s.contents[e.ID]
	if !ok || c.hash != e.Known.Hash {
		s.contents[e.ID] = content{e.Known.Hash, fetching}
		s.do(Want{e.Known})
		return false
	}
	return c.state == fetched
}

// enter brings an object to the place where it belongs, once the content is at
// hand if it comes from outside, and the name is free or won.
func (s *State) enter(e Entry, to Place) (bool, error) {
	occupants, err := s.store.At(to)
	if err != nil {
		return false, err
	}
	p := Plan{ID: e.ID, Op: Create, Record: e.Known, To: to}
	if e.Live() {
		disk := e.Disk
		p.Op, p.From, p.Expect = Move, e.At, &disk
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

// plan starts p unless another plan that is under way stands in its way.
func (s *State) plan(e Entry, p Plan) (bool, error) {
	if len(s.busy) >= maxPlans {
		return false, nil
	}
	for _, q := range s.busy {
		if p.hinders(&q) {
			return false, nil
		}
	}
	r := p.Record
	e.Doing = &r
	if err := s.put(e); err != nil {
		return false, err
	}
	s.busy[p.ID] = p
	s.do(Install{p})
	return false, nil
}

func (s *State) isBusy(id replication.FileID) bool {
	_, ok := s.busy[id]
	return ok
}

// hinders tells whether p and q touch the same thing: an object, a name, a
// directory that one fills and the other moves, or two directories on the move.
func (p *Plan) hinders(q *Plan) bool {
	if p.movesDirectory() && q.movesDirectory() {
		return true
	}
	return p.touches(q.ID) || q.touches(p.ID) ||
		p.Occupant != nil && q.touches(p.Occupant.ID) ||
		p.To.Name != "" && p.To == q.To
}

func (p *Plan) movesDirectory() bool {
	return p.Record.Kind == replication.Directory && p.Op == Move
}

func (p *Plan) touches(id replication.FileID) bool {
	return p.ID == id || p.Occupant != nil && p.Occupant.ID == id ||
		id != replication.RootID && (p.To.Parent == id || p.From.Parent == id)
}
