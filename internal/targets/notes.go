package targets

import (
	"encoding/json"
	"slices"
	"time"

	"go.uber.org/zap"

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

// told is what others were told last.
type told struct {
	of    []targetstate.Decision
	notes []byte
}

// Notes is what others are told of the decisions of this host, nil where there
// are none. Beyond a thousand, or what a summary carries, the rest is not told.
func (k *Keeper) Notes() []byte {
	all := k.o.Store.All(time.Now())
	k.telling.Lock()
	defer k.telling.Unlock()
	if slices.Equal(all, k.told.of) {
		return k.told.notes
	}
	notes, n := noted(all)
	if n < len(all) {
		k.o.Log.Warn("other hosts are not told of all decisions about targets: there are too many", zap.Int("decisions", len(all)), zap.Int("told", n))
	}
	k.told = told{all, notes}
	return notes
}

// noted writes decisions for others, as many as there is room for.
func noted(all []targetstate.Decision) (notes []byte, n int) {
	const before, after = `{"decisions":[`, `]}`
	for _, d := range all[:min(len(all), maxNoted)] {
		b, err := json.Marshal(notedDecision{
			d.Kind, d.Host, d.Path, d.Target, d.Reason, d.By, d.At, d.Until, d.TakenOut, d.Finished,
		})
		if err != nil {
			continue // no decision is stored that cannot be written
		}
		if n == 0 {
			notes = append(notes, before...)
		} else {
			notes = append(notes, ',')
		}
		if len(notes)+len(b)+len(after) > summary.MaxNotes {
			notes = notes[:len(notes)-1]
			break
		}
		notes = append(notes, b...)
		n++
	}
	if n == 0 {
		return nil, 0
	}
	return append(notes, after...), n
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
		decision, err := targetstate.Decision{
			Kind: d.Kind, Host: d.Host, Path: d.Path, Target: d.Target, Reason: d.Reason, By: d.By,
			At: d.At, Until: d.Until, TakenOut: d.TakenOut, Finished: d.Finished,
		}.Told()
		if err != nil {
			continue
		}
		if decision.By == "" {
			decision.By = "an administrator"
		}
		decision.By += " on " + host
		all = append(all, decision)
	}
	return all
}
