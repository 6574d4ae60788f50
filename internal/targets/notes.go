package targets

import (
	"encoding/json"
	"slices"
	"time"

	"go.uber.org/zap"

	"dfsd/namespace"
	"dfsd/referral/targetstate"
	"dfsd/replication/summary"
)

// note is what a host tells others of its decisions about targets. Field names
// are those of the exchange: a version that knows more adds some.
type note struct {
	Decisions []notedDecision `json:"decisions"`
}

type notedDecision struct {
	Kind     targetstate.Kind `json:"kind"`
	Host     string           `json:"host,omitempty"`
	Path     string           `json:"path,omitempty"`
	Target   string           `json:"target,omitempty"`
	Reason   string           `json:"reason,omitempty"`
	By       string           `json:"by,omitempty"`
	At       time.Time        `json:"at"`
	Until    time.Time        `json:"until,omitzero"`
	TakenOut time.Time        `json:"taken_out,omitzero"`
	Finished time.Time        `json:"finished,omitzero"`
}

// maxNoted bounds the decisions that are told to others, and taken from each.
const maxNoted = 1000

// Notes is what others are told of the decisions of this host, nil where there
// are none. Beyond a thousand the rest is not told.
func (k *Keeper) Notes() []byte {
	all := k.o.Store.All(time.Now())
	if len(all) == 0 {
		return nil
	}
	var n note
	for _, d := range all[:min(len(all), maxNoted)] {
		n.Decisions = append(n.Decisions, notedDecision{
			d.Kind, d.Host, d.Path, d.Target, d.Reason, d.By, d.At, d.Until, d.TakenOut, d.Finished,
		})
	}
	b, err := json.Marshal(n)
	if err != nil {
		k.o.Log.Error("other hosts are not told what was decided about targets", zap.Error(err))
		return nil
	}
	return b
}

// readNotes reads what a host told of its decisions. What makes no sense here
// counts for nothing.
func readNotes(host string, b []byte) []targetstate.Decision {
	var n note
	if len(b) == 0 || json.Unmarshal(b, &n) != nil {
		return nil
	}
	var all []targetstate.Decision
	for _, d := range n.Decisions[:min(len(n.Decisions), maxNoted)] {
		if d.Kind != targetstate.Drained && d.Kind != targetstate.Offline || (d.Host == "") == (d.Target == "") {
			continue
		}
		by := d.By + " on " + host
		if d.By == "" {
			by = "an administrator on " + host
		}
		all = append(all, targetstate.Decision{
			Kind: d.Kind, Host: d.Host, Path: d.Path, Target: d.Target, Reason: d.Reason, By: by,
			At: d.At, Until: d.Until, TakenOut: d.TakenOut, Finished: d.Finished,
		})
	}
	return all
}

// foreign is what other hosts decided.
type foreign struct {
	byHost map[string]heardNotes
	all    []targetstate.Decision
}

// heardNotes are a host's, as they came and as they were read.
type heardNotes struct {
	raw  string
	read []targetstate.Decision
}

// hear takes in what all hosts say; what is as before is not read again.
func (f *foreign) hear(hosts []summary.Host) {
	next := map[string]heardNotes{}
	f.all = nil
	for _, h := range hosts {
		if h.Self || len(h.Notes) == 0 {
			continue
		}
		n, known := f.byHost[h.Host]
		if !known || n.raw != string(h.Notes) {
			n = heardNotes{string(h.Notes), readNotes(h.Host, h.Notes)}
		}
		next[h.Host] = n
		f.all = append(f.all, n.read...)
	}
	f.byHost = next
}

// of returns the decision of another host that holds for a target, the narrowest
// and of those the one in effect, nil where there is none.
func (f *foreign) of(root *namespace.Root, link namespace.Link, t namespace.Target, now time.Time) *targetstate.Decision {
	var best *targetstate.Decision
	for i := range f.all {
		d := &f.all[i]
		if d.Expired(now) || !isAbout(d, root, link, t) {
			continue
		}
		if best == nil || best.Host != "" && d.Host == "" || (best.Host == "") == (d.Host == "") && d.InEffect() && !best.InEffect() {
			best = d
		}
	}
	return best
}

// elsewhere returns the decisions of other hosts about a scope.
func (f *foreign) elsewhere(scope targetstate.Scope) []targetstate.Decision {
	return slices.DeleteFunc(slices.Clone(f.all), func(d targetstate.Decision) bool {
		return !namespace.EqualFold(d.Host, scope.Host) || !namespace.EqualFold(d.Path, scope.Path) || !namespace.EqualFold(d.Target, scope.Target)
	})
}
