package targets

import (
	"time"

	"go.uber.org/zap"

	"dfsd/internal/event"
	"dfsd/namespace"
	"dfsd/referral"
	"dfsd/referral/health"
	"dfsd/referral/targetstate"
	"dfsd/replication"
)

// judgement is what all targets of a snapshot count as at one time.
type judgement struct {
	at      time.Time
	table   *targetstate.Table
	words   map[string]*folderWords
	counts  [referral.Offline + 1]int // targets by state
	demoted map[string]targetstate.SavedStatus
	changed []change // from what targets were judged before

	decisions []targetstate.Decision // of this host, that hold
}

// judge judges all targets of s. It runs with judging held.
func (k *Keeper) judge(s *Source, now time.Time) *judgement {
	j := &judgement{at: now, words: map[string]*folderWords{}, demoted: map[string]targetstate.SavedStatus{}}
	j.decisions = k.o.Store.All(now)
	if k.o.Replicas != nil {
		hosts := k.o.Replicas.Hosts()
		j.words = gather(hosts, now)
		k.foreign.hear(hosts, k.o.Replicas.Knows, now)
	}
	s.decide(j.decisions, k.foreign.current(now))
	previous := k.previous(s)
	all := k.current() != s // what was probed before may not be any more
	some := len(s.lively) + len(s.extra) + len(s.ended)
	if all || s.many {
		some = s.snapshot.NumTargets()
	}
	b := targetstate.NewBuilder(s.snapshot, some)
	j.counts[referral.Up] = s.snapshot.NumTargets() - some
	var run []verdict // of the targets of one link that replicates
	put := func() {
		for _, v := range settled(run, now) {
			j.count(v)
			b.Put(v.target, v.status)
		}
		run = run[:0]
	}
	s.each(all, func(root *namespace.Root, link namespace.Link, t namespace.Target) {
		if len(run) > 0 && run[0].link != link {
			put()
		}
		in := k.inputs(s, j, root, link, t)
		in.Before = previous(root, link, t)
		run = append(run, verdict{spot{root, link, t}, in, targetstate.Judge(in, now)})
	})
	put()
	j.table = b.Table()
	return j
}

// verdict is what one target was judged, and by what.
type verdict struct {
	spot
	in     targetstate.Inputs
	status targetstate.Status
}

// settled takes back that targets of a link were demoted for silence alone, where
// all that gains by it is a target that is known to be behind: what was not heard
// of since may have fallen behind, the other one has.
func settled(run []verdict, now time.Time) []verdict {
	behind, silent := false, false
	for _, v := range run {
		if v.status.State == referral.Up {
			return run
		}
		lagging := v.status.State == referral.Lagging
		behind = behind || lagging && !v.status.Unheard
		silent = silent || lagging && v.status.Unheard
	}
	if !behind || !silent {
		return run
	}
	for i := range run {
		if v := &run[i]; v.status.Unheard {
			v.in.Blind = true
			v.status = targetstate.Judge(v.in, now)
		}
	}
	return run
}

// count takes in what a target was judged.
func (j *judgement) count(v verdict) {
	j.counts[v.status.State]++
	if v.in.Before.State != v.status.State {
		j.changed = append(j.changed, change{targetstate.FolderPath(v.root.Name(), v.link.Path()), v.target.Path(), v.in.Before, v.status})
	}
	if saved, demoted := toSave(v.in, v.status); demoted {
		j.demoted[key(v.root, v.link, v.target)] = saved
	}
}

// toSave is what is to be remembered of a target over a restart, false where that
// is nothing. One that was taken out has to catch up when it comes back, whether
// or not somebody ran to see it come.
func toSave(in targetstate.Inputs, s targetstate.Status) (saved targetstate.SavedStatus, demoted bool) {
	saved = targetstate.SavedStatus{State: s.State, Reason: s.Reason, Since: s.Since}
	switch h := in.Health; {
	case s.State == referral.Up:
		return saved, false
	case s.State <= referral.Down:
	case h.Probed && h.Known && h.Down:
		saved = targetstate.SavedStatus{State: referral.Down, Reason: h.Why, Since: h.Since}
	case in.Replicated:
		saved.State = referral.Lagging
	default:
		return saved, false
	}
	return saved, true
}

