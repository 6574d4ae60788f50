package adsites

import (
	"context"
	"time"
)

// race lets entrants try one after the other, in their order, and does not wait
// for one that is silent: the next may start when the latest has failed, or has
// had its head start. Who started keeps its chance; the first to succeed wins.
type race[T any] struct {
	headStart time.Duration
	abreast   int // how many try at the same time, at most
	// try is called concurrently, once for each entrant that starts. It ends soon
	// after ctx has, with an error then, unless it had succeeded before.
	try func(ctx context.Context, entrant int) (T, error)
	// discard takes what an entrant gave that succeeded after another had won.
	discard func(T)
}

// outcome is how a race ended.
type outcome[T any] struct {
	winner int     // nobody: -1
	prize  T       // what the winner gave
	faults []error // by entrant: why it failed
	silent []int   // who had a head start and no answer by the time another won
}

// lap is what an entrant's try came to.
type lap[T any] struct {
	entrant int
	prize   T
	err     error
}

// run returns when somebody has won, all have failed, or ctx has ended and all
// that started have failed of it. No try is under way then.
func (r race[T]) run(ctx context.Context, entrants int) outcome[T] {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	out := outcome[T]{winner: -1, faults: make([]error, entrants)}
	started := make([]time.Time, 0, min(entrants, r.abreast))
	running := map[int]bool{}
	laps := make(chan lap[T])
	head := time.NewTimer(0)
	defer head.Stop()
	due := true
	for {
		if due && len(started) < entrants && len(running) < r.abreast && ctx.Err() == nil {
			i := len(started)
			started, running[i], due = append(started, time.Now()), true, false
			go func() { laps <- r.lap(ctx, i) }()
			head.Reset(r.headStart)
		}
		if len(running) == 0 {
			return out
		}
		select {
		case <-head.C:
			due = true
		case l := <-laps:
			delete(running, l.entrant)
			if l.err == nil {
				out.winner, out.prize = l.entrant, l.prize
				out.silent = r.outpaced(running, started)
				stop()
				r.collect(laps, len(running))
				return out
			}
			out.faults[l.entrant] = l.err
			due = due || l.entrant == len(started)-1
		}
	}
}

func (r race[T]) lap(ctx context.Context, entrant int) lap[T] {
	prize, err := r.try(ctx, entrant)
	return lap[T]{entrant, prize, err}
}

// outpaced returns who of those that are running has had a head start, in order.
func (r race[T]) outpaced(running map[int]bool, started []time.Time) []int {
	var silent []int
	for i, at := range started {
		if running[i] && time.Since(at) >= r.headStart {
			silent = append(silent, i)
		}
	}
	return silent
}

// collect waits for tries that have lost.
func (r race[T]) collect(laps <-chan lap[T], running int) {
	for range running {
		if l := <-laps; l.err == nil {
			r.discard(l.prize)
		}
	}
}
