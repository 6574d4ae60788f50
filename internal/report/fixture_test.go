package report

import (
	"fmt"
	"time"

	"dfsd/replication/status"
)

const (
	fs1 = "fs1.nyc.corp.example.com"
	fs2 = "fs2.lon.corp.example.com"
	fs3 = "fs3.par.corp.example.com"
)

// noon is when the facts of the tests are made.
var noon = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

func before(d time.Duration) time.Time { return noon.Add(-d) }

func upTarget(host, share, site string) TargetFacts {
	return TargetFacts{
		Path: `\\` + host + `\` + share, Host: host, Site: site, State: TargetUp, Since: before(48 * time.Hour),
		Probed: true, LastProbe: before(4 * time.Second), ProbeSeconds: 0.012,
	}
}

// wellFacts is a deployment of two servers in which nothing is wrong.
func wellFacts() *Facts {
	return &Facts{
		At: noon, Host: fs1, Version: "1.4.0", Started: before(72 * time.Hour),
		Config:    ConfigFacts{File: "/etc/dfsd/dfsd.yaml", Digest: "9f86d081884c7d65", Loaded: before(3 * time.Hour)},
		Directory: DirectoryFacts{Configured: true, Server: "dc1.corp.example.com", At: before(3 * time.Minute), AgeSeconds: 180, Sites: 3, Subnets: 4, Links: 2},
		Clients:   ClientFacts{Referrals: 12045, WithoutSite: 3, Sessions: 41, Connections: 44},
		Namespaces: []NamespaceFacts{{
			Name: "public", Type: "standalone", State: "online", TTLSeconds: 300,
			Folders: []FolderFacts{
				{
					Path: "projects", State: "online", Replicates: "branch/projects", TTLSeconds: 1800, EffectiveTTLSeconds: 1800, MaxLagSeconds: 120,
					Targets: []TargetFacts{upTarget(fs1, "projects", "NewYork"), upTarget(fs2, "projects", "London")},
				},
				{
					Path: "tools", State: "online", TTLSeconds: 1800, EffectiveTTLSeconds: 1800,
					Targets: []TargetFacts{upTarget(fs1, "tools", "NewYork")},
				},
			},
		}},
		Members: []MemberFacts{
			{Host: fs1, Self: true, Software: "dfsd 1.4.0", Folders: []status.Folder{replica(fs1, fs2)}},
			{Host: fs2, Software: "dfsd 1.4.0", HeardSeconds: 6, Folders: []status.Folder{replica(fs1, fs2)}},
		},
		Events: []EventFacts{{At: before(3 * time.Hour), ID: "DFSD-CONFIG-0001", Level: "info", Text: "configuration read; digest: 9f86d081884c7d65; file: /etc/dfsd/dfsd.yaml"}},
	}
}

// replica is branch/projects on one of two members.
func replica(a, b string) status.Folder {
	return status.Folder{
		Group: "branch", Folder: "projects", State: status.Normal, Path: "/srv/projects", Files: 120345, Bytes: 98 << 30, Watch: "fanotify",
		Preserved: status.Preserved{Files: 12, Bytes: 40 << 20, Quota: 4 << 30},
		Connections: []status.Connection{
			{From: a, To: b, State: status.Connected, SentBytes: 1 << 30, ReceivedBytes: 2 << 20},
			{From: b, To: a, State: status.Connected, SentBytes: 2 << 20, ReceivedBytes: 1 << 30},
		},
	}
}

// The texts that others make: TestTextsAreReal holds them against their makers.
const (
	refusedText = `/etc/dfsd/dfsd.yaml:41:9: unknown key "targts" in folder; did you mean "targets"?`
	haltedText  = "/srv/archive: the folder is suddenly empty (mount or restore what belongs there, and replication goes on by itself; " +
		"if it is meant to be empty, run `dfsd replication resume branch/archive`)"
	oddText     = "CN=10.9.0.0/16,CN=Subnets,CN=Sites,CN=Configuration,DC=corp,DC=example,DC=com: the subnet is left out: it belongs to no site"
	laggingText = "1412 files behind " + fs1 + ", the oldest by 14m; its gate allows 2m"
	downText    = "dial: 10.1.0.7:445: i/o timeout"
	drainedText = "by root (new disks); dfsd target online brings it back"
	waitingText = `\\*\public\archive: \\` + fs2 + `\archive is not known to hold everything, no word of the replication of ` + fs3 +
		" for 4m0s: dfsd target offline takes the target out at once"
	demotedText = `target stands behind others; folder: \\*\public\tools; from: up; reason: dial: 10.1.0.7:445: i/o timeout; target: \\` + fs1 + `\tools; to: down`
)

// unreachedText is of a member to which there is no way.
func unreachedText(host, address string) string {
	return "dial " + host + " at " + host + ":5722: dial tcp " + address + ":5722: connect: no route to host"
}

// troubledFacts has some of everything that can be wrong.
func troubledFacts() *Facts {
	f := wellFacts()
	f.Config.LastError = refusedText
	f.Directory.Error, f.Directory.At, f.Directory.AgeSeconds = "dc1.corp.example.com:636: dial tcp 10.1.0.5:636: connect: connection refused", before(2*time.Hour), 7200
	f.Directory.Warnings = []string{oddText}
	f.Clients.WithoutSite = 903
	f.Clients.Sample = []Unmapped{{Network: "10.9.3.0/24", Last: before(time.Minute), Count: 880}, {Network: "10.9.4.0/24", Last: before(time.Hour), Count: 23}}
	folders := f.Namespaces[0].Folders
	folders[0].EffectiveTTLSeconds = 60
	folders[0].Targets[1].State, folders[0].Targets[1].Reason, folders[0].Targets[1].Since = TargetLagging, laggingText, before(12*time.Minute)
	folders[1].Targets[0].State, folders[1].Targets[0].Since = TargetDown, before(5*time.Minute)
	folders[1].Targets[0].Reason, folders[1].Targets[0].ProbeError = downText, downText
	drained := upTarget(fs3, "archive", "Paris")
	drained.State, drained.Since, drained.Reason = TargetDrained, before(time.Hour), drainedText
	f.Namespaces[0].Folders = append(folders, FolderFacts{
		Path: "archive", State: "online", Replicates: "branch/media", TTLSeconds: 1800, EffectiveTTLSeconds: 60,
		Targets: []TargetFacts{drained, upTarget(fs2, "archive", "London")},
	})
	f.Decisions = []DecisionFacts{{
		Kind: "drain", Scope: `\\*\public\archive`, Target: drained.Path, Reason: "new disks", By: "root", At: before(time.Hour),
		Phase: "waiting for the last changes", WaitingFor: []string{waitingText},
	}}
	f.Members[0].Folders[0].Connections[0].BacklogFiles = 1412
	f.Members[0].Folders[0].Connections[0].BacklogBytes = 3 << 30
	f.Members[0].Folders[0].Connections[0].OldestSeconds = 840
	f.Members[1].Folders[0].Preserved.Bytes = 39 << 27
	f.Members = append(f.Members, MemberFacts{
		Host: fs3, HeardSeconds: 240, Via: fs2, Error: unreachedText(fs3, "10.3.0.11"), Software: "dfsd 1.3.9",
		Folders: []status.Folder{
			{
				Group: "branch", Folder: "archive", State: status.Failed, Path: "/srv/archive", Watch: "scan",
				Error: haltedText,
			},
			{
				Group: "branch", Folder: "media", State: status.InitialSync, Path: "/srv/media", Watch: "inotify", UnreadFiles: 3,
				Unread:      []status.Unread{{Path: "cuts/a.mov", Error: "open for writing", Seconds: 4000}},
				Progress:    &status.Progress{Phase: "installing", FilesDone: 12000, FilesTotal: 50000, BytesDone: 9 << 30, BytesTotal: 40 << 30, SecondsLeft: 1260},
				Connections: []status.Connection{{From: fs2, To: fs3, State: status.Connecting, LastError: unreachedText(fs2, "10.2.0.11")}},
			},
		},
	})
	f.Events = append([]EventFacts{{At: before(5 * time.Minute), ID: "DFSD-TARGET-0001", Level: "warn", Text: demotedText}}, f.Events...)
	return f
}

// largeFacts has n targets, two for each folder, with every twentieth down.
func largeFacts(n int) *Facts {
	f := wellFacts()
	f.Namespaces[0].Folders = nil
	for i := range n / 2 {
		a := upTarget(fmt.Sprintf("fs%d.nyc.corp.example.com", i%40), fmt.Sprintf("department-%05d$", i), "NewYork")
		b := upTarget(fmt.Sprintf("fs%d.lon.corp.example.com", i%40), fmt.Sprintf("department-%05d$", i), "London")
		if i%10 == 0 {
			b.State, b.ProbeError, b.Reason = TargetDown, downText, downText
		}
		f.Namespaces[0].Folders = append(f.Namespaces[0].Folders, FolderFacts{
			Path: fmt.Sprintf(`departments\department-%05d`, i), State: "online", TTLSeconds: 1800, EffectiveTTLSeconds: 1800,
			Replicates: "branch/projects", Targets: []TargetFacts{a, b},
		})
	}
	return f
}
