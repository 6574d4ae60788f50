package health

import (
	"fmt"
	"time"
)

// State is what probes say of a target.
type State uint8

// The states. Unknown counts as up: nobody has proved anything yet.
const (
	Unknown State = iota // no verdict yet
	Up
	Down
	states
)

var stateNames = [states]string{Unknown: "unknown", Up: "up", Down: "down"}

func (s State) String() string {
	if s >= states {
		return fmt.Sprintf("state %d", uint8(s))
	}
	return stateNames[s]
}

// Verdict is what is known of one target as of its last probe.
type Verdict struct {
	Host, Path string // as they were given to Watch
	State      State
	Since      time.Time     // of the state
	Last       time.Time     // when the last probe ended; zero: none did
	Took       time.Duration // by the last probe, for all targets of the host
	Why        string        // of the last failure; "" when the last probe was good
	Stage      Stage         // of the last failure; means nothing where Why is ""
	Failures   int           // in a row, that count
	Successes  int           // in a row
	// Needed is how many successes in a row bring the target up from down, after
	// damping, and 1 while it is Unknown.
	Needed int
	// Held is true while the target would be down, but nothing proves that our
	// own network works: its State stays what it was.
	Held bool
}
