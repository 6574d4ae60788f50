package reconcile

import "dfsd/replication"

// stranded finds what was heard in an answer that broke off, and belongs into a
// directory that was to come in the rest of it. Whoever still holds that tells all
// of it again, since Seen does not cover it; where its index has been lost
// meanwhile, nobody ever does.
type stranded struct {
	s    *State
	lost map[replication.FileID]bool // by directory: whether it is unheard of, or stranded itself
}

// forgetStranded forgets the versions that are stranded, as if they had not been
// heard. No answer must be under way: the rest of one would claim what is forgotten
// here.
func (s *State) forgetStranded() error {
	f := stranded{s, map[replication.FileID]bool{replication.RootID: false}}
	var found []Entry
	for e, err := range s.store.Wanted() {
		if err != nil {
			return err
		}
		if !f.unclaimed(&e) {
			continue
		}
		lost, err := f.isLost(e.Known.Parent)
		if err != nil {
			return err
		}
		if lost {
			found = append(found, e)
		}
	}
	for _, e := range found {
		if err := s.unhear(e); err != nil {
			return err
		}
	}
	return nil
}

// heardAll ends the waiting for what nobody tells any more.
func (s *State) heardAll() error {
	if s.meta.Phase == Scanning {
		return nil
	}
	s.told = true
	s.agenda.changes++
	s.agenda.wake(key{kind: onSeen})
	return s.forgetStranded()
}

// unclaimed tells whether nobody whose claim was taken in speaks of the known
// version of e, and nothing was begun for it.
func (f *stranded) unclaimed(e *Entry) bool {
	k := &e.Known
	return !e.Foreign && e.Doing == nil && !k.Deleted && k.Stamp.Origin != f.s.meta.Origin && !f.s.meta.Seen.Covers(k.Stamp)
}

// isLost tells whether dir is unheard of, or belongs below one that is by a
// version that nobody speaks of.
func (f *stranded) isLost(dir replication.FileID) (bool, error) {
	var way []replication.FileID
	lost := false
	for {
		known, ok := f.lost[dir]
		if ok {
			lost = known
			break
		}
		f.lost[dir] = false // a cycle leads nowhere, and is resolved elsewhere
		way = append(way, dir)
		e, ok, err := f.s.store.Entry(dir)
		if err != nil {
			return false, err
		}
		if lost = !ok; lost {
			break
		}
		if !e.Known.Displaced && (e.OnRecord || !f.unclaimed(&e)) {
			break
		}
		if dir = e.Known.Parent; e.Known.Displaced {
			dir = e.Known.Into
		}
	}
	for _, id := range way {
		f.lost[id] = lost
	}
	return lost, nil
}

// unhear takes e back to what is on disk.
func (s *State) unhear(e Entry) error {
	if !e.OnRecord {
		return s.drop(e.ID)
	}
	e.Known = e.Disk
	return s.put(e)
}
