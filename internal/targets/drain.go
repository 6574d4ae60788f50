package targets

import (
	"strings"
	"time"

	"go.uber.org/zap"

	"dfsd/internal/event"
	"dfsd/namespace"
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
	for _, d := range j.decisions {
		folders, targets := k.affected(s, j, d)
		plan := targetstate.Drain(d, targetstate.DrainFacts{Folders: folders, Now: now})
		if next, news := d.Advance(plan, now); news {
			switch stands, err := k.o.Store.Note(next); {
			case err != nil:
				k.o.Log.Error("the progress of a drain is not kept; it is tried again", zap.Error(err))
			case stands: // and was not ended meanwhile
				d, moved = next, true
				k.tellAdvance(d)
			}
		}
		if !plan.Done {
			running++
		}
		plans = append(plans, Drain{d, plan, targets, false})
	}
	for _, d := range k.foreign.all {
		if d.Expired(now) {
			continue
		}
		if folders, targets := k.affected(s, j, d); targets > 0 {
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

// isAbout tells whether a decision is about a target of a link.
func isAbout(d *targetstate.Decision, root *namespace.Root, link namespace.Link, t namespace.Target) bool {
	if d.Host != "" {
		return namespace.EqualFold(strings.TrimSuffix(d.Host, "."), strings.TrimSuffix(t.Host(), "."))
	}
	return namespace.EqualFold(d.Target, t.Path()) && namespace.EqualFold(d.Path, targetstate.FolderPath(root.Name(), link.Path()))
}

// affected collects the folders that a decision is about, and counts its targets.
func (k *Keeper) affected(s *Source, j *judgement, d targetstate.Decision) (folders []targetstate.DrainFolder, targets int) {
	for _, root := range s.snapshot.Roots() {
		for link := range root.Links() {
			var leaving []namespace.Target
			for i := range link.NumTargets() {
				if t := link.Target(i); t.State() == namespace.Online && isAbout(&d, root, link, t) {
					leaving = append(leaving, t)
				}
			}
			if len(leaving) > 0 {
				targets += len(leaving)
				folders = append(folders, j.drainFolder(root, link, leaving))
			}
		}
	}
	return folders, targets
}

func isGlobal(t namespace.Target) bool {
	return t.Class() == namespace.GlobalHigh || t.Class() == namespace.GlobalLow
}

// drainFolder describes a folder that some targets are to leave.
func (j *judgement) drainFolder(root *namespace.Root, link namespace.Link, leaving []namespace.Target) targetstate.DrainFolder {
	f := targetstate.DrainFolder{
		Path: targetstate.FolderPath(root.Name(), link.Path()), TTL: link.TTL(), Short: root.DegradedTTL(), Replicated: link.Replicates() != "",
	}
	words := j.words[fold(link.Replicates())]
others:
	for i := range link.NumTargets() {
		t := link.Target(i)
		if t.State() == namespace.Offline {
			continue
		}
		for _, gone := range leaving {
			if t == gone {
				continue others
			}
		}
		if (root.InSiteOnly() || link.InSiteOnly()) && t.SiteName() != leaving[0].SiteName() && !isGlobal(t) {
			continue // clients of the site are not sent there
		}
		status := j.table.Status(t)
		other := targetstate.DrainTarget{Path: t.Path(), State: status.State, Leaving: status.Leaving, Known: true}
		for _, gone := range leaving {
			files, known := words.lacks(gone.Member(), t.Member())
			other.Known = other.Known && known
			other.Lacks = max(other.Lacks, files)
		}
		f.Others = append(f.Others, other)
	}
	return f
}
