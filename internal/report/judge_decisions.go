package report

import (
	"slices"
	"strings"

	"dfsd/internal/event"
	"dfsd/internal/quantity"
)

// waitingOutTTL is the phase of a drain that ends by itself, however long the
// referrals were given for.
const waitingOutTTL = "waiting out the TTL"

// decided reports whether a decision of the list is why the target is out of
// referrals; it is then told as that decision.
func (j *judging) decided(ns *NamespaceFacts, folder *FolderFacts, t *TargetFacts) bool {
	if t.State != TargetDrained && t.State != TargetOffline {
		return false
	}
	return t.Host != "" && len(j.decisions[strings.ToLower(t.Host)]) > 0 ||
		slices.ContainsFunc(j.decisions[strings.ToLower(t.Path)], func(d *DecisionFacts) bool {
			return inScope(d.Scope, ns.Name+`\`+folder.Path)
		})
}

// inScope reports whether a decision for scope holds for a path that begins
// with the name of its namespace. A scope may carry the name of the server or
// *, may be a namespace, and may be empty: everywhere.
func inScope(scope, path string) bool {
	scope = strings.Trim(strings.ReplaceAll(scope, "/", `\`), `\`)
	path = strings.ReplaceAll(path, "/", `\`)
	_, withoutHost, _ := strings.Cut(scope, `\`)
	for _, s := range []string{scope, withoutHost} {
		if s != "" && len(path) >= len(s) && sameName(path[:len(s)], s) && (len(path) == len(s) || path[len(s)] == '\\') {
			return true
		}
	}
	return scope == ""
}

// judgeDecisions looks at what administrators decided.
func (j *judging) judgeDecisions() {
	for i := range j.f.Decisions {
		d := &j.f.Decisions[i]
		about := strings.ToLower(decisionSubject(d))
		j.decisions[about] = append(j.decisions[about], d)
		j.add(j.decisionFinding(d))
	}
}

func (j *judging) decisionFinding(d *DecisionFacts) Finding {
	scope := scopePath(j.f.Host, d.Scope)
	f := Finding{
		Subsystem: targets, Level: Notice, Subject: decisionSubject(d), Since: d.At, Event: string(event.DecisionMade),
		Summary: decisionWords(d, scope), Next: backCommand(d, scope),
	}
	switch {
	case !d.Until.IsZero() && !d.Until.After(j.now):
		f.Level = Degraded
		f.Summary += ", and should have ended " + between(d.Until, j.now) + " ago"
	case d.Kind != "offline" && len(d.WaitingFor) > 0 && d.Phase != waitingOutTTL && !d.At.IsZero() && j.now.Sub(d.At) > drainLong:
		f.Level, f.Next = Degraded, j.places.backlog("")
		f.Summary += ", for " + between(d.At, j.now) + " now"
	case !d.Until.IsZero():
		f.Summary += ", for " + quantity.Span(d.Until.Sub(j.now).Seconds()) + " more"
	}
	return f
}

// scopePath is the scope of a decision as a path that can be opened: decisions
// know a folder under whatever name of the server.
func scopePath(host, scope string) string {
	if folder, ok := strings.CutPrefix(scope, `\\*\`); ok && host != "" {
		return `\\` + host + `\` + folder
	}
	return scope
}

// decisionSubject is the target, or the host all of whose targets it is about.
func decisionSubject(d *DecisionFacts) string {
	if d.Target == "" {
		return d.Scope
	}
	return d.Target
}

// aboutHost reports whether a decision is about all targets of a host.
func aboutHost(d *DecisionFacts) bool { return !strings.HasPrefix(d.Target, `\\`) }

// backCommand takes the decision back.
func backCommand(d *DecisionFacts, scope string) string {
	switch {
	case d.Kind == "online":
		return "namespaces.folders.targets.state: online"
	case aboutHost(d):
		return "dfsd target online " + argument(decisionSubject(d))
	}
	return onlineCommand(scope, d.Target)
}

// decisionWords is a decision as a sentence begins with it.
func decisionWords(d *DecisionFacts, scope string) string {
	text := "decision " + d.Kind
	switch d.Kind {
	case "drain", "drained":
		text = "being drained"
		if d.Phase != "" {
			text = "drain: " + d.Phase
		}
	case "offline":
		text = "taken out of referrals"
	case "online":
		text = "put into service"
	}
	switch {
	case aboutHost(d):
		text += ", with all targets of this host"
	case scope != "":
		text += " in " + scope
	}
	if d.By != "" {
		text += ", by " + d.By
	}
	if d.Reason != "" {
		text += " (" + d.Reason + ")"
	}
	if len(d.WaitingFor) > 0 {
		text += "; waits for " + someOf(d.WaitingFor)
	}
	return text
}

// someOf names the first few of a list, and counts the rest.
func someOf(list []string) string {
	if len(list) <= namesInSummary {
		return strings.Join(list, ", ")
	}
	return strings.Join(list[:namesInSummary], ", ") + " and " + quantity.Count(len(list)-namesInSummary) + " more"
}
