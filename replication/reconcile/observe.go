package reconcile

import (
	"slices"

	"dfsd/replication"
)

func (s *State) observed(ev Observed) error {
	o := ev.Object
	id, err := s.identify(ev)
	if err != nil {
		return err
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
	wanted, err := s.store.Wanted()
	if err != nil {
		return replication.RootID, err
	}
	for _, e := range wanted {
		if e.Doing == nil || e.Doing.Deleted || !ev.Object.is(e.Doing) {
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

// appeared notes an object that is new here.
func (s *State) appeared(o Object) error {
	r := o.record()
	e := Entry{ID: o.ID, OnRecord: true, At: o.At}
	if s.meta.Phase == Scanning {
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
		return s.put(e)
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

// expected returns the version of which o may be the unchanged likeness, and
// where it may stand: what the entry says, or what an install was about.
func (s *State) expected(e *Entry, o *Object) (replication.Record, Place, error) {
	base, at := e.Disk, e.At
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
		if o.is(e.Doing) {
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
		return s.store.Drop(id)
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
