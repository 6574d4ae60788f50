package journal

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync"
	"time"

	"go.uber.org/zap"
)

// Mode is how a journal hears.
type Mode string

// The modes, best first.
const (
	Fanotify Mode = "fanotify"
	Inotify  Mode = "inotify"
	Scan     Mode = "scan"
)

// What an Options that says nothing gets.
const (
	DefaultMaxWait = time.Minute
	DefaultRescan  = time.Minute
)

// maxPending bounds the names that wait for their rest.
const maxPending = 200_000

// ErrClosed is what Next returns after Close.
var ErrClosed = errors.New("the journal is closed")

// Options say what to hear and when to tell. Only Path must be set.
type Options struct {
	Path string // root of the folder, as the administrator wrote it; links on the way are followed
	Skip string // name at the root that is not watched: ".dfsd"; "" is none
	// Settle is how long a name must have been quiet; 0 tells it at once.
	Settle time.Duration
	// MaxWait is after how long a name that never rests, or was never closed,
	// is told all the same, counted from its first event since it was last
	// told. 0 is DefaultMaxWait, less is never. It is at least Settle.
	MaxWait time.Duration
	// Own is a process whose changes are not told, because it knows them; 0 is
	// none. Fanotify alone can tell whose a change is.
	Own    int
	Mode   Mode          // the best to try; "" is Fanotify
	Rescan time.Duration // how often Scan asks for everything; 0 is DefaultRescan
	Log    *zap.Logger   // nil is silence
}

// Validate tells what no journal can be opened with.
func (o Options) Validate() error {
	switch {
	case o.Path == "":
		return errors.New("no path")
	case o.Settle < 0:
		return fmt.Errorf("settle time %s is negative", o.Settle)
	case o.Rescan < 0:
		return fmt.Errorf("rescan interval %s is negative", o.Rescan)
	}
	switch o.Mode {
	case "", Fanotify, Inotify, Scan:
		return nil
	}
	return fmt.Errorf("unknown mode %q", o.Mode)
}

func (o Options) withDefaults() Options {
	if o.MaxWait == 0 {
		o.MaxWait = DefaultMaxWait
	}
	if o.Rescan == 0 {
		o.Rescan = DefaultRescan
	}
	if o.Log == nil {
		o.Log = zap.NewNop()
	}
	if o.Mode == "" {
		o.Mode = Fanotify
	}
	return o
}

// Journal collects what was heard until it is due. Its methods may be called
// by several goroutines, Next by one at a time.
type Journal struct {
	log     *zap.Logger
	rescan  time.Duration
	src     source // nil where nothing is heard
	own     int    // Options.Own
	wake    chan struct{}
	done    chan struct{}
	closing sync.Once
	reader  sync.WaitGroup

	mu      sync.Mutex // guards what follows
	mode    Mode
	pending *settle
	scanAt  time.Time // in Scan: when everything is asked for next
}

// Open begins to hear changes below o.Path, in the best mode that works from
// o.Mode on, and starts the goroutine that listens until Close. With Inotify
// it walks the tree once. The error tells of an Options that Validate refuses
// or a Path that is no directory; a mode that does not work is only logged.
func Open(o Options) (*Journal, error) {
	if err := o.Validate(); err != nil {
		return nil, fmt.Errorf("open journal: %w", err)
	}
	o = o.withDefaults()
	if st, err := os.Stat(o.Path); err != nil {
		return nil, fmt.Errorf("open journal: %w", err)
	} else if !st.IsDir() {
		return nil, fmt.Errorf("open journal: %s is not a directory", o.Path)
	}
	mode, src := o.best()
	j := newJournal(o, mode, src)
	o.Log.Info("journal open", zap.String("mode", string(j.Mode())), zap.String("path", o.Path))
	return j, nil
}

