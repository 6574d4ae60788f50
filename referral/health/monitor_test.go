package health

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"
	"go.uber.org/zap"
)

func TestDownAndUp(t *testing.T) {
	inBubble(t, Options{}, shares(Policy{}, "a", "b", "c"), func(b *rig) {
		b.want("???", "a", "b", "c")
		b.wait(2 * time.Second)
		b.want("uuu", "a", "b", "c")
		<-b.Changed()
		b.wait(time.Minute)
		select {
		case <-b.Changed():
			t.Error("a change is told where there was none")
		default:
		}

		b.become(refuses, "a")
		down := b.until("a", Down, time.Minute)
		if down < 18*time.Second || down > 34*time.Second {
			t.Errorf("down after %v, want three intervals less up to one", down)
		}
		<-b.Changed()
		v := b.Verdict("A", `S`)
		if v.Host != "a" || v.Failures != 3 || v.Successes != 0 || v.Needed != 2 || v.Stage != StageDial || v.Why != "dial: connection refused" || v.Held {
			t.Errorf("the verdict: %+v", v)
		}
		if v.Since != v.Last || time.Since(v.Last) > 100*time.Millisecond {
			t.Errorf("down since %v, last probe %v, now %v", v.Since, v.Last, time.Now())
		}

		b.become(good, "a")
		up := b.until("a", Up, time.Minute)
		if up < 9*time.Second || up > 23*time.Second {
			t.Errorf("up after %v, want two intervals less up to one", up)
		}
		<-b.Changed()
		if v := b.Verdict("a", "s"); v.Why != "" || v.Successes != 2 || v.Failures != 0 {
			t.Errorf("the verdict: %+v", v)
		}
		b.want("uuu", "a", "b", "c")
		if got, want := b.events(), []string{EventTargetDown, EventTargetUp}; !slices.Equal(got, want) {
			t.Errorf("logged %q, want %q", got, want)
		}
	})
}

func TestLogLines(t *testing.T) {
	inBubble(t, Options{}, shares(Policy{}, "a", "b"), func(b *rig) {
		b.wait(2 * time.Second)
		b.become(refuses, "a")
		b.until("a", Down, time.Minute)
		line := b.log.TakeAll()[0]
		fields := line.ContextMap()
		for key, want := range map[string]any{
			"event_id": "DFSD-HEALTH-0001", "host": "a", "path": "s", "why": "dial: connection refused", "stage": "dial",
			"failures": int64(3), "needed": int64(2),
		} {
			if fields[key] != want {
				t.Errorf("%s: %v, want %v", key, fields[key], want)
			}
		}
		if line.Level != zap.WarnLevel || line.Message != "target down" {
			t.Errorf("the line is %v %q", line.Level, line.Message)
		}
		b.become(good, "a")
		b.until("a", Up, time.Minute)
		b.become(hangs, "a")
		b.until("a", Down, time.Minute)
		lines := b.log.TakeAll()
		if got := lines[len(lines)-1]; got.Message != "target flaps" || got.ContextMap()["needed"] != int64(4) || got.ContextMap()["event_id"] != EventTargetFlaps {
			t.Errorf("the last line is %q %v, want that of the target that flaps", got.Message, got.ContextMap())
		}
		if lines[0].Message != "target up" || lines[0].Level != zap.InfoLevel {
			t.Errorf("the first line is %q", lines[0].Message)
		}
	})
}

// TestSharesOfOneHost: a host that answers proves by itself that a share is bad.
func TestSharesOfOneHost(t *testing.T) {
	targets := []Target{{Host: "a", Path: "s"}, {Host: "a", Path: `s\dir`}}
	inBubble(t, Options{}, targets, func(b *rig) {
		b.wait(2 * time.Second)
		b.become(lacks("s"), "a")
		b.until("a", Down, time.Minute)
		if v := b.Verdict("a", "s"); v.Stage != StageTree || v.Why != "tree: no such share" {
			t.Errorf("the verdict: %+v", v)
		}
		if v := b.Verdict("a", `s\dir`); v.State != Up || v.Why != "" {
			t.Errorf("the other share: %+v, want up", v)
		}
		if _, yes := b.Isolated(); yes {
			t.Error("isolated, though the host answers")
		}
	})
}

// TestSingleHost is held: there is nowhere else to send clients.
func TestSingleHost(t *testing.T) {
	inBubble(t, Options{}, shares(Policy{}, "a"), func(b *rig) {
		b.wait(2 * time.Second)
		b.become(refuses, "a")
		b.wait(10 * time.Minute)
		v := b.Verdict("a", "s")
		if v.State != Up || !v.Held || v.Failures < 50 || v.Why == "" {
			t.Errorf("the verdict: %+v, want up and held", v)
		}
		if _, yes := b.Isolated(); yes {
			t.Error("one host is no proof of being isolated")
		}
	})
}

