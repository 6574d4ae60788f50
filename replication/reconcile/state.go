package reconcile

import (
	"errors"
	"fmt"

	"dfsd/replication"
	"dfsd/replication/version"
)

// ErrProtocol is wrapped by the error of a Refuse: no honest peer sends that.
var ErrProtocol = errors.New("reconcile: peer breaks the protocol")

// State is the core of one replicated folder on one member. It is used by one
// goroutine at a time. What it keeps beside the store may be lost at any time:
// New on the same store goes on. That grows with the work list, by some hundred
// bytes for each entry, and not with the folder.
type State struct {
	store    Store
	meta     Meta
	limits   Limits
	now      int64
	contents contents
	busy     plans
	blocked  map[replication.FileID]Outcome
	visiting map[replication.FileID]bool // objects that wait for the name of another
	agenda   agenda
	pending  pending
	doing    doing
	rooted   map[replication.FileID]bool               // directories that belong into no cycle
	parts    map[string]bool                           // members of whose answer more is to come
	filled   map[replication.FileID]replication.FileID // of foreign directories: one that stood in it
	merged   uint64                                    // agenda.changes when merge looked last
	told     bool                                      // a Told is among the events of this step
	aliases  map[replication.FileID]replication.FileID // what fresh IDs of this step turned out to be
	actions  []Action
}

// New returns the core over what store holds. It reads the work list once; the
// next Step, which may have no events, looks at all of it.
func New(store Store) (*State, error) {
	m, err := store.Meta()
	if err != nil {
		return nil, err
	}
	s := &State{
		store: store, meta: m, limits: DefaultLimits,
		contents: newContents(), busy: newPlans(), agenda: newAgenda(), doing: newDoing(),
		blocked:  map[replication.FileID]Outcome{},
		visiting: map[replication.FileID]bool{},
		rooted:   map[replication.FileID]bool{},
		parts:    map[string]bool{},
		filled:   map[replication.FileID]replication.FileID{},
		merged:   ^uint64(0),
	}
	groups := map[string]*group{}
	var unclaimed []Entry
	for e, err := range store.Wanted() {
		if err != nil {
			return nil, err
		}
		it := s.agenda.add(e.ID)
		it.deleted = e.Known.Deleted
		s.agenda.setOpen(it, !it.deleted)
		s.agenda.ready(it)
		s.doing.note(&e)
		s.pending.restore(it, &e, m.Origin, groups)
		if s.unclaimed(&e) {
			unclaimed = append(unclaimed, e)
		}
	}
	s.pending.arrange(groups)
	return s, s.forgetStranded(unclaimed)
}

// Meta returns what the member knows beside its entries.
func (s *State) Meta() Meta { return s.meta }

// Step takes events in their order at the wall-clock time now (Unix
// nanoseconds), commits what follows from them to the store at once, and
// returns what the caller must do next, in order. After an error the State must
// be made anew from the store; a peer's fault is no error, see [Refuse].
//
// The work list is looked at once, after all events. That is enough: an event
// only notes what has happened, to an entry as the events before left it, and
// what the work list would have made of a state in between, it may also make
// later, as if the events had come without a pause. Held, which others rely on,
// is computed from the state that is committed.
func (s *State) Step(now int64, events ...Event) ([]Action, error) {
	s.now, s.actions, s.aliases = now, nil, nil
	for _, ev := range events {
		if err := s.apply(ev); err != nil {
			return nil, err
		}
	}
	if s.meta.Phase != Scanning {
		if err := s.work(); err != nil {
			return nil, err
		}
	}
	s.told = false
	if s.meta.Phase != Scanning || s.meta.Primary {
		s.hold()
	}
	if err := s.store.PutMeta(s.meta); err != nil {
		return nil, err
	}
	if err := s.store.Commit(); err != nil {
		return nil, err
	}
	return s.actions, nil
}

func (s *State) apply(ev Event) error {
	switch ev := ev.(type) {
	case Begin:
		s.begin(ev)
		return nil
	case Scanned:
		s.scanned()
		return nil
	case Observed:
		return s.observed(ev)
	case Gone:
		return s.gone(ev.ID)
	case Received:
		return s.received(ev)
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
	case Told:
		return s.heardAll()
	}
	return fmt.Errorf("reconcile: unknown event %T", ev)
}

