package health

import (
	"slices"
	"strings"
	"sync/atomic"
	"time"
)

// target is one thing watched. The mutex of the Monitor guards it; verdict is
// what others read.
type target struct {
	key       string // host and path, folded
	hostBytes int    // of key
	host      string
	path      string
	policy    Policy
	condition condition
	last      time.Time
	took      time.Duration
	failure   note
	gone      bool // not watched any more; a probe of it may still run
	verdict   atomic.Pointer[Verdict]
}

func (t *target) hostKey() string { return t.key[:t.hostBytes] }
func (t *target) pathKey() string { return t.key[t.hostBytes+1:] }

func (t *target) compare(u *target) int {
	if c := strings.Compare(t.hostKey(), u.hostKey()); c != 0 {
		return c
	}
	return strings.Compare(t.pathKey(), u.pathKey())
}

// publish makes what is known as of now the verdict that others read.
func (t *target) publish(now time.Time) {
	c := t.condition
	t.verdict.Store(&Verdict{
		Host: t.host, Path: t.path,
		State: c.state, Since: c.since, Last: t.last, Took: t.took,
		Why: t.failure.why, Stage: t.failure.stage,
		Failures: c.failures, Successes: c.successes,
		Needed: c.needed(now, t.policy), Held: c.held,
	})
}

// restore takes over what was known before a restart.
func (t *target) restore(v Verdict, now time.Time) {
	t.condition = restored(v, now, t.policy)
	t.last, t.took = v.Last, v.Took
	t.failure = note{stage: v.Stage, why: shorten(v.Why)}
}

// set is the targets watched: the map is what Verdict looks in. It is replaced
// as a whole.
type set struct {
	byKey  map[string]*target
	sorted []*target
}

// next returns the set of the given targets; those of s that stay are taken
// over, those that do not are gone, and what s did not have comes back in added.
func (s *set) next(targets []Target, now time.Time) (n *set, added []*target) {
	n = &set{byKey: make(map[string]*target, len(targets))}
	for i := range targets {
		given := &targets[i]
		policy := given.Policy.withDefaults()
		key := appendKey(nil, given.Host, given.Path)
		if t := n.byKey[string(key)]; t != nil {
			t.policy = t.policy.strictest(policy)
			continue
		}
		t := s.byKey[string(key)]
		if t == nil {
			t = &target{key: string(key), hostBytes: strings.IndexByte(string(key), '\\')}
			t.condition.since = now
			added = append(added, t)
		}
		t.host, t.path, t.policy = given.Host, given.Path, policy
		n.byKey[t.key] = t
		n.sorted = append(n.sorted, t)
	}
	for key, t := range s.byKey {
		t.gone = n.byKey[key] == nil
	}
	slices.SortFunc(n.sorted, (*target).compare)
	return n, added
}

// Watch replaces the set of targets. Verdicts of what stays are kept. One target
// that is given several times gets the strictest of its policies. It may be
// called before and during Run; targets is not kept.
func (m *Monitor) Watch(targets []Target) {
	now := time.Now()
	m.mu.Lock()
	defer m.mu.Unlock()
	next, added := m.set.Load().next(targets, now)
	for _, t := range added {
		if v, known := m.remembered[t.key]; known {
			t.restore(v, now)
			m.tell()
		}
	}
	m.remembered, m.watched = nil, true
	for _, t := range next.sorted {
		t.publish(now)
	}
	m.set.Store(next)
	m.recount()
	m.group(next, added, now)
	m.stopDoubt()
	m.wakeUp()
}

// group makes the hosts those of the set, and schedules what is new. A host that
// is gone but being probed stays until that probe ends, so that it is not probed
// twice at a time if it comes back.
func (m *Monitor) group(s *set, added []*target, now time.Time) {
	for _, h := range m.hosts {
		h.targets, h.paths = nil, nil
	}
	for rest := s.sorted; len(rest) > 0; {
		n := 1
		for n < len(rest) && rest[n].hostKey() == rest[0].hostKey() {
			n++
		}
		m.regroup(rest[:n:n], now)
		rest = rest[n:]
	}
	for _, t := range added {
		m.soon(m.hosts[t.hostKey()], now)
	}
	for key, h := range m.hosts {
		if len(h.targets) > 0 {
			continue
		}
		m.queue.remove(h)
		if !h.running {
			delete(m.hosts, key)
		}
	}
}

// regroup gives the host of the targets, all of one, what follows from them.
func (m *Monitor) regroup(targets []*target, now time.Time) {
	key := targets[0].hostKey()
	h := m.hosts[key]
	if h == nil {
		h = &host{key: key, place: -1}
		m.hosts[key] = h
	}
	policy := targets[0].policy
	for _, t := range targets {
		policy = policy.strictest(t.policy)
		h.paths = append(h.paths, t.path)
	}
	sooner := policy.Interval < h.interval
	h.name, h.targets = targets[0].host, targets
	h.interval, h.timeout, h.downAfter = policy.Interval, policy.Timeout, policy.DownAfter
	if sooner && h.place >= 0 {
		m.queue.schedule(h, earlier(h.due, m.following(h, now)))
	}
}

// soon has a host probed that has targets nobody has asked for yet.
func (m *Monitor) soon(h *host, now time.Time) {
	switch due := m.first(h, now); {
	case h.running:
		h.fresh = true
	case h.place < 0 || due.Before(h.due):
		m.queue.schedule(h, due)
	}
}

// Restore puts those of the verdicts that are Down on the targets of the same
// host and path that have no verdict yet, so that a target known to be down
// before a restart is not given out fresh. Called before the first Watch it
// remembers them for that one.
func (m *Monitor) Restore(down []Verdict) {
	now := time.Now()
	m.mu.Lock()
	defer m.mu.Unlock()
	m.remembered = make(map[string]Verdict, len(down))
	for _, v := range down {
		if v.State == Down {
			m.remembered[string(appendKey(nil, v.Host, v.Path))] = v
		}
	}
	if !m.watched {
		return
	}
	for key, v := range m.remembered {
		if t := m.set.Load().byKey[key]; t != nil && t.condition.state == Unknown {
			t.restore(v, now)
			t.publish(now)
			m.tell()
		}
	}
	m.remembered = nil
	m.recount()
}
