package resolve

import (
	"container/heap"
	"context"
	"math/rand/v2"
	"net/netip"
	"sync"
	"time"

	"go.uber.org/zap"
)

// lookupLimit bounds one lookup, so that a Lookuper that hangs gives its place
// free.
const lookupLimit = 2 * longest

// Lookuper finds the addresses of a host; a [Client] does.
type Lookuper interface {
	// Addresses is as that of [Client]: concurrent, and it ends with ctx.
	Addresses(ctx context.Context, host string) (Answer, error)
}

// HostsOptions tune a [Hosts]. The zero value is right for a product.
type HostsOptions struct {
	// Log hears of hosts that lose their addresses and, at debug level, of
	// other faults. Nil: nobody.
	Log *zap.Logger
	// Random returns a uniform number in [0, n), for the jitter. It is never
	// called concurrently. Nil: math/rand/v2.
	Random func(n int64) int64
}

// Fault says what is wrong with one watched host.
type Fault struct {
	// Err is the last error.
	Err error
	// Since is when the first of the uninterrupted failures was seen.
	Since time.Time
	// Kept is how many addresses are still believed in spite of it.
	Kept int
}

// Hosts keeps the addresses of many hosts fresh in the background. All methods
// may be called concurrently, and all but Run return at once.
type Hosts struct {
	from    Lookuper
	log     *zap.Logger
	random  func(n int64) int64
	changed chan struct{}
	wake    chan struct{} // the queue may have something sooner than Run thinks

	mu      sync.RWMutex // guards what follows
	entries map[string]*entry
	queue   queue // of the entries that are not being asked for
	busy    int   // lookups under way
}

// NewHosts returns a cache that asks c while [Hosts.Run] runs.
func NewHosts(c Lookuper, o HostsOptions) *Hosts {
	if o.Log == nil {
		o.Log = zap.NewNop()
	}
	if o.Random == nil {
		o.Random = rand.Int64N
	}
	return &Hosts{
		from: c, log: o.Log, random: o.Random, entries: map[string]*entry{},
		changed: make(chan struct{}, 1), wake: make(chan struct{}, 1),
	}
}

// Watch sets the hosts that are kept fresh; others are forgotten. What is known
// of a host that stays, stays. Names that differ only by case or the last dot
// are one host. The slice is not kept.
func (h *Hosts) Watch(hosts []string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	wanted := make(map[string]bool, len(hosts))
	for _, host := range hosts {
		k := key(host)
		if wanted[k] = true; h.entries[k] == nil {
			e := &entry{host: host} // due since ever
			h.entries[k] = e
			heap.Push(&h.queue, e)
		}
	}
	for k, e := range h.entries {
		if wanted[k] {
			continue
		}
		delete(h.entries, k)
		if e.index >= 0 {
			heap.Remove(&h.queue, e.index)
		}
	}
	signal(h.wake)
}

// Addrs returns what was last learnt of host, sorted, or nil. It never asks.
// Addresses outlive the failing of the DNS; only the third answer in a row that
// denies them drops them. The caller must not change the slice.
func (h *Hosts) Addrs(host string) []netip.Addr {
	h.mu.RLock()
	defer h.mu.RUnlock()
	if e := h.entries[key(host)]; e != nil {
		return e.addrs
	}
	return nil
}

// Changed returns the channel that receives when the set of addresses of some
// host has changed since the last receive. There is one channel, for one
// receiver.
func (h *Hosts) Changed() <-chan struct{} { return h.changed }

// Faults returns the watched hosts whose last lookup failed, by the name that
// was watched.
func (h *Hosts) Faults() map[string]Fault {
	h.mu.RLock()
	defer h.mu.RUnlock()
	faults := map[string]Fault{}
	for _, e := range h.entries {
		if e.err != nil {
			faults[e.host] = Fault{Err: e.err, Since: e.since, Kept: len(e.addrs)}
		}
	}
	return faults
}

// Run keeps the watched hosts fresh until ctx ends, and returns nil then. It
// asks again when an answer has lived out its time, but no sooner than after
// 5 s; after a failure with growing pauses up to a minute; never for more than
// 16 hosts at once. When it returns, every goroutine it started has ended. It
// must not run twice at once.
func (h *Hosts) Run(ctx context.Context) error {
	var lookups sync.WaitGroup
	defer lookups.Wait()
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		timer.Reset(h.begin(time.Now(), func(e *entry) {
			lookups.Go(func() { h.ask(ctx, e) })
		}))
		select {
		case <-ctx.Done():
			return nil
		case <-h.wake:
		case <-timer.C:
		}
	}
}

// begin starts the lookups that are due at now, as many as there is room for,
// and returns how long nothing else will be due.
func (h *Hosts) begin(now time.Time, start func(*entry)) time.Duration {
	h.mu.Lock()
	defer h.mu.Unlock()
	for h.busy < atOnce && len(h.queue) > 0 {
		if wait := h.queue[0].due.Sub(now); wait > 0 {
			return wait
		}
		h.busy++
		start(heap.Pop(&h.queue).(*entry))
	}
	return maxTTL // the end of a lookup, or Watch, wakes earlier
}

// ask makes one lookup and takes in its outcome.
func (h *Hosts) ask(ctx context.Context, e *entry) {
	bounded, cancel := context.WithTimeout(ctx, lookupLimit)
	defer cancel()
	answer, err := h.from.Addresses(bounded, e.host)
	h.mu.Lock()
	defer h.mu.Unlock()
	h.busy--
	defer signal(h.wake)
	if h.entries[key(e.host)] != e {
		return // nobody watches it any more
	}
	if err == nil || ctx.Err() == nil {
		h.learn(e, answer, err)
	}
	if !e.eternal {
		heap.Push(&h.queue, e)
	}
}

// learn takes in an outcome and tells those who want to know. The caller holds mu.
func (h *Hosts) learn(e *entry, answer Answer, err error) {
	known := len(e.addrs)
	if e.learn(time.Now(), answer, err, h.random) {
		signal(h.changed)
	}
	switch {
	case err != nil && known > 0 && len(e.addrs) == 0:
		h.log.Warn("addresses dropped: the DNS no longer has them", zap.String("host", e.host), zap.Error(err))
	case err != nil:
		h.log.Debug("no address of a watched host", zap.String("host", e.host), zap.Int("kept", known), zap.Error(err))
	}
}

// signal leaves word on c, once for many times.
func signal(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}
