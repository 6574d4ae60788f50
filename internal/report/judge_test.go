package report

import (
	"cmp"
	"encoding/json"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"dfsd/replication/status"
)

func TestNothingIsWrong(t *testing.T) {
	s := Judge(wellFacts(), noon)
	if len(s.Findings) != 0 || s.State != "ok" || s.Degraded() {
		t.Errorf("Judge of a deployment that is well = %s, degraded %v, findings %+v", s.State, s.Degraded(), s.Findings)
	}
	if want := "2 folders with 3 targets and 1 replicated folder on 2 members: all well"; s.Summary != want {
		t.Errorf("Summary = %q, want %q", s.Summary, want)
	}
	var names []string
	for _, l := range s.Lines {
		names = append(names, l.Subsystem)
		if l.State != "ok" || l.Summary == "" || l.Next != "" {
			t.Errorf("line %+v, want one that is ok", l)
		}
	}
	if !reflect.DeepEqual(names, subsystems) {
		t.Errorf("lines of %v, want %v", names, subsystems)
	}
}

// Only what exists here has a line.
func TestLinesOfASmallHost(t *testing.T) {
	s := Judge(&Facts{Host: "h"}, noon)
	if len(s.Lines) != 1 || s.Lines[0].Subsystem != "configuration" || s.State != "ok" || s.Summary != "nothing is served or replicated here" {
		t.Errorf("Judge of a host that does nothing = %+v", s)
	}
}

func folder(f *Facts, i int) *FolderFacts    { return &f.Namespaces[0].Folders[i] }
func target(f *Facts, i, k int) *TargetFacts { return &folder(f, i).Targets[k] }
func ours(f *Facts) *status.Folder           { return &f.Members[0].Folders[0] }
func theirs(f *Facts) *status.Folder         { return &f.Members[1].Folders[0] }
func setState(f *Facts, state status.ConnectionState) {
	ours(f).Connections[0].State, theirs(f).Connections[0].State = state, state
}

// outside makes a host of f that is neither a member nor an observer.
func outside(f *Facts, state string) {
	f.Outsider, f.Members = true, nil
	target(f, 0, 0).State, target(f, 0, 1).State = state, state
}

func owe(f *Facts, files int64, oldest time.Duration) {
	c := &ours(f).Connections[0]
	c.BacklogFiles, c.BacklogBytes, c.OldestSeconds = files, files<<20, oldest.Seconds()
}
func decide(f *Facts, d DecisionFacts) { f.Decisions = append(f.Decisions, d) }
func drainOf(f *Facts, at time.Duration) *DecisionFacts {
	return &DecisionFacts{Kind: "drained", Scope: `\\*\public\projects`, Target: target(f, 0, 1).Path, By: "ann", At: before(at)}
}

