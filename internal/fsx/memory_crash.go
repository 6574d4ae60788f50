package fsx

import (
	"maps"
	"math/rand/v2"
	"slices"
)

// change is one name of one directory: what it leads to, nil for nothing.
type change struct {
	dir  *inode
	name string
	to   *inode
}

// action is the changes of one call, which a crash keeps or loses together.
type action []change

// apply makes the changes of one call visible and notes them in the journal.
func (m *Memory) apply(changes ...change) {
	m.journal = append(m.journal, action(changes))
	var left []*inode
	for _, c := range changes {
		if old := c.dir.entries[c.name]; old != nil {
			old.links--
			left = append(left, old)
		}
		if c.to == nil {
			delete(c.dir.entries, c.name)
		} else {
			c.dir.entries[c.name] = c.to
			c.to.links++
		}
		m.modify(c.dir)
	}
	for _, c := range changes {
		if c.to != nil && c.to.kind == Directory {
			c.to.parent = c.dir
		}
	}
	for _, n := range left {
		if n.links == 0 && n.kind == Directory {
			n.parent = nil
		}
		m.release(n)
	}
}

// commitFor makes the journal durable up to the last change of dir.
func (m *Memory) commitFor(dir *inode) {
	for i, a := range slices.Backward(m.journal) {
		if slices.ContainsFunc(a, func(c change) bool { return c.dir == dir }) {
			m.commit(i + 1)
			return
		}
	}
}

// commit makes the first n actions durable.
func (m *Memory) commit(n int) {
	for _, a := range m.journal[:n] {
		for _, c := range a {
			put(c.dir.disk, c)
		}
	}
	m.journal = slices.Delete(m.journal, 0, n)
}

func put(entries map[string]*inode, c change) {
	if c.to == nil {
		delete(entries, c.name)
	} else {
		entries[c.name] = c.to
	}
}

// CrashClone returns the file system as a power cut at this instant would
// leave it, and leaves this one alone.
//
// Directories come back as from a metadata journal, such as ext4, XFS and
// NTFS keep: of the changes that were not synced the first so many are there,
// in order, each whole. Content and metadata of a file that were not synced
// are there, or not, or the content page by page either; the name of a file
// that LinkUnnamed gave its first one can be lost until the file is synced. The
// choices are r's; nil chooses that nothing unsynced survives.
func (m *Memory) CrashClone(r *rand.Rand) *Memory {
	m.mu.Lock()
	defer m.mu.Unlock()
	survive := 0
	if r != nil {
		survive = r.IntN(len(m.journal) + 1)
	}
	recent := map[*inode]map[string]*inode{}
	for _, a := range m.journal[:survive] {
		for _, c := range a {
			if recent[c.dir] == nil {
				recent[c.dir] = maps.Clone(c.dir.disk)
			}
			put(recent[c.dir], c)
		}
	}
	k := &salvage{r: r, entries: recent, made: map[*inode]*inode{}, into: &Memory{
		o: m.o, dirty: map[*inode]struct{}{}, last: m.last, clock: m.clock,
	}}
	k.into.root = k.inode(m.root, nil)
	k.into.root.links = 1
	return k.into
}

// salvage copies what a crash leaves.
type salvage struct {
	r       *rand.Rand
	entries map[*inode]map[string]*inode // of directories with surviving changes
	made    map[*inode]*inode
	into    *Memory
}

func (k *salvage) inode(n, parent *inode) *inode {
	if c := k.made[n]; c != nil {
		c.links++
		return c
	}
	left := k.image(n)
	c := &inode{
		number: n.number, kind: n.kind, born: n.born, target: n.target,
		meta: left.meta, birth: left.meta, body: left.body, links: 1,
	}
	k.made[n] = c
	k.into.files++
	k.into.used += int64(len(c.body.pages)) * pageSize
	if n.kind == Directory {
		k.directory(n, c, parent)
	}
	c.save()
	return c
}

func (k *salvage) directory(n, c, parent *inode) {
	c.parent, c.entries = parent, map[string]*inode{}
	entries := n.disk
	if recent, ok := k.entries[n]; ok {
		entries = recent
	}
	for _, name := range names(entries) {
		if entries[name].loose && (k.r == nil || k.r.IntN(2) == 0) {
			continue
		}
		c.entries[name] = k.inode(entries[name], c)
	}
	c.disk = maps.Clone(c.entries)
}

// image chooses what is left of metadata and content.
func (k *salvage) image(n *inode) image {
	old := image{meta: n.birth}
	if n.saved != nil {
		old = image{meta: n.saved.meta, body: n.saved.body.clone()}
	}
	if n.kind == Regular && old.body.pages == nil {
		old.body.pages = map[int64][]byte{}
	}
	if k.r == nil {
		return old
	}
	if k.r.IntN(2) == 1 {
		old.meta = n.meta
	}
	switch {
	case n.kind != Regular:
	case k.r.IntN(3) == 0:
		old.body = n.body.clone()
	case k.r.IntN(2) == 0:
		old.body = k.torn(old.body, n.body)
	}
	return old
}

// torn mixes two states of a file page by page.
func (k *salvage) torn(old, now body) body {
	mixed := body{size: old.size, pages: map[int64][]byte{}}
	if k.r.IntN(2) == 1 {
		mixed.size = now.size
	}
	for p := range (mixed.size + pageSize - 1) / pageSize {
		page := old.pages[p]
		if k.r.IntN(2) == 1 {
			page = now.pages[p]
		}
		if page != nil {
			mixed.pages[p] = page
		}
	}
	return mixed
}
