package engine

import (
	"encoding/hex"

	"go.uber.org/zap"

	"dfsd/internal/fsx"
	"dfsd/replication"
	"dfsd/replication/install"
	"dfsd/replication/reconcile"
)

// sightHeld reports what stands in the holding directory before anything else
// is done: what a crash left there, on its way from one place to another, must
// not pass for deleted where it stood. The scan that follows compares it.
func (r *replica) sightHeld() error {
	hold, err := r.root.OpenDir(install.Hold)
	if err != nil {
		return err
	}
	defer hold.Close()
	var names []string
	err = hold.ReadDir(func(e fsx.Entry) bool {
		names = append(names, e.Name)
		return true
	})
	if err != nil {
		return err
	}
	for _, name := range names {
		if err := r.sightOne(hold, name); err != nil {
			return err
		}
	}
	return nil
}

func (r *replica) sightOne(hold fsx.Dir, name string) error {
	var id replication.FileID
	b, err := hex.DecodeString(name)
	if err != nil || len(b) != len(id) {
		r.log.Warn("something unknown stands in the holding directory", zap.String("name", name))
		return nil
	}
	copy(id[:], b)
	e, ok, err := r.store.Entry(id)
	if err != nil {
		return err
	}
	at := reconcile.Place{Parent: reconcile.HoldID, Name: name}
	if !ok || !e.Live() {
		r.log.Warn("an object without a record stands in the holding directory", zap.Stringer("id", id))
		return nil
	}
	if e.At == at {
		return nil
	}
	info, err := hold.Stat(name)
	if err != nil {
		return err
	}
	d := &e.Disk
	seen := sighting{id: id, facts: factsOf(id, info), path: fsx.Join(install.Hold, name), dir: d.Kind == replication.Directory}
	r.store.PutFacts(seen.facts)
	r.events = append(r.events, reconcile.Observed{Object: reconcile.Object{
		ID: id, At: at, Kind: d.Kind, Size: d.Size, Hash: d.Hash, Target: d.Target, Attr: d.Attr,
	}})
	r.sightings = append(r.sightings, seen)
	return nil
}
