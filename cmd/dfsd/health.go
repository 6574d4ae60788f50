package main

import (
	"context"
	"net/netip"
	"sync/atomic"
	"time"

	"dfsd/internal/report"
	"dfsd/namespace"
	"dfsd/referral"
	"dfsd/referral/targetstate"
	"dfsd/replication"
	"dfsd/replication/summary"
)

// clientCounts counts referrals, and remembers from where clients come that are in
// no subnet: those without a site, and those that sites.default gave one. It is safe
// for concurrent use.
type clientCounts struct {
	referrals, withoutSite, byDefault atomic.Uint64
	strangers, defaulted              referral.Strangers
}

func (c *clientCounts) note(client netip.Addr, by referral.SiteSource) {
	c.referrals.Add(1)
	switch by {
	case referral.ByNothing:
		c.withoutSite.Add(1)
		c.strangers.Note(client, time.Now())
	case referral.ByDefault:
		c.byDefault.Add(1)
		c.defaulted.Note(client, time.Now())
	}
}

// maxStrangersShown bounds the networks in no subnet that are shown.
const maxStrangersShown = 20

func (c *clientCounts) facts() report.ClientFacts {
	return report.ClientFacts{
		Referrals: c.referrals.Load(), WithoutSite: c.withoutSite.Load(), ByDefault: c.byDefault.Load(),
		Sample: unmapped(&c.strangers), DefaultSample: unmapped(&c.defaulted),
	}
}

func unmapped(s *referral.Strangers) (some []report.Unmapped) {
	all := s.All()
	for _, n := range all[:min(len(all), maxStrangersShown)] {
		some = append(some, report.Unmapped{Network: n.Network.String(), Last: n.Last, Count: n.Count})
	}
	return some
}

// listening are the addresses that were opened at the start: all of them, or the
// daemon would have ended.
func (d *daemon) listening() (all []string) {
	began := d.targets.began
	if !d.serving.Load() {
		return nil
	}
	if d.smb != nil {
		all = append(all, began.SMB.Listen...)
	}
	if d.engine != nil {
		all = append(all, began.Replication.Listen)
	}
	return all
}

// health is all that this host knows of the deployment.
func (d *daemon) health(_ context.Context) report.Facts {
	now, s := time.Now(), d.state.Load()
	f := report.Facts{
		At: now.UTC(), Host: d.targets.began.Host, Version: thisBuild().Version, Started: d.started.UTC(),
		Config:    report.ConfigFacts{File: s.about.File, Digest: s.about.Digest, LastError: text(d.refused.Load()), RestartNeeded: s.about.RestartNeeded},
		Directory: d.directory.facts(now),
		Clients:   d.clients.facts(),
		Listening: d.listening(), Outsider: d.targets.heard == nil,
		Decisions: []report.DecisionFacts{}, Members: []report.MemberFacts{}, Events: []report.EventFacts{},
		Namespaces: []report.NamespaceFacts{},
	}
	if s.config.Sites != nil {
		f.Clients.DefaultSite = s.config.Sites.Default
	}
	f.Config.Loaded, _ = time.Parse(time.RFC3339, s.about.Loaded) // we wrote it
	topology := s.view.Topology()
	f.Directory.Sites, f.Directory.Subnets, f.Directory.Links = len(topology.Sites()), len(topology.Subnets()), len(topology.Links())
	if d.smb != nil {
		f.Clients.Connections, f.Clients.Sessions = d.smb.Counts()
	}
	for _, root := range s.namespaces.Roots() {
		f.Namespaces = append(f.Namespaces, d.namespaceFacts(s, root))
	}
	if since, yes := d.targets.keeper.Isolated(); yes {
		f.Isolated = &report.IsolatedFacts{Since: since.UTC()}
	}
	for _, drain := range d.targets.drains() {
		f.Decisions = append(f.Decisions, decisionFacts(drain.Decision, drain.Plan))
	}
	for host, fault := range d.directory.hosts.Faults() {
		if f.Unresolved == nil {
			f.Unresolved = map[string]string{}
		}
		f.Unresolved[host] = fault.Err.Error()
	}
	f.Members = append(f.Members, d.targets.members(now)...)
	for _, e := range d.log.events.Recent() {
		f.Events = append(f.Events, report.EventFacts{At: e.At.UTC(), ID: string(e.ID), Level: e.Level, Text: e.Text})
	}
	return f
}

