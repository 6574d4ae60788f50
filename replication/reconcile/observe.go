package reconcile

import (
	"bytes"
	"slices"

	"dfsd/replication"
	"dfsd/replication/version"
)

func (s *State) observed(ev Observed) error {
	if id, ok := s.aliases[ev.Object.At.Parent]; ok {
		ev.Object.At.Parent = id
	}
	o := ev.Object
	id, err := s.identify(ev)
	if err != nil {
		return err
	}
	if o.ID == replication.RootID && id != ev.Fresh {
		if s.aliases == nil {
			s.aliases = map[replication.FileID]replication.FileID{}
		}
		s.aliases[ev.Fresh] = id
	}
	s.do(Identified{id})
	e, ok, err := s.store.Entry(id)
	if err != nil {
		return err
	}
	o.ID = id
	if !ok {
		return s.appeared(o)
	}
	return s.seen(e, o)
}

// identify finds which object was observed. One not met before is the one
// that a crash kept us from noting, the next version of the one it replaced,
// or new.
func (s *State) identify(ev Observed) (replication.FileID, error) {
	if ev.Object.ID != replication.RootID {
		return ev.Object.ID, nil
	}
	for _, id := range s.doing.named(ev.Object.At.Name) {
		e, ok, err := s.store.Entry(id)
		if err != nil {
			return replication.RootID, err
		}
		if !ok || e.Doing == nil || !ev.Object.is(e.Doing) {
			continue
		}
		if at, ok, err := s.place(e.Doing); err != nil {
			return replication.RootID, err
		} else if ok && at == ev.Object.At {
			return e.ID, nil
		}
	}
	if ev.Replaced != replication.RootID {
		e, ok, err := s.store.Entry(ev.Replaced)
		if err != nil {
			return replication.RootID, err
		}
		if ok && e.Live() && e.Disk.Kind == ev.Object.Kind {
			return ev.Replaced, nil
		}
	}
	return ev.Fresh, nil
}

// is tells whether o has the content and the attributes of r.
func (o *Object) is(r *replication.Record) bool {
	a, b := o.Attr, r.Attr
	return o.Kind == r.Kind && o.Size == r.Size && o.Hash == r.Hash && o.Target == r.Target &&
		a.Mode == b.Mode && a.UID == b.UID && a.GID == b.GID && a.MTime == b.MTime &&
		slices.EqualFunc(a.Xattrs, b.Xattrs, func(x, y replication.Xattr) bool {
			return x.Name == y.Name && string(x.Value) == string(y.Value)
		})
}

func (o *Object) record() replication.Record {
	return replication.Record{
		ID: o.ID, Parent: o.At.Parent, Name: o.At.Name, Kind: o.Kind,
		Size: o.Size, Hash: o.Hash, Target: o.Target, Attr: o.Attr,
	}
}

// appeared notes an object that is new here. What the first scan finds on the
// primary is like what a user makes; elsewhere it is Foreign.
func (s *State) appeared(o Object) error {
	r := o.record()
	e := Entry{ID: o.ID, OnRecord: true, At: o.At}
	if s.meta.Phase == Scanning && !s.meta.Primary {
		e.Foreign, e.Known, e.Disk = true, r, r
		return s.put(e)
	}
	r.Created = s.now
	return s.born(e, r)
}

// born stamps r as the first version of e's object, and those of the
// directories above it that have no record yet: others must be able to place it.
func (s *State) born(e Entry, r replication.Record) error {
	if err := s.adoptAbove(r.Parent); err != nil {
		return err
	}
	s.stamp(&r, &replication.Record{Fence: s.meta.Fence})
	e.Foreign, e.Known, e.Disk = false, r, r
	return s.put(e)
}

func (s *State) adoptAbove(dir replication.FileID) error {
	e, ok, err := s.store.Entry(dir)
	if err != nil || !ok || !e.Foreign {
		return err
	}
	r := e.Disk
	r.Created = s.now
	return s.born(e, r)
}

// seen compares an object that has an entry with it. What is as we recorded
// it, or as our own install was about to make it, is no change.
func (s *State) seen(e Entry, o Object) error {
	if e.Foreign {
		e.Disk = o.record()
		e.Known, e.At = e.Disk, o.At
		s.shifted()
		return s.put(e)
	}
	if s.awaited(&e, &o) {
		return nil
	}
	base, at, err := s.expected(&e, &o)
	if err != nil {
		return err
	}
	e.Doing = nil
	if !base.Deleted && o.is(&base) && o.At == at {
		e.OnRecord, e.Disk, e.At = true, base, o.At
		return s.put(e)
	}
	return s.changed(e, base, o, o.At != at)
}

