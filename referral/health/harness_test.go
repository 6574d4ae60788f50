package health

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
	"go.uber.org/zap/zaptest/observer"
)

var (
	errRefused = errors.New("connection refused")
	errNoShare = errors.New("no such share")
)

// behaviour is how a host meets a probe.
type behaviour func(ctx context.Context, paths []string) Result

func good(_ context.Context, paths []string) Result {
	return Result{Targets: make([]*Failure, len(paths)), Took: time.Millisecond}
}

func refuses(context.Context, []string) Result {
	return Result{Host: &Failure{Stage: StageDial, Err: errRefused}}
}

func hangs(ctx context.Context, _ []string) Result {
	<-ctx.Done()
	return Result{Host: &Failure{Stage: StageNegotiate, Err: context.Cause(ctx)}}
}

// slow answers after a while, if it is let.
func slow(d time.Duration) behaviour {
	return func(ctx context.Context, paths []string) Result {
		select {
		case <-ctx.Done():
			return hangs(ctx, paths)
		case <-time.After(d):
			return good(ctx, paths)
		}
	}
}

// lacks answers, but has no share of the given path.
func lacks(path string) behaviour {
	return func(ctx context.Context, paths []string) Result {
		r := good(ctx, paths)
		for i, p := range paths {
			if p == path {
				r.Targets[i] = &Failure{Stage: StageTree, Err: errNoShare}
			}
		}
		return r
	}
}

// call is one probe that the estate met.
type call struct {
	host         string
	paths        []string
	began, ended time.Time
	result       Result
	cut          bool // the Monitor stopped while it ran
}

// estate is a Prober with hosts whose behaviour a test changes. A host without
// one answers.
type estate struct {
	t        *testing.T
	stopping context.Context

	mu      sync.Mutex
	hosts   map[string]behaviour
	calls   []call
	running map[string]bool
	most    int
}

func (e *estate) Probe(ctx context.Context, host string, paths []string) Result {
	e.mu.Lock()
	if e.running[host] {
		e.t.Errorf("%s is probed twice at a time", host)
	}
	e.running[host] = true
	e.most = max(e.most, len(e.running))
	act := e.hosts[host]
	e.mu.Unlock()
	if act == nil {
		act = good
	}
	c := call{host: host, paths: paths, began: time.Now()}
	c.result = act(ctx, paths)
	c.ended = time.Now()
	c.cut = e.stopping.Err() != nil
	e.mu.Lock()
	defer e.mu.Unlock()
	delete(e.running, host)
	e.calls = append(e.calls, c)
	return c.result
}

func (e *estate) become(act behaviour, hosts ...string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, h := range hosts {
		e.hosts[h] = act
	}
}

// ended returns the probes that have ended.
func (e *estate) ended() []call {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.calls[:len(e.calls):len(e.calls)]
}

// of returns those of one host.
func (e *estate) of(host string) []call {
	var found []call
	for _, c := range e.ended() {
		if c.host == host {
			found = append(found, c)
		}
	}
	return found
}

// rig is a Monitor that runs over an estate, in a bubble of virtual time.
type rig struct {
	*Monitor
	*estate
	t     *testing.T
	log   *observer.ObservedLogs
	reg   *prometheus.Registry
	start time.Time
	stop  func() // ends Run and waits for it
}

// inBubble runs a test with a Monitor that watches the targets.
func inBubble(t *testing.T, o Options, targets []Target, test func(b *rig)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		b := newRig(t, o)
		b.Watch(targets)
		b.run()
		test(b)
		b.stop()
	})
}

func newRig(t *testing.T, o Options) *rig {
	core, log := observer.New(zapcore.InfoLevel)
	b := &rig{t: t, log: log, reg: prometheus.NewPedanticRegistry(), start: time.Now()}
	b.estate = &estate{t: t, hosts: map[string]behaviour{}, running: map[string]bool{}}
	o.Prober, o.Log, o.Registry = b.estate, zap.New(core), b.reg
	if o.Random == nil {
		o.Random = rand.New(rand.NewPCG(1, 2))
	}
	b.Monitor = NewMonitor(o)
	return b
}

func (b *rig) run() {
	ctx, cancel := context.WithCancel(b.t.Context())
	b.stopping = ctx
	done := make(chan error, 1)
	go func() { done <- b.Run(ctx) }()
	b.stop = func() {
		cancel()
		if err := <-done; err != nil {
			b.t.Errorf("Run = %v, want nil", err)
		}
	}
}

// wait lets virtual time pass, and then all goroutines settle.
func (b *rig) wait(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

// until waits in steps of 100 ms for a state, and returns how long it took.
func (b *rig) until(host string, want State, limit time.Duration) time.Duration {
	b.t.Helper()
	for waited := time.Duration(0); waited <= limit; waited += 100 * time.Millisecond {
		if b.Verdict(host, "s").State == want {
			return waited
		}
		b.wait(100 * time.Millisecond)
	}
	b.t.Fatalf("%s is not %v within %v: %+v", host, want, limit, b.Verdict(host, "s"))
	return 0
}

// want checks the states of the share s of hosts, in a letter each: u, d or ?.
func (b *rig) want(states string, hosts ...string) {
	b.t.Helper()
	got := ""
	for _, h := range hosts {
		got += map[State]string{Unknown: "?", Up: "u", Down: "d"}[b.Verdict(h, "s").State]
	}
	if got != states {
		b.t.Errorf("after %v: %v are %s, want %s", time.Since(b.start), hosts, got, states)
	}
}

// events returns the ids of the lines logged so far, and forgets them.
func (b *rig) events() []string {
	var ids []string
	for _, line := range b.log.TakeAll() {
		id, _ := line.ContextMap()["event_id"].(string)
		ids = append(ids, id)
	}
	return ids
}

// shares are the share s of each host.
func shares(p Policy, hosts ...string) []Target {
	var targets []Target
	for _, h := range hosts {
		targets = append(targets, Target{Host: h, Path: "s", Policy: p})
	}
	return targets
}

// names returns fs0, fs1 and so on.
func names(n int) []string {
	all := make([]string, n)
	for i := range all {
		all[i] = fmt.Sprintf("fs%d", i)
	}
	return all
}
