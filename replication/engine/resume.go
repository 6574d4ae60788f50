package engine

import (
	"context"
	"errors"
	"fmt"
	"time"

	"dfsd/internal/fsx"
	"dfsd/replication"
	"dfsd/replication/install"
	"dfsd/replication/survey"
)

// resume takes up what was under way when the folder was closed: what a crash
// left on disk is observed, and then the core says again what there is to do.
func (r *replica) resume(ctx context.Context) error {
	if err := r.sightHeld(); err != nil {
		return err
	}
	if err := r.sightBegun(ctx); err != nil || ctx.Err() != nil {
		return err
	}
	if len(r.events) > 0 {
		return r.step()
	}
	actions, err := r.core.Step(time.Now().UnixNano())
	if err != nil {
		return err
	}
	if err := r.act(actions, nil); err != nil {
		return err
	}
	return r.dispatch()
}

// sightBegun reports what stands where installs were begun. Whether those were
// done can be told by what they were about, and that is forgotten with the next
// plan for the object.
func (r *replica) sightBegun(ctx context.Context) error {
	var areas []survey.Area
	for place, err := range r.core.Begun() {
		if err != nil {
			return err
		}
		path, err := r.tree.of(place)
		if errors.Is(err, errNoPlace) {
			continue
		}
		if err != nil {
			return err
		}
		dir, name := fsx.Split(path)
		areas = append(areas, survey.Area{Dir: dir, Name: name})
	}
	if len(areas) == 0 {
		return nil
	}
	s := &findings{
		r: r, ctx: ctx, areas: areas, first: true, batches: r.batches.Load(), last: true,
		unread: map[string]error{}, put: put{map[replication.FileID]bool{}, map[spot]bool{}},
	}
	_, err := survey.Run(ctx, r.surveyOptions(), areas, (*first)(s))
	if ctx.Err() != nil {
		return nil
	}
	if err != nil {
		return fmt.Errorf("compare what was begun with the index: %w", err)
	}
	return r.surveyed(s)
}

func (r *replica) surveyOptions() survey.Options {
	return survey.Options{
		Root: r.root, Index: r.idx.Reader, Private: install.Private, Hold: install.Hold, Skip: r.f.spec.skip, Lists: listsFrom,
	}
}

// first are findings from before the loop takes any. What is too many is left to
// the scan that follows; all that installs can have begun is less.
type first findings

// Found implements survey.Sink.
func (s *first) Found(f survey.Found) error {
	if len(s.found) < maxFindings {
		s.found = append(s.found, f)
	}
	return nil
}

// Missing implements survey.Sink.
func (s *first) Missing(m survey.Missing) error {
	if len(s.found) < maxFindings { // with some left out, what has moved could seem to be gone
		s.missing = append(s.missing, m)
	}
	return nil
}

// Later implements survey.Sink.
func (s *first) Later(l survey.Later) error {
	s.later = append(s.later, l)
	return nil
}
