package sim

import (
	"container/heap"
	"fmt"
	"hash/fnv"
	"math/rand/v2"
	"time"

	"dfsd/replication"
	"dfsd/replication/version"
)

// Faults are what the network does to messages. While some are lost, a fourth
// of that share of installs finds the disk full.
type Faults struct {
	Loss, Duplicate float64       // probabilities
	Delay           time.Duration // the longest; each message takes up to it
}

type task struct {
	at  int64
	seq int
	run func()
}

type tasks []task

func (q tasks) Len() int { return len(q) }
func (q tasks) Less(i, j int) bool {
	return q[i].at < q[j].at || q[i].at == q[j].at && q[i].seq < q[j].seq
}
func (q tasks) Swap(i, j int) { q[i], q[j] = q[j], q[i] }
func (q *tasks) Push(x any)   { *q = append(*q, x.(task)) }
func (q *tasks) Pop() any     { o := *q; t := o[len(o)-1]; *q = o[:len(o)-1]; return t }

// World is one run: its members, clock, network and oracles.
type World struct {
	rng     *rand.Rand
	now     int64
	seq     int
	queue   tasks
	members []*Member
	faults  Faults
	sends   map[[2]int]bool // connections: sender, receiver
	cut     map[[2]int]bool
	slow    bool // first scans take a while
	tight   int  // installs and contents under way at once, 0: the default
	steps   int
	records int    // sent so far
	sum     uint64 // of the trace so far
	trace   func(string)
	err     error

	saves  map[string]*save
	issued map[version.Stamp]replication.Record
}

// start is noon of a day, so that skewed clocks stay positive.
const start = int64(1_000_000 * time.Second)

// NewWorld returns a world without members. trace, if not nil, is told
// everything that happens.
func NewWorld(seed uint64, f Faults, trace func(string)) *World {
	return &World{
		rng: rand.New(rand.NewPCG(seed, 0)), now: start, faults: f, trace: trace,
		sends: map[[2]int]bool{}, cut: map[[2]int]bool{},
		saves: map[string]*save{}, issued: map[version.Stamp]replication.Record{},
	}
}

// Err returns the first violation of an oracle.
func (w *World) Err() error { return w.err }

// Steps returns how many events the cores have taken.
func (w *World) Steps() int { return w.steps }

// Sum returns a sum of all that has happened: equal runs have equal sums.
func (w *World) Sum() uint64 { return w.sum }

func (w *World) fail(format string, args ...any) {
	if w.err == nil {
		w.err = fmt.Errorf(format, args...)
		w.note("FAILED %v", w.err)
	}
}

func (w *World) note(format string, args ...any) {
	line := fmt.Sprintf(format, args...)
	h := fnv.New64a()
	fmt.Fprintf(h, "%d %d %s", w.sum, w.now, line)
	w.sum = h.Sum64()
	if w.trace != nil {
		w.trace(fmt.Sprintf("%8.3fs %s", float64(w.now-start)/1e9, line))
	}
}

func (w *World) after(d time.Duration, run func()) {
	w.seq++
	heap.Push(&w.queue, task{w.now + int64(d), w.seq, run})
}

// soon is a random time up to the longest.
func (w *World) soon(longest time.Duration) time.Duration {
	return time.Duration(w.rng.Int64N(int64(longest))) + 1
}

// run lets d of virtual time pass.
func (w *World) run(d time.Duration) {
	end := w.now + int64(d)
	for w.err == nil && len(w.queue) > 0 && w.queue[0].at <= end {
		t := heap.Pop(&w.queue).(task)
		w.now = t.at
		t.run()
	}
	w.now = max(w.now, end)
}

// post carries a message between two members, or not. A cut link carries none,
// and what is under way when it is cut is lost.
func (w *World) post(from, to int, deliver func()) {
	n := 1
	if w.rng.Float64() < w.faults.Duplicate {
		n = 2
	}
	for range n {
		if w.rng.Float64() < w.faults.Loss {
			continue
		}
		w.after(w.soon(w.faults.Delay), func() {
			if !w.cut[[2]int{from, to}] && w.members[to].up {
				deliver()
			}
		})
	}
}

// Heal ends all faults of the network and brings every member up.
func (w *World) Heal() {
	clear(w.cut)
	w.faults.Loss, w.faults.Duplicate = 0, 0
	for _, m := range w.members {
		if !m.up {
			m.restart()
		}
	}
}

// Settle runs until nothing changes any more, and tells whether that came.
func (w *World) Settle() bool {
	quiet, last := 0, w.state()
	enough := 20
	if w.tight > 0 { // contents that are nowhere are asked for in turn before they are given up
		enough = 80
	}
	for range 300 {
		w.run(time.Second)
		if w.err != nil {
			return false
		}
		now := w.state()
		if quiet++; now != last {
			quiet, last = 0, now
		}
		if quiet >= enough {
			return true
		}
	}
	return false
}

// state sums up everything that changes while there is work.
func (w *World) state() uint64 {
	h := fnv.New64a()
	for _, m := range w.members {
		fmt.Fprint(h, m.up, m.disk.tree(), m.digest())
	}
	return h.Sum64()
}
