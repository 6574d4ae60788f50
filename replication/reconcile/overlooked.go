package reconcile

import (
	"errors"
	"maps"

	"dfsd/replication"
)

var errTouched = errors.New("reconcile: touched")

// untouched is a store of which any change is an error.
type untouched struct{ Store }

func (untouched) Put(Entry) error               { return errTouched }
func (untouched) Drop(replication.FileID) error { return errTouched }

// Overlooked looks at the whole work list and returns an object that could go on
// although it is taken to wait, if there is one: then the core has a fault. It
// changes nothing. The simulator asks after each Step; it costs too much for
// anything else.
func (s *State) Overlooked() (replication.FileID, bool, error) {
	if s.meta.Phase == Scanning {
		return replication.RootID, false, nil
	}
	for e, err := range s.store.Wanted() {
		if err != nil {
			return replication.RootID, false, err
		}
		it := s.agenda.items[e.ID]
		if it == nil {
			return e.ID, true, nil
		}
		if s.busy.has(e.ID) || it.shed || it.sparing && len(s.busy.of) > 0 {
			continue
		}
		t := *s
		t.store, t.actions = untouched{s.store}, nil
		t.agenda, t.visiting = newAgenda(), map[replication.FileID]bool{}
		t.rooted, t.filled = map[replication.FileID]bool{}, map[replication.FileID]replication.FileID{}
		t.contents = contents{maps.Clone(s.contents.of), s.contents.slots}
		changed, err := t.settle(e)
		if changed || errors.Is(err, errTouched) || len(t.actions) > 0 {
			return e.ID, true, nil
		}
		if err != nil {
			return replication.RootID, false, err
		}
	}
	return replication.RootID, false, nil
}
