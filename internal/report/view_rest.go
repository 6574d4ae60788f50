package report

import (
	"math"
	"strconv"
	"time"

	"dfsd/internal/quantity"
)

// millis writes a short span of time.
func millis(seconds float64) string {
	if math.IsNaN(seconds) || seconds < 0 || seconds >= 60 {
		return quantity.Span(seconds)
	}
	if seconds < 1 {
		return strconv.FormatFloat(seconds*1000, 'f', 0, 64) + " ms"
	}
	return strconv.FormatFloat(seconds, 'f', 1, 64) + " s"
}

func (v *viewer) decisions(p *page) {
	for i := range v.f.Decisions {
		d := &v.f.Decisions[i]
		view := decisionView{
			Kind: orDash(d.Kind), Target: orDash(d.Target), Scope: orDash(scopePath(v.f.Host, d.Scope)), By: orDash(d.By), Reason: sentence(d.Reason),
			At: v.time(d.At), Until: "when taken back", Phase: orDash(d.Phase),
		}
		if !d.Until.IsZero() {
			view.Until = v.time(d.Until)
		}
		for _, w := range d.WaitingFor {
			view.WaitingFor = append(view.WaitingFor, sentence(w))
		}
		p.Decisions = append(p.Decisions, view)
	}
}

func (v *viewer) directory(p *page) {
	d := &v.f.Directory
	p.Directory.Title = "Where sites come from, and who asks"
	source := "the configuration alone"
	if d.Configured {
		source = "the directory by LDAP"
	}
	rows := []fact{{"Source of sites", source}}
	if d.Configured {
		rows = append(rows, fact{"Directory server", orDash(d.Server)}, fact{"Topology in force", v.topology()})
	}
	if d.Error != "" {
		rows = append(rows, fact{"Latest error", sentence(d.Error)})
	}
	p.Directory.Rows = append(rows,
		fact{"Sites", quantity.Count(d.Sites)}, fact{"Subnets", quantity.Count(d.Subnets)}, fact{"Site links", quantity.Count(d.Links)})
	for _, w := range d.Warnings {
		p.Warnings = append(p.Warnings, sentence(w))
	}
	v.clients(p)
}

// clients adds who asks, and from which networks that are in no subnet.
func (v *viewer) clients(p *page) {
	c := &v.f.Clients
	rows := append(p.Directory.Rows,
		fact{"Referrals since the start", quantity.Count(c.Referrals)},
		fact{"Of them to clients in no known site", quantity.Count(c.WithoutSite) + share(c.WithoutSite, c.Referrals)},
	)
	if c.DefaultSite != "" || c.ByDefault > 0 {
		name := "Of them to clients that are in no subnet and are taken to be at " + visible(defaultSite(c))
		rows = append(rows, fact{name, quantity.Count(c.ByDefault) + share(c.ByDefault, c.Referrals)})
	}
	p.Directory.Rows = append(rows, fact{"Sessions now", quantity.Count(c.Sessions)}, fact{"Connections now", quantity.Count(c.Connections)})
	add := func(sample []Unmapped, site string) {
		for _, u := range sample {
			p.Sample = append(p.Sample, sampleView{Network: orDash(u.Network), Site: site, Count: quantity.Count(u.Count), Last: v.lasting(u.Last)})
		}
	}
	add(c.Sample, "no site")
	add(c.DefaultSample, visible(defaultSite(c)))
}

func share(some, all uint64) string {
	if all == 0 {
		return ""
	}
	return " (" + percent(some, all) + ")"
}

// topology is when the topology in force was read, and its age.
func (v *viewer) topology() string {
	if v.f.Directory.At.IsZero() {
		return "none: never read"
	}
	return "of " + v.time(v.f.Directory.At) + ", " + quantity.Span(v.directoryAge()) + " old"
}

func (v *viewer) directoryAge() float64 {
	j := judging{f: v.f, now: v.now, since: v.since}
	return j.directoryAge()
}

func (v *viewer) daemon(p *page) {
	c := &v.f.Config
	p.Daemon.Title = "The daemon that this page comes from"
	p.Daemon.Rows = []fact{
		{"Host", orDash(v.f.Host)},
		{"Version", orDash(v.f.Version)},
		{"Started", v.lasting(v.f.Started)},
		{"Configuration file", orDash(c.File)},
		{"SHA-256 of the file", orDash(c.Digest)},
		{"Loaded", v.lasting(c.Loaded)},
		{"Latest reload", "accepted"},
	}
	if c.LastError != "" {
		p.Daemon.Rows[6].Value = "refused: " + sentence(c.LastError)
	}
}

func (v *viewer) events(p *page) {
	all := v.f.Events[:min(len(v.f.Events), allEvents)]
	p.Events = table[eventView]{Title: counted(len(all), "event"), Open: len(all) <= openEvents}
	for _, e := range all {
		p.Events.Rows = append(p.Events.Rows, eventView{At: v.time(e.At), ID: orDash(e.ID), Level: orDash(e.Level), Text: sentence(e.Text)})
	}
}

// ages says how old every figure of the page is.
func (v *viewer) ages(p *page) {
	add := func(what, source, age string) {
		p.Ages = append(p.Ages, ageView{What: what, Source: source, Age: age})
	}
	add("Everything not named below", orDash(v.f.Host), quantity.Span(v.since))
	add("Configuration", orDash(v.f.Config.File), between(v.f.Config.Loaded, v.now))
	if v.f.Directory.Configured {
		age := "never read"
		if !v.f.Directory.At.IsZero() {
			age = quantity.Span(v.directoryAge())
		}
		add("Sites, subnets and links", orDash(v.f.Directory.Server), age)
	}
	if first, last := v.probes(); !last.IsZero() {
		add("State of targets, the latest probe", orDash(v.f.Host), between(last, v.now))
		add("State of targets, the probe that is longest ago", orDash(v.f.Host), between(first, v.now))
	}
	for i := range v.f.Members {
		m := &v.f.Members[i]
		source := orDash(m.Host)
		if m.Via != "" {
			source += ", by way of " + visible(m.Via)
		}
		add("Replication: folders, backlog, preserved files", source, v.heard(m))
	}
}

// probes returns when the probe that is longest ago and the latest were made.
func (v *viewer) probes() (first, last time.Time) {
	for i := range v.f.Namespaces {
		for k := range v.f.Namespaces[i].Folders {
			for _, t := range v.f.Namespaces[i].Folders[k].Targets {
				if !t.Probed || t.LastProbe.IsZero() {
					continue
				}
				if first.IsZero() || t.LastProbe.Before(first) {
					first = t.LastProbe
				}
				if t.LastProbe.After(last) {
					last = t.LastProbe
				}
			}
		}
	}
	return first, last
}
