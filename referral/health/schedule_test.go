package health

import (
	"context"
	"slices"
	"testing"
	"testing/synctest"
	"time"
)

func TestFirstProbesComeSoon(t *testing.T) {
	for _, tt := range []struct{ interval, within time.Duration }{
		{10 * time.Second, 2 * time.Second},
		{time.Hour, 2 * time.Second},
		{500 * time.Millisecond, 500 * time.Millisecond},
	} {
		hosts := names(200)
		inBubble(t, Options{}, shares(Policy{Interval: tt.interval}, hosts...), func(b *rig) {
			b.wait(tt.within / 2)
			early := 0
			for _, h := range hosts {
				early += min(1, len(b.of(h)))
			}
			if early < 50 || early > 150 {
				t.Errorf("interval %v: half of the time probes %d of 200 hosts, want about half", tt.interval, early)
			}
			b.wait(tt.within / 2)
			for _, h := range hosts {
				if v := b.Verdict(h, "s"); v.State != Up || v.Last.IsZero() || v.Took != time.Millisecond {
					t.Errorf("interval %v: after %v: %+v, want up", tt.interval, tt.within, v)
				}
			}
		})
	}
}

// TestWaitingForRun: what was to be probed long ago is not probed all at once.
func TestWaitingForRun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newRig(t, Options{})
		b.Watch(shares(Policy{}, names(100)...))
		time.Sleep(time.Hour)
		b.run()
		b.wait(100 * time.Millisecond)
		if n := len(b.ended()); n > 30 {
			t.Errorf("%d of 100 hosts are probed in the first 100 ms of 2 s", n)
		}
		b.stop()
	})
}

func TestIntervalIsKept(t *testing.T) {
	hosts := names(20)
	inBubble(t, Options{}, shares(Policy{}, hosts...), func(b *rig) {
		b.become(slow(2*time.Second), "fs3")
		b.wait(10 * time.Minute)
		early, late := 0, 0
		for _, h := range hosts {
			calls := b.of(h)
			if n := len(calls); n < 57 || n > 63 {
				t.Errorf("%s was probed %d times in ten minutes, want about 60", h, n)
			}
			for i := 1; i < len(calls); i++ {
				switch gap := calls[i].began.Sub(calls[i-1].began); {
				case gap < 9*time.Second || gap > 11*time.Second:
					t.Fatalf("%s: %v between two probes, want 10 s ±10 %%", h, gap)
				case gap < 9500*time.Millisecond:
					early++
				case gap > 10500*time.Millisecond:
					late++
				}
			}
		}
		if early < 200 || late < 200 {
			t.Errorf("of 1200 intervals %d are short and %d long, want a quarter each", early, late)
		}
	})
}

// TestIntervalBelowTimeout: a host that hangs for longer than its interval is
// probed again as soon as its probe has ended, and not before.
func TestIntervalBelowTimeout(t *testing.T) {
	inBubble(t, Options{}, shares(Policy{Interval: time.Second, Timeout: 5 * time.Second}, "a", "b"), func(b *rig) {
		b.become(hangs, "a")
		b.wait(time.Minute)
		calls := b.of("a")
		if n := len(calls); n < 11 || n > 12 {
			t.Errorf("%d probes of 5 s in a minute", n)
		}
	})
}

func TestHungHostsStarveNobody(t *testing.T) {
	hosts := names(40)
	policy := Policy{Interval: 10 * time.Second, Timeout: 2 * time.Second}
	inBubble(t, Options{Concurrency: 4}, shares(policy, hosts...), func(b *rig) {
		hung := hosts[:12] // take 24 of the 40 seconds that 4 slots have in 10 s
		b.become(hangs, hung...)
		b.wait(5 * time.Minute)
		if n := b.mostAtATime(); n != 4 {
			t.Errorf("%d probes at a time, want 4", n)
		}
		for _, h := range hosts {
			calls := b.of(h)
			if n := len(calls); n < 26 || n > 34 {
				t.Errorf("%s was probed %d times in five minutes, want about 30", h, n)
			}
			for _, c := range calls {
				if held := c.ended.Sub(c.began); held > 2*time.Second {
					t.Errorf("%s held a slot for %v", h, held)
				}
			}
		}
	})
}

