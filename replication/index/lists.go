package index

import (
	"encoding/binary"
	"errors"
	"fmt"
	"slices"

	"dfsd/replication"
)

// Grain says what a chunk list is for.
type Grain uint8

const (
	// Coarse lists are kept as long as an entry has their content.
	Coarse Grain = iota + 1
	// Fine lists are kept as far as there is room, the latest first: they make
	// the next change of a file cheap.
	Fine
)

// List is the chunk list of a content, in whatever encoding the caller gave it.
type List struct {
	Hash  replication.Hash
	Grain Grain
	Data  []byte
	// Traits are features of the content, each at its position: contents that
	// resemble each other share some. Those of coarse lists are looked for by
	// Lists.Similar.
	Traits    [traitCount]uint16
	HasTraits bool
}

const traitCount = 8

// Lists reads chunk lists.
type Lists struct{ t table }

// Get returns the chunk list of a content, which the caller owns, or
// ErrNotFound.
func (l Lists) Get(g Grain, h replication.Hash) ([]byte, error) {
	_, data, err := l.t.list(g, h)
	return data, err
}

// list returns the chunk list of a content and its place in the order of age.
func (t table) list(g Grain, h replication.Hash) (seq uint64, data []byte, err error) {
	err = t.look(listKey(g, h), func(payload []byte) error {
		f := fields{b: payload}
		seq = f.uvarint("sequence")
		data = slices.Clone(f.b)
		return f.err
	})
	return seq, data, err
}

// aged is an entry of the table of lists by age:
//
//	hash    32 bytes
//	size    uvarint
//	traits  nothing, or 2 bytes each
type aged struct {
	hash      replication.Hash
	size      int64 // of the list, in bytes
	traits    [traitCount]uint16
	hasTraits bool
}

func (a aged) append(b []byte) []byte {
	b = binary.AppendUvarint(append(b, a.hash[:]...), uint64(a.size))
	if a.hasTraits {
		for _, t := range a.traits {
			b = binary.BigEndian.AppendUint16(b, t)
		}
	}
	return b
}

func parseAged(payload []byte) (a aged, err error) {
	f := fields{b: payload}
	copy(a.hash[:], f.take(len(a.hash), "hash"))
	a.size = int64(f.uvarint("size"))
	if a.hasTraits = len(f.b) > 0; a.hasTraits {
		for i := range a.traits {
			if b := f.take(2, "trait"); b != nil {
				a.traits[i] = binary.BigEndian.Uint16(b)
			}
		}
	}
	return a, f.end()
}

// traitKeys returns the keys under which the list of age seq is found by its
// traits: none but for a coarse list that has traits.
func (a aged) traitKeys(g Grain, seq uint64) (keys [][]byte) {
	if !a.hasTraits || g != Coarse {
		return nil
	}
	for i, t := range a.traits {
		keys = append(keys, binary.BigEndian.AppendUint64(traitKey(i, t), seq))
	}
	return keys
}

// lastSequence returns the highest place in the order of age.
func (t table) lastSequence() (last uint64, err error) {
	for _, g := range [...]Grain{Coarse, Fine} {
		for item, err := range t.backwards([]byte{tableAge, byte(g)}, 1) {
			if err != nil {
				return 0, err
			}
			last = max(last, lastNumber(item.key))
		}
	}
	return last, nil
}

// lists stores chunk lists as the latest ones. Of several for one content the
// last counts.
func (e *edit) lists(all []List) error {
	for i := range all {
		l := &all[i]
		if slices.ContainsFunc(all[i+1:], func(o List) bool { return o.Grain == l.Grain && o.Hash == l.Hash }) {
			continue
		}
		if err := e.forgetList(l.Grain, l.Hash); err != nil {
			return err
		}
		e.x.sequence++
		seq := e.x.sequence
		a := aged{hash: l.Hash, size: int64(len(l.Data)), traits: l.Traits, hasTraits: l.HasTraits}
		e.put(ageKey(l.Grain, seq), a.append(nil))
		for _, key := range a.traitKeys(l.Grain, seq) {
			e.put(key, l.Hash[:])
		}
		e.put(listKey(l.Grain, l.Hash), append(binary.AppendUvarint(nil, seq), l.Data...))
	}
	return nil
}

// forgetList takes the list that a content had out of the order of age.
func (e *edit) forgetList(g Grain, h replication.Hash) error {
	seq, _, err := e.x.t.list(g, h)
	if errors.Is(err, ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	var old aged
	err = e.x.t.look(ageKey(g, seq), func(payload []byte) (err error) {
		old, err = parseAged(payload)
		return err
	})
	if errors.Is(err, ErrNotFound) {
		return e.x.t.dangling(ageKey(g, seq))
	}
	e.deleteAged(g, seq, old)
	return err
}

// deleteAged deletes a list's place in the order of age and among its like.
func (e *edit) deleteAged(g Grain, seq uint64, a aged) {
	e.delete(ageKey(g, seq))
	for _, key := range a.traitKeys(g, seq) {
		e.delete(key)
	}
}

// TrimLists drops the oldest lists of grain g beyond keep bytes. Coarse lists
// of contents that stand on disk are neither dropped nor counted.
func (x *Index) TrimLists(g Grain, keep int64) error {
	x.mu.Lock()
	defer x.mu.Unlock()
	if err := x.health.writable(); err != nil {
		return err
	}
	old, err := x.agedBeyond(g, keep)
	if err != nil {
		return fmt.Errorf("trim chunk lists: %w", err)
	}
	for part := range slices.Chunk(old, 1000) {
		e := x.edit()
		for _, o := range part {
			e.deleteAged(g, o.seq, o.aged)
			e.delete(listKey(g, o.hash))
		}
		if err := e.commit(); err != nil {
			return fmt.Errorf("trim chunk lists: %w", err)
		}
	}
	return nil
}

// doomed is a list to drop.
type doomed struct {
	aged
	seq uint64
}

// agedBeyond returns the lists that are left when the latest ones, up to keep
// bytes, are set apart. It holds 80 bytes for each list that may go.
func (x *Index) agedBeyond(g Grain, keep int64) ([]doomed, error) {
	var free []doomed
	var total int64
	for item, err := range x.t.prefix([]byte{tableAge, byte(g)}) {
		if err != nil {
			return nil, err
		}
		a, err := parseAged(item.payload)
		if err != nil {
			return nil, x.t.damaged(item.key, err)
		}
		held, err := x.heldForGood(g, a.hash)
		if err != nil {
			return nil, err
		}
		if held {
			continue
		}
		free = append(free, doomed{a, lastNumber(item.key)})
		total += a.size
	}
	n := 0
	for ; n < len(free) && total > keep; n++ {
		total -= free[n].size
	}
	return free[:n], nil
}

// heldForGood tells whether the list may never be dropped.
func (x *Index) heldForGood(g Grain, h replication.Hash) (bool, error) {
	if g != Coarse {
		return false, nil
	}
	for _, err := range x.t.files(contentKey(h)) {
		return err == nil, err
	}
	return false, nil
}
