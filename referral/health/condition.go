package health

import "time"

const (
	// flapWindow is how soon after coming up a target that goes down again flaps,
	// and how long it must not go down for its damping to halve.
	flapWindow = 10 * time.Minute
	// maxDamping is how often the successes needed double: to eight times.
	maxDamping = 3
)

// condition is what the probes so far say of one target. The zero value is that
// of a target never probed. It is a value: a step returns the next one.
type condition struct {
	state     State
	since     time.Time // of state
	failures  int       // in a row, that count
	successes int       // in a row
	failing   time.Time // when the first of failures ended
	held      bool      // failures suffice, but nothing proves that our network works
	cameUp    time.Time // the last time from Down; zero: never
	damping   int       // as of damped: the successes needed double that often
	damped    time.Time // when the target went down last
}

// outcome is what one probe found of one target.
type outcome struct {
	failed       bool
	hostAnswered bool // the host itself did, whatever became of the target
	began, ended time.Time
	// elsewhere is when another host had last answered as the probe began. An
	// answer that comes while a probe runs does not count: when a network comes
	// back, probes that began before time out after the first answers.
	elsewhere time.Time
	// trusted is when hosts last answered again after none did. A failure of a
	// probe that began earlier says nothing.
	trusted time.Time
}

// step returns what a target's condition is after one more probe. It reads no
// clock.
func (c condition) step(o outcome, p Policy) condition {
	if o.failed {
		return c.fail(o, p)
	}
	c = c.forgive()
	c.successes++
	switch {
	case c.state == Unknown:
		c.state, c.since = Up, o.ended
	case c.state == Down && c.successes >= c.needed(o.ended, p):
		c.state, c.since, c.cameUp = Up, o.ended, o.ended
	}
	return c
}

func (c condition) fail(o outcome, p Policy) condition {
	c.successes = 0
	if c.state != Down && !o.hostAnswered && o.began.Before(o.trusted) {
		return c
	}
	c.failures++
	if c.failures == 1 {
		c.failing = o.ended
	}
	if c.state == Down || c.failures < p.DownAfter {
		return c
	}
	c.held = !o.hostAnswered && !o.elsewhere.After(c.failing)
	if c.held {
		return c
	}
	return c.goDown(o.ended)
}

// goDown also damps: a target that came up only just needs more next time.
func (c condition) goDown(now time.Time) condition {
	c.damping = c.dampingAt(now)
	if c.flaps(now) {
		c.damping = min(c.damping+1, maxDamping)
	}
	c.state, c.since, c.damped = Down, now, now
	return c
}

// flaps reports whether a target that goes down now came up from down only just.
func (c condition) flaps(now time.Time) bool {
	return !c.cameUp.IsZero() && now.Sub(c.cameUp) < flapWindow
}

// forgive returns c with its row of failures forgotten.
func (c condition) forgive() condition {
	c.failures, c.failing, c.held = 0, time.Time{}, false
	return c
}

// dampingAt is one less for each flapWindow since the target went down last.
func (c condition) dampingAt(now time.Time) int {
	if c.damping == 0 {
		return 0
	}
	return max(0, c.damping-int(max(0, now.Sub(c.damped))/flapWindow))
}

// needed is how many successes in a row bring a target up from down.
func (c condition) needed(now time.Time, p Policy) int {
	if c.state == Unknown {
		return 1
	}
	return p.UpAfter << c.dampingAt(now)
}

// restored is the condition of a target that was known to be down before a
// restart.
func restored(v Verdict, now time.Time, p Policy) condition {
	c := condition{state: Down, since: past(v.Since, now), failures: max(0, v.Failures), damped: past(v.Last, now)}
	for c.damping < maxDamping && p.UpAfter<<c.damping < v.Needed {
		c.damping++
	}
	return c
}

// past is t, or now where t is unknown or has not come yet.
func past(t, now time.Time) time.Time {
	if t.IsZero() || t.After(now) {
		return now
	}
	return t
}
