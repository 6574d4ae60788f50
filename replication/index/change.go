package index

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"

	"github.com/cockroachdb/pebble/v2"

	"dfsd/replication"
	"dfsd/replication/version"
)

// Change is what one Apply does. Within a change, removals go first; of several
// entries for one file the last counts. What is not named stays as it is: a
// tombstone does not take facts with it, a record not what was wanted.
type Change struct {
	Forget   []replication.FileID // drops all that is stored of these files
	Vanished []replication.FileID // drops facts
	Settled  []replication.FileID // drops what was wanted

	Records []replication.Record // replaces records, tombstones among them
	Facts   []Facts
	Wanted  []replication.Record

	Knowledge version.Vector // is merged into what is known
	Peers     []Peer
	Lists     []List
}

// Apply makes the change as one transaction, which is on stable storage when it
// returns nil. It reads the records that it replaces, and is serial. Records must
// be valid (Record.Validate), so that whatever is stored can be read again.
//
// After an error none of the change is visible to a later Open, unless the error
// is ErrBroken: then the disk decides. The caller owns what c refers to.
func (x *Index) Apply(c Change) error {
	x.mu.Lock()
	defer x.mu.Unlock()
	if err := x.health.writable(); err != nil {
		return err
	}
	e := x.edit()
	if err := e.change(c); err != nil {
		return errors.Join(fmt.Errorf("apply change: %w", err), e.b.Close())
	}
	if err := e.commit(); err != nil {
		return fmt.Errorf("apply change: %w", err)
	}
	return nil
}

// An edit collects the writes of one transaction. Pebble's batches refuse
// nothing before they are committed, so that their errors need no care.
type edit struct {
	x   *Index
	b   *pebble.Batch
	buf []byte // scratch for payloads and values
}

func (x *Index) edit() *edit { return &edit{x: x, b: x.db.NewBatch()} }

// commit writes the batch and waits until it is on stable storage.
func (e *edit) commit() error {
	err := e.b.Commit(pebble.Sync)
	if err := e.x.health.writable(); err != nil {
		return err
	}
	return errors.Join(e.x.health.judge(err), e.b.Close())
}

// put stores the payload that append makes under key.
func (e *edit) put(key []byte, payload func([]byte) []byte) {
	e.buf = payload(e.buf[:0])
	n := len(e.buf)
	e.buf = seal(e.buf, key, e.buf)
	_ = e.b.Set(key, e.buf[n:], nil)
}

func (e *edit) mark(key []byte)   { _ = e.b.Set(key, nil, nil) }
func (e *edit) delete(key []byte) { _ = e.b.Delete(key, nil) }

func (e *edit) change(c Change) error {
	for _, all := range [...][]replication.Record{c.Records, c.Wanted} {
		for i := range all {
			if err := all[i].Validate(); err != nil {
				return err
			}
		}
	}
	if err := e.records(c.Records, c.Forget); err != nil {
		return err
	}
	if err := e.facts(c.Facts, slices.Concat(c.Vanished, c.Forget)); err != nil {
		return err
	}
	e.wanted(c.Wanted, slices.Concat(c.Settled, c.Forget)...)
	for _, p := range c.Peers {
		e.put(peerKey(p.Name), p.append)
	}
	if err := e.lists(c.Lists); err != nil {
		return err
	}
	return e.knowledge(c.Knowledge)
}

// latest returns the index of the last element of each file.
func latest[T any](all []T, id func(*T) replication.FileID) map[replication.FileID]int {
	last := make(map[replication.FileID]int, len(all))
	for i := range all {
		last[id(&all[i])] = i
	}
	return last
}

// links are the keys that are derived from a record, with their payloads: nil
// for one that the record does not have.
type links [3]struct{ key, payload []byte }

func linksOf(r *replication.Record) (l links) {
	s := stamped{stamp: r.Stamp, file: r.ID, size: r.Size, clock: r.Clock}
	l[0].key, l[0].payload = append(stampKey(r.Stamp), r.ID[:]...), s.append(nil)
	if r.Deleted {
		l[0].payload = stamped{clock: r.Clock}.append(nil)
		return l
	}
	l[1].key, l[1].payload = append(spellingsKey(r.Parent, fold(r.Name)), r.ID[:]...), []byte(r.Name)
	if r.Kind == replication.File {
		l[2].key = append(contentKey(r.Hash), r.ID[:]...)
	}
	return l
}

