package doctor

import (
	"context"
	"fmt"
	"time"
)

const (
	// clockOff is where Kerberos refuses tickets (MS-KILE 3.1.1.2: five minutes).
	clockOff = 5 * time.Minute
	// clockOdd is when a difference is told.
	clockOdd = time.Minute
	// mendClock sets this host's clock.
	mendClock = "chronyc makestep; timedatectl set-ntp true"
	// maxClocks bounds the controllers whose clocks are asked.
	maxClocks = 4
)

func (d *doctor) clockChecks() []Check {
	if d.Directory == nil || d.Directory.Mapping != nil {
		return nil
	}
	return []Check{check(Clock, "controllers", d.checkClocks)}
}

// checkClocks compares this clock with those of the nearest controllers. It
// asks without an account and does not judge certificates: a wrong clock is
// why one may not hold, and nothing secret is sent.
func (d *doctor) checkClocks(ctx context.Context, r *report) {
	all, err := d.controllers(ctx)
	if err != nil {
		r.skipf("controllers", "no domain controller is found: %v", err)
		return
	}
	type answer struct {
		ahead time.Duration // this clock's
		err   error
	}
	all = all[:min(len(all), maxClocks)]
	answers := each(all, func(c controller) answer {
		ahead, err := d.clockAhead(ctx, c)
		return answer{ahead, err}
	})
	for i, a := range answers {
		if a.err != nil {
			r.skipf(all[i].name(), "the controller does not tell its time: %s", printable(a.err.Error()))
			continue
		}
		tellClock(r, all[i].name(), a.ahead)
	}
}

func tellClock(r *report, subject string, ahead time.Duration) {
	way := "ahead of"
	off := ahead
	if off < 0 {
		way, off = "behind", -off
	}
	off = off.Round(time.Second)
	switch {
	case off > clockOff:
		r.add(Failed, subject, mendClock, "this clock is %v %s the controller's: Kerberos refuses tickets", off, way)
	case off > clockOdd:
		r.add(Warning, subject, mendClock, "this clock is %v %s the controller's; from %v on, Kerberos refuses tickets", off, way, clockOff)
	default:
		r.okf(subject, "this clock agrees with the controller's within %v", max(off, time.Second))
	}
}

// clockAhead returns how far this clock is ahead of a controller's.
func (d *doctor) clockAhead(ctx context.Context, c controller) (time.Duration, error) {
	t, err := d.open(ctx, c)
	if err != nil {
		return 0, err
	}
	defer t.close()
	before := d.Now()
	values, err := t.rootDSE("currentTime")
	if err != nil {
		return 0, err
	}
	after := d.Now()
	theirs, err := generalizedTime(values["currentTime"])
	if err != nil {
		return 0, err
	}
	return before.Add(after.Sub(before) / 2).Sub(theirs), nil
}

// generalizedTime reads the form that Active Directory uses, in UTC and to the
// second: 20261122193000.0Z (MS-ADTS 3.1.1.3.2.6).
func generalizedTime(text string) (time.Time, error) {
	for _, layout := range []string{"20060102150405.0Z", "20060102150405Z"} {
		if at, err := time.Parse(layout, text); err == nil {
			return at, nil
		}
	}
	return time.Time{}, fmt.Errorf("currentTime %q is no time", printable(text))
}
