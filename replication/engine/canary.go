package engine

import (
	"strings"

	"dfsd/replication/canary"
	"dfsd/replication/reconcile"
)

// newCanary makes the canary that a setting of the folder asks for. Nothing runs
// yet.
func (f *folder) newCanary(s setting, m *canary.Metrics) *canary.Canary {
	return canary.New(canary.Options{
		Root: f.spec.path, Folder: f.spec.String(), Host: f.host, Members: s.members, Every: s.canary,
		Log: f.log.Named("canary"), Writable: f.isSettled, Wrote: f.canaryWrote,
	}, m)
}

// canaryWrote has a canary told like a user's change, although this process made
// it.
func (f *folder) canaryWrote() {
	if r := f.current(); r != nil && r.enter() {
		r.journal.Changed(".", canary.Directory)
		r.leave()
	}
}

// isSettled reports whether what is new here is a change of the folder: it is
// open, not paused, and beyond its initial sync.
func (f *folder) isSettled() bool {
	r := f.current()
	return r != nil && !r.stopped.Load() && r.meta.Load().Phase == reconcile.Normal
}

// isCanary reports whether a path is that of a canary, whose versions before are
// nobody's loss.
func isCanary(path string) bool { return strings.HasPrefix(path, canary.Directory+"/") }
