package targets

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/zap"

	"dfsd/namespace"
	"dfsd/referral"
	"dfsd/referral/health"
	"dfsd/referral/targetstate"
	"dfsd/replication/summary"
)

// Replicas tells what hosts say of their replication; *summary.Exchange does.
type Replicas interface {
	Hosts() []summary.Host
	Changed() <-chan struct{}
	Knows(host string) bool // whether it is in the configuration
}

// Options is what a Keeper works with. Store is required.
type Options struct {
	Monitor  *health.Monitor // nil: nothing is probed
	Replicas Replicas        // nil: nothing is heard of replication
	// Members counts the members of a replicated folder, named group/folder, as
	// configured; nil: there are always several.
	Members func(folder string) int
	// SiteOf is the site that a target is in, "" where that is unknown; nil: the
	// one that the configuration gives it.
	SiteOf   func(t namespace.Target) string
	Store    *targetstate.Store
	Started  time.Time             // of this process
	Registry prometheus.Registerer // nil: nobody counts
	Log      *zap.Logger           // nil: nobody hears
}

// Keeper keeps the state of all targets current. Its methods are safe for
// concurrent use.
type Keeper struct {
	o       Options
	metrics *metrics
	news    chan struct{} // a decision was made

	judging sync.Mutex // one judgement at a time; it guards what follows
	foreign foreign
	unsaved bool            // demotions are to be written
	failing map[string]bool // what could not be written, by what the log said

	telling sync.Mutex // guards told
	told    told

	mu     sync.Mutex // guards what follows
	source *Source    // in force
	plans  []Drain
}

// NewKeeper returns a Keeper that knows no targets yet. It starts nothing.
func NewKeeper(o Options) *Keeper {
	if o.Log == nil {
		o.Log = zap.NewNop()
	}
	k := &Keeper{o: o, metrics: newMetrics(o.Registry), news: make(chan struct{}, 1), unsaved: true, failing: map[string]bool{}}
	k.recall(time.Now())
	return k
}

// See judges the targets of ns for the first time and returns what tells
// referrals of them. It counts from Use on.
func (k *Keeper) See(ns *namespace.Snapshot) *Source {
	if s := k.current(); s != nil && s.snapshot == ns {
		return s
	}
	k.judging.Lock()
	defer k.judging.Unlock()
	s := newSource(ns)
	j := k.judge(s, time.Now())
	s.table.Store(j.table)
	s.untold = slices.DeleteFunc(j.changed, func(c change) bool { return c.to.State >= referral.Drained }) // somebody wanted that
	return s
}

// Use puts a Source in force: from now on its targets are probed and judged.
func (k *Keeper) Use(s *Source) {
	k.mu.Lock()
	before := k.source
	k.source = s
	k.mu.Unlock()
	if m := k.o.Monitor; before != s && m != nil {
		if before == nil {
			m.Restore(k.wereDown(s.snapshot))
		}
		m.Watch(watched(s.snapshot))
	}
	k.tell()
}

func (k *Keeper) current() *Source {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.source
}

// tell has targets judged anew soon.
func (k *Keeper) tell() {
	select {
	case k.news <- struct{}{}:
	default:
	}
}

// wereDown are the targets that were down before the restart: like any that is
// down, they have to answer as often as their policy says.
func (k *Keeper) wereDown(ns *namespace.Snapshot) []health.Verdict {
	statuses := k.o.Store.Statuses()
	if len(statuses) == 0 {
		return nil
	}
	var down []health.Verdict
	each(ns, func(root *namespace.Root, link namespace.Link, t namespace.Target) {
		if saved, known := statuses[key(root, link, t)]; known && saved.State == referral.Down {
			down = append(down, health.Verdict{Host: t.Host(), Path: pathOf(t), State: health.Down, Since: saved.Since, Why: saved.Reason})
		}
	})
	return down
}

// watched are the targets that a namespace has probed. What the configuration
// has offline is not: nobody is sent there.
func watched(ns *namespace.Snapshot) []health.Target {
	var all []health.Target
	for _, root := range ns.Roots() {
		probe, ok := root.Probe()
		if !ok {
			continue
		}
		policy := health.Policy{Interval: probe.Interval, Timeout: probe.Timeout, DownAfter: probe.DownAfter, UpAfter: probe.UpAfter}
		for link := range root.Links() {
			for i := range link.NumTargets() {
				if t := link.Target(i); t.State() == namespace.Online {
					all = append(all, health.Target{Host: t.Host(), Path: pathOf(t), Policy: policy})
				}
			}
		}
	}
	return all
}

