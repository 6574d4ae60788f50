package health

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"testing/synctest"
	"time"
)

// history is one random life of an estate and a Monitor over it, and what an
// observer who sees only the probes and the log makes of it.
type history struct {
	*rig
	random  *rand.Rand
	hosts   []string
	policy  Policy
	paths   []string
	watched map[string]time.Time // since when, by host and path
	judged  int                  // lines of the log
	trusted time.Time            // when hosts answered again after an isolation
}

// TestRandomHistories: whatever happens, no target goes down without enough
// failures in a row or while no other host answers, and none comes up without
// enough successes; in the end all settle as they should.
func TestRandomHistories(t *testing.T) {
	n := 1000
	if testing.Short() {
		n = 100
	}
	var downs, ups, isolations, flaps int
	for seed := range n {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				h := newHistory(t, uint64(seed))
				h.live()
				for _, line := range h.log.All() {
					switch line.ContextMap()["event_id"] {
					case EventTargetDown:
						downs++
					case EventTargetUp:
						ups++
					case EventIsolated:
						isolations++
					case EventTargetFlaps:
						flaps++
					}
				}
				h.stop()
			})
		})
	}
	if min(downs, ups, isolations, flaps) < n/10 {
		t.Errorf("%d histories saw %d targets go down and %d up, %d isolations, %d flaps: they prove little", n, downs, ups, isolations, flaps)
	}
}

func newHistory(t *testing.T, seed uint64) *history {
	random := rand.New(rand.NewPCG(seed, 7))
	h := &history{
		rig: newRig(t, Options{Concurrency: 1 + random.IntN(8), Random: rand.New(rand.NewPCG(seed, 8))}), random: random,
		hosts: names(2 + random.IntN(5)), paths: []string{"s", `s\d`, "x"}[:1+random.IntN(3)],
		policy: Policy{
			Interval: time.Duration(3+random.IntN(20)) * time.Second, Timeout: time.Second,
			DownAfter: 1 + random.IntN(4), UpAfter: 1 + random.IntN(3),
		},
		watched: map[string]time.Time{},
	}
	h.rewatch(0)
	h.run()
	return h
}

// rewatch leaves out each host but the first with the given probability in
// percent.
func (h *history) rewatch(leaveOut int) {
	var targets []Target
	next := map[string]time.Time{}
	for i, host := range h.hosts {
		if i > 0 && h.random.IntN(100) < leaveOut {
			continue
		}
		for _, path := range h.paths {
			targets = append(targets, Target{Host: host, Path: path, Policy: h.policy})
			name := host + `\` + path
			next[name] = time.Now()
			if since, stays := h.watched[name]; stays {
				next[name] = since
			}
		}
	}
	h.watched = next
	h.Watch(targets)
}

func (h *history) live() {
	for range 5 + h.random.IntN(20) {
		h.upset()
		h.wait(time.Duration(h.random.Int64N(int64(6 * h.policy.Interval))))
		h.examine()
	}
	h.rewatch(0)
	h.become(good, h.hosts...)
	h.wait(time.Duration(8*h.policy.UpAfter+4) * h.policy.Interval * 11 / 10)
	h.examine()
	for _, v := range h.Verdicts() {
		if v.State != Up || v.Held || v.Why != "" {
			h.t.Errorf("all is well, but %+v", v)
		}
	}
	dead := h.hosts[h.random.IntN(len(h.hosts))]
	h.become(refuses, dead)
	h.wait(time.Duration(h.policy.DownAfter+3) * h.policy.Interval * 11 / 10)
	h.examine()
	for _, v := range h.Verdicts() {
		if (v.State == Down) != (v.Host == dead) {
			h.t.Errorf("only %s is dead, but %+v", dead, v)
		}
	}
}

// upset changes something: one host, all of them, or what is watched.
func (h *history) upset() {
	one := h.hosts[h.random.IntN(len(h.hosts))]
	switch h.random.IntN(9) {
	case 0:
		h.become(good, h.hosts...)
	case 1:
		h.become(hangs, h.hosts...)
	case 2:
		h.become(refuses, h.hosts...)
	case 3:
		h.become(lacks(h.paths[h.random.IntN(len(h.paths))]), one)
	case 4:
		h.rewatch(30)
	case 5:
		h.become(slow(time.Duration(h.random.Int64N(int64(1200*time.Millisecond)))), one)
	case 6:
		h.become(good, one)
	case 7:
		h.become(hangs, one)
	case 8:
		h.become(refuses, one)
	}
}

// examine judges the lines logged since the last time. It knows nothing of the
// Monitor's insides.
func (h *history) examine() {
	h.t.Helper()
	lines := h.log.All()
	for _, line := range lines[h.judged:] {
		fields := line.ContextMap()
		host, _ := fields["host"].(string)
		path, _ := fields["path"].(string)
		switch fields["event_id"] {
		case EventAnsweredAgain:
			h.trusted = line.Time
		case EventTargetDown:
			h.examineDown(host, path, line.Time)
		case EventTargetUp:
			if n := len(h.row(host, path, line.Time, false)); n < h.policy.UpAfter {
				h.t.Errorf(`%s\%s came up after %d good probes of %d`, host, path, n, h.policy.UpAfter)
			}
		}
	}
	h.judged = len(lines)
}

func (h *history) examineDown(host, path string, at time.Time) {
	h.t.Helper()
	bad := h.row(host, path, at, true)
	n := h.policy.DownAfter
	if len(bad) < n {
		h.t.Errorf(`%s\%s went down after %d failures of %d`, host, path, len(bad), n)
		return
	}
	last := bad[len(bad)-1]
	if last.result.Host == nil {
		return
	}
	if first := bad[len(bad)-n]; first.began.Before(h.trusted) && first.result.Host != nil {
		h.t.Errorf(`%s\%s went down by a failure of %v, before hosts answered again at %v`, host, path, first.began, h.trusted)
	}
	if !slices.ContainsFunc(h.ended(), func(c call) bool {
		return c.host != host && c.result.Host == nil && c.ended.After(bad[0].ended) && !c.ended.After(last.began)
	}) {
		h.t.Errorf(`%s\%s went down at %v, but nobody else answered since %v`, host, path, at, bad[0].ended)
	}
}

// row returns the last probes of a target up to a time that went all alike.
func (h *history) row(host, path string, until time.Time, failed bool) []call {
	var found []call
	for _, c := range h.of(host) {
		i := slices.Index(c.paths, path)
		since := h.watched[host+`\`+path]
		if i < 0 || c.cut || c.ended.After(until) || c.began.Before(since) {
			continue
		}
		if (c.result.Host != nil || c.result.Targets[i] != nil) != failed {
			found = nil
			continue
		}
		found = append(found, c)
	}
	return found
}
