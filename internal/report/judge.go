package report

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"dfsd/replication/status"
)

// The subsystems, in the order in which equals are told.
const (
	namespaces    = "namespace"
	targets       = "target"
	replicas      = "replication"
	network       = "network"
	directory     = "directory"
	configuration = "configuration"
	clients       = "client"
)

var subsystems = []string{namespaces, targets, replicas, network, directory, configuration, clients}

// The bounds from which on something is told.
const (
	directoryOld   = 3600.0 // seconds, of a topology
	memberSilent   = 30.0   // seconds, of a member's word
	backlogOld     = 300.0  // seconds, of the oldest change that is owed
	drainLong      = 10 * time.Minute
	preservedFull  = 0.9  // of the quota
	inNoSubnet     = 0.01 // of the referrals
	manyOfOneHost  = 4    // so many targets of one server are told as one finding
	namesInSummary = 3    // a summary names no more than so many examples
)

// judging collects what is found in one Facts.
type judging struct {
	f      *Facts
	now    time.Time
	since  float64 // seconds from the making of f to now
	found  []Finding
	tally  tally
	links  []link // the connections, each once
	places places
	// replicated holds the folders that some member told of, by name, and
	// decisions those about a target or a host; keys are in lower case.
	replicated map[string]*replicated
	decisions  map[string][]*DecisionFacts
}

// tally counts what the sentences tell.
type tally struct {
	folders, dead, stale                               int // of namespaces; without a target that serves; with lagging ones only
	targets, probed, down, lagging, drained, offline   int
	replicated, halted, behind, paused, busy, gaps     int // replicated folders, each once; connections that are not up
	oldest                                             float64
	members, silent, unread, preservedFull, unmirrored int
}

// Judge says what is wrong in f, worst first, and gives a line to every
// subsystem that exists here. It keeps nothing of f and changes nothing.
func Judge(f *Facts, now time.Time) Status {
	j := &judging{
		f: f, now: now, places: placesOf(f),
		found:      []Finding{}, // a list in JSON even where it is empty
		replicated: map[string]*replicated{}, decisions: map[string][]*DecisionFacts{},
	}
	if !f.At.IsZero() {
		j.since = max(0, now.Sub(f.At).Seconds())
	}
	j.judgeDecisions()
	j.judgeReplication()
	j.judgeTargets() // knows the decisions and the replicated folders by now
	j.judgeNetwork()
	j.judgeDirectory()
	j.judgeConfiguration()
	j.judgeClients()
	slices.SortStableFunc(j.found, worseFirst)
	s := Status{Host: f.Host, At: f.At, Lines: j.lines(), Findings: j.found}
	s.State = string(OK)
	if len(s.Lines) > 0 {
		s.State = s.Lines[0].State
	}
	s.Summary = j.sentence()
	return s
}

func (j *judging) add(f Finding) {
	f.Subject = cmp.Or(f.Subject, "(without a name)")
	j.found = append(j.found, f)
}

// ago is the time so many seconds before the Facts were made.
func (j *judging) ago(seconds float64) time.Time {
	if j.f.At.IsZero() || !(seconds >= 0 && seconds < 1e9) {
		return time.Time{}
	}
	return j.f.At.Add(-time.Duration(seconds * float64(time.Second)))
}

// worseFirst orders findings: by level, then as the subsystems are ordered,
// then the one that has lasted longest.
func worseFirst(a, b Finding) int {
	sinceUnknown := func(f Finding) int {
		if f.Since.IsZero() {
			return 1
		}
		return 0
	}
	return cmp.Or(
		cmp.Compare(b.Level.rank(), a.Level.rank()),
		cmp.Compare(slices.Index(subsystems, a.Subsystem), slices.Index(subsystems, b.Subsystem)),
		cmp.Compare(sinceUnknown(a), sinceUnknown(b)),
		a.Since.Compare(b.Since),
		cmp.Compare(a.Subject, b.Subject),
	)
}

// lines are the subsystems that exist here, worst first.
func (j *judging) lines() []Line {
	var lines []Line
	for _, name := range subsystems {
		if !j.exists(name) {
			continue
		}
		worst, n := j.worst(name)
		line := Line{Subsystem: name, State: string(cmp.Or(worst.Level, OK)), Summary: j.describe(name), Next: worst.Next}
		if n == 1 && name != directory {
			line.Summary = worst.Subject + ": " + worst.Summary
		}
		lines = append(lines, line)
	}
	slices.SortStableFunc(lines, func(a, b Line) int {
		return cmp.Compare(Level(b.State).rank(), Level(a.State).rank())
	})
	return lines
}

// worst is the worst finding of a subsystem, and how many are more than a
// notice. The findings are in order by now.
func (j *judging) worst(subsystem string) (worst Finding, n int) {
	for _, f := range j.found {
		if f.Subsystem != subsystem {
			continue
		}
		if worst.Level == "" {
			worst = f
		}
		if f.Level.rank() >= Degraded.rank() {
			n++
		}
	}
	return worst, n
}

// exists reports whether this deployment has the subsystem at all. What there
// is a finding about exists.
func (j *judging) exists(subsystem string) bool {
	has := false
	switch subsystem {
	case namespaces, clients:
		has = len(j.f.Namespaces) > 0
	case targets:
		has = j.tally.targets > 0
	case replicas:
		has = len(j.f.Members) > 0
	case network:
		has = j.tally.probed > 0
	case directory:
		has = j.f.Directory.Configured || j.f.Directory.Sites > 0
	case configuration:
		has = true
	}
	return has || slices.ContainsFunc(j.found, func(f Finding) bool { return f.Subsystem == subsystem })
}

// sameName compares names as SMB and DNS do, closely enough for a report.
func sameName(a, b string) bool { return strings.EqualFold(a, b) }

// folderName is a replicated folder as it is written everywhere.
func folderName(f status.Folder) string { return f.Group + "/" + f.Folder }
