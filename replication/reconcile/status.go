package reconcile

import "dfsd/replication"

// Pending returns how many objects are not yet as they should be: the entries
// on the work list.
func (s *State) Pending() int { return len(s.agenda.items) }

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