func TestFindings(t *testing.T) {
	tests := []struct {
		name    string
		change  func(*Facts)
		level   Level // of the finding, and of the whole
		about   string
		subject string
		summary string
		next    string
	}{
		{
			"all targets down", func(f *Facts) { target(f, 1, 0).State = TargetDown },
			Failed, "namespace", `\\fs1.nyc.corp.example.com\public\tools`, "no target is up: 1 down", "dfsd doctor",
		},
		{
			"no targets", func(f *Facts) { folder(f, 1).Targets = nil },
			Failed, "namespace", `\\fs1.nyc.corp.example.com\public\tools`, "no target is up: it has none", "namespaces.folders.targets",
		},
		{
			"all targets drained", func(f *Facts) { target(f, 1, 0).State = TargetDrained },
			Failed, "namespace", `\\fs1.nyc.corp.example.com\public\tools`, "no target is up: 1 drained", `dfsd target online '\\fs1.nyc.corp.example.com\public\tools' '\\fs1.nyc.corp.example.com\tools'`,
		},
		{
			"all targets lag", func(f *Facts) { target(f, 0, 0).State, target(f, 0, 1).State = TargetLagging, TargetLagging },
			Degraded, "namespace", `\\fs1.nyc.corp.example.com\public\projects`, "no target holds everything: 2 lagging", "dfsd replication backlog branch/projects",
		},
		{
			"one lags, one is down", func(f *Facts) { target(f, 0, 0).State, target(f, 0, 1).State = TargetLagging, TargetDown },
			Degraded, "namespace", `\\fs1.nyc.corp.example.com\public\projects`, "no target holds everything: 1 lagging, 1 down", "dfsd replication backlog branch/projects",
		},
		{
			"down", func(f *Facts) {
				target(f, 0, 1).State, target(f, 0, 1).ProbeError = TargetDown, "i/o timeout"
			},
			Degraded, "target", `\\fs2.lon.corp.example.com\projects`, `down in \\fs1.nyc.corp.example.com\public\projects: i/o timeout`, "dfsd doctor",
		},
		{
			"unknown state", func(f *Facts) { target(f, 0, 1).State = "melted" },
			Degraded, "target", `\\fs2.lon.corp.example.com\projects`, `in the unknown state "melted" in \\fs1.nyc.corp.example.com\public\projects`, "dfsd doctor",
		},
		{
			"lagging", func(f *Facts) { target(f, 0, 1).State = TargetLagging },
			Degraded, "target", `\\fs2.lon.corp.example.com\projects`, `lagging in \\fs1.nyc.corp.example.com\public\projects`, "dfsd replication backlog branch/projects",
		},
		{
			"offline by the configuration", func(f *Facts) { target(f, 0, 1).State = TargetOffline },
			Notice, "target", `\\fs2.lon.corp.example.com\projects`, `offline in \\fs1.nyc.corp.example.com\public\projects`, "namespaces.folders.targets.state: online",
		},
		{
			"offline by decision", func(f *Facts) {
				target(f, 0, 1).State = TargetOffline
				decide(f, DecisionFacts{Kind: "offline", Scope: `\\*\public\projects`, Target: target(f, 0, 1).Path, By: "ann", Reason: "disks", At: before(time.Hour)})
			},
			Notice, "target", `\\fs2.lon.corp.example.com\projects`, `taken out of referrals in \\fs1.nyc.corp.example.com\public\projects, by ann (disks)`,
			`dfsd target online '\\fs1.nyc.corp.example.com\public\projects' '\\fs2.lon.corp.example.com\projects'`,
		},
		{
			"all of a host", func(f *Facts) {
				target(f, 0, 1).State = TargetOffline
				decide(f, DecisionFacts{Kind: "offline", Scope: "FS2.lon.corp.example.com", By: "ann", At: before(time.Hour)})
			},
			Notice, "target", "FS2.lon.corp.example.com", "taken out of referrals, with all targets of this host, by ann", "dfsd target online FS2.lon.corp.example.com",
		},
		{
			"all of a host, by its Target", func(f *Facts) {
				target(f, 0, 1).State = TargetOffline
				decide(f, DecisionFacts{Kind: "offline", Scope: "all folders", Target: fs2, At: before(time.Hour), WaitingFor: []string{"the last changes"}})
			},
			Notice, "target", fs2, "taken out of referrals, with all targets of this host; waits for the last changes", "dfsd target online " + fs2,
		},
		{
			"decision past its end", func(f *Facts) {
				d := drainOf(f, 2*time.Hour)
				d.Until = before(12 * time.Minute)
				decide(f, *d)
			},
			Degraded, "target", `\\fs2.lon.corp.example.com\projects`, "and should have ended 12 min ago", "dfsd target online",
		},
		{
			"decision before its end", func(f *Facts) {
				d := drainOf(f, 2*time.Hour)
				d.Until = noon.Add(time.Hour)
				decide(f, *d)
			},
			Notice, "target", `\\fs2.lon.corp.example.com\projects`, "by ann, for 1 h more", "dfsd target online",
		},
		{
			"drain waits long", func(f *Facts) {
				d := drainOf(f, 11*time.Minute)
				d.Phase, d.WaitingFor = "waiting for other targets", []string{"a", "b", "c", "d"}
				decide(f, *d)
			},
			Degraded, "target", `\\fs2.lon.corp.example.com\projects`, "waits for a, b, c and 1 more, for 11 min now", "dfsd replication backlog",
		},
		{
			"drain waits", func(f *Facts) {
				d := drainOf(f, 10*time.Minute)
				d.WaitingFor = []string{"a"}
				decide(f, *d)
			},
			Notice, "target", `\\fs2.lon.corp.example.com\projects`, "being drained in", "dfsd target online",
		},
		{
			"drain waits for referrals to expire", func(f *Facts) {
				d := drainOf(f, 25*time.Minute)
				d.Phase, d.WaitingFor = waitingOutTTL, []string{"clients"}
				decide(f, *d)
			},
			Notice, "target", `\\fs2.lon.corp.example.com\projects`, "drain: waiting out the TTL", "dfsd target online",
		},
		{
			"folder offline", func(f *Facts) { folder(f, 1).State = "offline" },
			Notice, "namespace", `\\fs1.nyc.corp.example.com\public\tools`, "the folder is offline", "namespaces.folders.state: online",
		},
		{
			"namespace offline", func(f *Facts) { f.Namespaces[0].State = "offline" },
			Notice, "namespace", "public", "the namespace is offline", "namespaces.state: online",
		},
		{
			"not heard of yet", func(f *Facts) { folder(f, 0).Replicates = "branch/other" },
			Notice, "namespace", `\\fs1.nyc.corp.example.com\public\projects`,
			"no target is known to hold everything, as no word of branch/other reaches this host: 2 up", "dfsd doctor; replication.groups.members.address",
		},
		{
			"never heard of", func(f *Facts) {
				folder(f, 0).Replicates = "branch/other"
				target(f, 0, 0).State, target(f, 0, 1).State = TargetLagging, TargetLagging
			},
			Degraded, "namespace", `\\fs1.nyc.corp.example.com\public\projects`,
			"no target is known to hold everything, as no word of branch/other reaches this host: 2 lagging", "dfsd doctor; replication.groups.members.address",
		},
		{
			"neither member nor observer", func(f *Facts) { outside(f, TargetLagging) },
			Degraded, "namespace", `\\fs1.nyc.corp.example.com\public\projects`,
			"no target is known to hold everything, as no word of branch/projects reaches this host, which is neither a member nor an observer: 2 lagging", becomeObserver,
		},
		{
			"neither member nor observer, at the start", func(f *Facts) { outside(f, TargetUp) },
			Degraded, "namespace", `\\fs1.nyc.corp.example.com\public\projects`, "which is neither a member nor an observer: 2 up", becomeObserver,
		},
		{
			"neither member nor observer, without a gate", func(f *Facts) { outside(f, TargetLagging); folder(f, 0).MaxLagSeconds = 0 },
			Degraded, "namespace", `\\fs1.nyc.corp.example.com\public\projects`, "which is neither a member nor an observer: 2 lagging", becomeObserver,
		},
		{
			"a drain that waits where nobody is heard", func(f *Facts) {
				outside(f, TargetUp)
				folder(f, 0).Replicates = ""
				d := drainOf(f, 11*time.Minute)
				d.WaitingFor = []string{"a"}
				decide(f, *d)
			},
			Degraded, "target", `\\fs2.lon.corp.example.com\projects`, "waits for a, for 11 min now", becomeObserver,
		},
		{
			"lagging, seen by an observer", func(f *Facts) { f.Members[0].Self, target(f, 0, 1).State = false, TargetLagging },
			Degraded, "target", `\\fs2.lon.corp.example.com\projects`, "lagging in", "on " + fs1 + ": dfsd replication backlog branch/projects",
		},
		{
			"lagging, seen by another member", func(f *Facts) {
				f.Members[0].Self, f.Members[1].Self, target(f, 0, 1).State = false, true, TargetLagging
			},
			Degraded, "target", `\\fs2.lon.corp.example.com\projects`, "lagging in", "dfsd replication backlog branch/projects",
		},
		{
			"backlog, seen by an observer", func(f *Facts) { f.Members[0].Self = false; owe(f, 1412, 14*time.Minute) },
			Degraded, "replication", "branch/projects from " + fs1 + " to " + fs2, "1,412 files", "on " + fs1 + ": dfsd replication backlog branch/projects",
		},
		{
			"connection paused, seen by an observer", func(f *Facts) { f.Members[0].Self = false; setState(f, status.ConnectionPaused) },
			Notice, "replication", "branch/projects from " + fs1 + " to " + fs2, "the connection is paused", "on " + fs1 + ": dfsd replication resume branch/projects",
		},
		{
			"isolated", func(f *Facts) { f.Isolated = &IsolatedFacts{Since: before(time.Minute)} },
			Failed, "network", fs1, "every probe fails", "dfsd doctor",
		},
		{
			"directory unreachable", func(f *Facts) { f.Directory.Error = "connection refused" },
			Degraded, "directory", "dc1.corp.example.com", "could not be read; the topology of 3 min ago stays in force: connection refused", "dfsd doctor",
		},
		{
			"directory old by its own count", func(f *Facts) { f.Directory.AgeSeconds = 3601 },
			Degraded, "directory", "dc1.corp.example.com", "the topology is 1 h old", "dfsd doctor; sites.ldap.refresh",
		},
		{
			"directory old by the clock", func(f *Facts) { f.Directory.At = before(61 * time.Minute) },
			Degraded, "directory", "dc1.corp.example.com", "the topology is 1 h 1 min old", "dfsd doctor; sites.ldap.refresh",
		},
		{
			"directory never read", func(f *Facts) { f.Directory.At, f.Directory.Error = time.Time{}, "no such host" },
			Failed, "directory", "dc1.corp.example.com", "sites were never read from the directory: no such host", "dfsd doctor; sites.ldap",
		},
		{
			"odd topology", func(f *Facts) { f.Directory.Warnings = []string{"subnet without a site"} },
			Notice, "directory", "topology", "subnet without a site", "dfsd site list",
		},
		{
			"clients without a site", func(f *Facts) {
				f.Clients = ClientFacts{Referrals: 1000, WithoutSite: 11, Sample: []Unmapped{{Network: "10.1.0.0/24", Count: 1}, {Network: "10.9.3.0/24", Count: 10}}}
			},
			Notice, "client", "clients without a site", "1.1 % of referrals (11 of 1,000) went to clients in no known site, most from 10.9.3.0/24", "dfsd site lookup 10.9.3.0",
		},
		{
			"clients by default", func(f *Facts) {
				f.Clients = ClientFacts{
					Referrals: 1000, WithoutSite: 10, ByDefault: 11, DefaultSite: "HQ",
					Sample: []Unmapped{{Network: "10.1.0.0/24", Count: 10}}, DefaultSample: []Unmapped{{Network: "10.9.3.0/24", Count: 10}, {Network: "10.9.4.0/24", Count: 1}},
				}
			},
			Notice, "client", "sites.default", "1.1 % of referrals (11 of 1,000) went to clients that are in no subnet and are taken to be at HQ by sites.default, most from 10.9.3.0/24", "dfsd site lookup 10.9.3.0",
		},
		{
			"clients by a default that is gone", func(f *Facts) { f.Clients = ClientFacts{Referrals: 1, ByDefault: 1} },
			Notice, "client", "sites.default", "taken to be at the site of sites.default", "sites.static.subnets",
		},
		{
			"restart needed", func(f *Facts) { f.Config.RestartNeeded = []string{"host", "smb"} },
			Notice, "configuration", "/etc/dfsd/dfsd.yaml", "what is new in host, smb counts from the next start of the daemon", "systemctl restart dfsd, or dfsd-referral",
		},
		{
			"refused configuration", func(f *Facts) { f.Config.LastError = "dfsd.yaml:4:1: unknown field" },
			Degraded, "configuration", "/etc/dfsd/dfsd.yaml", "the latest reload was refused; what was loaded 3 h ago stays in force: dfsd.yaml:4:1: unknown field", "dfsd config check -c /etc/dfsd/dfsd.yaml",
		},
		{
			"halted here", func(f *Facts) {
				ours(f).State, ours(f).Error = status.Failed, "the directory is empty; if it is meant to be, run `dfsd replication resume branch/projects`"
			},
			Failed, "replication", "branch/projects on " + fs1, "halted: the directory is empty", "dfsd replication resume branch/projects",
		},
		{
			"halted there", func(f *Facts) { theirs(f).State, theirs(f).Error = status.Failed, "no index" },
			Failed, "replication", "branch/projects on " + fs2, "halted: no index", "on " + fs2 + ": dfsd replication status branch/projects",
		},
		{
			"recovering", func(f *Facts) {
				ours(f).State, ours(f).Progress = status.Recovering, &status.Progress{Phase: "scanning", FilesDone: 10, FilesTotal: 100, SecondsLeft: 90}
			},
			Notice, "replication", "branch/projects on " + fs1, "the index is being rebuilt: scanning, 10 of 100 files, about 1 min 30 s left", "dfsd replication status branch/projects --watch 2s",
		},
		{
			"initial sync", func(f *Facts) { theirs(f).State = status.InitialSync },
			Notice, "replication", "branch/projects on " + fs2, "initial sync: no progress told yet", "on " + fs2 + ": dfsd replication status branch/projects --watch 2s",
		},
		{
			"paused", func(f *Facts) { ours(f).State = status.Paused; setState(f, status.ConnectionPaused) },
			Notice, "replication", "branch/projects on " + fs1, "paused", "dfsd replication resume branch/projects",
		},
		{
			"connection paused", func(f *Facts) { setState(f, status.ConnectionPaused) },
			Notice, "replication", "branch/projects from " + fs1 + " to " + fs2, "the connection is paused", "dfsd replication resume branch/projects",
		},
		{
			"unknown state of a folder", func(f *Facts) { ours(f).State = "thawing" },
			Degraded, "replication", "branch/projects on " + fs1, "in the state thawing, which is not known here", "dfsd replication status branch/projects",
		},
		{
			"backlog", func(f *Facts) { owe(f, 1412, 14*time.Minute) },
			Degraded, "replication", "branch/projects from " + fs1 + " to " + fs2, "1,412 files (1.4 GiB) behind, the oldest change by 14 min", "dfsd replication backlog branch/projects",
		},
		{
			"backlog while the schedule is closed", func(f *Facts) { owe(f, 5, time.Hour); setState(f, status.ClosedBySchedule) },
			Notice, "replication", "branch/projects from " + fs1 + " to " + fs2, "5 files (5 MiB) behind, the oldest change by 1 h, as the schedule is closed", "dfsd replication backlog branch/projects",
		},
		{
			"not connected", func(f *Facts) {
				setState(f, status.Connecting)
				ours(f).Connections[0].LastError = "connection refused"
			},
			Degraded, "replication", "branch/projects from " + fs1 + " to " + fs2, "not connected (connecting): connection refused", "dfsd doctor",
		},
		{
			"silent", func(f *Facts) { f.Members[1].HeardSeconds, f.Members[1].Error = 31, "no answer" },
			Degraded, "replication", fs2, "this member has been silent for 31 s: no answer", "dfsd doctor",
		},
		{
			"never heard", func(f *Facts) { f.Members[1].HeardSeconds, f.Members[1].Folders = -1, nil },
			Degraded, "replication", fs2, "this member was never heard", "dfsd doctor; replication.groups.members.address",
		},
		{
			"unread", func(f *Facts) {
				ours(f).UnreadFiles, ours(f).Unread = 2, []status.Unread{{Path: "a.mov", Error: "busy", Seconds: 61}}
			},
			Notice, "replication", "branch/projects on " + fs1, "2 files could not be read, so what is new there does not travel; longest, for 1 min 1 s: a.mov: busy", "dfsd replication status branch/projects",
		},
		{
			"preserved", func(f *Facts) { ours(f).Preserved.Bytes = 37 << 27 },
			Notice, "replication", "branch/projects on " + fs1, "the preserved store holds 4.6 GiB of 4 GiB", "replication.groups.folders.preserved_quota",
		},
		{
			"one member", func(f *Facts) {
				f.Members = f.Members[:1]
				ours(f).Connections = nil
			},
			Notice, "replication", "branch/projects", "it has the one member " + fs1 + ", so nothing of it is held elsewhere", "replication.groups.members",
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			f := wellFacts()
			tt.change(f)
			s := Judge(f, noon)
			i := slices.IndexFunc(s.Findings, func(f Finding) bool {
				return f.Subsystem == tt.about && f.Subject == tt.subject && strings.Contains(f.Summary, tt.summary)
			})
			if i < 0 {
				t.Fatalf("Judge found %+v, want one of %s about %s: %q", s.Findings, tt.about, tt.subject, tt.summary)
			}
			got := s.Findings[i]
			if got.Level != tt.level || s.State != string(tt.level) || s.Degraded() != (tt.level != Notice) {
				t.Errorf("level %s, state %s, degraded %v, want %s", got.Level, s.State, s.Degraded(), tt.level)
			}
			if got.Next != tt.next && (tt.next != "dfsd target online" || !strings.HasPrefix(got.Next, tt.next+" ")) {
				t.Errorf("Next = %q, want %q", got.Next, tt.next)
			}
			if s.Lines[0].Subsystem != tt.about || s.Lines[0].State != string(tt.level) || s.Lines[0].Next == "" {
				t.Errorf("first line %+v, want that of %s", s.Lines[0], tt.about)
			}
			checkStatus(t, s)
		})
	}
}

