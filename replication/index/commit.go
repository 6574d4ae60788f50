package index

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"maps"
	"slices"

	"dfsd/replication"
	"dfsd/replication/reconcile"
	"dfsd/replication/version"
)

// Commit implements reconcile.Store: all that was put and dropped, facts, peers
// and chunk lists among it, is one transaction, which is on stable storage when
// Commit returns nil. Nothing to say costs nothing. After an error none of it is
// visible to a later Open, unless the error is ErrBroken: then the disk decides.
func (s *Store) Commit() error {
	if s.over.empty() {
		return nil
	}
	x := s.x
	x.mu.Lock()
	defer x.mu.Unlock()
	if err := x.health.writable(); err != nil {
		return err
	}
	if x.writer != s {
		return ErrStale
	}
	e := x.edit()
	if err := e.overlay(s); err != nil {
		return errors.Join(fmt.Errorf("commit: %w", err), e.b.Close())
	}
	if !e.b.Empty() {
		if err := e.commit(); err != nil {
			return fmt.Errorf("commit: %w", err)
		}
	}
	for id, b := range s.over.entries {
		s.cache.put(id, b.now)
	}
	if s.over.meta != nil {
		s.meta = s.over.meta
	}
	s.commits++
	s.over = s.over.after(s.iterations > 0)
	clear(s.places)
	clear(s.inodes)
	return nil
}

// overlay writes all that s was told.
func (e *edit) overlay(s *Store) error {
	o := s.over
	ids := slices.SortedFunc(maps.Keys(o.entries), compareIDs)
	if err := e.entries(o, ids); err != nil {
		return err
	}
	if err := e.places(s, ids); err != nil {
		return err
	}
	if err := e.facts(s); err != nil {
		return err
	}
	for _, name := range slices.Sorted(maps.Keys(o.peers)) {
		p := o.peers[name]
		if p.Knowledge.Len() > version.MaxOrigins {
			return fmt.Errorf("%w: peer %q knows of %d origins", replication.ErrInvalid, name, p.Knowledge.Len())
		}
		e.put(peerKey(name), p.append(nil))
	}
	if o.meta != nil {
		e.payload = appendMeta(e.payload[:0], o.meta)
		e.put(keyCore, e.payload)
	}
	return e.lists(o.lists)
}

// entries writes the entries, what is derived from each alone, and the totals.
func (e *edit) entries(o *overlay, ids []replication.FileID) error {
	old, err := e.x.t.totals()
	if err != nil {
		return err
	}
	totals := old
	for _, id := range ids {
		b := o.entries[id]
		switch {
		case !b.changed():
			continue
		case b.now == nil:
			e.delete(fileKey(tableEntry, id))
		default:
			e.payload = appendEntry(e.payload[:0], b.now)
			e.put(fileKey(tableEntry, id), e.payload)
		}
		e.relink(linksOf(b.base), linksOf(b.now))
		totals.count(b.base, -1)
		totals.count(b.now, 1)
	}
	if totals != old {
		e.put(keyTotals, totals.append(nil))
	}
	return nil
}

// changed tells whether there is anything to write.
func (b *buffered) changed() bool {
	if b.now == nil || b.base == nil {
		return b.now != b.base
	}
	return !sameEntry(b.now, b.base)
}

// links are the keys that are derived from an entry alone: nil for one that the
// entry does not have.
type links [6]struct{ key, payload []byte }

func linksOf(e *reconcile.Entry) (l links) {
	if e == nil {
		return l
	}
	if isSpoken(e) {
		l[0].key = append(stampKey(e.Disk.Stamp), e.ID[:]...)
		l[0].payload = stampedOf(&e.Disk).append(nil)
	}
	if e.Live() && e.Disk.Kind == replication.File {
		l[1].key = append(contentKey(e.Disk.Hash), e.ID[:]...)
	}
	if e.Wanted {
		l[2].key = fileKey(tableWanted, e.ID)
	}
	if e.Foreign {
		l[3].key = fileKey(tableForeign, e.ID)
	}
	for i, dir := range belongs(e) {
		l[4+i].key = childKey(dir, e.ID)
	}
	return l
}

// relink writes how the links of a file change: what goes first, as a key may
// go in one place and come in another.
func (e *edit) relink(old, now links) {
	for i := range old {
		if old[i].key != nil && !bytes.Equal(old[i].key, now[i].key) {
			e.delete(old[i].key)
		}
	}
	for i := range now {
		switch was, is := old[i], now[i]; {
		case is.key == nil || bytes.Equal(was.key, is.key) && bytes.Equal(was.payload, is.payload):
		case is.payload == nil:
			e.mark(is.key)
		default:
			e.put(is.key, is.payload)
		}
	}
}

