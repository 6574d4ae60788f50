package reconcile

import (
	"errors"
	"fmt"
	"iter"

	"dfsd/replication"
	"dfsd/replication/version"
)

// received takes in what another member holds. Of each object the greatest
// version is kept; losers are dropped.
func (s *State) received(ev Received) error {
	kinds, err := s.check(&ev.Batch)
	if err != nil {
		if errors.Is(err, ErrProtocol) {
			s.do(Refuse{ev.From, err})
			return nil
		}
		return err
	}
	for _, r := range ev.Records {
		s.meta.Fence = max(s.meta.Fence, r.Fence)
		e := Entry{ID: r.ID}
		if _, known := kinds[r.ID]; known {
			if e, _, err = s.store.Entry(r.ID); err != nil {
				return err
			}
			if !r.Beats(&e.Known) {
				continue
			}
		}
		kinds[r.ID] = r.Kind
		if err := s.learn(e, r); err != nil {
			return err
		}
	}
	s.accept(&ev.Batch)
	s.heard(ev)
	return nil
}

// heard notes whether more of the same answer is to come.
func (s *State) heard(ev Received) {
	if len(ev.Records) > 0 && ev.Claim.Len() == 0 {
		s.parts[ev.From] = true
	} else if s.parts[ev.From] {
		delete(s.parts, ev.From)
		s.agenda.changes++
		s.agenda.wake(key{kind: onAnswer})
	}
}

// unheard tells whether a later version of e or y may be in the part of an
// answer that is still to come. Who has a name is not decided before: of two
// objects that change names, one may have been heard of without the other.
func (s *State) unheard(e, y *Entry) bool {
	if len(s.parts) == 0 || s.meta.Seen.Covers(e.Known.Stamp) && s.meta.Seen.Covers(y.Known.Stamp) {
		return false
	}
	s.agenda.wait(key{kind: onAnswer})
	s.agenda.wait(key{kind: onSeen})
	return true
}

// check returns the kinds of those objects of b that have an entry, and an error
// that wraps ErrProtocol for a batch that no honest member sends.
func (s *State) check(b *Batch) (map[replication.FileID]replication.Kind, error) {
	if n := b.Claim.Count(s.meta.Origin); n > s.meta.Count {
		return nil, fmt.Errorf("%w: claims count %d of ours, of %d", ErrProtocol, n, s.meta.Count)
	}
	known, fresh := map[replication.FileID]replication.Kind{}, map[replication.FileID]replication.Kind{}
	for i := range b.Records {
		r := &b.Records[i]
		if err := s.checkVersion(r); err != nil {
			return nil, err
		}
		if k, ok := fresh[r.ID]; ok && k == r.Kind {
			continue
		} else if ok {
			return nil, fmt.Errorf("%w: %v is %v and %v", ErrProtocol, r.ID, k, r.Kind)
		}
		e, ok, err := s.store.Entry(r.ID)
		switch {
		case err != nil:
			return nil, err
		case !ok:
			fresh[r.ID] = r.Kind
		case e.Known.Kind != r.Kind:
			return nil, fmt.Errorf("%w: %v turns from %v into %v", ErrProtocol, r.ID, e.Known.Kind, r.Kind)
		default:
			known[r.ID] = r.Kind
		}
	}
	return known, nil
}

func (s *State) checkVersion(r *replication.Record) error {
	if err := r.Validate(); err != nil {
		return fmt.Errorf("%w: %w", ErrProtocol, err)
	}
	if r.ID == HoldID || r.Parent == HoldID || r.Into == HoldID {
		return fmt.Errorf("%w: %v is reserved", ErrProtocol, HoldID)
	}
	if r.Stamp.Origin == s.meta.Origin && r.Stamp.Count > s.meta.Count {
		return fmt.Errorf("%w: %v was never given out here", ErrProtocol, r.Stamp)
	}
	return nil
}

// accept merges the claim of b. It says something only to one who has seen
// all that b left out: an answer to a question of an earlier life has not.
func (s *State) accept(b *Batch) {
	if !s.meta.Seen.Includes(b.Since) {
		return
	}
	s.meta.Fence = max(s.meta.Fence, b.Fence)
	if seen := s.meta.Seen.Merge(b.Claim); !s.meta.Seen.Includes(seen) {
		s.meta.Seen = seen
		s.agenda.changes++
		s.agenda.wake(key{kind: onSeen})
	}
	if b.Synced && s.meta.Phase == Joining {
		s.meta.Phase = Merging
		s.agenda.changes++
	}
}

// View is what an answer is made from: one consistent state of a store, as a
// snapshot gives it, or the store itself between two steps.
type View interface {
	Meta() (Meta, error)
	Newer(v version.Vector) iter.Seq2[replication.Record, error]
}

// Answer returns what a member tells one that has seen what seen covers: the
// versions on its disk that seen lacks, ascending by stamp, and the Batch
// without them. What is only heard of is never passed on. ok is false while
// there is nothing to tell: a primary tells what its first scan has found so far,
// everyone else must know first what the others hold. The records are read from v as they are iterated; an
// error is the last that they yield, and what was yielded before then must not
// be followed by the Claim.
func Answer(v View, seen version.Vector) (records iter.Seq2[replication.Record, error], head Batch, ok bool, err error) {
	m, err := v.Meta()
	if err != nil || m.Phase == Scanning && !m.Primary {
		return nil, Batch{}, false, err
	}
	records = v.Newer(seen)
	if m.Phase != Normal && seen.Includes(m.Held) {
		ok, err := first(records)
		if err != nil || !ok {
			return nil, Batch{}, false, err
		}
	}
	return records, Batch{Since: seen, Claim: m.Held, Fence: m.Fence, Synced: m.Phase == Normal}, true, nil
}

// first tells whether records has one.
func first(records iter.Seq2[replication.Record, error]) (bool, error) {
	for _, err := range records {
		return err == nil, err
	}
	return false, nil
}

// giveUp puts a new version above one whose content is nowhere: what is on
// disk, or a tombstone. It does not claim to build on the lost version, so a
// member that turns up with it after all preserves it.
func (s *State) giveUp(ev Unobtainable) error {
	e, ok, err := s.store.Entry(ev.ID)
	if err != nil || !ok || !e.Pending || e.Known.Deleted || e.Known.Hash != ev.Hash || s.busy.has(ev.ID) {
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