// What is near a bound, or on purpose, is not told.
func TestNotFound(t *testing.T) {
	tests := []struct {
		name   string
		change func(*Facts)
	}{
		{"short backlog", func(f *Facts) { owe(f, 10, 5*time.Minute) }},
		{"closed by schedule", func(f *Facts) { setState(f, status.ClosedBySchedule) }},
		{"one end knows of the schedule", func(f *Facts) {
			ours(f).Connections[0].State, theirs(f).Connections[0].State = status.ClosedBySchedule, status.Connecting
		}},
		{"member's word is fresh", func(f *Facts) { f.Members[1].HeardSeconds = 30 }},
		{"directory of an hour", func(f *Facts) { f.Directory.At, f.Directory.AgeSeconds = before(time.Hour), 3600 }},
		{"one in a hundred clients", func(f *Facts) { f.Clients.Referrals, f.Clients.WithoutSite = 1000, 10 }},
		{"preserved store at nine tenths", func(f *Facts) { ours(f).Preserved = status.Preserved{Bytes: 9, Quota: 10} }},
		{"preserved without a bound", func(f *Facts) { ours(f).Preserved = status.Preserved{Bytes: 9} }},
		{"one in a hundred by default", func(f *Facts) { f.Clients.Referrals, f.Clients.WithoutSite, f.Clients.ByDefault = 1000, 10, 10 }},
		{"outside, and nothing replicates", func(f *Facts) { outside(f, TargetUp); folder(f, 0).Replicates, folder(f, 0).MaxLagSeconds = "", 0 }},
		{"no directory", func(f *Facts) { f.Directory = DirectoryFacts{Error: "left over"} }},
		{"sender alone knows a folder of two", func(f *Facts) { f.Members[1].Folders = nil }},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			f := wellFacts()
			tt.change(f)
			if s := Judge(f, noon); len(s.Findings) > 0 {
				t.Errorf("Judge found %+v, want nothing", s.Findings)
			}
		})
	}
}

