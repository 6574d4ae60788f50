package engine

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"go.uber.org/zap"

	"dfsd/internal/fsx"
	"dfsd/replication"
	"dfsd/replication/survey"
)

const (
	// syncsAtOnce is how many files are synced at a time.
	syncsAtOnce = 8
	// syncsAtMost is from how many of them on the whole file system is synced
	// instead.
	syncsAtMost = 64
	// clockSlack is by how much the clock that stamps files may be behind.
	clockSlack = time.Second
)

// keeping puts on stable storage what a survey has found, before anybody is told of
// it. Programs save without that, and what a power cut leaves of a save would pass
// for the user's next one: an empty file would replace the whole one that partners
// have by then. It is safe for concurrent use.
type keeping struct {
	root fsx.Dir
	log  *zap.Logger
	// synced is until when, by the stamps of files, all is on stable storage; Unix
	// nanoseconds.
	synced atomic.Int64
}

// keepAll puts everything there. That it cannot is no reason to stop: what is found
// is synced by itself then.
func (k *keeping) keepAll(now time.Time) error {
	if err := k.root.SyncFS(); err != nil {
		return err
	}
	k.synced.Store(now.Add(-clockSlack).UnixNano())
	return nil
}

// keep puts there what was found and what led to what is missing, and returns by
// path those of the found of which the disk refused it.
func (k *keeping) keep(found []survey.Found, missing []survey.Missing, now time.Time) map[string]error {
	files, dirs := k.recent(found, missing, now)
	if len(files)+len(dirs) > syncsAtMost {
		err := k.keepAll(now)
		if err == nil {
			return nil
		}
		if !errors.Is(err, fsx.ErrUnsupported) {
			k.log.Warn("what is new in the folder could not be put on stable storage as a whole", zap.Error(err))
		}
	}
	refused := map[string]error{}
	var mu sync.Mutex
	var wg sync.WaitGroup
	slots := make(chan struct{}, syncsAtOnce)
	each := func(paths []string, open func(string) (fsx.Handle, error)) {
		for _, p := range paths {
			slots <- struct{}{}
			wg.Go(func() {
				defer func() { <-slots }()
				if err := syncOne(p, open); err != nil {
					mu.Lock()
					refused[p] = err
					mu.Unlock()
				}
			})
		}
	}
	each(files, func(p string) (fsx.Handle, error) { return k.root.Open(p, fsx.ReadOnly) })
	wg.Wait()
	each(dirs, func(p string) (fsx.Handle, error) { return k.root.OpenDir(p) }) // which costs little now
	wg.Wait()
	return refused
}

// recent returns the files and directories to sync: what has changed since
// everything was.
func (k *keeping) recent(found []survey.Found, missing []survey.Missing, now time.Time) (files, dirs []string) {
	since := k.synced.Load()
	if now.UnixNano() < since {
		since = 0 // the clock was put back: stamps say nothing
	}
	for i := range found {
		f := &found[i]
		if f.Info.CTime < since {
			continue
		}
		dirs = append(dirs, f.Dir)
		if f.Kind == replication.File {
			files = append(files, fsx.Join(f.Dir, f.Name))
		}
	}
	for i := range missing {
		dirs = append(dirs, missing[i].Dir)
	}
	slices.Sort(dirs)
	return files, slices.Compact(dirs)
}

// syncOne syncs what stands at a path. Nothing of it is there to be kept where it is
// gone, or something else, by now.
func syncOne(p string, open func(string) (fsx.Handle, error)) error {
	h, err := open(p)
	if err != nil {
		return nil //nolint:nilerr // whoever reads it next says so
	}
	err = h.Sync()
	if closed := h.Close(); err == nil {
		err = closed
	}
	return err
}

// refusal is something found that the disk did not keep.
type refusal struct {
	survey.Found
	err error
}

// keepFound has what s found kept before the loop hears of it. What the disk refused
// to keep is put off.
func (s *findings) keepFound() {
	var missing []survey.Missing
	if s.last {
		missing = s.missing
	}
	refused := s.r.keeping.keep(s.found, missing, time.Now())
	if len(refused) == 0 {
		return
	}
	s.found = slices.DeleteFunc(s.found, func(f survey.Found) bool {
		at := fsx.Join(f.Dir, f.Name)
		err := cmp.Or(refused[at], refused[f.Dir])
		if err != nil {
			s.refused = append(s.refused, refusal{f, fmt.Errorf("put on stable storage: %w", err)})
		}
		return err != nil
	})
	rest(s.ctx, laterEvery) // what is put off is looked at again at once
}
