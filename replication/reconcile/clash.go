package reconcile

import (
	"bytes"
	"cmp"

	"dfsd/replication"
)

// wins tells whether x keeps a name that y wants too. A directory keeps it
// against anything else, whatever the fences, because what is in it has no
// other place. Of two directories, which become one, the later created wins,
// then the greater ID: neither ever changes, so no two can pass their children
// on to each other. Otherwise the total order decides.
func wins(x, y *replication.Record) bool {
	a, b := x.Kind == replication.Directory, y.Kind == replication.Directory
	switch {
	case a != b:
		return a
	case a:
		return cmp.Or(cmp.Compare(x.Created, y.Created), bytes.Compare(x.ID[:], y.ID[:])) > 0
	default:
		return x.Beats(y)
	}
}

// clash decides what happens when e belongs where occupant y stands.
func (s *State) clash(e, y Entry, p Plan) (bool, error) {
	if s.busy.has(y.ID) {
		s.agenda.brief = true
		return false, nil
	}
	if y.Foreign {
		return s.takeForeign(e, y, p)
	}
	if y.Known.Deleted {
		return s.succeed(e, y, p)
	}
	to, ok, err := s.place(&y.Known)
	if err != nil {
		return false, err
	}
	if !ok || to != p.To {
		return s.aside(e, y, p)
	}
	if s.unheard(&e, &y) {
		return false, nil
	}
	if !wins(&e.Known, &y.Known) {
		return true, s.displace(e, y.ID, y.Known.Kind)
	}
	if e.Known.Kind != replication.Directory {
		return s.evict(e, y, p)
	}
	if y.Known.Kind != replication.Directory {
		return s.evict(e, y, p)
	}
	if e.Live() {
		return true, s.displace(y, e.ID, e.Known.Kind)
	}
	return s.adopt(e, y, p)
}

// adopt plans for e, which is not on disk, to take over what is y's there: a
// directory with all in it, or a file of the same content.
func (s *State) adopt(e, y Entry, p Plan) (bool, error) {
	disk := y.Disk
	p.Op, p.Occupant = Adopt, &disk
	return s.plan(e, p)
}

// succeed lets e wait until the deleted y has left its place. If y is a
// directory with something in it, that may have to wait for e in turn: the
// heir of y's children takes y over, and otherwise y goes aside.
func (s *State) succeed(e, y Entry, p Plan) (bool, error) {
	if y.Known.Kind != replication.Directory || p.Op == Create && !s.contentReady(e) {
		return false, nil
	}
	s.agenda.wait(key{kind: onStanding, id: y.ID})
	heir, ok, err := s.directory(y.ID)
	if err != nil || !ok {
		s.agenda.waitObject(heir)
		return false, err
	}
	if heir == e.ID && !e.Live() {
		return s.adopt(e, y, p)
	}
	children, err := s.store.Children(y.ID)
	if err != nil {
		return false, err
	}
	for i := range children {
		if children[i].Live() && children[i].At.Parent == y.ID {
			return s.setAside(y)
		}
	}
	return false, nil
}

// displace gives the loser of a name a tombstone for good. What is in a
// directory that lost against another one goes into the winner.
func (s *State) displace(loser Entry, winner replication.FileID, kind replication.Kind) error {
	r := loser.Known.Tombstone()
	r.Displaced = true
	if loser.Known.Kind == replication.Directory && kind == replication.Directory {
		r.Into = winner
	}
	base := loser.Known
	if loser.OnRecord {
		base.History = base.History.Merge(loser.Disk.History)
	}
	s.stamp(&r, &base)
	return s.learn(loser, r)
}

// evict plans for e to take the name from y, whose content is preserved unless
// e brings the same. One that moves may still have another content than Known.
func (s *State) evict(e, y Entry, p Plan) (bool, error) {
	if p.Op == Create && !s.contentReady(e) {
		return false, nil
	}
	disk := y.Disk
	p.Occupant = &disk
	if !disk.SameContent(&e.Known) || p.Op == Move {
		p.Preserve = &Loser{disk, Conflict}
	}
	return s.plan(e, p)
}