// A server that dies is one finding, however many targets it has.
func TestOneServerIsOneFinding(t *testing.T) {
	f := largeFacts(40)
	for i := range f.Namespaces[0].Folders {
		tgt := target(f, i, 1)
		tgt.Host, tgt.State, tgt.Since, tgt.Reason = fs2, TargetDown, before(time.Duration(i+1)*time.Minute), downText
	}
	s := Judge(f, noon)
	want := Finding{
		Subsystem: "target", Level: Degraded, Subject: fs2, Since: before(20 * time.Minute), Event: "DFSD-TARGET-0001",
		Summary: "20 targets in 20 folders are down: " + downText, Next: "dfsd doctor",
	}
	if !reflect.DeepEqual(s.Findings, []Finding{want}) {
		t.Errorf("Judge found %+v, want %+v", s.Findings, want)
	}
}

// Figures age while they wait to be judged.
func TestOldFacts(t *testing.T) {
	s := Judge(wellFacts(), noon.Add(time.Hour))
	var told []string
	for _, f := range s.Findings {
		told = append(told, f.Subject)
	}
	if want := []string{fs2, "dc1.corp.example.com"}; !reflect.DeepEqual(told, want) {
		t.Errorf("an hour later there are findings about %v, want %v", told, want)
	}
}

