package reconcile

import (
	"cmp"
	"container/heap"
	"slices"

	"dfsd/replication/version"
)

// group counts the pending entries of one Since, without the member's own
// counts: those are held back by Own.
type group struct {
	since version.Vector
	n     int
}

// pending is what holds back Held. As Seen only rises, the groups are a chain
// and the first holds back most.
type pending struct {
	groups []*group
	owns   owns
	live   int // items that have own set
	full   int // groups that are not empty
}

type own struct {
	count uint64
	it    *item // passed over once it.own is another
}

type owns []own

func (o owns) Len() int           { return len(o) }
func (o owns) Less(i, j int) bool { return o[i].count < o[j].count }
func (o owns) Swap(i, j int)      { o[i], o[j] = o[j], o[i] }

// Push implements heap.Interface.
func (o *owns) Push(x any) { *o = append(*o, x.(own)) }

// Pop implements heap.Interface.
func (o *owns) Pop() any {
	last := (*o)[len(*o)-1]
	*o = (*o)[:len(*o)-1]
	return last
}

// note keeps what e holds back.
func (p *pending) note(it *item, e *Entry, origin version.Origin) {
	if !e.Pending {
		p.leave(it)
		return
	}
	if it.group == nil {
		p.join(it, p.last(e.Since.Capped(origin, 0)))
	}
	p.noteOwn(it, e)
}

func (p *pending) join(it *item, g *group) {
	if it.group = g; g.n == 0 {
		p.full++
	}
	g.n++
}

func (p *pending) noteOwn(it *item, e *Entry) {
	if e.Own == 0 || it.own != 0 {
		return
	}
	it.own = e.Own
	p.live++
	heap.Push(&p.owns, own{e.Own, it})
}

// last returns the last group, which is that of since: no entry that became
// pending earlier has a greater one.
func (p *pending) last(since version.Vector) *group {
	if n := len(p.groups); n > 0 && p.groups[n-1].since.Compare(since) == version.Equal {
		return p.groups[n-1]
	}
	g := &group{since: since}
	p.groups = append(p.groups, g)
	return g
}

// leave notes that it holds back nothing any more.
func (p *pending) leave(it *item) {
	if it.group != nil {
		it.group.n--
		if it.group.n == 0 {
			p.full--
		}
		it.group = nil
		if len(p.groups) > 2*p.full+64 {
			p.groups = slices.DeleteFunc(p.groups, func(g *group) bool { return g.n == 0 })
		}
	}
	if it.own == 0 {
		return
	}
	it.own = 0
	if p.live--; len(p.owns) > 2*p.live+64 {
		p.owns = slices.DeleteFunc(p.owns, func(o own) bool { return o.it.own != o.count })
		heap.Init(&p.owns)
	}
}

// restore is note for an entry that New reads; arrange follows.
func (p *pending) restore(it *item, e *Entry, origin version.Origin, groups map[string]*group) {
	if !e.Pending {
		return
	}
	since := e.Since.Capped(origin, 0)
	name := string(since.Append(nil))
	if groups[name] == nil {
		groups[name] = &group{since: since}
	}
	p.join(it, groups[name])
	p.noteOwn(it, e)
}

// arrange puts the groups that were restored in their order.
func (p *pending) arrange(groups map[string]*group) {
	sum := func(g *group) (n uint64) {
		for s := range g.since.All() {
			n += s.Count
		}
		return n
	}
	for _, g := range groups {
		p.groups = append(p.groups, g)
	}
	slices.SortFunc(p.groups, func(a, b *group) int { return cmp.Compare(sum(a), sum(b)) })
	for i := len(p.groups) - 2; i >= 0; i-- { // changes nothing if they are a chain
		p.groups[i].since = p.groups[i].since.Meet(p.groups[i+1].since)
	}
}

// meet returns what of seen no pending entry holds back, the member's own
// counts aside.
func (p *pending) meet(seen version.Vector) version.Vector {
	for len(p.groups) > 0 && p.groups[0].n == 0 {
		p.groups[0] = nil
		p.groups = p.groups[1:]
	}
	if len(p.groups) == 0 {
		return seen
	}
	return seen.Meet(p.groups[0].since)
}

// own returns how many of count no pending entry holds back.
func (p *pending) own(count uint64) uint64 {
	for len(p.owns) > 0 && p.owns[0].it.own != p.owns[0].count {
		heap.Pop(&p.owns)
	}
	if len(p.owns) == 0 {
		return count
	}
	return min(count, p.owns[0].count-1)
}

// hold raises Held towards Seen, as far as no object on the work list stands
// in the way. A version made here names its object, so its count is held back
// by that object alone; of others' counts nobody can tell what they were for.
func (s *State) hold() {
	own := s.pending.own(s.meta.Count)
	held := s.pending.meet(s.meta.Seen).Capped(s.meta.Origin, own).Merge(s.meta.Held)
	if own > 0 {
		held = held.With(version.Stamp{Origin: s.meta.Origin, Count: own})
	}
	if s.meta.Held.Includes(held) {
		return
	}
	s.meta.Held = held
	s.do(Claim{held})
}
