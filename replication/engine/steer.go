package engine

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"time"

	"go.uber.org/zap"

	"dfsd/internal/event"
	"dfsd/internal/fsx"
	"dfsd/replication/install"
	"dfsd/replication/status"
	"dfsd/replication/survey"
)

// Pause stops a folder until Resume, over restarts too: it still notes local
// changes, and neither sends nor receives.
func (e *Engine) Pause(ctx context.Context, name string) error { return e.setPaused(ctx, name, true) }

// Resume ends what Pause began, and lets a folder that halted because it is
// empty be empty.
func (e *Engine) Resume(ctx context.Context, name string) error {
	folders, err := e.pick(name)
	if err != nil {
		return err
	}
	for _, f := range folders {
		f.mu.Lock()
		empty := errors.Is(f.halted, install.ErrRootEmpty)
		f.mu.Unlock()
		if empty {
			f.log.Warn("the folder is meant to be empty, says the administrator")
			f.acceptEmpty.Store(true)
			poke(f.reopen)
		}
	}
	return e.setPaused(ctx, name, false)
}

func (e *Engine) setPaused(ctx context.Context, name string, paused bool) error {
	folders, err := e.pick(name)
	if err != nil {
		return err
	}
	for _, f := range folders {
		m, err := readMemo(f.dir)
		if err != nil {
			return err
		}
		m.Group, m.Folder, m.Paused = f.spec.group, f.spec.name, paused
		if err := m.write(f.dir); err != nil {
			return err
		}
		f.log.Info("pausing was set", event.PausingSet.Field(), zap.Bool("paused", paused))
		r := f.current()
		if r == nil {
			continue
		}
		r.stopped.Store(paused)
		err = r.post(ctx, func() error { r.paused = paused; return nil })
		if err != nil {
			return err
		}
		r.fetcher.Changed()
		f.tell()
	}
	return nil
}

// Sync has a folder compared with the disk, and all partners asked. With wait it
// returns once nothing is owed in either direction, or ctx ends, or with ErrPaused
// where a pause here keeps that from coming.
func (e *Engine) Sync(ctx context.Context, name string, wait bool) error {
	err := e.using(name, func(f *folder, r *replica) error {
		poke(r.rescan)
		f.tell()
		return nil
	})
	if err != nil {
		return err
	}
	for wait {
		if !rest(ctx, 200*time.Millisecond) {
			return context.Cause(ctx)
		}
		folders, err := e.pick(name) // anew: a reload may have opened one anew, or ended it
		if err != nil {
			return err
		}
		wait = false
		for _, f := range folders {
			s := f.status(time.Now())
			if s.State == status.Paused {
				return fmt.Errorf("%w: %s/%s; `dfsd replication resume` ends that", ErrPaused, s.Group, s.Folder)
			}
			wait = wait || !isLevel(&s)
		}
	}
	return nil
}

// isLevel tells whether a folder owes nothing and is owed nothing.
func isLevel(s *status.Folder) bool {
	if s.Progress != nil || s.Error != "" {
		return false
	}
	for _, c := range s.Connections {
		if c.BacklogFiles > 0 || c.State != status.Connected {
			return false
		}
	}
	return true
}

// Restore takes a file out of the preserved store, and answers where it stands
// now.
func (e *Engine) Restore(_ context.Context, name, id, to string) (at string, err error) {
	err = e.using(name, func(f *folder, r *replica) error {
		if rel, ok := strings.CutPrefix(to, f.spec.path+"/"); ok {
			to = rel
		}
		if filepath.IsAbs(to) {
			return fmt.Errorf("%w: %s lies outside of %s", ErrUnknownPath, to, f.spec.path)
		}
		rel, err := r.installer.Restore(id, to)
		if errors.Is(err, install.ErrNotPreserved) {
			return fmt.Errorf("%w: %q", ErrUnknownEntry, id)
		}
		if err != nil {
			return err
		}
		dir, base := fsx.Split(rel)
		r.requests.add([]survey.Area{{Dir: dir, Name: base}}, nil)
		at = filepath.Join(f.spec.path, rel)
		return nil
	})
	return at, err
}
