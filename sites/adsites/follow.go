package adsites

import (
	"context"
	"math/rand/v2"
	"time"
)

const (
	pollActive = 2 * time.Second
	pollMapped = 5 * time.Second
	minBackoff = time.Second
	maxBackoff = 30 * time.Second
	// rest is the least time between a reading and the next for a change that
	// the server told by itself: a thousand changes are read at once.
	rest = 500 * time.Millisecond
)

// FollowOptions are the times and the chance of Follow.
type FollowOptions struct {
	// Poll is the time between two looks for changes; 0: 2 s in Active
	// Directory, 5 s in other directories.
	Poll time.Duration
	// Random gives the jitter of waiting times: numbers in [0, 1). nil: that of
	// math/rand/v2.
	Random func() float64
}

// Follow reads, delivers, looks for changes and reads again when there are
// some, at once where the server tells them by itself (RFC 4533), or when
// Config.Refresh has passed; it returns when ctx ends, with the
// connection closed. deliver gets each whole topology, also one that is equal
// to the last, and failed each fault; both are called by the goroutine of
// Follow, which waits for them. After a fault it tries again in 1 s to 30 s,
// ever later while faults go on.
func Follow(ctx context.Context, r *Reader, o FollowOptions, deliver func(Reading), failed func(error)) {
	if o.Poll <= 0 {
		o.Poll = pollActive
		if r.config.Mapping != nil {
			o.Poll = pollMapped
		}
	}
	if o.Random == nil {
		o.Random = rand.Float64
	}
	f := follower{topology: r, options: o, refresh: r.config.Refresh, now: r.options.Now, woken: r.woken, deliver: deliver, failed: failed}
	f.run(ctx)
	_ = r.Close() // it is for others no more
}

// topology is what Follow does with a Reader.
type topology interface {
	Read(ctx context.Context) (Reading, error)
	Changed(ctx context.Context, prev Reading) (bool, error)
}

type follower struct {
	topology topology
	options  FollowOptions
	refresh  time.Duration
	now      func() time.Time
	woken    <-chan struct{} // receives when a look is worth while; nil: never
	deliver  func(Reading)
	failed   func(error)
	faults   int // in a row
}

func (f *follower) run(ctx context.Context) {
	for ctx.Err() == nil {
		reading, err := f.topology.Read(ctx)
		if err != nil {
			f.fail(ctx, err)
			continue
		}
		f.faults = 0
		f.deliver(reading)
		f.watch(ctx, reading)
	}
}

// watch returns when it is time to read again.
func (f *follower) watch(ctx context.Context, last Reading) {
	due := f.now().Add(f.refresh)
	for f.pause(ctx, min(f.options.Poll, due.Sub(f.now()))) && f.now().Before(due) {
		changed, err := f.topology.Changed(ctx, last)
		switch {
		case err != nil:
			f.fail(ctx, err)
		case changed:
			return
		default:
			f.faults = 0
		}
	}
}

// pause waits for d, or less where the server tells a change meanwhile. It
// reports whether that came before ctx ended.
func (f *follower) pause(ctx context.Context, d time.Duration) bool {
	first := min(rest, d)
	if !wait(ctx, first) {
		return false
	}
	timer := time.NewTimer(d - first)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-f.woken:
	case <-ctx.Done():
		return false
	}
	return true
}

// fail reports a fault, unless it is only that ctx ended, and waits.
func (f *follower) fail(ctx context.Context, err error) {
	if ctx.Err() != nil {
		return
	}
	f.failed(err)
	wait(ctx, backoff(f.faults, f.options.Random()))
	f.faults++
}

// backoff returns how long to wait after a fault that so many went before: 1 s
// to 2 s at first, then twice that each time, and 15 s to 30 s in the end.
func backoff(before int, random float64) time.Duration {
	longest := min(2*minBackoff<<min(before, 5), maxBackoff)
	return longest/2 + time.Duration(random*float64(longest/2))
}

// wait reports whether the time passed before ctx ended.
func wait(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}
