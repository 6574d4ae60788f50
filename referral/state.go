package referral

import (
	"fmt"

	"dfsd/namespace"
)

// State is what is known of a target at the time of a referral.
type State uint8

// The states, the more desirable first. A target that is Lagging or Down stands
// behind every one that is Up; one that is Drained or Offline is left out.
const (
	Up      State = iota
	Lagging       // its content is further behind than its gate allows
	Down          // it fails its probes
	Drained       // an administrator is emptying it of clients
	Offline       // the configuration or an administrator took it out
)

var stateNames = [...]string{Up: "up", Lagging: "lagging", Down: "down", Drained: "drained", Offline: "offline"}

func (s State) String() string {
	if int(s) >= len(stateNames) {
		return fmt.Sprintf("state %d", uint8(s))
	}
	return stateNames[s]
}

// StateSource tells the state of targets. It is asked for every target of every
// referral, so it must be quick, and safe for concurrent use. A target that the
// configuration has offline is not asked about.
type StateSource interface {
	TargetState(t namespace.Target) State
	// StateReason says in words why a target is in its state, "" where there is
	// nothing to say. It is asked when people want to know, not in answers.
	StateReason(t namespace.Target) string
	// Degraded reports whether the targets of a link are about to change, or not
	// all well: clients are then to ask again soon.
	Degraded(l namespace.Link) bool
}