func TestIsolation(t *testing.T) {
	hosts := names(6)
	inBubble(t, Options{}, shares(Policy{}, hosts...), func(b *rig) {
		b.become(refuses, "fs5") // is down on its own
		b.wait(5 * time.Minute)
		b.want("uuuuud", hosts...)
		b.events()

		cut := time.Now()
		b.become(hangs, hosts...)
		b.wait(20 * time.Second)
		if _, yes := b.Isolated(); yes {
			t.Error("isolated before three probes of each host have failed")
		}
		b.wait(20 * time.Second)
		since, yes := b.Isolated()
		if !yes || since.Before(cut.Add(-11*time.Second)) || since.After(cut.Add(6*time.Second)) {
			t.Errorf("Isolated() = %v, %v, want since about %v", since, yes, cut)
		}
		b.wait(time.Hour)
		b.want("uuuuud", hosts...)
		if v := b.Verdict("fs0", "s"); !v.Held || v.Failures < 100 {
			t.Errorf("after an hour: %+v, want held", v)
		}
		if v := b.Verdict("fs5", "s"); v.Held {
			t.Errorf("%+v: one that is down is not held", v)
		}

		healed := time.Now()
		b.become(good, hosts[:4]...) // fs4 died meanwhile
		b.wait(12 * time.Second)
		b.want("uuuuud", hosts...)
		if _, yes := b.Isolated(); yes {
			t.Error("isolated, though hosts answer")
		}
		if v := b.Verdict("fs4", "s"); v.Held || v.Failures > 1 {
			t.Errorf("%+v: its row was to begin anew", v)
		}
		if v := b.Verdict("fs5", "s"); v.Failures < 100 {
			t.Errorf("%+v: it is down, so its row goes on", v)
		}
		b.until("fs4", Down, time.Minute)
		if took := time.Since(healed); took < 20*time.Second {
			t.Errorf("down %v after the others answer again, want three probes later", took)
		}
		b.want("uuuudd", hosts...)
		if got, want := b.events(), []string{EventIsolated, EventAnsweredAgain, EventTargetDown}; !slices.Equal(got, want) {
			t.Errorf("logged %q, want %q", got, want)
		}
	})
}

// TestIsolatedFromTheStart: nobody has ever answered.
func TestIsolatedFromTheStart(t *testing.T) {
	inBubble(t, Options{}, shares(Policy{}, "a", "b"), func(b *rig) {
		b.become(refuses, "a", "b")
		b.wait(time.Minute)
		b.want("??", "a", "b")
		if since, yes := b.Isolated(); !yes || since.Sub(b.start) > 2*time.Second {
			t.Errorf("Isolated() = %v, %v, want since the start", since, yes)
		}
		<-b.Changed()
		b.become(good, "a", "b")
		b.wait(11 * time.Second)
		b.want("uu", "a", "b")
		<-b.Changed()
	})
}

// TestShortOutage: the network comes back while probes hang that began before.
// One host is hardly ever probed, so that isolation is not declared.
func TestShortOutage(t *testing.T) {
	hosts := names(30)
	targets := append(shares(Policy{}, hosts...), shares(Policy{Interval: 24 * time.Hour}, "seldom")...)
	inBubble(t, Options{}, targets, func(b *rig) {
		for range 20 {
			b.wait(2 * time.Minute)
			b.become(hangs, hosts...)
			b.wait(50 * time.Second)
			b.become(good, hosts...)
		}
		if got := b.events(); len(got) > 0 {
			t.Errorf("logged %q, want nothing", got)
		}
	})
}

func TestFlapping(t *testing.T) {
	inBubble(t, Options{}, shares(Policy{}, "a", "b"), func(b *rig) {
		b.wait(2 * time.Second)
		for _, want := range []int{2, 4, 8, 16, 16} {
			b.become(refuses, "a")
			b.until("a", Down, time.Minute)
			if v := b.Verdict("a", "s"); v.Needed != want {
				t.Errorf("%d successes needed, want %d", v.Needed, want)
			}
			b.become(good, "a")
			took := b.until("a", Up, 5*time.Minute)
			if least := time.Duration(want-1) * 9 * time.Second; took < least {
				t.Errorf("up after %v, want %d probes", took, want)
			}
		}
		if n := countOf(b.events(), EventTargetFlaps); n != 4 {
			t.Errorf("%d flaps logged, want 4", n)
		}
		b.wait(25 * time.Minute)
		if v := b.Verdict("a", "s"); v.Needed != 4 {
			t.Errorf("%d successes needed after 25 quiet minutes, want 4", v.Needed)
		}
	})
}

func countOf(all []string, one string) int {
	n := 0
	for _, s := range all {
		if s == one {
			n++
		}
	}
	return n
}

