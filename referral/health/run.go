package health

import (
	"context"
	"errors"
	"sync"
	"time"
)

const (
	// firstWithin bounds how long a new target waits for its first probe.
	firstWithin = 2 * time.Second
	// jitter is the part of an interval by which it varies, one in that many, so
	// that hosts do not fall into step.
	jitter = 10
	// idle is how long Run sleeps where nothing is due; it is woken if that changes.
	idle = time.Hour
)

// note is a failure as it is shown.
type note struct {
	stage Stage
	why   string // "": no failure
}

// run is one probe of one host: what was asked, and what came of it.
type run struct {
	host      *host
	name      string
	timeout   time.Duration
	targets   []*target
	paths     []string
	began     time.Time
	ended     time.Time
	elsewhere time.Time // when another host had last answered as it began
	result    Result
}

// Run probes until ctx ends, and then returns nil. When it returns, every probe
// has ended; those that ctx cut short count for nothing.
func (m *Monitor) Run(ctx context.Context) error {
	results := make(chan *run, m.concurrency)
	var probes sync.WaitGroup
	defer m.abandon()
	defer probes.Wait()
	m.spread()
	timer := time.NewTimer(idle)
	defer timer.Stop()
	for {
		for r := m.begin(); r != nil; r = m.begin() {
			probes.Go(func() { m.probe(ctx, r, results) })
		}
		timer.Reset(m.pause())
		select {
		case <-ctx.Done():
			return nil
		case r := <-results:
			m.finish(r)
		case <-m.wake:
		case <-timer.C:
		}
	}
}

// probe asks a host and hands the result in. The channel has room for as many
// as there are probes at a time.
func (m *Monitor) probe(ctx context.Context, r *run, results chan<- *run) {
	limited, stop := context.WithTimeout(ctx, r.timeout)
	defer stop()
	r.result = m.prober.Probe(limited, r.name, r.paths)
	r.ended = time.Now()
	if ctx.Err() == nil {
		results <- r
	}
}

// spread begins the schedule: what waited for Run to be called is due soon, but
// not all at once.
func (m *Monitor) spread() {
	m.mu.Lock()
	defer m.mu.Unlock()
	now := time.Now()
	for _, h := range m.hosts {
		m.queue.schedule(h, m.first(h, now))
	}
}

// abandon forgets the probes that Run has cut short.
func (m *Monitor) abandon() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.running = 0
	for _, h := range m.hosts {
		if h.running {
			m.release(h, time.Now())
		}
	}
}

// begin takes the host that is due first, if one is due and a slot is free.
func (m *Monitor) begin() *run {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.running >= m.concurrency {
		return nil
	}
	now := time.Now()
	h := m.queue.take(now)
	if h == nil {
		return nil
	}
	m.running++
	h.running, h.began = true, now
	return &run{
		host: h, name: h.name, timeout: h.timeout, targets: h.targets, paths: h.paths,
		began: now, elsewhere: m.network.elsewhere(h.key),
	}
}

// pause is how long nothing needs to be begun. Without a free slot that is until
// a result comes.
func (m *Monitor) pause() time.Duration {
	m.mu.Lock()
	defer m.mu.Unlock()
	if len(m.queue) == 0 || m.running >= m.concurrency {
		return idle
	}
	return max(0, time.Until(m.queue[0].due))
}

// finish draws the conclusions from one probe.
func (m *Monitor) finish(r *run) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.running--
	if r.result.Took <= 0 {
		r.result.Took = r.ended.Sub(r.began)
	}
	m.metrics.took(r.result.Took)
	m.hear(r)
	failed := r.failures()
	for i, t := range r.targets {
		if !t.gone {
			m.judge(t, r, failed(i))
		}
	}
	m.metrics.show(m.counts)
	m.release(r.host, time.Now())
	if r.result.Host != nil {
		m.doubtNetwork()
	}
}

var errUntold = errors.New("the probe says nothing of this target")

// failures returns what says why the probe of target i failed; a note without a
// reason is that of a good one.
func (r *run) failures() func(i int) note {
	if r.result.Host != nil {
		all := noteOf(r.result.Host)
		return func(int) note { return all }
	}
	return func(i int) note {
		if i >= len(r.result.Targets) {
			return noteOf(&Failure{Stage: StageTree, Err: errUntold})
		}
		return noteOf(r.result.Targets[i])
	}
}

func noteOf(f *Failure) note {
	if f == nil {
		return note{}
	}
	return note{stage: f.Stage, why: shorten(f.Error())}
}

// judge moves one target on by what a probe found.
func (m *Monitor) judge(t *target, r *run, failure note) {
	before := t.condition
	failed := failure.why != ""
	t.condition = before.step(outcome{
		failed: failed, hostAnswered: r.result.Host == nil,
		began: r.began, ended: r.ended,
		elsewhere: r.elsewhere, trusted: m.network.trusted,
	}, t.policy)
	t.last, t.took, t.failure = r.ended, r.result.Took, failure
	t.publish(r.ended)
	m.metrics.count(failed)
	if t.condition.state == before.state {
		return
	}
	m.counts[before.state]--
	m.counts[t.condition.state]++
	m.logChange(t, before, r.ended)
	m.tell()
}

// release ends the probe of a host and schedules the next one.
func (m *Monitor) release(h *host, now time.Time) {
	fresh := h.fresh
	h.running, h.fresh = false, false
	if len(h.targets) == 0 {
		delete(m.hosts, h.key)
		return
	}
	due := m.following(h, now)
	if fresh {
		due = earlier(due, m.first(h, now))
	}
	m.queue.schedule(h, due)
}

// first is when a host with new targets is probed.
func (m *Monitor) first(h *host, now time.Time) time.Time {
	within := min(h.interval, firstWithin)
	return now.Add(time.Duration(m.random.Int64N(int64(within))))
}

// following is when a host is probed again: one interval after the last probe
// began, give or take a tenth, or at once where that is over.
func (m *Monitor) following(h *host, now time.Time) time.Time {
	vary := h.interval / jitter
	wait := h.interval - vary + time.Duration(m.random.Int64N(int64(2*vary)+1))
	return later(now, h.began.Add(wait))
}

func earlier(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}
