package health

import (
	"cmp"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/zap"
)

// Options are what a Monitor works with. Only Prober is required.
type Options struct {
	Prober      Prober
	Concurrency int                   // hosts probed at a time; 0: 64
	Random      *rand.Rand            // spreads the probes, under a lock of the Monitor; nil: a random seed
	Log         *zap.Logger           // nil: nobody reads
	Registry    prometheus.Registerer // nil: nobody counts
}

// Monitor keeps the verdicts of a set of targets. Its methods are safe for
// concurrent use; Run is called once at a time.
type Monitor struct {
	prober      Prober
	concurrency int
	log         *zap.Logger
	metrics     *metrics
	changed     chan struct{} // holds one: a state changed
	wake        chan struct{} // holds one: the queue changed
	set         atomic.Pointer[set]
	isolated    atomic.Pointer[time.Time] // since when; nil: not

	// mu guards what follows, and the insides of hosts and targets. Verdict does
	// without it.
	mu         sync.Mutex
	random     *rand.Rand
	hosts      map[string]*host
	queue      queue
	running    int // probes
	network    network
	counts     [states]int
	watched    bool               // there was a Watch
	remembered map[string]Verdict // for the first Watch
}

// NewMonitor returns a Monitor that watches nothing yet. It starts nothing.
func NewMonitor(o Options) *Monitor {
	m := &Monitor{
		prober:      o.Prober,
		concurrency: cmp.Or(max(o.Concurrency, 0), 64),
		log:         o.Log,
		metrics:     newMetrics(o.Registry),
		changed:     make(chan struct{}, 1),
		wake:        make(chan struct{}, 1),
		random:      o.Random,
		hosts:       map[string]*host{},
	}
	if m.log == nil {
		m.log = zap.NewNop()
	}
	if m.random == nil {
		m.random = rand.New(rand.NewPCG(rand.Uint64(), rand.Uint64()))
	}
	m.set.Store(&set{})
	return m
}

// Verdict returns what is known of one target, and an Unknown one where it is
// not watched. It takes no lock and, for names of usual length, allocates
// nothing.
func (m *Monitor) Verdict(host, path string) Verdict {
	var room [256]byte
	if t := m.set.Load().byKey[string(appendKey(room[:0], host, path))]; t != nil {
		return *t.verdict.Load()
	}
	return Verdict{Host: host, Path: path, Needed: 1}
}

// Verdicts returns those of all targets, sorted by host and path whatever their
// case. The caller owns the slice.
func (m *Monitor) Verdicts() []Verdict {
	s := m.set.Load()
	all := make([]Verdict, len(s.sorted))
	for i, t := range s.sorted {
		all[i] = *t.verdict.Load()
	}
	return all
}

// Isolated reports whether every host watched, two at least, has stopped
// answering, so that our own network is in doubt, and since when nobody answers.
func (m *Monitor) Isolated() (since time.Time, yes bool) {
	if at := m.isolated.Load(); at != nil {
		return *at, true
	}
	return time.Time{}, false
}

// Changed returns a channel, the same each time, that receives after the State
// of some target or Isolated has changed. It has room for one: changes that
// nobody has received yet are told as one.
func (m *Monitor) Changed() <-chan struct{} { return m.changed }

func (m *Monitor) tell()   { raise(m.changed) }
func (m *Monitor) wakeUp() { raise(m.wake) }

// raise fills a channel that holds one, if it is empty.
func raise(c chan<- struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// recount counts the targets anew after the set has changed.
func (m *Monitor) recount() {
	m.counts = [states]int{}
	for _, t := range m.set.Load().sorted {
		m.counts[t.condition.state]++
	}
	m.metrics.show(m.counts)
}
