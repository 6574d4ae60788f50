package targets

import (
	"bytes"
	"maps"
	"slices"
	"time"

	"go.uber.org/zap"

	"dfsd/referral/targetstate"
	"dfsd/replication/summary"
)

// foreign is what other hosts decided.
type foreign struct {
	byHost map[string]heardNotes
	all    []targetstate.Decision

	kept   []targetstate.Heard // as on disk
	keptAt time.Time           // when that was tried last
}

// heardNotes are a host's, as they came and as they were read.
type heardNotes struct {
	raw  []byte
	read []targetstate.Decision
	at   time.Time
}

// How what others decided is kept on disk.
const (
	keepPause = time.Second // between two writings
	keepAgain = time.Hour   // after which what has not changed is written with its new age
)

// recall takes up what other hosts had decided when this one stopped.
func (k *Keeper) recall(now time.Time) {
	kept, err := k.o.Store.Heard()
	if err != nil {
		k.o.Log.Warn("what other hosts decided about targets before the start is not known until they are heard", zap.Error(err))
	}
	k.foreign.kept, k.foreign.byHost = kept, map[string]heardNotes{}
	for _, h := range kept {
		at := h.At
		if at.After(now) {
			at = now
		}
		k.foreign.byHost[h.Host] = heardNotes{h.Notes, readNotes(h.Host, h.Notes), at}
	}
}

// hear takes in what all hosts say; what is as before is not read again. What is
// remembered of a host from before the start holds until that host is heard, for
// as long as it would be remembered without a restart.
func (f *foreign) hear(hosts []summary.Host, knows func(string) bool, now time.Time) {
	next := map[string]heardNotes{}
	heard := map[string]bool{}
	for _, h := range hosts {
		if h.Self || h.HeardAt.IsZero() {
			continue
		}
		heard[h.Host] = true
		if len(h.Notes) == 0 {
			continue
		}
		n, known := f.byHost[h.Host]
		if !known || !bytes.Equal(n.raw, h.Notes) {
			n = heardNotes{raw: h.Notes, read: readNotes(h.Host, h.Notes)}
		}
		n.at = h.HeardAt
		next[h.Host] = n
	}
	for _, h := range f.kept {
		n, before := f.byHost[h.Host]
		if before && !heard[h.Host] && now.Sub(n.at) < summary.Forget && knows(h.Host) {
			next[h.Host] = n
		}
	}
	f.byHost, f.all = next, nil
	for _, host := range slices.Sorted(maps.Keys(next)) {
		f.all = append(f.all, next[host].read...)
	}
}

// current returns the decisions that hold.
func (f *foreign) current(now time.Time) []targetstate.Decision {
	expired := func(d targetstate.Decision) bool { return d.Expired(now) }
	if slices.ContainsFunc(f.all, expired) {
		return slices.DeleteFunc(slices.Clone(f.all), expired)
	}
	return f.all
}

// keepForeign writes down what others decided, for the next start.
func (k *Keeper) keepForeign(now time.Time) {
	f := &k.foreign
	if since := now.Sub(f.keptAt); since >= 0 && since < keepPause || !f.outdated() {
		return
	}
	f.keptAt = now
	var all []targetstate.Heard
	for _, host := range slices.Sorted(maps.Keys(f.byHost)) {
		all = append(all, targetstate.Heard{Host: host, At: f.byHost[host].at, Notes: f.byHost[host].raw})
	}
	if kept, err := k.o.Store.SaveHeard(all); k.wrote("what other hosts decided about targets", err) {
		f.kept = kept
	}
}

// outdated reports whether what is on disk is not what is known.
func (f *foreign) outdated() bool {
	onDisk := 0
	for _, h := range f.kept {
		n, known := f.byHost[h.Host]
		if !known || !bytes.Equal(n.raw, h.Notes) || n.at.Sub(h.At) >= keepAgain {
			return true
		}
		onDisk++
	}
	return onDisk < min(len(f.byHost), targetstate.MaxHeard)
}
