package reconcile

// queue gives items in the order in which they came. What is taken out from
// within leaves a slot that is passed over.
type queue struct {
	slots []slot
	head  int // slots before it are used up
	live  int // slots that are neither used up nor passed over
}

// slot is an item in a queue, as long as it has the ticket.
type slot struct {
	it     *item
	ticket uint32
}

// push adds it, which must be in no queue.
func (q *queue) push(it *item) {
	it.in = q
	it.ticket++
	q.live++
	q.slots = append(q.slots, slot{it, it.ticket})
}

// remove takes out it, which must be in q.
func (q *queue) remove(it *item) {
	it.in = nil
	it.ticket++
	if q.live--; len(q.slots) > 2*q.live+64 {
		q.compact()
	}
}

// first returns the item that came first, and leaves it there. There must be
// one.
func (q *queue) first() *item {
	for q.slots[q.head].it.ticket != q.slots[q.head].ticket {
		q.slots[q.head] = slot{}
		q.head++
	}
	return q.slots[q.head].it
}

// compact forgets the slots that are used up or passed over.
func (q *queue) compact() {
	kept := q.slots[:0]
	for _, s := range q.slots[q.head:] {
		if s.it.ticket == s.ticket {
			kept = append(kept, s)
		}
	}
	clear(q.slots[len(kept):])
	q.slots, q.head = kept, 0
}
