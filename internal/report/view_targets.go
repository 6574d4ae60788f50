package report

import (
	"strings"

	"dfsd/internal/quantity"
)

type (
	namespaceView struct {
		Name, About       string
		Troubled, Healthy table[folderView]
	}
	folderView struct {
		Path, About string
		Targets     []targetView
	}
	targetView struct {
		Path, Site, Since, Probe, Why string
		State                         stateView
	}
)

// namespaces shows the namespaces: what is not well open, the rest folded.
func (v *viewer) namespaces(p *page) {
	for i := range v.f.Namespaces {
		ns := &v.f.Namespaces[i]
		view := namespaceView{
			Name:  visible(ns.Name),
			About: visible(orDash(ns.Type) + ", " + orDash(ns.State) + ", referrals for " + quantity.Span(float64(ns.TTLSeconds)) + ", " + counted(len(ns.Folders), "folder")),
		}
		for k := range ns.Folders {
			f := &ns.Folders[k]
			if wellFolder(f) {
				view.Healthy.Rows = append(view.Healthy.Rows, v.folder(f))
			} else {
				view.Troubled.Rows = append(view.Troubled.Rows, v.folder(f))
			}
		}
		view.Troubled.Title = counted(len(view.Troubled.Rows), "folder") + " of " + view.Name + " in which not every target is up"
		view.Healthy.Title = counted(len(view.Healthy.Rows), "folder") + " of " + view.Name + " with all targets up"
		p.Namespaces = append(p.Namespaces, view)
	}
}

func wellFolder(f *FolderFacts) bool {
	for i := range f.Targets {
		if f.Targets[i].State != TargetUp {
			return false
		}
	}
	return len(f.Targets) > 0 && !sameName(f.State, TargetOffline)
}

func (v *viewer) folder(f *FolderFacts) folderView {
	view := folderView{Path: visible(f.Path), Targets: make([]targetView, 0, len(f.Targets))}
	about := []string{"referrals for " + quantity.Span(float64(f.TTLSeconds))}
	if f.EffectiveTTLSeconds != f.TTLSeconds {
		about[0] = "referrals for " + quantity.Span(float64(f.EffectiveTTLSeconds)) + " now, else " + quantity.Span(float64(f.TTLSeconds))
	}
	if f.State != "" && !sameName(f.State, "online") {
		about = append(about, f.State)
	}
	if f.Replicates != "" {
		about = append(about, "replicates "+f.Replicates)
	}
	if f.MaxLagSeconds > 0 {
		about = append(about, "gate "+quantity.Span(f.MaxLagSeconds))
	}
	view.About = visible(strings.Join(about, "; "))
	for i := range f.Targets {
		view.Targets = append(view.Targets, v.target(&f.Targets[i]))
	}
	return view
}

func (v *viewer) target(t *TargetFacts) targetView {
	view := targetView{
		Path: visible(t.Path), Site: orDash(t.Site), State: levelView(targetLevel(t.State), t.State),
		Since: v.lasting(t.Since), Probe: "not probed", Why: sentence(t.Reason),
	}
	switch {
	case !t.Probed:
	case t.LastProbe.IsZero():
		view.Probe = "not yet"
	case t.ProbeError != "":
		view.Probe = "failed " + between(t.LastProbe, v.now) + " ago: " + sentence(t.ProbeError)
	default:
		view.Probe = "answered in " + millis(t.ProbeSeconds) + ", " + between(t.LastProbe, v.now) + " ago"
	}
	return view
}

// targetLevel is how bad the state of a target is by itself.
func targetLevel(state string) Level {
	switch state {
	case TargetUp:
		return OK
	case TargetDrained, TargetOffline:
		return Notice
	}
	return Degraded
}
