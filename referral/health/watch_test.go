package health

import (
	"context"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

func TestStrictestPolicy(t *testing.T) {
	m := NewMonitor(Options{})
	m.Watch([]Target{
		{Host: "FS1", Path: "Share", Policy: Policy{Interval: 20 * time.Second, Timeout: 2 * time.Second, DownAfter: 5, UpAfter: 1}},
		{Host: "fs1", Path: `\share\`},
		{Host: "fs1", Path: "sharE", Policy: Policy{Interval: time.Minute, Timeout: time.Second, DownAfter: 9, UpAfter: 4}},
	})
	if n := len(m.Verdicts()); n != 1 {
		t.Fatalf("%d targets, want one", n)
	}
	want := Policy{Interval: 10 * time.Second, Timeout: time.Second, DownAfter: 3, UpAfter: 4}
	if got := m.set.Load().sorted[0].policy; got != want {
		t.Errorf("policy %+v, want %+v", got, want)
	}
	m.Watch([]Target{{Host: "fs1", Path: "share", Policy: Policy{DownAfter: 7}}})
	if got := m.set.Load().sorted[0].policy.DownAfter; got != 7 {
		t.Errorf("DownAfter %d of an old policy, want 7", got)
	}
}

func TestVerdictsAreSorted(t *testing.T) {
	m := NewMonitor(Options{})
	m.Watch([]Target{{Host: "fs10", Path: "a"}, {Host: "FS2", Path: "b"}, {Host: "fs1", Path: `b`}, {Host: "fs1", Path: `A\x`}, {Host: "fs1", Path: "a"}})
	var got []string
	for _, v := range m.Verdicts() {
		got = append(got, v.Host+`\`+v.Path)
	}
	if want := []string{`fs1\a`, `fs1\A\x`, `fs1\b`, `fs10\a`, `FS2\b`}; !slices.Equal(got, want) {
		t.Errorf("sorted: %q, want %q", got, want)
	}
}

func TestFolding(t *testing.T) {
	same := [][2]string{{"abc", "ABC"}, {"é", "É"}, {"\xff", "\xff"}, {`s\d`, `\S\D\`}, {"я", "Я"}, {"\uFFFD", "\uFFFD"}}
	other := [][2]string{{"i", "ı"}, {"a", "b"}, {"\xff", "\xfe"}, {"\xff", "\uFFFD"}, {"K", "\u212a"}}
	for _, p := range same {
		if a, b := string(appendKey(nil, "h", p[0])), string(appendKey(nil, "H", p[1])); a != b {
			t.Errorf("%q and %q are %q and %q, want the same", p[0], p[1], a, b)
		}
	}
	for _, p := range other {
		if a, b := string(appendKey(nil, "h", p[0])), string(appendKey(nil, "h", p[1])); a == b {
			t.Errorf("%q and %q are the same", p[0], p[1])
		}
	}
}

// TestWatchKeepsVerdicts of what stays, and asks soon for what is new.
func TestWatchKeepsVerdicts(t *testing.T) {
	inBubble(t, Options{}, shares(Policy{}, "a", "b", "c"), func(b *rig) {
		b.become(refuses, "c")
		b.wait(time.Minute)
		b.want("uud", "a", "b", "c")
		old := b.Verdict("c", "s")
		b.Watch(append(shares(Policy{}, "C", "b", "d"), Target{Host: "b", Path: "t"}))
		v := b.Verdict("c", "s")
		if v.Host != "C" || v.State != Down || v.Since != old.Since || v.Last != old.Last || v.Failures != old.Failures {
			t.Errorf("the verdict was %+v, and is %+v", old, v)
		}
		b.want("?ud?", "a", "b", "c", "d")
		b.wait(2 * time.Second)
		b.want("?udu", "a", "b", "c", "d")
		if v := b.Verdict("b", "t"); v.State != Up {
			t.Errorf("a new share of an old host: %+v, want up", v)
		}
		n := len(b.of("a"))
		b.wait(time.Minute)
		if len(b.of("a")) != n {
			t.Error("a host that is not watched any more is probed")
		}
	})
}

// TestWatchWhileProbing: what changes while a probe runs is met as it ends.
func TestWatchWhileProbing(t *testing.T) {
	inBubble(t, Options{}, shares(Policy{}, "a", "b"), func(b *rig) {
		b.become(slow(2500*time.Millisecond), "a")
		b.wait(2100 * time.Millisecond)
		if !b.isProbing("a") {
			t.Fatal("the host is not being probed")
		}
		b.Watch(shares(Policy{}, "b")) // gone
		b.Watch(append(shares(Policy{}, "a", "b"), Target{Host: "a", Path: "t"}))
		b.wait(2500 * time.Millisecond) // the probe of what was gone has ended
		if v := b.Verdict("a", "s"); v.State != Unknown {
			t.Errorf("%+v: a probe from before the target was gone counts", v)
		}
		b.inside("b is up, a's two are unknown", func(m *Monitor) bool { return m.counts == [states]int{Unknown: 2, Up: 1} })
		b.wait(5 * time.Second)
		if v := b.Verdict("a", "t"); v.State != Up {
			t.Errorf("%+v: the new share waits for more than two seconds and a probe", v)
		}
		b.want("uu", "a", "b")
		b.inside("three targets are up", func(m *Monitor) bool { return m.counts == [states]int{Up: 3} })

		for !b.isProbing("a") {
			b.wait(100 * time.Millisecond)
		}
		b.Watch(shares(Policy{}, "b")) // for good
		b.wait(time.Minute)
		b.inside("the host is forgotten", func(m *Monitor) bool { return len(m.hosts) == 1 && len(m.queue) == 1 })
	})
}

// TestPathsAreNotTaken: the paths that a running probe was given stay.
func TestPathsAreNotTaken(t *testing.T) {
	inBubble(t, Options{}, []Target{{Host: "a", Path: "s"}, {Host: "a", Path: "t"}}, func(b *rig) {
		b.become(hangs, "a")
		for !b.isProbing("a") {
			b.wait(100 * time.Millisecond)
		}
		b.Watch([]Target{{Host: "a", Path: "q"}, {Host: "a", Path: "r"}})
		b.wait(3 * time.Second)
		if got, want := b.of("a")[0].paths, []string{"s", "t"}; !slices.Equal(got, want) {
			t.Errorf("the probe of %q was one of %q at its end", want, got)
		}
	})
}

// inside checks the insides of the Monitor.
func (b *rig) inside(what string, holds func(m *Monitor) bool) {
	b.t.Helper()
	b.Monitor.mu.Lock()
	defer b.Monitor.mu.Unlock()
	if !holds(b.Monitor) {
		b.t.Errorf("not so: %s", what)
	}
}

func TestWatchWithAnotherInterval(t *testing.T) {
	inBubble(t, Options{}, shares(Policy{Interval: time.Hour}, "a", "b"), func(b *rig) {
		b.wait(20 * time.Minute)
		b.Watch(append(shares(Policy{Interval: 10 * time.Second}, "a"), shares(Policy{Interval: time.Hour}, "b")...))
		b.wait(time.Second)
		if n, m := len(b.of("a")), len(b.of("b")); n != 2 || m != 1 {
			t.Errorf("%d and %d probes, want 2 and 1: the shorter interval counts at once", n, m)
		}
		b.Watch(shares(Policy{Interval: time.Hour}, "a", "b"))
		b.wait(30 * time.Minute)
		if n := len(b.of("a")); n > 3 {
			t.Errorf("%d probes, want at most one at the old interval", n)
		}
	})
}

// TestWatchEndsIsolation: with one host left there is nothing to compare.
func TestWatchEndsIsolation(t *testing.T) {
	inBubble(t, Options{}, shares(Policy{}, "a", "b"), func(b *rig) {
		b.wait(10 * time.Second)
		b.become(refuses, "a", "b")
		b.wait(time.Minute)
		if _, yes := b.Isolated(); !yes {
			t.Fatal("not isolated")
		}
		b.Watch(shares(Policy{}, "a", "b", "c")) // not asked yet: no proof
		if _, yes := b.Isolated(); !yes {
			t.Error("a host that nobody has asked ends the isolation")
		}
		b.Watch(shares(Policy{}, "b"))
		if _, yes := b.Isolated(); yes {
			t.Error("isolated by one host")
		}
		b.wait(time.Minute)
		b.want("u", "b")
		if got, want := b.events(), []string{EventIsolated, EventAnsweredAgain}; !slices.Equal(got, want) {
			t.Errorf("logged %q, want %q", got, want)
		}
	})
}

func TestRestore(t *testing.T) {
	remembered := func() []Verdict {
		now := time.Now()
		return []Verdict{
			{Host: "A", Path: "S", State: Down, Since: now.Add(-time.Hour), Last: now.Add(-time.Second), Needed: 4, Why: "dial: x", Stage: StageDial},
			{Host: "b", Path: "s", State: Up, Since: now},
			{Host: "gone", Path: "s", State: Down, Since: now},
		}
	}
	check := func(t *testing.T, b *rig) {
		t.Helper()
		b.want("d??", "a", "b", "gone")
		<-b.Changed()
		v := b.Verdict("a", "s")
		if v.Needed != 4 || v.Why != "dial: x" || v.Stage != StageDial || time.Since(v.Since) != time.Hour || v.Host != "a" {
			t.Errorf("restored: %+v", v)
		}
		b.run()
		b.wait(5 * time.Second)
		b.want("du", "a", "b") // not fresh: one good probe does not do
		b.until("a", Up, time.Minute)
		if n := len(b.of("a")); n != 4 {
			t.Errorf("up after %d probes, want 4", n)
		}
		b.Watch(shares(Policy{}, "a", "b", "gone"))
		b.want("uu?", "a", "b", "gone") // what nobody claimed at first is stale
		b.Restore(remembered())
		b.want("uud", "a", "b", "gone") // a has a verdict of its own
		b.stop()
	}
	t.Run("before Watch", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			b := newRig(t, Options{})
			b.Restore(remembered())
			b.Watch(shares(Policy{}, "a", "b"))
			check(t, b)
		})
	})
	t.Run("after Watch", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			b := newRig(t, Options{})
			b.Watch(shares(Policy{}, "a", "b"))
			b.Restore(remembered())
			check(t, b)
		})
	})
}

// TestGoneHostsDoNotCount: a host that is not watched any more, but whose probe
// still runs, makes no isolation and prevents none.
func TestGoneHostsDoNotCount(t *testing.T) {
	for _, tt := range []struct {
		name  string
		hosts []string
		want  bool
	}{{"one left", []string{"a"}, false}, {"two left", []string{"a", "b"}, true}} {
		t.Run(tt.name, func(t *testing.T) {
			quick := Policy{Interval: time.Second, Timeout: time.Second}
			left := shares(quick, tt.hosts...)
			all := append(shares(Policy{Timeout: time.Hour}, "gone"), left...)
			inBubble(t, Options{}, all, func(b *rig) {
				b.become(hangs, "gone")
				b.become(refuses, tt.hosts...)
				for !b.isProbing("gone") {
					b.wait(10 * time.Millisecond)
				}
				b.Watch(left)
				b.wait(time.Minute)
				if _, yes := b.Isolated(); yes != tt.want || !b.isProbing("gone") {
					t.Errorf("isolated: %v, want %v", yes, tt.want)
				}
			})
		})
	}
}

// TestConcurrentUse is for the race detector: everything at once, in real time.
func TestConcurrentUse(t *testing.T) {
	m := NewMonitor(Options{Concurrency: 4, Prober: prober(func(ctx context.Context, host string, paths []string) Result {
		if host == "fs3" {
			return refuses(ctx, paths)
		}
		return good(ctx, paths)
	})})
	policy := Policy{Interval: time.Millisecond, DownAfter: 1, UpAfter: 1}
	m.Watch(shares(policy, names(8)...))
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- m.Run(ctx) }()
	var users sync.WaitGroup
	for _, use := range []func(i int){
		func(i int) { m.Watch(shares(policy, names(2+i%8)...)) },
		func(i int) { _ = m.Verdict("fs1", "s") },
		func(int) { _ = m.Verdicts() },
		func(int) { m.Restore([]Verdict{{Host: "fs2", Path: "s", State: Down}}) },
		func(int) { _, _ = m.Isolated() },
		func(int) {
			select {
			case <-m.Changed():
			default:
			}
		},
	} {
		users.Go(func() {
			for i := range 500 {
				use(i)
			}
		})
	}
	users.Wait()
	m.Watch(shares(policy, names(8)...))
	deadline := time.After(time.Minute)
	for m.Verdict("fs3", "s").State != Down || m.Verdict("fs1", "s").State != Up {
		select {
		case <-m.Changed():
		case <-deadline:
			t.Fatalf("the verdicts: %+v", m.Verdicts())
		}
	}
	cancel()
	if err := <-done; err != nil {
		t.Errorf("Run = %v, want nil", err)
	}
}

// prober is a function as a Prober.
type prober func(ctx context.Context, host string, paths []string) Result

func (p prober) Probe(ctx context.Context, host string, paths []string) Result {
	return p(ctx, host, paths)
}
