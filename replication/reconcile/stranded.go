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

// forgetStranded forgets those of the unclaimed that are stranded, as if they had
// not been heard. No answer must be under way: the rest of one would claim what is
// forgotten here.
func (s *State) forgetStranded(unclaimed []Entry) error {
	f := stranded{s, map[replication.FileID]bool{replication.RootID: false}}
	lost := make([]bool, len(unclaimed))
	for i := range unclaimed {
		var err error
		if lost[i], err = f.isLost(unclaimed[i].Known.Parent); err != nil {
			return err
		}
	}
	for i, e := range unclaimed {
		if !lost[i] {
			continue
		}
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
	var unclaimed []Entry
	for e, err := range s.store.Wanted() {
		if err != nil {
			return err
		}
		if s.unclaimed(&e) {
			unclaimed = append(unclaimed, e)
		}
	}
	return s.forgetStranded(unclaimed)
}

// unclaimed tells whether nobody whose claim was taken in speaks of the known
// version of e, and nothing was begun for it.
func (s *State) unclaimed(e *Entry) bool {
	k := &e.Known
	return !e.Foreign && e.Doing == nil && !k.Deleted && k.Stamp.Origin != s.meta.Origin && !s.meta.Seen.Covers(k.Stamp)
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
		if !e.Known.Displaced && (e.OnRecord || !f.s.unclaimed(&e)) {
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