// inputs collects what is known of one target.
func (k *Keeper) inputs(s *Source, j *judgement, root *namespace.Root, link namespace.Link, t namespace.Target) targetstate.Inputs {
	in := targetstate.Inputs{
		Member: t.Member(), Offline: t.State() == namespace.Offline,
		Decision: s.decided.counts[t.Index()], Started: k.o.Started,
	}
	if verdict, probed := k.Verdict(root, t); probed {
		in.Health = targetstate.Health{
			Probed: true, Known: verdict.State != health.Unknown, Down: verdict.State == health.Down,
			Held: verdict.Held, Since: verdict.Since, Why: verdict.Why,
		}
	}
	if folder := link.Replicates(); folder != "" {
		in.Replicated, in.MaxLag = k.o.Members == nil || k.o.Members(folder) > 1, link.MaxLag()
		if words := j.words[fold(folder)]; words != nil {
			member := replication.FoldHost(t.Member())
			in.Own, in.Words = words.own[member], words.about[member]
		}
	}
	return in
}

// previous tells what targets were judged before: in the table of s itself, else
// in that of the snapshot before, else before the restart.
func (k *Keeper) previous(s *Source) func(*namespace.Root, namespace.Link, namespace.Target) targetstate.Status {
	if table := s.table.Load(); table != nil {
		return func(_ *namespace.Root, _ namespace.Link, t namespace.Target) targetstate.Status {
			return table.Status(t)
		}
	}
	known := map[string]targetstate.Status{}
	if old := k.current(); old != nil {
		table := old.table.Load()
		each(old.snapshot, func(root *namespace.Root, link namespace.Link, t namespace.Target) {
			if status := table.Status(t); status.State != referral.Up {
				known[key(root, link, t)] = status
			}
		})
	} else {
		for name, saved := range k.o.Store.Statuses() {
			known[name] = targetstate.Status{State: saved.State, Reason: saved.Reason, Since: saved.Since}
		}
	}
	return func(root *namespace.Root, link namespace.Link, t namespace.Target) targetstate.Status {
		return known[key(root, link, t)]
	}
}

// key names a target across snapshots and restarts.
func key(root *namespace.Root, link namespace.Link, t namespace.Target) string {
	return targetstate.StatusKey(targetstate.FolderPath(root.Name(), link.Path()), t)
}

// each visits every target of a snapshot.
func each(ns *namespace.Snapshot, visit func(*namespace.Root, namespace.Link, namespace.Target)) {
	for _, root := range ns.Roots() {
		for link := range root.Links() {
			for i := range link.NumTargets() {
				visit(root, link, link.Target(i))
			}
		}
	}
}

// change is a target that has come into another state.
type change struct {
	folder, target string
	from, to       targetstate.Status
}

// maxLines bounds the log lines of one turn: a host that dies may have thousands
// of targets.
const maxLines = 20

// report logs what has changed.
func (k *Keeper) report(changed []change) {
	for i, c := range changed {
		if i == maxLines {
			k.o.Log.Warn("more targets have changed", event.TargetDemoted.Field(), zap.Int("count", len(changed)-maxLines))
			return
		}
		line := []zap.Field{
			zap.String("folder", c.folder), zap.String("target", c.target),
			zap.Stringer("from", c.from.State), zap.Stringer("to", c.to.State), zap.String("reason", c.to.Reason),
		}
		switch c.to.State {
		case referral.Up:
			k.o.Log.Info("target is back in its place", append(line, event.TargetRestored.Field())...)
		case referral.Lagging, referral.Down:
			k.o.Log.Warn("target stands behind others", append(line, event.TargetDemoted.Field())...)
		default:
			k.o.Log.Info("target is out of referrals", append(line, event.TargetTakenOut.Field())...)
		}
	}
}