func TestSentence(t *testing.T) {
	s := Judge(troubledFacts(), noon)
	want := "1 of 3 folders without a target; 1 of 3 replicated folders halted; 1 of 3 replicated folders behind; oldest change 14 min; " +
		"1 target down; 1 target lagging; 1 target drained; and 5 further matters"
	if s.Summary != want {
		t.Errorf("Summary = %q, want %q", s.Summary, want)
	}
	checkStatus(t, s)
}

// checkStatus holds for every judgement.
func checkStatus(t *testing.T, s Status) {
	t.Helper()
	if !slices.IsSortedFunc(s.Findings, func(a, b Finding) int { return cmp.Compare(b.Level.rank(), a.Level.rank()) }) {
		t.Errorf("findings are not worst first: %+v", s.Findings)
	}
	if !slices.IsSortedFunc(s.Lines, func(a, b Line) int { return cmp.Compare(Level(b.State).rank(), Level(a.State).rank()) }) {
		t.Errorf("lines are not worst first: %+v", s.Lines)
	}
	worst := map[string]Level{}
	for _, f := range s.Findings {
		if !slices.Contains(subsystems, f.Subsystem) || f.Subject == "" || f.Summary == "" || !slices.Contains([]Level{Notice, Degraded, Failed}, f.Level) {
			t.Errorf("finding without a subsystem, a subject, a summary or a level: %+v", f)
		}
		if !realStep(f.Next) {
			t.Errorf("next step %q of %+v is neither a command nor a setting", f.Next, f)
		}
		worst[f.Subsystem] = cmp.Or(worst[f.Subsystem], f.Level)
	}
	if s.Summary == "" || len(s.Lines) == 0 || s.State != s.Lines[0].State {
		t.Errorf("state %q, summary %q, lines %+v", s.State, s.Summary, s.Lines)
	}
	for _, l := range s.Lines {
		if l.State != string(cmp.Or(worst[l.Subsystem], OK)) || l.Summary == "" {
			t.Errorf("line %+v, worst finding of it %q", l, worst[l.Subsystem])
		}
		delete(worst, l.Subsystem)
	}
	if len(worst) > 0 {
		t.Errorf("findings of %v have no line", worst)
	}
}