func TestMetrics(t *testing.T) {
	targets := append(shares(Policy{}, "a", "b"), Target{Host: "b", Path: "t"})
	inBubble(t, Options{}, targets, func(b *rig) {
		check := func(want string) {
			t.Helper()
			if err := testutil.GatherAndCompare(b.reg, strings.NewReader(want), "dfsd_targets", "dfsd_target_probes_total", "dfsd_targets_isolated"); err != nil {
				t.Error(err)
			}
		}
		b.become(refuses, "b")
		b.wait(2 * time.Second)
		check(page("1", "2", "0", "2", "1", "0"))
		b.become(refuses, "a")
		b.wait(time.Minute)
		if n := testutil.ToFloat64(b.metrics.isolated); n != 1 {
			t.Errorf("dfsd_targets_isolated %v, want 1", n)
		}
		b.become(good, "a")
		b.wait(time.Minute)
		if n := testutil.ToFloat64(b.metrics.targets[Down]); n != 2 {
			t.Errorf("%v targets down, want 2", n)
		}
		b.Watch(nil)
		if n := testutil.ToFloat64(b.metrics.targets[Down]); n != 0 {
			t.Errorf("%v targets down of none", n)
		}
		if n := testutil.CollectAndCount(b.metrics.duration); n != 1 {
			t.Errorf("%d series of durations", n)
		}
	})
}

// page is what the metrics are to be like: probes, the isolated ones, targets.
func page(goodProbes, failedProbes, isolated, unknown, up, down string) string {
	return `# HELP dfsd_target_probes_total Probes of DFS targets; a target that its host does not answer for has failed.
# TYPE dfsd_target_probes_total counter
dfsd_target_probes_total{result="failed"} ` + failedProbes + `
dfsd_target_probes_total{result="good"} ` + goodProbes + `
# HELP dfsd_targets DFS targets that are probed, by what the probes say.
# TYPE dfsd_targets gauge
dfsd_targets{state="down"} ` + down + `
dfsd_targets{state="unknown"} ` + unknown + `
dfsd_targets{state="up"} ` + up + `
# HELP dfsd_targets_isolated 1 while no file server that is probed answers, so that our own network is in doubt.
# TYPE dfsd_targets_isolated gauge
dfsd_targets_isolated ` + isolated + `
`
}

// TestShortResult: what a Prober says nothing of has failed.
func TestShortResult(t *testing.T) {
	r := run{result: Result{Targets: []*Failure{nil}}}
	if f := r.failures(); f(0).why != "" || f(1).why == "" {
		t.Errorf("failures %q and %q, want none and one", f(0).why, f(1).why)
	}
}

func TestFailure(t *testing.T) {
	f := &Failure{Stage: StagePath, Err: errNoShare}
	if f.Error() != "path: no such share" || !errors.Is(f, errNoShare) {
		t.Errorf("%v does not wrap %v", f, errNoShare)
	}
	if got := noteOf(&Failure{Stage: StageSession}); got.why != "session" {
		t.Errorf("a failure without an error says %q", got.why)
	}
	long := noteOf(&Failure{Stage: StageTree, Err: errors.New(strings.Repeat("é", 4000) + "\xff")})
	if n := len(long.why); n > maxWhy+6 || !strings.HasPrefix(long.why, "tree: éé") {
		t.Errorf("a text of %d bytes is kept", n)
	}
	if StageResolve.String() != "resolve" || Stage(9).String() != "stage 9" || State(9).String() != "state 9" {
		t.Error("names of stages and states")
	}
}

func TestVerdictIsQuick(t *testing.T) {
	m := NewMonitor(Options{})
	m.Watch([]Target{{Host: "fs1.corp.example.com", Path: `projects\Übung`}})
	if n := testing.AllocsPerRun(100, func() { _ = m.Verdict("FS1.corp.example.com", `Projects\übung`) }); n != 0 {
		t.Errorf("Verdict allocates %v times", n)
	}
	if v := m.Verdict("fs1.CORP.example.com", `PROJECTS\ÜBUNG`); v.Host != "fs1.corp.example.com" {
		t.Errorf("the verdict: %+v, want that of the target", v)
	}
}

func TestAnswers(t *testing.T) {
	at := func(seconds int) time.Time { return t0.Add(time.Duration(seconds) * time.Second) }
	var a answers
	steps := []struct {
		host          string
		at            int
		wantA, wantB  int // when another than a, or than b, answered; -1: never
		wantElsewhere int
	}{
		{"a", 1, -1, 1, 1},
		{"a", 2, -1, 2, 2},
		{"b", 3, 3, 2, 3},
		{"c", 4, 4, 4, 4},
		{"a", 7, 4, 7, 7},
		{"b", 6, 6, 7, 7}, // told late
		{"c", 5, 6, 7, 7}, // later still
		{"a", 6, 6, 7, 7}, // older than what is known
		{"b", 8, 8, 7, 8},
	}
	for _, s := range steps {
		a.add(s.host, at(s.at))
		for host, want := range map[string]int{"a": s.wantA, "b": s.wantB, "z": s.wantElsewhere} {
			got := a.elsewhere(host)
			if (want < 0 && !got.IsZero()) || (want >= 0 && !got.Equal(at(want))) {
				t.Errorf("after %s at %d s: another than %s at %v, want %d s", s.host, s.at, host, got, want)
			}
		}
	}
}

func TestNothingToWatch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newRig(t, Options{})
		b.run()
		b.wait(24 * time.Hour)
		if all := b.Verdicts(); len(all) != 0 {
			t.Errorf("verdicts of nothing: %v", all)
		}
		b.Watch(shares(Policy{}, "a"))
		b.wait(2 * time.Second)
		b.want("u?", "a", "b")
		b.stop()
	})
}
