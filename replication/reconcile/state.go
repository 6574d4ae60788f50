package reconcile

import (
	"errors"
	"fmt"

	"dfsd/replication"
	"dfsd/replication/version"
)

// ErrProtocol is returned for what no honest peer sends. The state is as
// before; the peer should be cut off.
var ErrProtocol = errors.New("reconcile: peer breaks the protocol")

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

// State is the core of one replicated folder on one member. It is used by one
// goroutine at a time. What it keeps beside the store may be lost at any time:
// New on the same store goes on.
type State struct {
	store    Store
	meta     Meta
	now      int64
	contents map[replication.FileID]content
	busy     map[replication.FileID]Plan
	blocked  map[replication.FileID]Outcome
	visiting map[replication.FileID]bool // objects that wait for the name of another
	actions  []Action
}

// New returns the core over what store holds.
func New(store Store) (*State, error) {
	m, err := store.Meta()
	if err != nil {
		return nil, err
	}
	return &State{
		store: store, meta: m,
		contents: map[replication.FileID]content{},
		busy:     map[replication.FileID]Plan{},
		blocked:  map[replication.FileID]Outcome{},
		visiting: map[replication.FileID]bool{},
	}, nil
}

// Meta returns what the member knows beside its entries.
func (s *State) Meta() Meta { return s.meta }

// Step takes one event at the wall-clock time now (Unix nanoseconds), commits
// what follows from it to the store, and returns what the caller must do next,
// in order. After an error other than ErrProtocol the State must be made anew
// from the store.
func (s *State) Step(now int64, ev Event) ([]Action, error) {
	s.now, s.actions = now, nil
	if err := s.apply(ev); err != nil {
		return nil, err
	}
	if s.meta.Phase != Scanning {
		if err := s.work(); err != nil {
			return nil, err
		}
	}
	if err := s.hold(); err != nil {
		return nil, err
	}
	if err := s.store.PutMeta(s.meta); err != nil {
		return nil, err
	}
	return s.actions, s.store.Commit()
}

func (s *State) apply(ev Event) error {
	switch ev := ev.(type) {
	case Begin:
		s.meta = Meta{Origin: ev.Origin, Primary: ev.Primary}
		return nil
	case Scanned:
		return s.scanned()
	case Observed:
		return s.observed(ev)
	case Gone:
		return s.gone(ev.ID)
	case Received:
		return s.received(ev.Batch)
	case Asked:
		return s.asked(ev)
	case Fetched:
		s.fetched(ev)
		return nil
	case Unobtainable:
		return s.giveUp(ev)
	case Installed:
		return s.installed(ev)
	case Retry:
		s.retry()
		return nil
	}
	return fmt.Errorf("reconcile: unknown event %T", ev)
}

func (s *State) do(a Action) { s.actions = append(s.actions, a) }

func (s *State) fetched(ev Fetched) {
	c, ok := s.contents[ev.ID]
	if !ok || c.hash != ev.Hash {
		return
	}
	c.state = failed
	if ev.OK {
		c.state = fetched
	}
	s.contents[ev.ID] = c
}

func (s *State) retry() {
	for id, c := range s.contents {
		if c.state == failed {
			delete(s.contents, id)
		}
	}
	clear(s.blocked)
}

// put stores e with its place on the work list made right.
func (s *State) put(e Entry) error {
	settled, err := s.settled(&e)
	if err != nil {
		return err
	}
	if e.Wanted = !settled; settled {
		delete(s.contents, e.ID)
	}
	s.track(&e)
	return s.store.Put(e)
}

// track keeps e.Pending and what goes with it.
func (s *State) track(e *Entry) {
	if e.Foreign || e.OnRecord && e.Disk.Stamp == e.Known.Stamp {
		e.Pending, e.Since, e.Own = false, version.Vector{}, 0
		return
	}
	if !e.Pending {
		e.Pending, e.Since = true, s.meta.Seen
	}
	if k := e.Known.Stamp; k.Origin == s.meta.Origin && e.Own == 0 {
		e.Own = k.Count
	}
}

func (s *State) settled(e *Entry) (bool, error) {
	if e.Foreign {
		return true, nil
	}
	if !e.OnRecord || e.Disk.Stamp != e.Known.Stamp {
		return false, nil
	}
	if e.Disk.Deleted {
		return true, nil
	}
	want, ok, err := s.place(&e.Known)
	return ok && e.At == want, err
}

// place returns where r belongs, following displaced directories to those that
// took their children; not ok while a directory on the way is unheard of.
func (s *State) place(r *replication.Record) (Place, bool, error) {
	dir, ok, err := s.directory(r.Parent)
	return Place{dir, r.Name}, ok, err
}

func (s *State) directory(id replication.FileID) (replication.FileID, bool, error) {
	seen := map[replication.FileID]bool{}
	for id != replication.RootID {
		e, ok, err := s.store.Entry(id)
		if err != nil || !ok {
			return id, false, err
		}
		if !e.Known.Displaced || e.Known.Into == replication.RootID {
			return id, true, nil
		}
		if seen[id] {
			return replication.RootID, true, nil
		}
		seen[id], id = true, e.Known.Into
	}
	return id, true, nil
}

// learn makes r the Known version of e's object and looks again at all that
// stand or belong below it.
func (s *State) learn(e Entry, r replication.Record) error {
	aliased := r.Into != e.Known.Into
	e.Known = r
	if err := s.put(e); err != nil || !aliased {
		return err
	}
	return s.reconsider(r.ID, 0)
}

const maxDepth = 4096 // of directories displaced one into the other

func (s *State) reconsider(dir replication.FileID, depth int) error {
	children, err := s.store.Children(dir)
	if err != nil || depth > maxDepth {
		return err
	}
	for _, c := range children {
		if err := s.put(c); err != nil {
			return err
		}
		if c.Known.Displaced && c.Known.Into == dir {
			if err := s.reconsider(c.ID, depth+1); err != nil {
				return err
			}
		}
	}
	return nil
}

// stamp makes r the next version of its object made here, on top of base.
func (s *State) stamp(r *replication.Record, base *replication.Record) {
	s.meta.Count++
	r.Stamp.Origin, r.Stamp.Count = s.meta.Origin, s.meta.Count
	r.History = base.History.With(r.Stamp)
	r.Fence = base.Fence
	r.Clock = max(s.now, base.Clock+1)
	s.meta.Seen = s.meta.Seen.With(r.Stamp)
}
