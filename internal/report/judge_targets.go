package report

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"dfsd/internal/event"
	"dfsd/internal/quantity"
)

// judgeTargets looks at the namespaces, their folders and targets.
func (j *judging) judgeTargets() {
	crowds := map[crowd][]seen{}
	var order []crowd
	for i := range j.f.Namespaces {
		ns := &j.f.Namespaces[i]
		nsOffline := sameName(ns.State, TargetOffline)
		if nsOffline {
			j.add(Finding{Subsystem: namespaces, Level: Notice, Subject: ns.Name, Summary: "the namespace is offline", Next: "namespaces.state: online"})
		}
		for k := range ns.Folders {
			folder := &ns.Folders[k]
			j.tally.folders++
			j.judgeFolder(ns, folder, nsOffline)
			for n := range folder.Targets {
				t := &folder.Targets[n]
				j.count(t)
				if goodTarget(t.State) || j.decided(ns, folder, t) {
					continue
				}
				c := crowd{state: t.State, host: strings.ToLower(t.Host)}
				if crowds[c] == nil {
					order = append(order, c)
				}
				crowds[c] = append(crowds[c], seen{ns: ns, folder: folder, target: t})
			}
		}
	}
	for _, c := range order {
		j.tellCrowd(c, crowds[c])
	}
}

// crowd is what the targets of one server that share a state have in common: a
// server that dies takes hundreds with it, and is one fault.
type crowd struct{ state, host string }

// seen is a target and where it is.
type seen struct {
	ns     *NamespaceFacts
	folder *FolderFacts
	target *TargetFacts
}

func (j *judging) count(t *TargetFacts) {
	j.tally.targets++
	if t.Probed {
		j.tally.probed++
	}
	switch t.State {
	case TargetLagging:
		j.tally.lagging++
	case TargetDrained:
		j.tally.drained++
	case TargetOffline:
		j.tally.offline++
	case TargetUp:
	default: // what is not known does not count as well
		j.tally.down++
	}
}

func goodTarget(state string) bool { return state == TargetUp }

// judgeFolder looks at a folder as a whole: whether anything serves it.
func (j *judging) judgeFolder(ns *NamespaceFacts, folder *FolderFacts, nsOffline bool) {
	where := dfsPath(j.f.Host, ns, folder)
	if sameName(folder.State, TargetOffline) {
		j.add(Finding{Subsystem: namespaces, Level: Notice, Subject: where, Summary: "the folder is offline", Next: "namespaces.folders.state: online"})
		return
	}
	if nsOffline {
		return
	}
	states := map[string]int{}
	var since time.Time
	for i := range folder.Targets {
		t := &folder.Targets[i]
		states[t.State]++
		if t.Since.After(since) { // it went wrong when the last of them did
			since = t.Since
		}
	}
	if states[TargetUp] == 0 && states[TargetLagging] > 0 {
		j.tally.stale++
	}
	switch {
	case states[TargetUp]+states[TargetLagging] > 0 && j.unheard(folder):
		j.add(j.unheardFinding(where, folder, states, since))
	case states[TargetUp] > 0:
	case states[TargetLagging] > 0:
		j.add(Finding{
			Subsystem: namespaces, Level: Degraded, Subject: where, Since: since, Event: string(event.TargetDemoted),
			Summary: "no target holds everything: " + stateCounts(states, len(folder.Targets)), Next: j.places.backlog(folder.Replicates),
		})
	default:
		j.tally.dead++
		j.add(Finding{
			Subsystem: namespaces, Level: Failed, Subject: where, Since: since, Event: string(event.TargetDemoted),
			Summary: "no target is up: " + stateCounts(states, len(folder.Targets)), Next: j.reviveCommand(where, folder, states),
		})
	}
}

// unheard reports whether the targets of a folder share what replicates, and no
// word of that has reached this host: whatever its gate, they are lagging then, as
// soon as there was time to hear.
func (j *judging) unheard(folder *FolderFacts) bool {
	return folder.Replicates != "" && j.replicated[strings.ToLower(folder.Replicates)] == nil
}

