// Package report turns what a daemon knows of the whole deployment into the
// lines of `dfsd status`, worst first, and one page of HTML for
// `dfsd report health`.
package report

import "time"

// Level is how bad something is.
type Level string

// The levels, the better first. What an administrator decided is a Notice;
// from Degraded on the commands end in exit code 8.
const (
	OK       Level = "ok"
	Notice   Level = "notice"
	Degraded Level = "degraded"
	Failed   Level = "failed"
)

// rank orders the levels: the worse, the higher. A level that is not one of
// them counts as the worst, so that nothing hides behind a misspelling.
func (l Level) rank() int {
	switch l {
	case OK:
		return 0
	case Notice:
		return 1
	case Degraded:
		return 2
	}
	return 3
}

// Finding is one thing that is wrong, or worth knowing. Its texts are as they
// came, names of files and shares included: whoever shows them makes them
// harmless first, as HTML and Text do.
type Finding struct {
	// Subsystem is one of namespace, target, replication, directory,
	// configuration, network and client.
	Subsystem string    `json:"subsystem"`
	Level     Level     `json:"level"`
	Subject   string    `json:"subject"` // what it is about, such as a path or a host
	Summary   string    `json:"summary"`
	Next      string    `json:"next,omitempty"`  // the command or the setting that mends it
	Since     time.Time `json:"since,omitzero"`  // zero: not known
	Event     string    `json:"event,omitempty"` // the id of its kind, DFSD-…
}

// Line is one line of `dfsd status`: a subsystem and its worst finding.
type Line struct {
	Subsystem string `json:"subsystem"`
	State     string `json:"state"` // ok|notice|degraded|failed
	Summary   string `json:"summary"`
	Next      string `json:"next,omitempty"`
}

// Status is the judgement of Facts.
type Status struct {
	Host     string    `json:"host"`
	At       time.Time `json:"at"`      // of the Facts
	State    string    `json:"state"`   // the worst of the lines
	Summary  string    `json:"summary"` // one sentence
	Lines    []Line    `json:"lines"`   // worst first
	Findings []Finding `json:"findings"`
}

// Degraded reports whether something is degraded or has failed: commands then
// end in exit code 8.
func (s Status) Degraded() bool {
	return Level(s.State).rank() >= Degraded.rank()
}