// TestMoreThanTheSlotsCanDo: the slots are shared fairly when there are too few.
func TestMoreThanTheSlotsCanDo(t *testing.T) {
	hosts := names(30)
	inBubble(t, Options{Concurrency: 2}, shares(Policy{Interval: time.Second, Timeout: time.Second}, hosts...), func(b *rig) {
		b.become(hangs, hosts[:15]...)
		b.wait(5 * time.Minute)
		var counts []int
		for _, h := range hosts {
			counts = append(counts, len(b.of(h)))
		}
		if lo, hi := slices.Min(counts), slices.Max(counts); lo < 30 || hi-lo > lo/2 {
			t.Errorf("hosts were probed %v times: not fair", counts)
		}
	})
}

// TestHostsAreProbedOnce: all targets of a host are asked for in one go, at the
// shortest interval and timeout of them.
func TestHostsAreProbedOnce(t *testing.T) {
	targets := []Target{
		{Host: "fs1", Path: `b`, Policy: Policy{Interval: time.Minute, Timeout: 9 * time.Second}},
		{Host: "FS1", Path: `a\x`, Policy: Policy{Interval: 20 * time.Second, Timeout: 10 * time.Second}},
		{Host: "fs2", Path: `a`, Policy: Policy{Interval: time.Minute, Timeout: 10 * time.Second}},
	}
	inBubble(t, Options{}, targets, func(b *rig) {
		b.become(hangs, "fs1", "FS1")
		b.wait(10 * time.Minute)
		calls := append(b.of("fs1"), b.of("FS1")...)
		if n := len(calls); n < 27 || n > 33 {
			t.Errorf("%d probes in ten minutes, want about 30", n)
		}
		if want := []string{`a\x`, "b"}; !slices.Equal(calls[0].paths, want) {
			t.Errorf("asked for %q, want %q", calls[0].paths, want)
		}
		if took := calls[0].ended.Sub(calls[0].began); took != 9*time.Second {
			t.Errorf("a probe may take %v, want 9s", took)
		}
		if n := len(b.of("fs2")); n < 9 || n > 12 {
			t.Errorf("the other host was probed %d times, want about 10", n)
		}
	})
}

// TestCutShortCountsForNothing: probes that the end of Run interrupts are no
// failures, and Run waits for them.
func TestCutShortCountsForNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newRig(t, Options{})
		b.Watch(shares(Policy{DownAfter: 1}, "a", "b"))
		b.run()
		b.wait(5 * time.Second)
		b.want("uu", "a", "b")
		b.become(func(ctx context.Context, paths []string) Result {
			<-ctx.Done()
			time.Sleep(time.Second) // does not let go at once
			return refuses(ctx, paths)
		}, "a")
		b.wait(10 * time.Second)
		for !b.isProbing("a") {
			b.wait(100 * time.Millisecond)
		}
		before := b.Verdict("a", "s")
		b.stop()
		if b.isProbing("a") {
			t.Error("Run returned while a probe ran")
		}
		if after := b.Verdict("a", "s"); after != before {
			t.Errorf("a probe that was cut short made %+v of %+v", after, before)
		}
		b.become(good, "a")
		b.run() // again
		b.wait(2 * time.Second)
		if v := b.Verdict("a", "s"); !v.Last.After(before.Last) || v.Why != "" {
			t.Errorf("after a second start: %+v", v)
		}
		b.stop()
	})
}

// TestProbeAfterTheEnd: a result that comes when Run is to end is handed in to
// nobody.
func TestProbeAfterTheEnd(t *testing.T) {
	b := newRig(t, Options{})
	ctx, cancel := context.WithCancel(t.Context())
	b.stopping = ctx
	results := make(chan *run, 2)
	b.probe(ctx, &run{name: "a", timeout: time.Minute}, results)
	cancel()
	b.probe(ctx, &run{name: "a", timeout: time.Minute}, results)
	if n := len(results); n != 1 {
		t.Errorf("%d results of two probes, the second after the end", n)
	}
}

func (e *estate) isProbing(host string) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.running[host]
}

func (e *estate) mostAtATime() int {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.most
}
