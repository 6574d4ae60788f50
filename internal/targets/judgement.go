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
		k.foreign.hear(hosts)
	}
	previous := k.previous(s)
	decided := len(k.foreign.all) > 0 || len(j.decisions) > 0
	all := decided || k.decided || k.current() != s // a decision may be, or have been, about any target
	k.decided = decided
	some := len(s.lively)
	if all || s.many {
		some = s.snapshot.NumTargets()
	}
	b := targetstate.NewBuilder(s.snapshot, some)
	j.counts[referral.Up] = s.snapshot.NumTargets() - some
	s.each(all, func(root *namespace.Root, link namespace.Link, t namespace.Target) {
		in := k.inputs(j, root, link, t)
		in.Before = previous(root, link, t)
		status := targetstate.Judge(in, now)
		j.counts[status.State]++
		if in.Before.State != status.State {
			j.changed = append(j.changed, change{targetstate.FolderPath(root.Name(), link.Path()), t.Path(), in.Before, status})
		}
		if status.State == referral.Down || status.State == referral.Lagging {
			j.demoted[key(root, link, t)] = targetstate.SavedStatus{State: status.State, Reason: status.Reason, Since: status.Since}
		}
		b.Put(t, status)
	})
	j.table = b.Table()
	return j
}

// inputs collects what is known of one target.
func (k *Keeper) inputs(j *judgement, root *namespace.Root, link namespace.Link, t namespace.Target) targetstate.Inputs {
	in := targetstate.Inputs{
		Member: t.Member(), Offline: t.State() == namespace.Offline,
		Decision: k.o.Store.Of(root.Name(), link.Path(), t.Path(), j.at), Started: k.o.Started,
	}
	if in.Decision == nil {
		in.Decision = k.foreign.of(root, link, t, j.at)
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
