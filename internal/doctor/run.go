package doctor

import (
	"context"
	"sync"
	"time"
)

const (
	// checkTimeout bounds one check.
	checkTimeout = 10 * time.Second
	// grace is what a check whose time is over gets to say what it has found.
	grace = time.Second
	// atOnce bounds how many checks run at the same time.
	atOnce = 8
)

// Check is one look at something.
type Check struct {
	// Area is one of the constants of this package, and Name tells checks of one
	// area apart.
	Area, Name string
	// Run looks, and ends soon after ctx does.
	Run func(ctx context.Context) []Finding
}

// Run runs checks, eight at a time and each for at most 10 s, and returns their
// findings in the order of the checks. at, which may be nil, gets each finding
// once its check has ended; it is never called concurrently, and not after Run
// has returned. A check that hangs in the operating system, as one on a dead
// network file system does, is a failed finding, and its goroutine is left
// behind until the system lets it go.
func Run(ctx context.Context, checks []Check, at func(Finding)) []Finding {
	found := make([][]Finding, len(checks))
	turns := make(chan struct{}, atOnce)
	var telling sync.Mutex
	var wg sync.WaitGroup
	for i, c := range checks {
		turns <- struct{}{}
		wg.Go(func() {
			defer func() { <-turns }()
			found[i] = c.findings(ctx)
			if at == nil {
				return
			}
			telling.Lock()
			defer telling.Unlock()
			for _, f := range found[i] {
				at(f)
			}
		})
	}
	wg.Wait()
	var all []Finding
	for _, f := range found {
		all = append(all, f...)
	}
	return all
}

// findings runs one check and bounds its time.
func (c Check) findings(ctx context.Context) []Finding {
	if ctx.Err() != nil {
		return []Finding{{Area: c.Area, Subject: c.Name, Level: Skipped, Summary: "not looked at: interrupted"}}
	}
	ctx, stop := context.WithTimeout(ctx, checkTimeout)
	defer stop()
	start := time.Now()
	done := make(chan []Finding, 1)
	go func() { done <- c.Run(ctx) }()
	var found []Finding
	select {
	case found = <-done:
	case <-afterEnd(ctx):
		found = []Finding{{
			Area: c.Area, Subject: c.Name, Level: Failed, Summary: "no answer from the operating system within " + checkTimeout.String(),
			Mend: "dmesg | tail  # a disk or a network file system that hangs?",
		}}
	}
	took := time.Since(start).Seconds()
	for i := range found {
		if found[i].Seconds == 0 {
			found[i].Seconds = took
		}
	}
	return found
}

// afterEnd returns a channel that closes when ctx has ended and the grace is
// over.
func afterEnd(ctx context.Context) <-chan struct{} {
	over := make(chan struct{})
	context.AfterFunc(ctx, func() { time.AfterFunc(grace, func() { close(over) }) })
	return over
}
