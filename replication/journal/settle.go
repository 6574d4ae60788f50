package journal

import (
	"container/heap"
	"time"
)

// settle holds names until they have come to rest. It knows no clock: every
// method is told the time, which must not go back.
//
// Names that a rename ties together form one group, and a group becomes due
// as a whole. So what Office does to save a file (write a new one, rename the
// old one away, rename the new one in, delete the old one) is told at once.
type settle struct {
	quiet time.Duration // of the whole group
	most  time.Duration // from the first event of a group; negative: no limit
	limit int           // of names
	names map[name]*entry
	queue groups
}

// entry is one name that waits.
type entry struct {
	at    name
	deep  bool
	open  bool // written and not closed since
	group *group
}

// group is a set of names that are told together.
type group struct {
	first, last time.Time // event
	open        int       // entries that are open
	entries     []*entry
	due         time.Time
	index       int // in the queue
}

// never is later than any time that a clock will show.
var never = time.Unix(1<<40, 0)

// newSettle returns a settle of at most limit names; most counts only where it
// is not below quiet.
func newSettle(quiet, most time.Duration, limit int) *settle {
	if most >= 0 {
		most = max(most, quiet)
	}
	return &settle{quiet: quiet, most: most, limit: limit, names: map[name]*entry{}}
}

// add takes over events that happened in this order and were heard at now.
func (s *settle) add(now time.Time, batch []event) {
	for _, e := range batch {
		here := s.touch(now, e.at, e.deep)
		switch e.kind {
		case written:
			here.setOpen(true)
		case closed, removed:
			here.setOpen(false)
		case renamed:
			there := s.touch(now, e.from, e.deep)
			// Whoever writes goes on writing under the new name.
			here.setOpen(there.open)
			there.setOpen(false)
			s.tie(here, there)
		}
		s.arm(here.group)
		if len(s.names) > s.limit {
			s.collapse(now)
		}
	}
}

// touch returns the entry of a name, in a group of its own if it is new.
func (s *settle) touch(now time.Time, at name, deep bool) *entry {
	e := s.names[at]
	if e == nil {
		e = &entry{at: at, group: &group{first: now}}
		e.group.entries = []*entry{e}
		s.names[at] = e
		heap.Push(&s.queue, e.group)
	}
	e.deep = e.deep || deep
	e.group.last = now
	return e
}

func (e *entry) setOpen(open bool) {
	if e.open == open {
		return
	}
	e.open = open
	if open {
		e.group.open++
	} else {
		e.group.open--
	}
}

// tie makes one group of two.
func (s *settle) tie(a, b *entry) {
	into, from := a.group, b.group
	if into == from {
		return
	}
	// The smaller one moves, so that a long chain stays cheap.
	if len(into.entries) < len(from.entries) {
		into, from = from, into
	}
	heap.Remove(&s.queue, from.index)
	for _, e := range from.entries {
		e.group = into
	}
	into.entries = append(into.entries, from.entries...)
	into.open += from.open
	if from.first.Before(into.first) {
		into.first = from.first
	}
	if from.last.After(into.last) {
		into.last = from.last
	}
}

// arm computes when a group is due and puts it in its place.
func (s *settle) arm(g *group) {
	g.due = g.last.Add(s.quiet)
	if g.open > 0 {
		g.due = never
	}
	if s.most >= 0 {
		if end := g.first.Add(s.most); end.Before(g.due) {
			g.due = end
		}
	}
	heap.Fix(&s.queue, g.index)
}

// collapse makes room: every name becomes its directory with all below it,
// and where there are too many of those they become the root.
func (s *settle) collapse(now time.Time) {
	first := now
	dirs := map[string]bool{}
	for at, e := range s.names {
		dirs[at.dir] = true
		if e.group.first.Before(first) {
			first = e.group.first
		}
	}
	// Far below the limit, so that the next collapse is far away.
	if len(dirs) > s.limit/4 {
		dirs = map[string]bool{".": true}
	}
	s.names = make(map[name]*entry, len(dirs))
	s.queue = nil
	for dir := range dirs {
		e := s.touch(now, name{dir: dir}, true)
		e.group.first = first
		s.arm(e.group)
	}
}

// due returns when take has something next; false while nothing waits.
func (s *settle) due() (time.Time, bool) {
	if len(s.queue) == 0 {
		return time.Time{}, false
	}
	return s.queue[0].due, true
}

// take removes and returns what is due at now, in no order.
func (s *settle) take(now time.Time) []Hint {
	var out []Hint
	for len(s.queue) > 0 && !s.queue[0].due.After(now) {
		g := s.queue[0]
		heap.Pop(&s.queue)
		for _, e := range g.entries {
			delete(s.names, e.at)
			out = append(out, Hint{Dir: e.at.dir, Name: e.at.base, Deep: e.deep})
		}
	}
	return out
}

// groups is a heap by due time.
type groups []*group

func (q groups) Len() int           { return len(q) }
func (q groups) Less(i, j int) bool { return q[i].due.Before(q[j].due) }

func (q groups) Swap(i, j int) {
	q[i], q[j] = q[j], q[i]
	q[i].index, q[j].index = i, j
}

// Push is of heap.Interface.
func (q *groups) Push(x any) {
	g := x.(*group)
	g.index = len(*q)
	*q = append(*q, g)
}

// Pop is of heap.Interface.
func (q *groups) Pop() any {
	last := len(*q) - 1
	g := (*q)[last]
	(*q)[last] = nil
	*q = (*q)[:last]
	return g
}
