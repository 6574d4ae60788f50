package health

import (
	"strings"
	"time"

	"go.uber.org/zap"
)

// The ids of the events of this room, in the field event_id of their log lines.
const (
	EventTargetDown    = "DFSD-HEALTH-0001" // a target went down
	EventTargetUp      = "DFSD-HEALTH-0002" // a target that was down came up
	EventIsolated      = "DFSD-HEALTH-0003" // no host answers any more
	EventAnsweredAgain = "DFSD-HEALTH-0004" // a host answers again, or too few are watched to tell
	EventTargetFlaps   = "DFSD-HEALTH-0005" // a target goes down too soon after it came up
)

// logChange tells of a target that went down, or that was down and came up. The
// first good probe of a target is no news.
func (m *Monitor) logChange(t *target, before condition, now time.Time) {
	c := t.condition
	switch {
	case c.state == Down:
		m.log.Warn("target down", zap.String("event_id", EventTargetDown),
			zap.String("host", t.host), zap.String("path", t.path),
			zap.Stringer("stage", t.failure.stage), zap.String("why", t.failure.why),
			zap.Int("failures", c.failures), zap.Int("needed", c.needed(now, t.policy)))
		if before.flaps(now) {
			m.log.Warn("target flaps", zap.String("event_id", EventTargetFlaps),
				zap.String("host", t.host), zap.String("path", t.path),
				zap.Duration("was_up", now.Sub(before.cameUp)), zap.Int("needed", c.needed(now, t.policy)))
		}
	case before.state == Down:
		m.log.Info("target up", zap.String("event_id", EventTargetUp),
			zap.String("host", t.host), zap.String("path", t.path),
			zap.Duration("was_down", now.Sub(before.since)))
	}
}

func (m *Monitor) logIsolated(since time.Time) {
	m.log.Warn("no file server answers its probes: our own network is in doubt, so targets keep the state that they have",
		zap.String("event_id", EventIsolated), zap.Time("since", since), zap.Int("hosts", len(m.hosts)))
}

func (m *Monitor) logAnsweredAgain(since, now time.Time, host string) {
	m.log.Info("file servers answer their probes again", zap.String("event_id", EventAnsweredAgain),
		zap.String("host", host), zap.Duration("after", now.Sub(since)))
}

func (m *Monitor) logTooFew() {
	m.log.Info("too few file servers are probed to tell whether our own network works",
		zap.String("event_id", EventAnsweredAgain), zap.Int("hosts", len(m.hosts)))
}

// maxWhy bounds the text of a failure, in bytes: part of it may come from the
// host.
const maxWhy = 300

func shorten(why string) string {
	if len(why) > maxWhy {
		why = why[:maxWhy] + "…"
	}
	return strings.ToValidUTF8(why, "�")
}
