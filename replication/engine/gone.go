package engine

import (
	"errors"

	"go.uber.org/zap"

	"dfsd/internal/fsx"
	"dfsd/replication"
	"dfsd/replication/reconcile"
	"dfsd/replication/survey"
)

// missed deletes what is no longer anywhere.
func (r *replica) missed(s *findings) error {
	var gone []replication.FileID
	found := r.foundNow()
	for id := range s.put.objects {
		found[id] = true
	}
	for _, m := range s.missing {
		if s.put.objects[m.ID] || s.put.spots[spot{m.Dir, m.Name}] {
			found[m.ID] = true
			r.lookLater(survey.Area{Dir: m.Dir, Name: m.Name, Deep: m.Kind == replication.Directory})
		}
	}
	for _, m := range s.missing {
		if found[m.ID] {
			continue
		}
		is, err := r.isGone(&m)
		if err != nil {
			return err
		}
		if is {
			gone = append(gone, m.ID)
		}
	}
	if len(gone) == 0 {
		return nil
	}
	if err := r.checkRoot(); err != nil {
		return err
	}
	for _, id := range gone {
		r.log.Debug("gone from disk", zap.Stringer("id", id))
		if err := r.vanish(id, found, 0); err != nil {
			return err
		}
	}
	r.f.acceptEmpty.Store(false) // it was meant for what has gone now
	r.moved()
	return nil
}

// foundNow returns the objects that the sightings of this step are of.
func (r *replica) foundNow() map[replication.FileID]bool {
	found := make(map[replication.FileID]bool, len(r.sightings))
	for i := range r.sightings {
		found[r.sightings[i].id], found[r.sightings[i].replaces] = true, true
	}
	delete(found, replication.RootID)
	return found
}

// checkRoot tells whether the folder is what it was: now and then, and before
// anything in it counts as deleted.
func (r *replica) checkRoot() error {
	totals, err := r.idx.Totals()
	if err != nil {
		return err
	}
	many := totals.Files+totals.Directories+totals.Links > fewObjects
	return r.installer.CheckRoot(many && !r.f.acceptEmpty.Load())
}

// fewObjects is how many objects a user may delete down to nothing before an
// empty folder is held to be an accident.
const fewObjects = 8

// isGone looks whether an object that a survey missed is still missing, and
// still stands there by the store.
func (r *replica) isGone(m *survey.Missing) (bool, error) {
	path := fsx.Join(m.Dir, m.Name)
	if r.underWay(m.ID, path) {
		r.lookLater(survey.Area{Dir: m.Dir, Name: m.Name, Deep: m.Kind == replication.Directory})
		return false, nil
	}
	e, ok, err := r.store.Entry(m.ID)
	if err != nil || !ok || !e.Live() {
		return false, err
	}
	stands, err := r.tree.of(e.At)
	if err != nil || stands != path {
		return false, nil //nolint:nilerr // it has moved, or what is above it has gone
	}
	facts, ok, err := r.store.Facts(m.ID)
	if err != nil {
		return false, err
	}
	info, err := r.root.Stat(path)
	switch {
	case errors.Is(err, fsx.ErrNotExist), errors.Is(err, fsx.ErrNotDirectory), errors.Is(err, fsx.ErrEscapes):
		return true, nil
	case err != nil: // the disk is in trouble, which says nothing about the object
		r.unread[survey.Area{Dir: m.Dir, Name: m.Name}] = true
		return false, nil
	}
	now := factsOf(m.ID, info)
	return !ok || !sameInode(facts, now), nil
}

// vanish makes Gone events of an object and all that stood below it, but for
// what was found elsewhere.
func (r *replica) vanish(id replication.FileID, found map[replication.FileID]bool, depth int) error {
	children, err := r.store.Children(id)
	if err != nil || depth > maxDepth {
		return err
	}
	for i := range children {
		if c := &children[i]; c.Live() && c.At.Parent == id && !found[c.ID] {
			if err := r.vanish(c.ID, found, depth+1); err != nil {
				return err
			}
		}
	}
	r.store.DropFacts(id)
	r.events = append(r.events, reconcile.Gone{ID: id})
	return nil
}