// aside moves y, which belongs elsewhere but cannot go there yet, into the
// holding directory to make room for e, unless y can leave by itself or one
// that y waits for was set aside.
func (s *State) aside(e, y Entry, p Plan) (bool, error) {
	if p.Op == Create && !s.contentReady(e) {
		return false, nil
	}
	if _, blocked := s.blocked[y.ID]; blocked {
		s.agenda.wait(key{kind: onRetry})
		return false, nil
	}
	if !s.visiting[y.ID] {
		s.visiting[e.ID] = true
		before := len(s.busy.of)
		changed, err := s.bring(y)
		delete(s.visiting, e.ID)
		if err != nil || changed {
			return changed, err
		}
		if len(s.busy.of) > before { // what y waits for is leaving; y could be set aside, too
			s.agenda.sparing = true
			return false, nil
		}
	}
	return s.setAside(y)
}

func (s *State) setAside(y Entry) (bool, error) {
	disk := y.Disk
	return s.plan(y, Plan{
		ID: y.ID, Op: Move, Record: y.Known, From: y.At, Expect: &disk,
		To: Place{HoldID, y.ID.String()},
	})
}

// takeForeign lets e take the place of what stood there before the initial
// sync. A directory is taken over with all that is in it; the rest is
// preserved unless it is the same.
func (s *State) takeForeign(e, y Entry, p Plan) (bool, error) {
	disk := y.Disk
	bothDirs := e.Known.Kind == replication.Directory && disk.Kind == replication.Directory
	switch {
	case bothDirs && e.Live():
		return true, s.adoptAbove(y.ID)
	case bothDirs, !e.Live() && disk.SameContent(&e.Known):
		return s.adopt(e, y, p)
	case disk.Kind == replication.Directory:
		return s.clearForeign(y)
	case p.Op == Create && !s.contentReady(e):
		return false, nil
	}
	p.Occupant = &disk
	p.Preserve = &Loser{disk, PreExisting}
	return s.plan(e, p)
}

// clearForeign preserves and removes what stood at y before the initial sync:
// what is in a directory first. A directory that holds something newer gets a
// record instead.
func (s *State) clearForeign(y Entry) (bool, error) {
	a := &s.agenda
	a.waitObject(y.ID)
	if s.busy.has(y.ID) {
		return false, nil
	}
	if _, blocked := s.blocked[y.ID]; blocked {
		a.wait(key{kind: onRetry})
		return false, nil
	}
	disk := y.Disk
	p := Plan{ID: y.ID, Op: Delete, Record: disk.Tombstone(), From: y.At, Expect: &disk, Preserve: &Loser{disk, PreExisting}}
	if disk.Kind != replication.Directory {
		return s.plan(y, p)
	}
	a.wait(key{kind: onStanding, id: y.ID})
	children, err := s.store.Children(y.ID)
	if err != nil {
		return false, err
	}
	var last *Entry
	for i := range children {
		c := &children[i]
		if !c.Live() || c.At.Parent != y.ID {
			continue
		}
		if !c.Foreign {
			return true, s.adoptAbove(y.ID)
		}
		last = c
	}
	if last != nil {
		s.filled[y.ID] = last.ID
		return s.clearWithin(children, y.ID, last)
	}
	p.Op, p.Preserve = Rmdir, nil
	return s.plan(y, p)
}

// clearWithin clears the foreign children that stand in dir, and waits for the
// last of them, or of those that it could begin with.
func (s *State) clearWithin(children []Entry, dir replication.FileID, last *Entry) (bool, error) {
	a := &s.agenda
	var begun *Entry
	for i := range children {
		c := &children[i]
		if !c.Live() || c.At.Parent != dir {
			continue
		}
		if len(s.busy.of) >= s.limits.Plans {
			if last = begun; begun == nil {
				a.enqueue(&a.plans)
				return false, nil
			}
			a.sparing = true
			break
		}
		keys := len(a.keys)
		changed, err := s.clearForeign(*c)
		if err != nil || changed {
			return changed, err
		}
		if s.busy.has(c.ID) {
			begun, a.keys = c, a.keys[:keys]
		}
	}
	a.waitObject(last.ID)
	return false, nil
}