// awaited tells whether o is e's object as a plan that is under way expects to
// find it. It was looked at before the install, so it says nothing of what the
// install does: that is noted when it is Done.
func (s *State) awaited(e *Entry, o *Object) bool {
	p, busy := s.busy.of[e.ID]
	return busy && e.Doing != nil && p.Expect != nil && o.At == p.From && o.is(p.Expect)
}

// expected returns the version of which o may be the unchanged likeness, and
// where it may stand: what the entry says, or what an install was about.
func (s *State) expected(e *Entry, o *Object) (replication.Record, Place, error) {
	base, at := e.Disk, e.At
	if !e.OnRecord { // it has no version here that its next could build on
		base = e.Known.Tombstone()
		base.History = version.Vector{}
	}
	if o.At.Parent == HoldID {
		at = o.At
	}
	if e.Doing == nil || e.Doing.Deleted {
		return base, at, nil
	}
	to, ok, err := s.place(e.Doing)
	if err != nil || !ok {
		return base, at, err
	}
	if o.At == to || !e.Live() {
		at = to
		if o.is(e.Doing) || !e.Live() { // what was not there can only come from the install
			base = *e.Doing
		}
	}
	return base, at, nil
}

// changed notes the next version of an object: a user's, made on top of base.
// An object that was not moved keeps the place that its record gives.
func (s *State) changed(e Entry, base replication.Record, o Object, moved bool) error {
	r := o.record()
	if !moved && !base.Deleted {
		r.Parent, r.Name = base.Parent, base.Name
	}
	if err := s.adoptAbove(r.Parent); err != nil {
		return err
	}
	r.Created = base.Created
	s.stamp(&r, &base)
	e.OnRecord, e.Disk, e.At = true, r, o.At
	return s.advance(e, r)
}

// advance stores e, whose Disk has just become r by a local change, and makes
// r known if it wins.
func (s *State) advance(e Entry, r replication.Record) error {
	if r.Beats(&e.Known) {
		return s.learn(e, r)
	}
	return s.put(e)
}

func (s *State) gone(id replication.FileID) error {
	e, ok, err := s.store.Entry(id)
	if err != nil || !ok || !e.Live() {
		return err
	}
	if e.Foreign {
		return s.drop(id)
	}
	doing := e.Doing
	e.Doing = nil
	if doing != nil && doing.Deleted {
		e.Disk = *doing
		return s.put(e)
	}
	r := e.Disk.Tombstone()
	s.stamp(&r, &e.Disk)
	e.Disk = r
	return s.advance(e, r)
}

// doing finds, by their names, the entries of the work list that an install of a
// live version was begun for.
type doing struct {
	names map[replication.FileID]string
	of    map[string][]replication.FileID // ascending
}

func newDoing() doing {
	return doing{map[replication.FileID]string{}, map[string][]replication.FileID{}}
}

// named returns those that are called name, ascending by ID.
func (d *doing) named(name string) []replication.FileID { return d.of[name] }

// note keeps d in step with e.
func (d *doing) note(e *Entry) {
	is := e.Wanted && e.Doing != nil && !e.Doing.Deleted
	name, was := d.names[e.ID]
	if was && (!is || name != e.Doing.Name) {
		d.forget(e.ID, name)
		was = false
	}
	if !is || was {
		return
	}
	d.names[e.ID] = e.Doing.Name
	set := d.of[e.Doing.Name]
	i, _ := slices.BinarySearchFunc(set, e.ID, compareIDs)
	d.of[e.Doing.Name] = slices.Insert(set, i, e.ID)
}

func (d *doing) forget(id replication.FileID, name string) {
	delete(d.names, id)
	set := d.of[name]
	if i, ok := slices.BinarySearchFunc(set, id, compareIDs); ok {
		set = slices.Delete(set, i, i+1)
	}
	if d.of[name] = set; len(set) == 0 {
		delete(d.of, name)
	}
}

func compareIDs(a, b replication.FileID) int { return bytes.Compare(a[:], b[:]) }
