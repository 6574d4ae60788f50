package transfer

import (
	"context"
	"sync"
	"time"

	"go.uber.org/zap"

	"dfsd/replication"
	"dfsd/replication/version"
	"dfsd/replication/wire"
)

const (
	packWorkers  = 8        // packs under way at a time
	packFiles    = 512      // files of one pack
	packBytes    = 1 << 20  // of content of one pack, unless its first file is longer
	memory       = 24 << 20 // bytes of small files under way or waiting to be taken
	jobOverhead  = 512      // bytes that a small file costs beyond its content
	largeWorkers = 3        // large contents under way at a time
	medium       = 64 << 20 // one of the large workers never takes more than that
	maxStrikes   = 3        // wrong things that sources may send for one content
	restTime     = time.Second / 2
	longestPause = 8 * time.Second
	lingering    = 30 * time.Second // that a large content under way waits for a source with its worker
)

// Fetcher brings contents. Its methods are safe for concurrent use.
type Fetcher struct {
	o       Options
	results chan []Result

	mu      sync.Mutex // guards all below
	changed *sync.Cond
	stopped bool
	jobs    map[replication.FileID]*job
	small   queue
	large   queue
	parked  []*job               // no source can be asked for them now
	pause   time.Duration        // until the parked are looked at again
	rested  map[string]time.Time // until when hosts are left alone

	out       []Result // ready
	outCharge int64
	charged   int64 // bytes of small files in memory

	busy      map[replication.Hash]bool // large contents under way
	running   int                       // of those
	inFlight  int64                     // their bytes
	delivered map[string]delivered      // temporaries that may stand in staging still, by name
	standing  int64                     // their bytes
	trash     []replication.Hash        // temporaries that nobody wants
	cramped   map[replication.Hash]cramped
	blocked   time.Time // since when the quota holds up the next large one

	progress Progress
}

// job is a Job on its way.
type job struct {
	id      replication.FileID
	hash    replication.Hash
	size    int64
	base    replication.Hash
	hasBase bool

	// Guarded by Fetcher.mu:
	stamp  version.Stamp
	dead   bool               // replaced, dropped or done
	beg    bool               // Job.AskAll
	cancel context.CancelFunc // ends the work on a large one

	// Owned by whoever works on it:
	denied  []denial
	strikes int
	plain   bool // no recipe any more
	looked  bool // for the content here
	charge  int64
}

func (j *job) want() wire.Want { return wire.Want{ID: j.id, Hash: j.hash} }

func (j *job) isSmall() bool { return j.size <= wire.MaxInline }

// NewFetcher returns a Fetcher that does nothing before Run.
func NewFetcher(o Options) *Fetcher {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Log == nil {
		o.Log = zap.NewNop()
	}
	f := &Fetcher{
		o: o, results: make(chan []Result), jobs: map[replication.FileID]*job{}, rested: map[string]time.Time{},
		busy: map[replication.Hash]bool{}, pause: restTime, delivered: map[string]delivered{}, cramped: map[replication.Hash]cramped{},
		progress: Progress{Received: map[string]int64{}},
	}
	f.changed = sync.NewCond(&f.mu)
	return f
}

// Want adds a job and never blocks. It replaces one of the same file that has
// no result yet; that gets none, unless it is in a batch that waits to be taken.
// A job for the content of the one before goes on with what that has. After a
// result, wanting the same content again gives the temporary of that result
// back, if it was not used up.
func (f *Fetcher) Want(w Job) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if old := f.jobs[w.Record.ID]; old != nil {
		if old.hash == w.Record.Hash && old.size == w.Record.Size {
			old.stamp, old.beg = w.Record.Stamp, old.beg || w.AskAll
			return
		}
		f.forget(old)
	}
	j := &job{
		id: w.Record.ID, hash: w.Record.Hash, size: w.Record.Size, stamp: w.Record.Stamp,
		base: w.Base, hasBase: w.HasBase && w.Base != w.Record.Hash, beg: w.AskAll,
	}
	f.jobs[j.id] = j
	f.progress.Queued++
	f.progress.QueuedBytes += j.size
	f.enqueue(j)
	f.changed.Broadcast()
}

