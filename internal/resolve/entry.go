package resolve

import (
	"errors"
	"net/netip"
	"slices"
	"time"
)

const (
	// soonest is the shortest time between two lookups of one host.
	soonest = 5 * time.Second
	// firstRetry doubles with each failure in a row, up to lastRetry.
	firstRetry = 5 * time.Second
	lastRetry  = time.Minute
	// denials is how many answers in a row must deny a host's addresses before
	// they are dropped: one may come from a server that is being set up.
	denials = 3
)

// entry is what is known of one watched host. It decides; it neither asks nor
// looks at a clock.
type entry struct {
	host string // as watched
	// addrs are sorted and never changed in place.
	addrs    []netip.Addr
	err      error // of the last lookup
	since    time.Time
	failures int  // in a row, of the servers
	denied   int  // answers since the last with addresses
	eternal  bool // an address given as a host: nothing to ask again

	due   time.Time
	index int // in the queue; -1: not in it
}

// learn takes in the outcome of a lookup at now, sets when the next is due, and
// tells whether the set of addresses has changed.
func (e *entry) learn(now time.Time, answer Answer, err error, random func(n int64) int64) bool {
	before := e.addrs
	if err == nil {
		e.accept(answer)
	} else {
		e.reject(now, err)
	}
	e.due = now.Add(e.pause(answer, random))
	return !slices.Equal(before, e.addrs)
}

func (e *entry) accept(answer Answer) {
	addrs := slices.Clone(answer.Addrs)
	if answer.Partial { // the family that could not be asked for is not gone
		addrs = append(addrs, slices.DeleteFunc(slices.Clone(e.addrs), func(a netip.Addr) bool {
			return slices.ContainsFunc(answer.Addrs, func(b netip.Addr) bool { return a.Is4() == b.Is4() })
		})...)
	}
	slices.SortFunc(addrs, netip.Addr.Compare)
	addrs = slices.Compact(addrs)
	e.addrs = slices.Clip(addrs[:min(len(addrs), maxAddrs)])
	e.err, e.since, e.failures, e.denied = nil, time.Time{}, 0, 0
	e.eternal = answer.TTL == 0
}

func (e *entry) reject(now time.Time, err error) {
	if e.err == nil {
		e.since = now
	}
	e.err = err
	if !denies(err) {
		e.failures++
		return
	}
	e.failures = 0
	if e.denied++; e.denied >= denials {
		e.addrs = nil
	}
}

// denies tells an answer from the lack of one.
func denies(err error) bool { return errors.Is(err, ErrNotFound) || errors.Is(err, ErrNoAddress) }

// pause is how long to wait for the next lookup: never less than the answer
// holds, as the servers would say the same again, and up to a tenth more, so
// that hosts learnt together are not asked for together for ever.
func (e *entry) pause(answer Answer, random func(n int64) int64) time.Duration {
	wait := answer.TTL
	if e.failures > 0 {
		wait = firstRetry << min(e.failures-1, 10)
		wait = min(wait, lastRetry-lastRetry/10)
	}
	wait = min(max(wait, soonest), maxTTL)
	return wait + time.Duration(random(int64(wait/10)+1))
}

// queue is a heap of entries by when they are due.
type queue []*entry

func (q queue) Len() int           { return len(q) }
func (q queue) Less(i, j int) bool { return q[i].due.Before(q[j].due) }
func (q queue) Swap(i, j int) {
	q[i], q[j] = q[j], q[i]
	q[i].index, q[j].index = i, j
}

// Push is for container/heap.
func (q *queue) Push(x any) {
	e := x.(*entry)
	e.index = len(*q)
	*q = append(*q, e)
}

// Pop is for container/heap.
func (q *queue) Pop() any {
	last := len(*q) - 1
	e := (*q)[last]
	(*q)[last] = nil
	*q = (*q)[:last]
	e.index = -1
	return e
}