func text(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}

func (d *directory) facts(now time.Time) report.DirectoryFacts {
	f := report.DirectoryFacts{Configured: d.config != nil, Error: text(d.fault.Load())}
	if r := d.last.Load(); r != nil {
		f.Server, f.At, f.AgeSeconds = r.Server, r.At.UTC(), now.Sub(r.At).Seconds()
		for _, w := range r.Warnings {
			f.Warnings = append(f.Warnings, w.DN+": "+w.Message)
		}
	}
	return f
}

func (d *daemon) namespaceFacts(s *state, root *namespace.Root) report.NamespaceFacts {
	f := report.NamespaceFacts{
		Name: root.Name(), Type: root.Type().String(), State: root.State().String(),
		TTLSeconds: int(root.TTL() / time.Second), Folders: []report.FolderFacts{},
	}
	for link := range root.Links() {
		f.Folders = append(f.Folders, d.folderFacts(s, root, link))
	}
	return f
}

func (d *daemon) folderFacts(s *state, root *namespace.Root, link namespace.Link) report.FolderFacts {
	f := report.FolderFacts{
		Path: link.Path(), State: link.State().String(), Replicates: link.Replicates(), TTLSeconds: int(link.TTL() / time.Second),
		MaxLagSeconds: link.MaxLag().Seconds(), Targets: make([]report.TargetFacts, link.NumTargets()),
	}
	ttl := link.TTL()
	if short := root.DegradedTTL(); short > 0 && s.targets.Degraded(link) {
		ttl = min(ttl, short)
	}
	f.EffectiveTTLSeconds = int(ttl / time.Second)
	for i := range f.Targets {
		t := link.Target(i)
		status := s.targets.Status(t)
		if t.State() == namespace.Offline {
			status.State = referral.Offline
		}
		f.Targets[i] = report.TargetFacts{
			Path: t.Path(), Host: t.Host(), Site: s.view.Topology().Name(s.view.SiteOf(t)),
			State: status.State.String(), Reason: status.Reason, Since: status.Since.UTC(),
		}
		if v, probed := d.targets.keeper.Verdict(root, t); probed {
			f.Targets[i].Probed, f.Targets[i].LastProbe = true, v.Last.UTC()
			f.Targets[i].ProbeSeconds, f.Targets[i].ProbeError = v.Took.Seconds(), v.Why
		}
	}
	return f
}

// decisionFacts gives a decision the words of the commands that made it.
func decisionFacts(d targetstate.Decision, plan targetstate.DrainPlan) report.DecisionFacts {
	f := report.DecisionFacts{
		Kind: verbOf(d.Kind), Scope: d.Path, Target: d.Target, Reason: d.Reason, By: d.By, At: d.At, Until: d.Until,
		Phase: plan.Phase.String(), WaitingFor: plan.WaitingFor,
	}
	if d.Host != "" {
		f.Scope, f.Target = "all folders", d.Host
	}
	return f
}

func verbOf(k targetstate.Kind) string {
	if k == targetstate.Drained {
		return "drain"
	}
	return string(k)
}

// members are the hosts that replicate, with their latest word.
func (k *targetKeeping) members(now time.Time) []report.MemberFacts {
	if k.heard == nil {
		return nil
	}
	heard := map[string]summary.Host{}
	for _, h := range k.heard.exchange.Hosts() {
		heard[replication.FoldHost(h.Host)] = h
	}
	faults := map[string]string{}
	for _, l := range k.heard.exchange.Links() {
		if l.Err != nil {
			faults[replication.FoldHost(l.Host)] = l.Err.Error()
		}
	}
	var all []report.MemberFacts
	for _, m := range k.heard.acquainted.Load().members {
		f := report.MemberFacts{Host: m, HeardSeconds: -1, Error: faults[replication.FoldHost(m)]}
		if h, ok := heard[replication.FoldHost(m)]; ok {
			f.Self, f.Software, f.Via, f.Folders = h.Self, h.Software, h.Via, h.Folders
			if !h.HeardAt.IsZero() {
				f.HeardSeconds = now.Sub(h.HeardAt).Seconds()
			}
		}
		all = append(all, f)
	}
	return all
}
