package health

import (
	"context"
	"fmt"
	"runtime"
	"sync/atomic"
	"testing"
	"time"
)

// counting is a Prober that answers at once, and stops the clock after n probes.
type counting struct {
	left    atomic.Int64
	enough  context.CancelFunc
	answers []*Failure
}

func (c *counting) Probe(_ context.Context, _ string, paths []string) Result {
	if c.left.Add(-1) == 0 {
		c.enough()
	}
	return Result{Targets: c.answers[:len(paths)], Took: time.Microsecond}
}

// BenchmarkMonitor probes 10,000 targets on 1,000 hosts as fast as one core can,
// with a Prober that costs nothing, and says which part of a core they take at an
// interval of ten seconds.
func BenchmarkMonitor(b *testing.B) {
	const hosts, shares = 1000, 10
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	ctx, cancel := context.WithCancel(b.Context())
	p := &counting{enough: cancel, answers: make([]*Failure, shares)}
	p.left.Store(int64(b.N))
	m := NewMonitor(Options{Prober: p})
	var targets []Target
	for h := range hosts {
		for s := range shares {
			targets = append(targets, Target{
				Host: fmt.Sprintf("fs%d.corp.example.com", h), Path: fmt.Sprintf("share%d", s),
				Policy: Policy{Interval: time.Millisecond},
			})
		}
	}
	m.Watch(targets)
	b.ReportAllocs()
	b.ResetTimer()
	if err := m.Run(ctx); err != nil {
		b.Fatal(err)
	}
	perHost := b.Elapsed() / time.Duration(b.N)
	b.ReportMetric(perHost.Seconds()*hosts/10*100, "%core@10s")
}

func BenchmarkVerdict(b *testing.B) {
	m := NewMonitor(Options{})
	var targets []Target
	for h := range 1000 {
		targets = append(targets, Target{Host: fmt.Sprintf("fs%d.corp.example.com", h), Path: "projects"})
	}
	m.Watch(targets)
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			if m.Verdict("FS77.corp.example.com", "Projects").State != Unknown {
				b.Error("a verdict without a probe")
			}
		}
	})
}

func BenchmarkWatch(b *testing.B) {
	m := NewMonitor(Options{})
	var targets []Target
	for i := range 10000 {
		targets = append(targets, Target{Host: fmt.Sprintf("fs%d.corp.example.com", i%1000), Path: fmt.Sprintf("share%d", i/1000)})
	}
	for b.Loop() {
		m.Watch(targets)
	}
}
