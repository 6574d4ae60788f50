package reconcile

import (
	"fmt"

	"dfsd/replication"
	"dfsd/replication/version"
)

// received takes in what another member holds. Of each object the greatest
// version is kept; losers are dropped.
func (s *State) received(b Batch) error {
	if err := s.check(b.Records); err != nil {
		return err
	}
	for _, r := range b.Records {
		s.meta.Fence = max(s.meta.Fence, r.Fence)
		e, ok, err := s.store.Entry(r.ID)
		if err != nil {
			return err
		}
		if ok && !r.Beats(&e.Known) {
			continue
		}
		e.ID = r.ID
		if err := s.learn(e, r); err != nil {
			return err
		}
		if err := s.reconsiderNew(r, ok); err != nil {
			return err
		}
	}
	return s.accept(b)
}

// reconsiderNew looks again at those that waited for the directory r.
func (s *State) reconsiderNew(r replication.Record, known bool) error {
	if known || r.Kind != replication.Directory {
		return nil
	}
	return s.reconsider(r.ID, 0)
}

func (s *State) check(records []replication.Record) error {
	for i := range records {
		r := &records[i]
		if err := r.Validate(); err != nil {
			return fmt.Errorf("%w: %w", ErrProtocol, err)
		}
		if r.ID == HoldID || r.Parent == HoldID || r.Into == HoldID {
			return fmt.Errorf("%w: %v is reserved", ErrProtocol, HoldID)
		}
		e, ok, err := s.store.Entry(r.ID)
		if err != nil {
			return err
		}
		if ok && e.Known.Kind != r.Kind {
			return fmt.Errorf("%w: %v turns from %v into %v", ErrProtocol, r.ID, e.Known.Kind, r.Kind)
		}
		if r.Stamp.Origin == s.meta.Origin && r.Stamp.Count > s.meta.Count {
			return fmt.Errorf("%w: %v was never given out here", ErrProtocol, r.Stamp)
		}
	}
	return nil
}

// accept merges the claim of b. It says something only to one who has seen
// all that b left out: an answer to a question of an earlier life has not.
func (s *State) accept(b Batch) error {
	if !s.meta.Seen.Includes(b.Since) {
		return nil
	}
	s.meta.Seen = s.meta.Seen.Merge(b.Claim)
	s.meta.Fence = max(s.meta.Fence, b.Fence)
	if b.Synced && s.meta.Phase == Joining {
		s.meta.Phase = Merging
	}
	return nil
}

// asked answers with the versions on disk that the peer has not seen, and with
// what the disk holds. What is only heard of is never passed on.
func (s *State) asked(ev Asked) error {
	if s.meta.Phase == Scanning {
		return nil
	}
	records, err := s.store.Newer(ev.Seen)
	if err != nil {
		return err
	}
	if len(records) == 0 && ev.Seen.Includes(s.meta.Held) && s.meta.Phase != Normal {
		return nil
	}
	s.do(Send{ev.Peer, Batch{Records: records, Since: ev.Seen, Claim: s.meta.Held, Fence: s.meta.Fence, Synced: s.meta.Phase == Normal}})
	return nil
}

// giveUp puts a new version above one whose content is nowhere: what is on
// disk, or a tombstone. It does not claim to build on the lost version, so a
// member that turns up with it after all preserves it.
func (s *State) giveUp(ev Unobtainable) error {
	e, ok, err := s.store.Entry(ev.ID)
	if err != nil || !ok || !e.Pending || e.Known.Deleted || e.Known.Hash != ev.Hash || s.isBusy(ev.ID) {
		return err
	}
	r := e.Known.Tombstone()
	r.History = version.Vector{}
	if e.OnRecord {
		r = e.Disk
	}
	base := r
	base.Clock = e.Known.Clock
	s.stamp(&r, &base)
	e.OnRecord, e.Disk, e.Doing = true, r, nil
	return s.learn(e, r)
}

// hold raises Held towards Seen, as far as no object on the work list stands
// in the way. A version made here names its object, so its count is held back
// by that object alone; of others' counts nobody can tell what they were for.
func (s *State) hold() error {
	wanted, err := s.store.Wanted()
	if err != nil {
		return err
	}
	held, own := s.meta.Seen, s.meta.Count
	for i := range wanted {
		if e := &wanted[i]; e.Pending {
			held = held.Meet(e.Since)
			if e.Own > 0 {
				own = min(own, e.Own-1)
			}
		}
	}
	held = held.Capped(s.meta.Origin, own).Merge(s.meta.Held)
	if own > 0 {
		held = held.With(version.Stamp{Origin: s.meta.Origin, Count: own})
	}
	if s.meta.Held.Includes(held) {
		return nil
	}
	s.meta.Held = held
	s.do(Claim{held})
	return nil
}
