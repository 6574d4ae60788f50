package health

import (
	"container/heap"
	"time"
)

// host is a file server with the targets on it: what is probed as one. The
// mutex of the Monitor guards it.
type host struct {
	key, name string
	targets   []*target // replaced, never changed: running probes hold it
	paths     []string  // of targets, likewise
	interval  time.Duration
	timeout   time.Duration
	downAfter int

	due     time.Time // of the next probe, while in the queue
	place   int       // in the queue; -1: not in it
	began   time.Time // of the last probe
	running bool
	fresh   bool // has targets that the running probe does not ask for
	silent  int  // probes in a row that the host did not answer
}

// isSilent reports whether the host missed so many probes that it is no proof
// of a working network.
func (h *host) isSilent() bool { return h.silent >= h.downAfter }

// queue holds the hosts that wait, the one due first on top. It is a heap with
// one entry per host, so that one timer serves all.
type queue []*host

func (q queue) Len() int           { return len(q) }
func (q queue) Less(i, j int) bool { return q[i].due.Before(q[j].due) }

func (q queue) Swap(i, j int) {
	q[i], q[j] = q[j], q[i]
	q[i].place, q[j].place = i, j
}

// Push is for package heap; callers use schedule.
func (q *queue) Push(x any) {
	h := x.(*host)
	h.place = len(*q)
	*q = append(*q, h)
}

// Pop is for package heap; callers use take.
func (q *queue) Pop() any {
	last := len(*q) - 1
	h := (*q)[last]
	(*q)[last] = nil
	*q = (*q)[:last]
	h.place = -1
	return h
}

// schedule puts h where its new due time belongs.
func (q *queue) schedule(h *host, due time.Time) {
	h.due = due
	if h.place < 0 {
		heap.Push(q, h)
		return
	}
	heap.Fix(q, h.place)
}

// remove takes h out of the queue if it is in it.
func (q *queue) remove(h *host) {
	if h.place >= 0 {
		heap.Remove(q, h.place)
	}
}

// take removes and returns the host due first, or nil if none is due by now.
func (q *queue) take(now time.Time) *host {
	if len(*q) == 0 || (*q)[0].due.After(now) {
		return nil
	}
	return heap.Pop(q).(*host)
}