// relink writes how the links of a file change.
func (e *edit) relink(old, now links) {
	for i := range now {
		was, is := old[i], now[i]
		same := bytes.Equal(was.key, is.key)
		if was.key != nil && !same {
			e.delete(was.key)
		}
		switch {
		case is.key == nil || same && bytes.Equal(was.payload, is.payload):
		case is.payload == nil:
			e.mark(is.key)
		default:
			e.put(is.key, func(b []byte) []byte { return append(b, is.payload...) })
		}
	}
}

// oldLinks returns the links of the record that is stored of a file.
func (e *edit) oldLinks(id replication.FileID) (links, error) {
	r, err := e.x.Records.Get(id)
	if errors.Is(err, ErrNotFound) {
		return links{}, nil
	}
	if err != nil {
		return links{}, err
	}
	return linksOf(&r), nil
}

func (e *edit) records(all []replication.Record, forget []replication.FileID) error {
	last := latest(all, func(r *replication.Record) replication.FileID { return r.ID })
	for i := range all {
		r := &all[i]
		if last[r.ID] != i {
			continue
		}
		old, err := e.oldLinks(r.ID)
		if err != nil {
			return err
		}
		e.relink(old, linksOf(r))
		e.put(fileKey(tableRecord, r.ID), r.Append)
	}
	for _, id := range forget {
		if _, replaced := last[id]; replaced {
			continue
		}
		old, err := e.oldLinks(id)
		if err != nil {
			return err
		}
		e.relink(old, links{})
		e.delete(fileKey(tableRecord, id))
	}
	return nil
}

func (e *edit) facts(all []Facts, vanished []replication.FileID) error {
	last := latest(all, func(f *Facts) replication.FileID { return f.ID })
	for _, id := range vanished {
		if _, replaced := last[id]; !replaced {
			if err := e.fact(id, nil); err != nil {
				return err
			}
		}
	}
	for i := range all {
		if last[all[i].ID] == i {
			if err := e.fact(all[i].ID, &all[i]); err != nil {
				return err
			}
		}
	}
	return nil
}

// fact replaces the facts of a file, or drops them if now is nil.
func (e *edit) fact(id replication.FileID, now *Facts) error {
	old, err := e.x.Disk.Get(id)
	switch {
	case errors.Is(err, ErrNotFound):
	case err != nil:
		return err
	case now == nil || old.Dev != now.Dev || old.Inode != now.Inode:
		e.delete(append(inodeKey(old.Dev, old.Inode), id[:]...))
	}
	if now == nil {
		e.delete(fileKey(tableFacts, id))
		return nil
	}
	e.mark(append(inodeKey(now.Dev, now.Inode), id[:]...))
	e.put(fileKey(tableFacts, id), now.append)
	return nil
}

// wanted replaces and drops what is wanted of files.
func (e *edit) wanted(all []replication.Record, gone ...replication.FileID) {
	for _, id := range gone {
		e.delete(fileKey(tableWanted, id))
	}
	for i := range all {
		e.put(fileKey(tableWanted, all[i].ID), all[i].Append)
	}
}

func (e *edit) knowledge(more version.Vector) error {
	if more.Len() == 0 {
		return nil
	}
	known, err := e.x.Knowledge()
	if err != nil {
		return err
	}
	e.put(keyKnowledge, known.Merge(more).Append)
	return nil
}

// lists stores chunk lists as the latest ones.
func (e *edit) lists(all []List) error {
	for i, l := range all {
		if slices.ContainsFunc(all[i+1:], func(o List) bool { return o.Grain == l.Grain && o.Hash == l.Hash }) {
			continue
		}
		old, _, err := e.x.Lists.get(l.Grain, l.Hash)
		if err == nil {
			e.delete(ageKey(l.Grain, old))
		} else if !errors.Is(err, ErrNotFound) {
			return err
		}
		e.x.sequence++
		seq := e.x.sequence
		e.put(ageKey(l.Grain, seq), aged{hash: l.Hash, size: int64(len(l.Data))}.append)
		e.put(listKey(l.Grain, l.Hash), func(b []byte) []byte {
			return append(binary.AppendUvarint(b, seq), all[i].Data...)
		})
	}
	return nil
}
