package engine

import (
	"encoding/hex"
	"errors"

	"go.uber.org/zap"

	"dfsd/internal/fsx"
	"dfsd/replication"
	"dfsd/replication/install"
	"dfsd/replication/reconcile"
)

// sightHeld reports what stands in the holding directory, where no survey
// looks: what a crash left there, on its way from one place to another. Only
// the installer reaches it, so the content is what was recorded.
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

// missHeld deletes what the store has in the holding directory and a scan found
// nowhere: it was moved out and then deleted while the folder was closed.
func (r *replica) missHeld() error {
	held, err := r.store.Children(reconcile.HoldID)
	if err != nil {
		return err
	}
	for i := range held {
		e := &held[i]
		if !e.Live() || e.At.Parent != reconcile.HoldID || r.underWay(e.ID, "") {
			continue
		}
		_, err := r.root.Stat(fsx.Join(install.Hold, e.At.Name))
		if !errors.Is(err, fsx.ErrNotExist) {
			continue
		}
		if err := r.vanish(e.ID, nil, 0); err != nil {
			return err
		}
	}
	return nil
}