// pathOf is share\dir of a target.
func pathOf(t namespace.Target) string {
	path := t.Path()
	return path[len(`\\`)+len(t.Host())+len(`\`):]
}

// How often targets are judged.
const (
	newsPause = 100 * time.Millisecond // between news and the judgement that takes it in
	idlePause = 500 * time.Millisecond
	share     = 20 // judging may take one part in as many of the time
)

// Run judges until ctx ends.
func (k *Keeper) Run(ctx context.Context) {
	var probed, heard <-chan struct{}
	if k.o.Monitor != nil {
		probed = k.o.Monitor.Changed()
	}
	if k.o.Replicas != nil {
		heard = k.o.Replicas.Changed()
	}
	pause := newsPause
	for {
		idle := time.NewTimer(max(idlePause, pause))
		select {
		case <-ctx.Done():
			idle.Stop()
			return
		case <-probed:
		case <-heard:
		case <-k.news:
		case <-idle.C:
		}
		idle.Stop()
		if !wait(ctx, pause) {
			return
		}
		began := time.Now()
		k.turn(began)
		pause = max(newsPause, share*time.Since(began))
	}
}

func wait(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-t.C:
		return true
	}
}

// turn judges the targets in force, takes drains a step further, and tells what
// has changed.
func (k *Keeper) turn(now time.Time) {
	k.judging.Lock()
	defer k.judging.Unlock()
	s := k.current()
	if s == nil {
		return
	}
	k.recount(now)
	j := k.judge(s, now)
	plans, moved := k.advance(s, j, now)
	if moved { // what a drain has just taken out is out in this very turn
		j = k.judge(s, now)
	}
	s.table.Store(j.table)
	s.ended = nil
	k.mu.Lock()
	ended := k.plans
	k.plans = plans
	k.mu.Unlock()
	k.tellExpired(ended, now)
	k.metrics.count(j)
	changed := append(s.untold, j.changed...)
	s.untold = nil
	k.report(changed)
	if k.unsaved = k.unsaved || len(changed) > 0; k.unsaved {
		k.unsaved = !k.wrote("the states of targets are not kept for the next start", k.o.Store.SaveStatuses(j.demoted))
	}
	k.keepForeign(now)
}

// wrote logs what could not be written, and that it could again, once each, since
// it is tried again with each judgement. It reports whether it was.
func (k *Keeper) wrote(fault string, err error) bool {
	switch before := k.failing[fault]; {
	case err != nil && !before:
		k.o.Log.Error("state is not kept", zap.String("fault", fault), zap.Error(err))
	case err == nil && before:
		k.o.Log.Info("state is kept again", zap.String("fault", fault))
	}
	k.failing[fault] = err != nil
	return err == nil
}

// recount counts decisions anew from now that were made at a time that has not
// come yet.
func (k *Keeper) recount(now time.Time) {
	n, err := k.o.Store.Recount(now)
	if k.wrote("decisions of a clock that was set back since", err) && n > 0 {
		k.o.Log.Warn("the clock was set back: what was decided about targets counts anew from now", zap.Int("decisions", n))
	}
}

// Isolated returns since when no probe at all is answered, false where some are.
func (k *Keeper) Isolated() (time.Time, bool) {
	if k.o.Monitor == nil {
		return time.Time{}, false
	}
	return k.o.Monitor.Isolated()
}

// Verdict is what probes say of a target, false where it is not probed.
func (k *Keeper) Verdict(root *namespace.Root, t namespace.Target) (health.Verdict, bool) {
	if _, probed := root.Probe(); !probed || k.o.Monitor == nil || t.State() == namespace.Offline {
		return health.Verdict{}, false
	}
	return k.o.Monitor.Verdict(t.Host(), pathOf(t)), true
}

// State is what a target counts as by the table in force.
func (k *Keeper) State(t namespace.Target) targetstate.Status {
	s := k.current()
	if s == nil {
		return targetstate.Status{State: referral.Up}
	}
	return s.Status(t)
}
