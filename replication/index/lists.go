package index

import (
	"encoding/binary"
	"fmt"
	"slices"

	"dfsd/replication"
)

// Grain says what a chunk list is for.
type Grain uint8

const (
	// Coarse lists are kept as long as a record has their content.
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
}

// Lists reads chunk lists.
type Lists struct{ t table }

// Get returns the chunk list of a content, which the caller owns, or
// ErrNotFound.
func (l Lists) Get(g Grain, h replication.Hash) ([]byte, error) {
	_, data, err := l.get(g, h)
	return data, err
}

// get returns the list and the place of it in the order of age.
func (l Lists) get(g Grain, h replication.Hash) (seq uint64, data []byte, err error) {
	key := listKey(g, h)
	payload, err := l.t.get(key)
	if err != nil {
		return 0, nil, err
	}
	f := fields{b: payload}
	if seq = f.uvarint("sequence"); f.err != nil {
		return 0, nil, l.t.damaged(key, f.err)
	}
	return seq, f.b, nil
}

// aged is an entry of the table of lists by age.
type aged struct {
	hash replication.Hash
	size int64 // of the list, in bytes
}

func (a aged) append(b []byte) []byte {
	return binary.AppendUvarint(append(b, a.hash[:]...), uint64(a.size))
}

func parseAged(payload []byte) (a aged, err error) {
	f := fields{b: payload}
	copy(a.hash[:], f.take(len(a.hash), "hash"))
	a.size = int64(f.uvarint("size"))
	return a, f.end()
}

// lastSequence returns the highest place in the order of age.
func (l Lists) lastSequence() (last uint64, err error) {
	for _, g := range [...]Grain{Coarse, Fine} {
		it, err := l.t.last([]byte{tableAge, byte(g)})
		if err != nil {
			return 0, err
		}
		if len(it) >= 8 {
			last = max(last, binary.BigEndian.Uint64(it[len(it)-8:]))
		}
	}
	return last, nil
}

// TrimLists drops the oldest lists of grain g beyond keep bytes. Coarse lists
// of contents that a record has are neither dropped nor counted.
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
			e.delete(o.key)
			e.delete(listKey(g, o.hash))
		}
		if err := e.commit(); err != nil {
			return fmt.Errorf("trim chunk lists: %w", err)
		}
	}
	return nil
}

// doomed is a list to drop, with its key in the table of ages.
type doomed struct {
	key  []byte
	hash replication.Hash
}

// agedBeyond returns the lists that are left when the latest ones, up to keep
// bytes, are set apart. It holds 60 bytes for each list that goes.
func (x *Index) agedBeyond(g Grain, keep int64) ([]doomed, error) {
	var free []doomed
	var sizes []int64
	var total int64
	for item, err := range x.t.prefix([]byte{tableAge, byte(g)}) {
		if err != nil {
			return nil, err
		}
		a, err := parseAged(item.payload)
		if err != nil {
			return nil, x.t.damaged(item.key, err)
		}
		if held, err := x.heldForGood(g, a.hash); err != nil || held {
			if err != nil {
				return nil, err
			}
			continue
		}
		free = append(free, doomed{slices.Clone(item.key), a.hash})
		sizes = append(sizes, a.size)
		total += a.size
	}
	n := 0
	for ; n < len(free) && total > keep; n++ {
		total -= sizes[n]
	}
	return free[:n], nil
}

// heldForGood tells whether the list may never be dropped.
func (x *Index) heldForGood(g Grain, h replication.Hash) (bool, error) {
	if g != Coarse {
		return false, nil
	}
	for _, err := range x.Records.Holders(h) {
		return err == nil, err
	}
	return false, nil
}
