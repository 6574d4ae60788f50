package reconcile

import (
	"iter"

	"dfsd/replication"
)

// Pending returns how many objects are not yet as they should be: the entries
// on the work list.
func (s *State) Pending() int { return len(s.agenda.items) }

// Begun yields the places of what installs were begun for and have not ended:
// where the objects stand, by their entries, and where they were to stand. What
// a crash left there must be observed before the first Step: a later plan for
// an object forgets which version the one before it was about.
func (s *State) Begun() iter.Seq2[Place, error] {
	return func(yield func(Place, error) bool) {
		for e, err := range s.store.Wanted() {
			if err != nil {
				yield(Place{}, err)
				return
			}
			if e.Doing == nil {
				continue
			}
			if e.Live() && !yield(e.At, nil) {
				return
			}
			if e.Doing.Deleted {
				continue
			}
			to, ok, err := s.place(e.Doing)
			if (ok || err != nil) && !yield(to, err) {
				return
			}
		}
	}
}

// Waiting says in a few words, for people, what the object of id waits for; ""
// if it is as it should be.
func (s *State) Waiting(id replication.FileID) string {
	a := &s.agenda
	if s.busy.has(id) {
		return "being installed"
	}
	it, ok := a.items[id]
	if !ok {
		return ""
	}
	switch s.blocked[id] {
	case NoSpace:
		return "no space"
	case BadName:
		return "name impossible here"
	}
	switch {
	case it.in == &a.now:
		return "next to be looked at"
	case it.in == &a.slots:
		return "waiting to be fetched"
	case it.in == &a.plans || it.in == &a.movers:
		return "waiting to be installed"
	}
	switch it.why {
	case forFolder:
		return "waiting for its folder"
	case forName:
		return "waiting for its name"
	case forContent:
		return s.waitingForContent(id)
	case forEmpty:
		return "waiting for what is in it to go"
	case forOthers:
		return "waiting for what others have seen"
	default:
		return "waiting"
	}
}

func (s *State) waitingForContent(id replication.FileID) string {
	switch s.contents.of[id].state {
	case fetching:
		return "fetching"
	case failed:
		return "content not to be had now"
	default:
		return "waiting to be installed"
	}
}
