package reconcile

// begin starts an index anew. The primary's content has a Fence from the
// beginning, so that it beats what members of other beginnings have; its first
// scan is one like any other. Everyone else's content is Foreign until it is
// known what the others hold.
func (s *State) begin(ev Begin) {
	s.meta = Meta{Origin: ev.Origin, Primary: ev.Primary}
	if ev.Primary {
		s.meta.Fence = 1
	}
}

// scanned ends the first scan.
func (s *State) scanned() {
	if s.meta.Phase != Scanning {
		return
	}
	s.meta.Phase = Joining
	if s.meta.Primary {
		s.meta.Phase = Normal
	}
}

// merge ends the initial sync once all that the others hold is installed: what
// nobody else has is preserved and leaves the tree.
func (s *State) merge() error {
	a := &s.agenda
	if s.meta.Phase != Merging || a.opened > 0 || a.changes == s.merged || len(s.busy.of) > s.limits.Plans/2 {
		return nil
	}
	s.merged = a.changes
	found := false
	for f, err := range s.store.Foreign() {
		if err != nil {
			return err
		}
		found = true
		if len(s.busy.of) >= s.limits.Plans {
			break
		}
		if err := s.clearOne(f); err != nil {
			return err
		}
	}
	if !found && len(s.busy.of) == 0 {
		s.meta.Phase = Normal
	}
	return nil
}

// clearOne takes f away if nothing stands in it; what does is taken away before.
func (s *State) clearOne(f Entry) error {
	if in, ok := s.filled[f.ID]; ok {
		c, ok, err := s.store.Entry(in)
		if err != nil || ok && c.Foreign && c.At.Parent == f.ID {
			return err
		}
		delete(s.filled, f.ID)
	}
	e, ok, err := s.store.Entry(f.ID)
	if err != nil || !ok || !e.Foreign {
		return err
	}
	s.agenda.look()
	_, err = s.clearForeign(e)
	return err
}
