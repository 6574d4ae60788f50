package reconcile

import "dfsd/replication"

// fetch is how far the content of an object is.
type fetch uint8

const (
	fetching fetch = iota + 1
	fetched
	failed
)

type content struct {
	hash  replication.Hash
	state fetch
}

// contents are those that were asked for. One that failed takes no slot.
type contents struct {
	of    map[replication.FileID]content
	slots int // of those fetching and fetched
}

func newContents() contents { return contents{of: map[replication.FileID]content{}} }

func (c *contents) set(id replication.FileID, to content) {
	c.drop(id)
	c.of[id] = to
	if to.state != failed {
		c.slots++
	}
}

func (c *contents) drop(id replication.FileID) {
	old, ok := c.of[id]
	if !ok {
		return
	}
	delete(c.of, id)
	if old.state != failed {
		c.slots--
	}
}

// contentReady tells whether the content of Known is at hand, and asks for it
// otherwise, if there is a free slot.
func (s *State) contentReady(e Entry) bool {
	if e.Known.Kind != replication.File {
		return true
	}
	s.agenda.why = forContent
	c, ok := s.contents.of[e.ID]
	if !ok || c.hash != e.Known.Hash {
		if s.contents.slots >= s.limits.Contents {
			s.agenda.enqueue(&s.agenda.slots)
			return false
		}
		c = content{e.Known.Hash, fetching}
		s.contents.set(e.ID, c)
		s.do(Want{e.Known})
	}
	if c.state == fetched {
		return true
	}
	s.agenda.self = true
	if c.state == failed {
		s.agenda.wait(key{kind: onRetry})
	}
	return false
}

func (s *State) fetched(ev Fetched) {
	c, ok := s.contents.of[ev.ID]
	if !ok || c.hash != ev.Hash || c.state == failed && s.contents.slots >= s.limits.Contents {
		return
	}
	c.state = failed
	if ev.OK {
		c.state = fetched
	}
	s.contents.set(ev.ID, c)
	s.agenda.changes++
	s.agenda.readyID(ev.ID)
}

// retry lets everything that failed be tried again.
func (s *State) retry() {
	for id, c := range s.contents.of {
		if c.state == failed {
			s.contents.drop(id)
		}
	}
	for id := range s.blocked {
		delete(s.blocked, id)
		if it, ok := s.agenda.items[id]; ok {
			s.agenda.setOpen(it, !it.deleted)
		}
	}
	s.agenda.changes++
	s.agenda.wake(key{kind: onRetry})
	clear(s.parts) // the rest of an answer may never come
	s.agenda.wake(key{kind: onAnswer})
}