// unheardFinding tells of such a folder. A member or an observer that has only
// just started may hear of it yet; others never do.
func (j *judging) unheardFinding(where string, folder *FolderFacts, states map[string]int, since time.Time) Finding {
	f := Finding{
		Subsystem: namespaces, Level: Degraded, Subject: where, Since: since, Event: string(event.TargetDemoted), Next: j.places.otherwise,
		Summary: "no target is known to hold everything, as no word of " + folder.Replicates + " reaches this host",
	}
	switch {
	case j.f.Outsider:
		f.Summary += ", which is neither a member nor an observer"
	case states[TargetUp] > 0:
		f.Level, f.Event = Notice, ""
	}
	f.Summary += ": " + stateCounts(states, len(folder.Targets))
	return f
}

// stateCounts is such as "2 down, 1 drained".
func stateCounts(states map[string]int, all int) string {
	var parts []string
	for _, s := range []string{TargetUp, TargetLagging, TargetDown, TargetDrained, TargetOffline} {
		if n := states[s]; n > 0 {
			parts = append(parts, quantity.Count(n)+" "+s)
			all -= n
		}
	}
	if all > 0 {
		parts = append(parts, quantity.Count(all)+" in a state that is not known")
	}
	if len(parts) == 0 {
		return "it has none"
	}
	return strings.Join(parts, ", ")
}

// reviveCommand is what brings a dead folder back soonest: a target that was
// taken out on purpose, else the mending of one.
func (j *judging) reviveCommand(where string, folder *FolderFacts, states map[string]int) string {
	if len(folder.Targets) == 0 {
		return "namespaces.folders.targets"
	}
	if states[TargetDrained]+states[TargetOffline] < len(folder.Targets) {
		return "dfsd doctor"
	}
	i := slices.IndexFunc(folder.Targets, func(t TargetFacts) bool { return t.State == TargetDrained })
	return onlineCommand(where, folder.Targets[max(i, 0)].Path)
}

// tellCrowd tells of the targets of one server that share a state: each by
// itself while they are few.
func (j *judging) tellCrowd(c crowd, of []seen) {
	if len(of) < manyOfOneHost || c.host == "" {
		for _, s := range of {
			j.tellTarget(s)
		}
		return
	}
	first := of[0].target
	f := j.targetFinding(of[0])
	f.Subject = first.Host
	folders := map[*FolderFacts]bool{}
	for _, s := range of {
		folders[s.folder] = true
		if f.Since.IsZero() || (!s.target.Since.IsZero() && s.target.Since.Before(f.Since)) {
			f.Since = s.target.Since
		}
	}
	f.Summary = fmt.Sprintf("%s in %s %s %s%s", counted(len(of), "target"), counted(len(folders), "folder"), isAre(len(of)), stateWord(c.state), because(first))
	j.add(f)
}

func (j *judging) tellTarget(s seen) { j.add(j.targetFinding(s)) }

// targetFinding tells of one target that is not up, and that no decision of
// the list explains.
func (j *judging) targetFinding(s seen) Finding {
	where := dfsPath(j.f.Host, s.ns, s.folder)
	f := Finding{
		Subsystem: targets, Level: Degraded, Subject: s.target.Path, Since: s.target.Since, Event: string(event.TargetDemoted),
		Summary: stateWord(s.target.State) + " in " + where + because(s.target),
	}
	switch s.target.State {
	case TargetLagging:
		f.Next = j.places.backlog(s.folder.Replicates)
	case TargetDrained:
		f.Level, f.Event, f.Next = Notice, string(event.TargetTakenOut), onlineCommand(where, s.target.Path)
	case TargetOffline:
		f.Level, f.Event, f.Next = Notice, string(event.TargetTakenOut), "namespaces.folders.targets.state: online"
	default:
		f.Next = "dfsd doctor"
	}
	return f
}

// stateWord is a target's state as a sentence says it.
func stateWord(state string) string {
	switch state {
	case TargetUp, TargetLagging, TargetDown, TargetDrained, TargetOffline:
		return state
	}
	return fmt.Sprintf("in the unknown state %q", state)
}

// because is why a target is in its state, as the end of a sentence.
func because(t *TargetFacts) string {
	switch {
	case t.Reason != "":
		return ": " + t.Reason
	case t.ProbeError != "":
		return ": " + t.ProbeError
	}
	return ""
}

// dfsPath is the path that users open.
func dfsPath(host string, ns *NamespaceFacts, folder *FolderFacts) string {
	return `\\` + host + `\` + ns.Name + `\` + folder.Path
}

func onlineCommand(scope, target string) string {
	return "dfsd target online " + argument(scope) + " " + argument(target)
}