// Drop forgets the job of a file, and what came of a large content unless
// another file wants the same.
func (f *Fetcher) Drop(id replication.FileID) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if j := f.jobs[id]; j != nil {
		f.forget(j)
		f.changed.Broadcast()
	}
}

// Changed tells that partners came, went or hold more: jobs that wait for a
// source look again at once. Without it they do so ever more rarely, in the end
// every eight seconds.
func (f *Fetcher) Changed() {
	f.mu.Lock()
	defer f.mu.Unlock()
	clear(f.rested)
	f.pause = restTime
	f.unpark()
}

// AskAll makes the jobs that wait for a source ones of Job.AskAll: it is for when
// nobody has more to tell. Nobody claims to hold a version whose maker has lost its
// index; the content may be there, and where it is not the result says so.
func (f *Fetcher) AskAll() {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, j := range f.parked {
		j.beg = true
	}
	f.unpark()
}

// Results is where results come, as many at a time as are ready. Memory for
// further small files is free when a batch was taken. It is closed when Run
// returns.
func (f *Fetcher) Results() <-chan []Result { return f.results }

// Progress returns how far the work is.
func (f *Fetcher) Progress() Progress {
	f.mu.Lock()
	defer f.mu.Unlock()
	p := f.progress
	p.Received = make(map[string]int64, len(f.progress.Received))
	for host, n := range f.progress.Received {
		p.Received[host] = n
	}
	return p
}

// Run works until ctx ends and returns nil. When it returns, every goroutine
// has ended; what was not delivered is queued still, but Run works once.
func (f *Fetcher) Run(ctx context.Context) error {
	defer context.AfterFunc(ctx, func() {
		f.mu.Lock()
		defer f.mu.Unlock()
		f.stopped = true
		f.changed.Broadcast()
	})()
	var parts sync.WaitGroup
	for range packWorkers {
		parts.Go(func() { f.fetchSmall(ctx) })
	}
	for i := range largeWorkers {
		longest := int64(1<<63 - 1)
		if i == 0 {
			longest = medium
		}
		parts.Go(func() { f.fetchLarge(ctx, longest) })
	}
	parts.Go(func() { f.deliver(ctx) })
	parts.Go(func() { f.tidy(ctx) })
	parts.Wait()
	close(f.results)
	return nil
}

// forget takes a job out. f.mu is held.
func (f *Fetcher) forget(j *job) {
	f.retire(j)
	if j.cancel != nil {
		j.cancel()
	}
	if !j.isSmall() {
		f.trash = append(f.trash, j.hash)
	}
}

// retire ends the life of j. f.mu is held.
func (f *Fetcher) retire(j *job) {
	j.dead = true
	delete(f.jobs, j.id)
	f.progress.Queued--
	f.progress.QueuedBytes -= j.size
}

// enqueue puts j where a worker finds it. f.mu is held.
func (f *Fetcher) enqueue(j *job) {
	if j.isSmall() {
		f.small.push(j)
	} else {
		f.large.push(j)
	}
}

// requeue gives jobs back that could not be finished now. Those that wait for a
// source are looked at again later.
func (f *Fetcher) requeue(park bool, jobs ...*job) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, j := range jobs {
		f.charged -= j.charge
		j.charge = 0
		j.cancel = nil
		switch {
		case j.dead:
		case park:
			f.parked = append(f.parked, j)
		default:
			f.enqueue(j)
		}
	}
	f.changed.Broadcast()
}

// unpark lets parked jobs look for sources again. f.mu is held.
func (f *Fetcher) unpark() {
	for _, j := range f.parked {
		if !j.dead {
			f.enqueue(j)
		}
	}
	f.parked = nil
	f.changed.Broadcast()
}