// realStep reports whether a next step begins with a command or a setting of
// the public face.
func realStep(next string) bool {
	if rest, ok := strings.CutPrefix(next, "on "); ok {
		_, next, _ = strings.Cut(rest, ": ")
	}
	return slices.ContainsFunc([]string{
		"dfsd doctor", "dfsd replication status ", "dfsd replication backlog", "dfsd replication resume ", "dfsd target online ",
		"dfsd site list", "dfsd site lookup ", "dfsd config check", "namespaces.", "sites.static.subnets", "replication.groups.", "replication.observers", "systemctl restart dfsd",
	}, func(s string) bool { return strings.HasPrefix(next, s) })
}

// worsenings each add trouble to whatever there is.
var worsenings = []func(*Facts, *rand.Rand){
	func(f *Facts, r *rand.Rand) { worsen(target(f, r.IntN(len(f.Namespaces[0].Folders)), 0)) },
	func(f *Facts, r *rand.Rand) {
		targets := folder(f, r.IntN(len(f.Namespaces[0].Folders))).Targets
		worsen(&targets[len(targets)-1])
	},
	func(f *Facts, r *rand.Rand) {
		was := ours(f).Connections[0].OldestSeconds
		owe(f, 1+r.Int64N(9000), time.Duration(was+float64(r.IntN(900)))*time.Second)
	},
	func(f *Facts, _ *rand.Rand) { ours(f).State, ours(f).Error = status.Failed, "gone" },
	func(f *Facts, _ *rand.Rand) { ours(f).Connections[1].State = status.Connecting },
	func(f *Facts, r *rand.Rand) { f.Members[1].HeardSeconds += float64(r.IntN(40)) },
	func(f *Facts, _ *rand.Rand) { f.Directory.Error = "refused" },
	func(f *Facts, _ *rand.Rand) { f.Directory.At, f.Directory.AgeSeconds = time.Time{}, 0 },
	func(f *Facts, r *rand.Rand) { f.Directory.AgeSeconds += float64(r.IntN(4000)) },
	func(f *Facts, _ *rand.Rand) { f.Config.LastError = "refused" },
	func(f *Facts, r *rand.Rand) { f.Clients.WithoutSite += r.Uint64N(500) },
	func(f *Facts, _ *rand.Rand) { f.Isolated = &IsolatedFacts{} },
	func(f *Facts, r *rand.Rand) { ours(f).UnreadFiles += r.Int64N(5) },
	func(f *Facts, r *rand.Rand) { ours(f).Preserved.Bytes += r.Int64N(4 << 30) },
	func(f *Facts, r *rand.Rand) { decide(f, *drainOf(f, time.Duration(r.IntN(60))*time.Minute)) },
	func(f *Facts, _ *rand.Rand) {
		for i := range f.Decisions {
			f.Decisions[i].Until = before(time.Second)
		}
	},
	func(f *Facts, _ *rand.Rand) {
		for i := range f.Decisions {
			f.Decisions[i].WaitingFor = append(f.Decisions[i].WaitingFor, "others")
		}
	},
}

