package reconcile

import "dfsd/replication"

// waitKind says what an entry of the work list waits for.
type waitKind uint8

const (
	onObject   waitKind = iota + 1 // the entry of an object to change, or its plan to end
	onTouch                        // a plan that touches an object to end
	onPlace                        // something to come to stand at a place
	onStanding                     // something to come to stand, or change, in a directory
	onSurvivor                     // a directory to have something live that belongs there
	onChain                        // directories to belong below others than before
	onSeen                         // Seen to rise by what others claim
	onAnswer                       // an answer that comes in parts to end
	onRetry                        // a Retry
	onAnything                     // any change whatever, for what is rare
	waitKinds
)

// key is one thing to wait for.
type key struct {
	kind waitKind
	id   replication.FileID
	name string
}

// why says to people what an entry waits for.
type why uint8

const (
	forNothing why = iota
	forFolder
	forName
	forContent
	forEmpty
	forOthers
)

// item is one entry of the work list: in a queue, parked, or both.
type item struct {
	id     replication.FileID
	parked []*waiter
	in     *queue // nil: in none
	ticket uint32 // of its slot there
	why    why

	sparing bool // it waits for longer than it must, for a plan that is under way
	shed    bool // its content made room for others, and is asked for when it is looked at again
	gone    bool // it is off the list
	deleted bool // a tombstone
	open    bool // it keeps the initial sync from ending

	group *group // of pending entries with the same Since; nil: not pending
	own   uint64 // Entry.Own
}

// waiter is an item in the ring of those that wait for one key.
type waiter struct {
	it         *item
	key        key
	prev, next *waiter
}

// agenda is the work list in memory: which of its entries to look at next, and
// what the others wait for. An entry that was looked at without a result is not
// looked at again before one of its keys is woken or its queue is served, so
// each change costs as much as hangs on it and not as much as there is to do.
// What waits comes in the order in which it began to, never in that of a map.
type agenda struct {
	items   map[replication.FileID]*item
	rings   [waitKinds]map[replication.FileID]*waiter
	places  map[Place]*waiter // instead of rings[onPlace]
	waiting [waitKinds]int
	opened  int // items with open set

	now    queue // to be looked at
	plans  queue // wait for a plan to end
	movers queue // wait until no directory is on the move
	slots  queue // wait for a place among the contents
	idle   queue // have a content and wait for something else: they give it up if need be

	changes uint64 // how often anything has changed
	looked  uint64 // changes when those on onAnything were looked at last

	// What the entry that is being looked at has turned out to wait for.
	keys    []key
	queued  *queue
	self    bool // for something that makes it ready without a key
	brief   bool // for a plan that is under way: not for long
	sparing bool
	why     why
}

func newAgenda() agenda {
	a := agenda{items: map[replication.FileID]*item{}, places: map[Place]*waiter{}}
	for i := range a.rings {
		a.rings[i] = map[replication.FileID]*waiter{}
	}
	return a
}

// ring returns one of those that wait for k, nil if none does.
func (a *agenda) ring(k *key) *waiter {
	if a.waiting[k.kind] == 0 {
		return nil
	}
	if k.kind == onPlace {
		return a.places[Place{k.id, k.name}]
	}
	return a.rings[k.kind][k.id]
}

// setRing makes w the one that ring returns.
func (a *agenda) setRing(k *key, w *waiter) {
	switch {
	case k.kind == onPlace && w == nil:
		delete(a.places, Place{k.id, k.name})
	case k.kind == onPlace:
		a.places[Place{k.id, k.name}] = w
	case w == nil:
		delete(a.rings[k.kind], k.id)
	default:
		a.rings[k.kind][k.id] = w
	}
}

// add makes an item, parked under nothing.
func (a *agenda) add(id replication.FileID) *item {
	it := &item{id: id}
	a.items[id] = it
	return it
}

// remove takes it off the list for good.
func (a *agenda) remove(it *item) {
	a.unpark(it)
	a.setOpen(it, false)
	it.gone = true
	delete(a.items, it.id)
}