// move says that a file comes to the list of at, or goes from it.
type move[K any] struct {
	at    K
	file  replication.FileID
	comes bool
}

// places writes who stands where.
func (e *edit) places(s *Store, ids []replication.FileID) error {
	moves := make([]move[reconcile.Place], 0, len(ids))
	for _, id := range ids {
		b := s.over.entries[id]
		stood, stands := b.base != nil && b.base.Live(), b.now != nil && b.now.Live()
		if stood && stands && b.base.At == b.now.At {
			continue
		}
		if stood {
			moves = append(moves, move[reconcile.Place]{b.base.At, id, false})
		}
		if stands {
			moves = append(moves, move[reconcile.Place]{b.now.At, id, true})
		}
	}
	return relist(e, moves, comparePlaces, s.standing, placeKey)
}

func comparePlaces(a, b reconcile.Place) int {
	return cmp.Or(compareIDs(a.Parent, b.Parent), cmp.Compare(a.Name, b.Name))
}

// facts writes the facts, and which files they bind to which inode.
func (e *edit) facts(s *Store) error {
	facts := s.over.facts
	moves := make([]move[inode], 0, len(facts))
	for _, id := range slices.SortedFunc(maps.Keys(facts), compareIDs) {
		now := facts[id]
		old, had, err := e.oldFacts(s.over, id)
		switch {
		case err != nil:
			return err
		case now == nil && !had, now != nil && had && old == *now:
			continue
		case now == nil:
			e.delete(fileKey(tableFacts, id))
		default:
			stored := *now
			stored.Dev = e.x.t.devices.swap(now.Dev)
			e.payload = stored.append(e.payload[:0])
			e.put(fileKey(tableFacts, id), e.payload)
		}
		if now != nil && had && old.inode() == now.inode() {
			continue
		}
		if had {
			moves = append(moves, move[inode]{old.inode(), id, false})
		}
		if now != nil {
			moves = append(moves, move[inode]{now.inode(), id, true})
		}
	}
	return relist(e, moves, compareInodes, s.binding, e.x.t.inodeKey)
}

func compareInodes(a, b inode) int {
	return cmp.Or(cmp.Compare(a.dev, b.dev), cmp.Compare(a.number, b.number))
}

// oldFacts returns the facts that are stored of a file. It does not look for
// those of a file whose entry is new: if there are any, left behind by an entry
// that was dropped, the list of their inode names the file without reason, as
// lists of inodes may.
func (e *edit) oldFacts(o *overlay, id replication.FileID) (Facts, bool, error) {
	if b := o.entries[id]; b != nil && b.base == nil && o.facts[id] != nil {
		return Facts{}, false, nil
	}
	f, err := e.x.t.facts(id)
	if errors.Is(err, ErrNotFound) {
		return Facts{}, false, nil
	}
	return f, err == nil, err
}

// relist writes the lists that change, each once. Stored returns a list as it
// is; it is not changed.
func relist[K comparable](
	e *edit, moves []move[K], compare func(a, b K) int,
	stored func(K) ([]replication.FileID, error), key func(K) []byte,
) error {
	slices.SortStableFunc(moves, func(a, b move[K]) int { return compare(a.at, b.at) })
	for len(moves) > 0 {
		at, n := moves[0].at, 1
		for n < len(moves) && moves[n].at == at {
			n++
		}
		ids, err := stored(at)
		if err != nil {
			return err
		}
		if ids = moved(ids, moves[:n]); len(ids) == 0 {
			e.delete(key(at))
		} else {
			e.payload = appendIDs(e.payload[:0], ids)
			e.put(key(at), e.payload)
		}
		moves = moves[n:]
	}
	return nil
}

// moved returns a list after moves.
func moved[K any](ids []replication.FileID, moves []move[K]) []replication.FileID {
	ids = slices.Clone(ids)
	for _, m := range moves {
		i, found := slices.BinarySearchFunc(ids, m.file, compareIDs)
		switch {
		case m.comes && !found:
			ids = slices.Insert(ids, i, m.file)
		case !m.comes && found:
			ids = slices.Delete(ids, i, i+1)
		}
	}
	return ids
}