// worsen moves a target that nobody took out to the next worse state.
func worsen(t *TargetFacts) {
	t.State = map[string]string{TargetUp: TargetLagging, TargetLagging: TargetDown}[t.State]
	t.State = cmp.Or(t.State, TargetDown)
}

func TestMoreTroubleIsNeverBetter(t *testing.T) {
	for seed := range uint64(60) {
		r := rand.New(rand.NewPCG(seed, 7))
		f := wellFacts()
		f.Namespaces = append(f.Namespaces, largeFacts(12).Namespaces...)
		was := Judge(f, noon)
		for range 25 {
			n := r.IntN(len(worsenings))
			worsenings[n](f, r)
			given := asJSON(t, f)
			s := Judge(f, noon)
			checkStatus(t, s)
			if asJSON(t, f) != given {
				t.Fatalf("seed %d: Judge changed its facts", seed)
			}
			if !reflect.DeepEqual(s, Judge(f, noon)) {
				t.Fatalf("seed %d: Judge does not say the same twice", seed)
			}
			if Level(s.State).rank() < Level(was.State).rank() {
				t.Fatalf("seed %d: trouble %d turned %s into %s", seed, n, was.State, s.State)
			}
			for _, l := range was.Lines {
				i := slices.IndexFunc(s.Lines, func(k Line) bool { return k.Subsystem == l.Subsystem })
				if i < 0 || Level(s.Lines[i].State).rank() < Level(l.State).rank() {
					t.Fatalf("seed %d: trouble %d turned line %+v into %+v", seed, n, l, s.Lines)
				}
			}
			was = s
		}
	}
}

