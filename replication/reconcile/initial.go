package reconcile

// scanned ends the first scan. The primary's content gets records that beat
// all others; everyone else waits for what the others hold.
func (s *State) scanned() error {
	if s.meta.Phase != Scanning {
		return nil
	}
	s.meta.Phase = Joining
	if !s.meta.Primary {
		return nil
	}
	s.meta.Phase = Normal
	s.meta.Fence++
	foreign, err := s.store.Foreign()
	if err != nil {
		return err
	}
	for _, f := range foreign {
		e, _, err := s.store.Entry(f.ID) // the one above it may have brought it along
		if err != nil {
			return err
		}
		if err := s.adoptAbove(e.ID); err != nil {
			return err
		}
	}
	return nil
}

// merge ends the initial sync once all that the others hold is installed: what
// nobody else has is preserved and leaves the tree.
func (s *State) merge() error {
	if s.meta.Phase != Merging {
		return nil
	}
	wanted, err := s.store.Wanted()
	if err != nil {
		return err
	}
	for i := range wanted {
		_, blocked := s.blocked[wanted[i].ID]
		if !wanted[i].Known.Deleted && !blocked {
			return nil
		}
	}
	foreign, err := s.store.Foreign()
	if err != nil {
		return err
	}
	if len(foreign) == 0 && len(s.busy) == 0 {
		s.meta.Phase = Normal
		return nil
	}
	for _, f := range foreign {
		e, ok, err := s.store.Entry(f.ID)
		if err != nil {
			return err
		}
		if !ok || !e.Foreign {
			continue
		}
		if _, err := s.clearForeign(e); err != nil {
			return err
		}
	}
	return nil
}
