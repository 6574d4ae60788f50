package health

import "time"

// answer is one answered probe.
type answer struct {
	host string // its key
	at   time.Time
}

// answers knows when which host answered last, as far as it takes to say when
// any host but a given one did. The two are of different hosts.
type answers struct{ last, other answer }

func (a *answers) add(host string, at time.Time) {
	switch {
	case a.last.host == host:
		a.last.at = later(a.last.at, at)
	case at.After(a.last.at):
		a.last, a.other = answer{host, at}, a.last
	case at.After(a.other.at):
		a.other = answer{host, at}
	}
}

// elsewhere is when a host other than the given one answered last; zero: never.
func (a *answers) elsewhere(host string) time.Time {
	if a.last.host == host {
		return a.other.at
	}
	return a.last.at
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// network is what the answers of all hosts say of the way to them.
type network struct {
	answers
	silence time.Time // when the first probe after the last answer failed; zero: the last one was answered
	trusted time.Time // when hosts answered again after the last isolation
}

// failed notes a probe that its host did not answer.
func (n *network) failed(at time.Time) {
	if n.silence.IsZero() {
		n.silence = at
	}
}

// answered notes a probe that its host answered.
func (n *network) answered(host string, at time.Time) {
	n.add(host, at)
	n.silence = time.Time{}
}

// hear notes whether a host answered. The first answer after an isolation gives
// every target that is not down a fresh row of failures.
func (m *Monitor) hear(r *run) {
	if r.result.Host != nil {
		m.network.failed(r.ended)
		r.host.silent++
		return
	}
	r.host.silent = 0
	m.network.answered(r.host.key, r.ended)
	since, isolated := m.Isolated()
	if !isolated {
		return
	}
	m.network.trusted = r.ended
	m.isolate(nil)
	m.logAnsweredAgain(since, r.ended, r.name)
	for _, t := range m.set.Load().sorted {
		if t.condition.state != Down && t.condition.failures > 0 {
			t.condition = t.condition.forgive()
			t.publish(r.ended)
		}
	}
}

// doubtNetwork finds out, after a host has not answered, whether every host has
// stopped to.
func (m *Monitor) doubtNetwork() {
	if _, isolated := m.Isolated(); isolated || len(m.hosts) < 2 {
		return
	}
	watched := 0
	for _, h := range m.hosts {
		switch {
		case len(h.targets) == 0:
		case !h.isSilent():
			return
		default:
			watched++
		}
	}
	if watched < 2 {
		return
	}
	since := m.network.silence
	m.isolate(&since)
	m.logIsolated(since)
}

// stopDoubt ends an isolation where too few hosts are watched to speak of one.
func (m *Monitor) stopDoubt() {
	s := m.set.Load()
	n := len(s.sorted)
	severalHosts := n > 0 && s.sorted[0].hostKey() != s.sorted[n-1].hostKey()
	if _, isolated := m.Isolated(); isolated && !severalHosts {
		m.isolate(nil)
		m.logTooFew()
	}
}

// isolate makes our network one in doubt since then, or with nil one that works.
func (m *Monitor) isolate(since *time.Time) {
	m.isolated.Store(since)
	m.metrics.isolated.Set(0)
	if since != nil {
		m.metrics.isolated.Set(1)
	}
	m.tell()
}
