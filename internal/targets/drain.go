package targets

import (
	"slices"
	"time"

	"go.uber.org/zap"

	"dfsd/internal/event"
	"dfsd/namespace"
	"dfsd/referral/health"
	"dfsd/referral/targetstate"
)

// Drain is a decision of an administrator and how far it has come. It is
// immutable.
type Drain struct {
	Decision targetstate.Decision
	Plan     targetstate.DrainPlan
	Targets  int // that it is about, in the namespaces of this host
	// Elsewhere says that it was made on another host, which alone advances it.
	Elsewhere bool
}

// Drains returns all decisions that hold, with what they have come to as of the
// last judgement.
func (k *Keeper) Drains() []Drain {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.plans
}

// advance takes each decision as far as the facts of j allow. moved says that
// something came of it that targets are to be judged by anew.
func (k *Keeper) advance(s *Source, j *judgement, now time.Time) (plans []Drain, moved bool) {
	running := 0
	for i, d := range s.decided.own {
		if done, known := s.decided.done[i]; known {
			plans = append(plans, done)
			continue
		}
		folders, targets := k.affected(j, s.decided.leaving[i])
		plan := targetstate.Drain(d, targetstate.DrainFacts{Folders: folders, Now: now})
		if next, news := d.Advance(plan, now); news {
			stands, err := k.o.Store.Note(next)
			if k.wrote("the progress of a drain", err) && stands { // and was not ended meanwhile
				d, moved = next, true
				k.tellAdvance(d)
			}
		}
		drain := Drain{d, plan, targets, false}
		switch {
		case !plan.Done:
			running++
		case !d.Finished.IsZero(): // nothing comes of it any more, until decisions change
			s.decided.done[i] = drain
		}
		plans = append(plans, drain)
	}
	for i, d := range s.decided.foreign {
		if folders, targets := k.affected(j, s.decided.leaving[len(s.decided.own)+i]); targets > 0 {
			plans = append(plans, Drain{d, targetstate.Drain(d, targetstate.DrainFacts{Folders: folders, Now: now}), targets, true})
		}
	}
	k.metrics.drains.Set(float64(running))
	return plans, moved
}

func (k *Keeper) tellAdvance(d targetstate.Decision) {
	if d.Kind == targetstate.Drained && !d.Finished.IsZero() {
		k.o.Log.Info("target is drained", event.DrainFinished.Field(), zap.String("target", d.Target), zap.String("host", d.Host), zap.String("folder", d.Path))
	}
}

// tellExpired says which of the decisions before have ended by themselves.
func (k *Keeper) tellExpired(before []Drain, now time.Time) {
	for _, b := range before {
		if d := b.Decision; !b.Elsewhere && d.Expired(now) {
			k.o.Log.Info("decision about a target has ended", event.DecisionCleared.Field(), zap.String("kind", string(d.Kind)),
				zap.String("host", d.Host), zap.String("folder", d.Path), zap.String("target", d.Target), zap.String("by", "its time was over"))
		}
	}
}

// affected describes the folders that targets are to leave, and counts these.
func (k *Keeper) affected(j *judgement, leaving []departure) (folders []targetstate.DrainFolder, targets int) {
	for _, d := range leaving {
		targets += len(d.targets)
		if !d.inSite() {
			folders = append(folders, k.drainFolder(j, d, d.targets[0]))
			continue
		}
		for _, gone := range d.targets { // each has clients of its own
			folders = append(folders, k.drainFolder(j, d, gone))
		}
	}
	return folders, targets
}

func isGlobal(t namespace.Target) bool {
	return t.Class() == namespace.GlobalHigh || t.Class() == namespace.GlobalLow
}

// inSite tells whether clients are sent to targets of their own site alone.
func (d departure) inSite() bool { return d.root.InSiteOnly() || d.link.InSiteOnly() }

// servesFor tells whether clients of a target that leaves may be sent to another
// one, where they are sent within their site alone.
func (k *Keeper) servesFor(t, gone namespace.Target) bool {
	switch {
	case isGlobal(t):
		return true
	case isGlobal(gone): // it has clients everywhere
		return false
	case k.o.SiteOf == nil:
		return t.SiteName() == gone.SiteName()
	}
	site := k.o.SiteOf(t)
	return site != "" && site == k.o.SiteOf(gone)
}

// drainFolder describes a folder that some targets are to leave, for the clients
// of one of them.
func (k *Keeper) drainFolder(j *judgement, d departure, left namespace.Target) targetstate.DrainFolder {
	root, link := d.root, d.link
	f := targetstate.DrainFolder{
		Path: targetstate.FolderPath(root.Name(), link.Path()), TTL: link.TTL(), Short: root.DegradedTTL(), Replicated: link.Replicates() != "",
	}
	words := j.words[fold(link.Replicates())]
	for _, gone := range d.targets {
		if doubt := words.doubt(gone.Member()); doubt != "" {
			f.Doubt = doubt
		}
		f.Unread = max(f.Unread, words.unreadBy(gone.Member()))
	}
	for i := range link.NumTargets() {
		t := link.Target(i)
		if t.State() == namespace.Offline || slices.Contains(d.targets, t) {
			continue
		}
		if d.inSite() && !k.servesFor(t, left) {
			continue // clients of the site are not sent there
		}
		f.Others = append(f.Others, k.drainOther(j, words, root, t, d.targets))
	}
	return f
}

// drainOther describes a target that may take over from those that are leaving.
func (k *Keeper) drainOther(j *judgement, words *folderWords, root *namespace.Root, t namespace.Target, leaving []namespace.Target) targetstate.DrainTarget {
	status := j.table.Status(t)
	other := targetstate.DrainTarget{Path: t.Path(), State: status.State, Leaving: status.Leaving, Known: true}
	if v, probed := k.Verdict(root, t); probed {
		other.Untried = v.Held || v.State == health.Unknown
	}
	for _, gone := range leaving {
		files, age, known := words.lacks(gone.Member(), t.Member())
		other.Known = other.Known && known
		other.Lacks, other.Age = max(other.Lacks, files), max(other.Age, age)
	}
	return other
}
