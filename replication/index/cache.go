package index

import (
	"dfsd/replication"
	"dfsd/replication/reconcile"
)

// Bounds of the cache of decoded entries.
const (
	cacheEntries = 16384
	cacheBytes   = 24 << 20
)

// cache keeps entries as they were committed, those not looked at for longest
// first to go (a clock with one hand). That a file has none is kept too.
type cache struct {
	slots []slot
	free  []int                      // of slots
	index map[replication.FileID]int // into slots
	hand  int
	bytes int
}

type slot struct {
	id    replication.FileID
	entry *reconcile.Entry // nil: there is none
	bytes int              // 0: the slot is free
	used  bool             // since the hand passed
}

func newCache() *cache { return &cache{index: map[replication.FileID]int{}} }

func (c *cache) get(id replication.FileID) (e *reconcile.Entry, ok bool) {
	i, ok := c.index[id]
	if !ok {
		return nil, false
	}
	c.slots[i].used = true
	return c.slots[i].entry, true
}

// put keeps e, nil for none, as the entry of id.
func (c *cache) put(id replication.FileID, e *reconcile.Entry) {
	s := slot{id: id, entry: e, bytes: weigh(e)}
	if i, ok := c.index[id]; ok {
		s.used = true
		c.remove(i)
	}
	for c.bytes+s.bytes > cacheBytes && len(c.index) > 0 {
		c.evict()
	}
	i := c.room()
	c.slots[i], c.index[id] = s, i
	c.bytes += s.bytes
}

// room returns a free slot.
func (c *cache) room() int {
	if len(c.free) == 0 && len(c.slots) < cacheEntries {
		c.slots = append(c.slots, slot{})
		return len(c.slots) - 1
	}
	if len(c.free) == 0 {
		c.evict()
	}
	i := c.free[len(c.free)-1]
	c.free = c.free[:len(c.free)-1]
	return i
}

// evict frees the next slot that was not looked at since the hand passed it.
func (c *cache) evict() {
	for {
		i := c.hand
		c.hand = (c.hand + 1) % len(c.slots)
		s := &c.slots[i]
		if s.bytes == 0 || s.used {
			s.used = false
			continue
		}
		c.remove(i)
		return
	}
}

func (c *cache) remove(i int) {
	delete(c.index, c.slots[i].id)
	c.bytes -= c.slots[i].bytes
	c.slots[i] = slot{}
	c.free = append(c.free, i)
}

// weigh estimates the memory of an entry.
func weigh(e *reconcile.Entry) int {
	const fixed, record, perStamp = 160, 320, 24
	if e == nil {
		return fixed
	}
	n := fixed + 2*record + len(e.At.Name) + perStamp*e.Since.Len() + weighRecord(&e.Known)
	if e.OnRecord && e.Disk.Stamp != e.Known.Stamp {
		n += weighRecord(&e.Disk)
	}
	if e.Doing != nil {
		n += record + weighRecord(e.Doing)
	}
	return n
}

// weighRecord estimates what a record points to.
func weighRecord(r *replication.Record) int {
	const perStamp, perXattr = 24, 40
	n := len(r.Name) + len(r.Target) + perStamp*r.History.Len()
	for _, x := range r.Attr.Xattrs {
		n += perXattr + len(x.Name) + len(x.Value)
	}
	return n
}

// recent keeps the lists of files that were read since the last commit, which is
// about to ask for the same again.
type recent[K comparable] map[K][]replication.FileID

const recentLists = 4096

// get returns the list of k, which read fetches if it was not read lately. It is
// not to be changed.
func (r recent[K]) get(k K, read func() ([]replication.FileID, error)) ([]replication.FileID, error) {
	if ids, ok := r[k]; ok {
		return ids, nil
	}
	ids, err := read()
	if err != nil {
		return nil, err
	}
	if len(r) >= recentLists {
		clear(r)
	}
	r[k] = ids
	return ids, nil
}
