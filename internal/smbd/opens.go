package smbd

import (
	"dfsd/internal/smb2"
	"dfsd/internal/smbtree"
)

// open is what a FileId of a connection names.
type open struct {
	id      smb2.FileID
	file    *smbtree.Open
	session *session
	tree    *tree
}

// openTable holds the opens of one connection. A FileId is the place in the
// table and a serial number that no other open of the connection has had, so a
// stale id finds nothing. The zero value is an empty table.
type openTable struct {
	slots  []*open
	free   []uint32
	serial uint32
	count  int
}

// add gives o its id.
func (t *openTable) add(o *open) {
	place := uint32(len(t.slots))
	if n := len(t.free); n > 0 {
		place, t.free = t.free[n-1], t.free[:n-1]
		t.slots[place] = o
	} else {
		t.slots = append(t.slots, o)
	}
	t.serial++
	t.count++
	id := uint64(t.serial)<<32 | uint64(place)
	o.id = smb2.FileID{Persistent: id, Volatile: id}
}

// get returns the open that id names, nil if there is none.
func (t *openTable) get(id smb2.FileID) *open {
	place := uint32(id.Volatile)
	if uint64(place) >= uint64(len(t.slots)) {
		return nil
	}
	if o := t.slots[place]; o != nil && o.id == id {
		return o
	}
	return nil
}

// remove forgets o, which is in the table.
func (t *openTable) remove(o *open) {
	place := uint32(o.id.Volatile)
	t.slots[place] = nil
	t.count--
	if t.count == 0 {
		t.slots, t.free = nil, nil
		return
	}
	t.free = append(t.free, place)
}

// all calls f for every open; f may remove the open that it is given.
func (t *openTable) all(f func(*open)) {
	for _, o := range t.slots {
		if o != nil {
			f(o)
		}
	}
}