func (a *agenda) setOpen(it *item, open bool) {
	switch {
	case open && !it.open:
		a.opened++
	case it.open && !open:
		a.opened--
	}
	it.open = open
}

// ready has it looked at.
func (a *agenda) ready(it *item) {
	if it.in != &a.now {
		a.unpark(it)
		a.now.push(it)
	}
}

func (a *agenda) readyID(id replication.FileID) {
	if it, ok := a.items[id]; ok {
		a.ready(it)
	}
}

// wait notes that the entry that is being looked at waits for k.
func (a *agenda) wait(k key) { a.keys = append(a.keys, k) }

func (a *agenda) waitObject(id replication.FileID) { a.wait(key{kind: onObject, id: id}) }

// enqueue notes that it waits for q to be served. One without a free plan has no
// use for anything else that is free.
func (a *agenda) enqueue(q *queue) {
	if a.queued != &a.plans {
		a.queued = q
	}
}

// look begins to look at an entry.
func (a *agenda) look() {
	a.keys, a.queued, a.self, a.brief, a.sparing, a.why = a.keys[:0], nil, false, false, false, forNothing
}

// park ends a look at it that came to nothing.
func (a *agenda) park(it *item, hasContent bool) {
	it.why, it.sparing, it.shed = a.why, a.sparing, false
	if a.queued == nil && !a.self && len(a.keys) == 0 {
		a.wait(key{kind: onAnything})
	}
	for _, k := range a.keys {
		a.enlist(it, k)
	}
	switch {
	case a.queued != nil:
		a.queued.push(it)
	case hasContent && !a.brief:
		a.idle.push(it)
	}
}

func (a *agenda) enlist(it *item, k key) {
	w := &waiter{it: it, key: k}
	head := a.ring(&k)
	if head == nil {
		w.prev, w.next = w, w
		a.setRing(&k, w)
	} else {
		w.prev, w.next = head.prev, head
		head.prev.next, head.prev = w, w
	}
	a.waiting[k.kind]++
	it.parked = append(it.parked, w)
}

// unpark takes it out of every queue and ring.
func (a *agenda) unpark(it *item) {
	if it.in != nil {
		it.in.remove(it)
	}
	for i, w := range it.parked {
		if w.next == w {
			a.setRing(&w.key, nil)
		} else {
			w.prev.next, w.next.prev = w.next, w.prev
			if a.ring(&w.key) == w {
				a.setRing(&w.key, w.next)
			}
		}
		a.waiting[w.key.kind]--
		it.parked[i] = nil
	}
	it.parked = it.parked[:0]
}

// wake has all looked at that wait for k.
func (a *agenda) wake(k key) {
	for w := a.ring(&k); w != nil; w = a.ring(&k) {
		a.ready(w.it)
	}
}

// awaits tells whether anything waits for the entry of id.
func (a *agenda) awaits(id replication.FileID) bool {
	return a.ring(&key{kind: onObject, id: id}) != nil
}

// next takes out the item to look at, nil when nothing is left to do. An item
// that waits for a plan or a content comes when there is a free one.
func (s *State) next() *item {
	a := &s.agenda
	for {
		var it *item
		switch {
		case a.now.live > 0:
			it = a.now.first()
		case a.plans.live > 0 && len(s.busy.of) < s.limits.Plans:
			it = a.plans.first()
		case a.movers.live > 0 && s.busy.movers == 0:
			it = a.movers.first()
		case a.slots.live > 0 && s.contents.slots < s.limits.Contents:
			it = a.slots.first()
		case a.slots.live > 0 && a.idle.live > 0:
			it := a.idle.first()
			a.idle.remove(it)
			it.shed = true
			s.contents.drop(it.id)
			continue
		case a.changes != a.looked:
			a.looked = a.changes
			a.wake(key{kind: onAnything})
			continue
		default:
			return nil
		}
		a.unpark(it)
		return it
	}
}
