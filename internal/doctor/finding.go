package doctor

import (
	"fmt"
	"slices"
)

// Level says how bad a finding is.
type Level string

// The levels, from good to bad. Skipped is of what could not be looked at,
// which says nothing good or bad; Worst takes it for less than Notice.
const (
	OK      Level = "ok"
	Skipped Level = "skipped"
	Notice  Level = "notice"
	Warning Level = "warning"
	Failed  Level = "failed"
)

// The areas of findings, in the order of a report.
const (
	Names       = "names"
	Ports       = "ports"
	DNS         = "dns"
	LDAP        = "ldap"
	Clock       = "clock"
	Kerberos    = "kerberos"
	Sites       = "sites"
	Disk        = "disk"
	Targets     = "targets"
	Replication = "replication"
)

// Finding is one thing that was looked at, and how it is.
type Finding struct {
	// Area is one of the constants of this package, such as Names.
	Area string `json:"area"`
	// Subject is what was looked at: a host, an address, a path, a setting.
	Subject string `json:"subject"`
	// Level says how it is.
	Level Level `json:"level"`
	// Summary is one sentence without a full stop, and holds no secret.
	Summary string `json:"summary"`
	// Mend is the command or the setting that mends it; "" where nothing is to
	// be done.
	Mend string `json:"mend"`
	// Seconds is how long the look took; where a check gives several findings
	// that it did not time one by one, how long the check took.
	Seconds float64 `json:"seconds"`
}

var ranks = []Level{OK, Skipped, Notice, Warning, Failed}

// Worst returns the worst level of some findings; OK where there are none.
func Worst(f []Finding) Level {
	worst := OK
	for _, one := range f {
		if slices.Index(ranks, one.Level) > slices.Index(ranks, worst) {
			worst = one.Level
		}
	}
	return worst
}

// report collects the findings of one area.
type report struct {
	area     string
	findings []Finding
}

func (r *report) add(level Level, subject, mend, format string, args ...any) {
	r.findings = append(r.findings, Finding{Area: r.area, Subject: subject, Level: level, Mend: mend, Summary: fmt.Sprintf(format, args...)})
}

func (r *report) okf(subject, format string, args ...any) {
	r.add(OK, subject, "", format, args...)
}

func (r *report) skipf(subject, format string, args ...any) {
	r.add(Skipped, subject, "", format, args...)
}