// best opens the first source that works; nil with Scan.
func (o Options) best() (Mode, source) {
	modes := []Mode{Fanotify, Inotify}
	if o.Mode == Inotify {
		modes = modes[1:]
	}
	if o.Mode == Scan {
		modes = nil
	}
	for _, m := range modes {
		src, err := openSource(m, o)
		if err == nil {
			return m, src
		}
		o.Log.Warn("journal cannot hear this way and tries the next", zap.String("mode", string(m)),
			zap.String("path", o.Path), zap.Error(err))
	}
	return Scan, nil
}

func newJournal(o Options, mode Mode, src source) *Journal {
	j := &Journal{
		log: o.Log.With(zap.String("path", o.Path)), rescan: o.Rescan, src: src, own: o.Own, mode: mode,
		wake: make(chan struct{}, 1), done: make(chan struct{}),
		pending: newSettle(o.Settle, o.MaxWait, maxPending),
		scanAt:  time.Now().Add(o.Rescan),
	}
	if src != nil {
		j.reader.Go(j.listen)
	}
	return j
}

// Mode returns how the journal hears now. It becomes Scan when the kernel
// refuses further watches or the listening fails; what can still be heard is
// told as before.
func (j *Journal) Mode() Mode {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.mode
}

// listen brings what the source hears to the pending names until it ends.
func (j *Journal) listen() {
	for {
		batch, err := j.src.next()
		if err != nil {
			batch = append(batch, event{at: name{dir: "."}, kind: refused, deep: true})
		}
		select {
		case <-j.done:
			return
		default:
		}
		if err != nil {
			j.log.Error("journal hears no more and surveys instead", zap.Error(err))
		}
		j.hear(batch)
		if err != nil {
			return
		}
	}
}

// hear takes a batch over.
func (j *Journal) hear(batch []event) {
	now := time.Now()
	j.mu.Lock()
	for _, e := range batch {
		if e.kind == refused && j.mode != Scan {
			j.mode, j.scanAt = Scan, now.Add(j.rescan)
		}
	}
	j.pending.add(now, batch)
	j.mu.Unlock()
	select {
	case j.wake <- struct{}{}:
	default:
	}
}

// Changed tells the journal of a change below dir/base that Options.Own, this
// process, made as a user would. It is told like any that is heard. Where such a
// change is heard anyhow, or nothing is heard, this does nothing.
func (j *Journal) Changed(dir, base string) {
	if j.own != 0 && j.Mode() == Fanotify {
		j.hear([]event{{at: name{dir, base}, deep: true}})
	}
}

// Next blocks until hints are due and returns all that are due at that
// moment, sorted by Dir and Name, without duplicates and without those that
// another of them covers. Both sides of a rename come in the same batch. The
// slice is the caller's. The error is ctx's, or ErrClosed.
func (j *Journal) Next(ctx context.Context) ([]Hint, error) {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		select {
		case <-j.done:
			return nil, ErrClosed
		default:
		}
		hints, wait := j.take(time.Now())
		if len(hints) > 0 {
			return compact(hints), nil
		}
		timer.Reset(wait)
		select {
		case <-ctx.Done():
		case <-j.done:
		case <-j.wake:
		case <-timer.C:
		}
	}
}

// take returns what is due now, or how long there is nothing to do.
func (j *Journal) take(now time.Time) ([]Hint, time.Duration) {
	j.mu.Lock()
	defer j.mu.Unlock()
	hints := j.pending.take(now)
	wait := time.Hour
	if due, waits := j.pending.due(); waits {
		wait = min(wait, due.Sub(now))
	}
	if j.mode == Scan {
		if !now.Before(j.scanAt) {
			hints = append(hints, Hint{Dir: ".", Deep: true})
			j.scanAt = now.Add(j.rescan)
		}
		wait = min(wait, j.scanAt.Sub(now))
	}
	return hints, wait
}

// Close stops hearing and waits for the goroutine that listened. What was
// heard and not yet told is lost. A second Close does nothing.
func (j *Journal) Close() error {
	var err error
	j.closing.Do(func() {
		close(j.done)
		if j.src == nil {
			return
		}
		err = j.src.interrupt()
		j.reader.Wait()
		err = errors.Join(err, j.src.close())
	})
	if err != nil {
		return fmt.Errorf("close journal: %w", err)
	}
	return nil
}