func (s *State) do(a Action) { s.actions = append(s.actions, a) }

// put stores e with its place on the work list made right, and wakes all that
// wait for it.
func (s *State) put(e Entry) error {
	settled, err := s.settled(&e)
	if err != nil {
		return err
	}
	e.Wanted = !settled
	s.track(&e)
	if err := s.store.Put(e); err != nil {
		return err
	}
	s.list(&e)
	return s.wakeFor(&e)
}

// list keeps what stands beside the store in step with e.
func (s *State) list(e *Entry) {
	if c, ok := s.contents.of[e.ID]; ok && (!e.Wanted || e.Known.Deleted || c.hash != e.Known.Hash) {
		s.contents.drop(e.ID)
	}
	s.doing.note(e)
	it, ok := s.agenda.items[e.ID]
	if !e.Wanted {
		if ok {
			s.pending.leave(it)
			s.agenda.remove(it)
		}
		return
	}
	if !ok {
		it = s.agenda.add(e.ID)
	}
	_, blocked := s.blocked[e.ID]
	it.deleted = e.Known.Deleted
	s.agenda.setOpen(it, !it.deleted && !blocked)
	s.pending.note(it, e, s.meta.Origin)
	s.agenda.ready(it)
}

// wakeFor wakes all that wait for a change of e.
func (s *State) wakeFor(e *Entry) error {
	a := &s.agenda
	a.changes++
	a.wake(key{kind: onObject, id: e.ID})
	if e.Live() {
		a.wake(key{kind: onPlace, id: e.At.Parent, name: e.At.Name})
		a.wake(key{kind: onStanding, id: e.At.Parent})
	}
	if e.Foreign || e.Known.Deleted || a.waiting[onSurvivor] == 0 {
		return nil
	}
	dir, ok, err := s.directory(e.Known.Parent)
	if ok {
		a.wake(key{kind: onSurvivor, id: dir})
	}
	return err
}

func (s *State) drop(id replication.FileID) error {
	if err := s.store.Drop(id); err != nil {
		return err
	}
	if it, ok := s.agenda.items[id]; ok {
		s.pending.leave(it)
		s.agenda.remove(it)
	}
	s.contents.drop(id)
	s.doing.note(&Entry{ID: id})
	delete(s.filled, id)
	s.agenda.changes++
	s.agenda.wake(key{kind: onObject, id: id})
	return nil
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

// directory follows id through those that took its place. While one on the way
// is unheard of, it returns that one and false.
func (s *State) directory(id replication.FileID) (replication.FileID, bool, error) {
	id, _, ok, err := s.resolve(id)
	return id, ok, err
}

// resolve is directory that returns the entry as well, which the root has not.
func (s *State) resolve(id replication.FileID) (replication.FileID, Entry, bool, error) {
	var seen map[replication.FileID]bool
	for id != replication.RootID {
		e, ok, err := s.store.Entry(id)
		if err != nil || !ok {
			return id, Entry{}, false, err
		}
		if !e.Known.Displaced || e.Known.Into == replication.RootID {
			return id, e, true, nil
		}
		if seen[id] {
			break
		}
		if seen == nil {
			seen = map[replication.FileID]bool{}
		}
		seen[id], id = true, e.Known.Into
	}
	return replication.RootID, Entry{}, true, nil
}

// learn makes r the Known version of e's object. If children that e had belong
// elsewhere thereby, it looks at them again; those that waited for an object
// that is new wait for its entry, and put wakes them.
func (s *State) learn(e Entry, r replication.Record) error {
	isNew := e.Known.Kind == 0
	aliased := r.Into != e.Known.Into
	if isNew && s.agenda.awaits(r.ID) || aliased || r.Kind == replication.Directory && !isNew && r.Parent != e.Known.Parent {
		s.shifted()
	}
	e.Known = r
	if err := s.put(e); err != nil || !aliased || isNew {
		return err
	}
	return s.reconsider(r.ID, 0)
}

// shifted notes that directories belong below others than before: cycles may
// have come or gone.
func (s *State) shifted() {
	clear(s.rooted)
	s.agenda.wake(key{kind: onChain})
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
