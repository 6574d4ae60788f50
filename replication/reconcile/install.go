package reconcile

import "dfsd/replication"

// installed notes how a plan ended.
func (s *State) installed(ev Installed) error {
	p, ok := s.busy[ev.ID]
	if !ok {
		return nil
	}
	delete(s.busy, ev.ID)
	e, ok, err := s.store.Entry(ev.ID)
	if err != nil || !ok {
		return err
	}
	if ev.Outcome != Done {
		if ev.Outcome != Changed {
			s.blocked[ev.ID] = ev.Outcome
		}
		if e.Doing == nil {
			return nil
		}
		e.Doing = nil
		return s.put(e)
	}
	if e.Foreign {
		return s.store.Drop(e.ID)
	}
	if p.Op == Adopt {
		if err := s.handOver(p); err != nil {
			return err
		}
	} else if err := s.evicted(p); err != nil {
		return err
	}
	if e.Doing == nil {
		return nil // it has been observed already
	}
	e.Doing = nil
	e.At = p.To
	if p.Op != Move {
		e.OnRecord, e.Disk = true, p.Record
	}
	return s.put(e)
}

// evicted notes that the occupant of p.To is gone: it lost its name.
func (s *State) evicted(p Plan) error {
	if p.Occupant == nil {
		return nil
	}
	y, ok, err := s.store.Entry(p.Occupant.ID)
	if err != nil || !ok || !y.Live() {
		return err
	}
	if !y.Foreign && y.Disk.Stamp != p.Occupant.Stamp {
		return nil
	}
	return s.leave(y, p)
}

// leave notes that y is off the disk because the object of p took its place.
func (s *State) leave(y Entry, p Plan) error {
	if y.Foreign {
		return s.store.Drop(y.ID)
	}
	if !y.Known.Displaced {
		if err := s.displace(y, p.ID, p.Record.Kind); err != nil {
			return err
		}
	}
	y, _, err := s.store.Entry(y.ID)
	if err != nil {
		return err
	}
	_, err = s.noted(y)
	return err
}

// handOver notes that what was the occupant's is now the object of p: all in
// it stands in that directory.
func (s *State) handOver(p Plan) error {
	y, ok, err := s.store.Entry(p.Occupant.ID)
	if err != nil || !ok {
		return err
	}
	children, err := s.store.Children(y.ID)
	if err != nil {
		return err
	}
	if err := s.leave(y, p); err != nil {
		return err
	}
	for _, c := range children {
		if err := s.rehouse(c.ID, y.ID, p.ID); err != nil {
			return err
		}
	}
	return nil
}

func (s *State) rehouse(id, from, to replication.FileID) error {
	c, ok, err := s.store.Entry(id)
	if err != nil || !ok || !c.Live() || c.At.Parent != from {
		return err
	}
	c.At.Parent = to
	if c.Foreign {
		c.Known.Parent, c.Disk.Parent = to, to
	}
	return s.put(c)
}
