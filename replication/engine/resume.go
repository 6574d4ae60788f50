package engine

import (
	"context"
	"errors"
	"fmt"
	"time"

	"dfsd/internal/fsx"
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
	s := r.newFindings(ctx, areas)
	s.first, s.last = true, true
	_, err := survey.Run(ctx, r.surveyOptions(), areas, s)
	if ctx.Err() != nil {
		return nil
	}
	if err != nil {
		return fmt.Errorf("compare what was begun with the index: %w", err)
	}
	if len(s.found) >= maxFindings {
		s.missing = nil // with some left out, what has moved could seem to be gone
	}
	s.keepFound()
	return r.surveyed(s)
}

func (r *replica) surveyOptions() survey.Options {
	return survey.Options{
		Root: r.root, Index: r.idx.Reader, Private: install.Private, Hold: install.Hold, Skip: r.f.spec.skip, Lists: listsFrom,
	}
}
