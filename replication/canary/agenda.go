package canary

import "time"

const (
	pause     = time.Second      // between two looks
	idlePause = 10 * time.Second // where a hint tells of changes
)

// agenda says when to look and when to write next. It knows no clock. Its zero
// value wants both at once.
type agenda struct {
	every, idle       time.Duration // between two writings, and two looks
	look, write, last time.Time     // last: when the last look was
}

// hint brings the next look forward.
func (a *agenda) hint() {
	if next := a.last.Add(pause); next.Before(a.look) {
		a.look = next
	}
}

// lookedAt plans the next look.
func (a *agenda) lookedAt(now time.Time) { a.last, a.look = now, now.Add(a.idle) }

// due tells whether there is something to do. A plan that lies further ahead
// than any is made was made by a clock that was set back since.
func (a *agenda) due(now time.Time) bool {
	if a.look.Sub(now) > a.idle {
		a.look = now
	}
	if a.write.Sub(now) > a.every {
		a.write = now
	}
	return !a.look.After(now) || a.writeDue(now)
}

func (a *agenda) writeDue(now time.Time) bool { return !a.write.After(now) }

// wait is how long there is nothing to do.
func (a *agenda) wait(now time.Time) time.Duration {
	next := a.look
	if a.write.Before(next) {
		next = a.write
	}
	return max(next.Sub(now), 0)
}

// resume goes on with the pause that a writing before this one's start began.
func (a *agenda) resume(now, written time.Time) {
	if left := written.Add(a.every).Sub(now); left > 0 && left <= a.every {
		a.write = now.Add(left)
	}
}

// rewrite brings the next writing forward to when the shortest pause since the
// last one is over.
func (a *agenda) rewrite(now, written time.Time) {
	next := now
	if left := written.Add(MinEvery).Sub(now); left > 0 && left <= MinEvery {
		next = now.Add(left)
	}
	if next.Before(a.write) {
		a.write = next
	}
}