func asJSON(t *testing.T, v any) string {
	t.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// What has one cause is told once.
func TestToldOnce(t *testing.T) {
	offline := func(d DecisionFacts) func(*Facts) {
		return func(f *Facts) {
			target(f, 0, 1).State = TargetOffline
			d.Kind, d.At = "offline", before(time.Hour)
			decide(f, d)
		}
	}
	tests := []struct {
		name   string
		change func(*Facts)
		want   int
	}{
		{"by a decision about the target", offline(DecisionFacts{Scope: `\\*\public\projects`, Target: `\\` + fs2 + `\projects`}), 1},
		{"by a decision about the host", offline(DecisionFacts{Scope: fs2}), 1},
		{"by a decision about the host in its Target", offline(DecisionFacts{Scope: "all folders", Target: fs2}), 1},
		{"not by a decision about another folder", offline(DecisionFacts{Scope: `\\*\public\tools`, Target: `\\` + fs2 + `\projects`}), 2},
		{"not by a decision about another host", offline(DecisionFacts{Scope: fs3}), 2},
		{"a paused folder and its connections", func(f *Facts) { ours(f).State = status.Paused; setState(f, status.ConnectionPaused) }, 1},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			f := wellFacts()
			tt.change(f)
			if s := Judge(f, noon); len(s.Findings) != tt.want {
				t.Errorf("Judge found %+v, want %d", s.Findings, tt.want)
			}
		})
	}
}
