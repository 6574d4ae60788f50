package report

import (
	"time"

	"dfsd/internal/quantity"
	"dfsd/replication/status"
)

// The bounds of what the page shows unfolded.
const (
	openFindings = 50
	openEvents   = 20
	allEvents    = 200
	matrixHosts  = 12
	oldFigures   = 120.0 // seconds: figures older than this are said to be old
)

// page is what the templates show. Every string in it is already visible, in
// the sense of that function; escaping for HTML is the templates' own.
type page struct {
	stateView
	State, Host, Version, Summary, At, Now, Age string
	Stale                                       bool
	Counts                                      []fact
	Sections                                    []sectionView
	Lines                                       []lineView
	Findings, MoreFindings                      table[findingView]
	Namespaces                                  []namespaceView
	Members                                     []memberView
	Matrix                                      *matrixView
	Links, FineLinks                            table[linkView]
	Replicas, FineReplicas                      table[replicaView]
	Backlog                                     []backlogView
	Preserved                                   []preservedView
	Unread                                      []unreadView
	Decisions                                   []decisionView
	Directory, Daemon                           table[fact]
	Warnings                                    []string
	Sample                                      []sampleView
	Events                                      table[eventView]
	Ages                                        []ageView
}

// table is rows with a title.
type table[Row any] struct {
	Title string
	Rows  []Row
	Open  bool // unfolded
}

// stateView is a state in a word, a sign and a colour.
type stateView struct{ Class, Mark, Word string }

type (
	fact        struct{ Name, Value string }
	sectionView struct{ ID, Title string }
	lineView    struct {
		State                    stateView
		Subsystem, Summary, Next string
	}
	findingView struct {
		State                                           stateView
		Subsystem, Subject, Summary, Since, Next, Event string
	}
	decisionView struct {
		Kind, Target, Scope, By, Reason, At, Until, Phase string
		WaitingFor                                        []string
	}
	sampleView struct{ Network, Site, Count, Last string }
	eventView  struct{ At, ID, Level, Text string }
	ageView    struct{ What, Source, Age string }
)

// levelView shows a level; w is the word, the level's own if empty.
func levelView(l Level, w string) stateView {
	v := stateView{Class: string(l), Mark: "✖", Word: visible(w)}
	switch l {
	case OK:
		v.Mark = "✔"
	case Notice:
		v.Mark = "●"
	case Degraded:
		v.Mark = "▲"
	case Failed:
	default:
		v.Class = string(Failed)
	}
	if w == "" {
		v.Word = visible(string(l))
	}
	return v
}

// viewer makes views of one Facts.
type viewer struct {
	f      *Facts
	now    time.Time
	since  float64 // seconds from the making of f to now
	links  []link
	places places
}

// newPage is f and s as the templates show them.
func newPage(f *Facts, s Status, now time.Time) *page {
	v := &viewer{f: f, now: now, places: placesOf(f)}
	if !f.At.IsZero() {
		v.since = max(0, now.Sub(f.At).Seconds())
	}
	v.links = connections(f, v.since)
	p := &page{
		stateView: levelView(Level(s.State), ""), State: visible(s.State), Host: orDash(f.Host), Version: orDash(f.Version),
		Summary: sentence(s.Summary), At: v.time(f.At), Now: v.time(now), Age: quantity.Span(v.since), Stale: v.since > oldFigures,
	}
	p.Counts, p.Sections = v.counts(), sections()
	v.judgement(p, s)
	v.namespaces(p)
	v.members(p)
	v.connections(p)
	v.replicas(p)
	v.backlog(p)
	v.preserved(p)
	v.decisions(p)
	v.directory(p)
	v.daemon(p)
	v.events(p)
	v.ages(p)
	return p
}

func sections() []sectionView {
	return []sectionView{
		{"wrong", "Wrong now"},
		{"namespaces", "Namespaces"},
		{"members", "Members"},
		{"backlog", "Backlog"},
		{"preserved", "Preserved"},
		{"decisions", "Decisions"},
		{"directory", "Directory and sites"},
		{"daemon", "Daemon"},
		{"events", "Events"},
		{"ages", "Ages"},
	}
}

// time is a moment in the zone of now, "-" where it is not known.
func (v *viewer) time(t time.Time) string {
	if t.IsZero() {
		return "-"
	}
	return t.In(v.now.Location()).Format("2006-01-02 15:04:05 MST")
}

// lasting is since when something is as it is, and how long that is.
func (v *viewer) lasting(t time.Time) string {
	if t.IsZero() {
		return "-"
	}
	return v.time(t) + " (" + between(t, v.now) + ")"
}

// counts are the figures at the head of the page.
func (v *viewer) counts() []fact {
	folders, all, up := 0, 0, 0
	for i := range v.f.Namespaces {
		folders += len(v.f.Namespaces[i].Folders)
		for k := range v.f.Namespaces[i].Folders {
			for _, t := range v.f.Namespaces[i].Folders[k].Targets {
				all++
				if t.State == TargetUp {
					up++
				}
			}
		}
	}
	replicated, heard := map[string]bool{}, 0
	for i := range v.f.Members {
		if v.memberLevel(&v.f.Members[i]) == OK {
			heard++
		}
		for k := range v.f.Members[i].Folders {
			replicated[folderName(v.f.Members[i].Folders[k])] = true
		}
	}
	connected, owed := 0, int64(0)
	for i := range v.links {
		owed = plus(owed, v.links[i].BacklogFiles)
		if v.links[i].State == status.Connected {
			connected++
		}
	}
	return []fact{
		{"Namespaces", quantity.Count(len(v.f.Namespaces))},
		{"Folders", quantity.Count(folders)},
		{"Targets up", quantity.Count(up) + " of " + quantity.Count(all)},
		{"Replicated folders", quantity.Count(len(replicated))},
		{"Members heard", quantity.Count(heard) + " of " + quantity.Count(len(v.f.Members))},
		{"Connections up", quantity.Count(connected) + " of " + quantity.Count(len(v.links))},
		{"Files owed", quantity.Count(owed)},
		{"Decisions", quantity.Count(len(v.f.Decisions))},
	}
}

// judgement shows s.
func (v *viewer) judgement(p *page, s Status) {
	for _, l := range s.Lines {
		p.Lines = append(p.Lines, lineView{
			State: levelView(Level(l.State), ""), Subsystem: visible(l.Subsystem), Summary: sentence(l.Summary), Next: visible(l.Next),
		})
	}
	rows := make([]findingView, 0, len(s.Findings))
	for _, f := range s.Findings {
		rows = append(rows, findingView{
			State: levelView(f.Level, ""), Subsystem: visible(f.Subsystem), Subject: visible(f.Subject),
			Summary: sentence(f.Summary), Since: v.lasting(f.Since), Next: visible(f.Next), Event: visible(f.Event),
		})
	}
	open := min(len(rows), openFindings)
	p.Findings = table[findingView]{Title: counted(open, "finding") + ", the worst first", Rows: rows[:open]}
	p.MoreFindings = table[findingView]{Title: counted(len(rows)-open, "further finding"), Rows: rows[open:]}
}
