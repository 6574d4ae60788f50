package transfer

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"go.uber.org/zap"

	"dfsd/replication"
	"dfsd/replication/chunk"
	"dfsd/replication/wire"
)

// denial is why a host is not asked for a content again.
type denial struct {
	host string
	err  error
}

// fault is something wrong that a source sent.
type fault struct{ error }

func (e *fault) Unwrap() error { return e.error }

func outOfPlace(format string, args ...any) error {
	return &fault{fmt.Errorf("%w: %s", wire.ErrProtocol, fmt.Sprintf(format, args...))}
}

// ownFault is a failure on this member: of its disk, say.
type ownFault struct{ error }

func (e *ownFault) Unwrap() error { return e.error }

func own(err error) error {
	if err == nil {
		return nil
	}
	return &ownFault{err}
}

// verdict is what may be done for a job now.
type verdict uint8

const (
	ask    verdict = iota // the source that pick returned
	wait                  // until sources change
	giveUp                // with the result that pick returned
)

// pick chooses the source for a job: the first that holds its version and did
// not fail it; where none is left and the job says so, the first of the others.
func (f *Fetcher) pick(j *job, sources []Source) (Source, verdict, Result) {
	f.mu.Lock()
	stamp, beg := j.stamp, j.beg
	f.mu.Unlock()
	holds := func(s Source) bool { return s.Holds == nil || s.Holds(stamp) }
	if j.strikes >= maxStrikes {
		return Source{}, giveUp, failure(j, sources, !slices.ContainsFunc(sources, holds))
	}
	s, v, holders := f.first(j, sources, holds)
	if beg && (v == giveUp || holders == 0) {
		o, w, others := f.first(j, sources, func(s Source) bool { return !holds(s) })
		if others > 0 {
			s, v = o, w
		}
	}
	if v == giveUp {
		return Source{}, giveUp, failure(j, sources, holders == 0)
	}
	return s, v, Result{}
}

// first returns the first of those sources that count which can be asked; giveUp where
// there are some and all of them failed j. n counts those that were looked at.
func (f *Fetcher) first(j *job, sources []Source, counts func(Source) bool) (s Source, v verdict, n int) {
	denied := 0
	for _, s := range sources {
		if !counts(s) {
			continue
		}
		n++
		switch {
		case j.deniedBy(s.Host):
			denied++
		case !f.resting(s.Host):
			return s, ask, n
		}
	}
	if denied > 0 && denied == n {
		return Source{}, giveUp, n
	}
	return Source{}, wait, n
}

// failure is the result of a job that no source can serve.
func failure(j *job, sources []Source, unclaimed bool) Result {
	r := Result{ID: j.id, Hash: j.hash, Err: wire.ErrNotFound, Gone: true, Unclaimed: unclaimed}
	if j.strikes > 0 {
		r.Err, r.Gone = fmt.Errorf("content from several members: %w", chunk.ErrMismatch), false
	}
	for _, d := range j.denied {
		if !isAbsence(d.err) {
			r.Err, r.Gone = fmt.Errorf("content from %s: %w", d.host, d.err), false
		}
	}
	for _, s := range sources {
		r.Gone = r.Gone && j.deniedBy(s.Host)
	}
	return r
}

func isAbsence(err error) bool {
	return errors.Is(err, wire.ErrNotFound) || errors.Is(err, wire.ErrChanged)
}

func (j *job) deniedBy(host string) bool {
	return slices.ContainsFunc(j.denied, func(d denial) bool { return d.host == host })
}

// fail notes what went wrong between j and a host, and tells whether j may be
// tried again at once, with another source perhaps.
func (f *Fetcher) fail(ctx context.Context, j *job, host string, err error) (again bool) {
	var strike *fault
	var answer wire.Error
	switch {
	case ctx.Err() != nil:
		return false
	case errors.As(err, &strike):
		j.strikes++
		j.denied = append(j.denied, denial{host, strike.error})
		f.o.Log.Warn("partner sent wrong content", zap.String("partner", host), zap.Stringer("file", j.id), zap.Error(strike.error))
		return true
	case errors.As(err, &answer) && !isPassing(answer):
		j.denied = append(j.denied, denial{host, answer.Unwrap()})
		return true
	default:
		f.rest(host)
		return true
	}
}

// isPassing tells whether a partner may answer otherwise in a moment.
func isPassing(err error) bool {
	for _, e := range []error{wire.ErrBusy, wire.ErrPaused, wire.ErrCanceled, wire.ErrShuttingDown} {
		if errors.Is(err, e) {
			return true
		}
	}
	return false
}

// rest leaves a host alone for a moment: its session ended, or it is busy.
func (f *Fetcher) rest(host string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.rested[host] = f.o.Now().Add(restTime)
	f.pause = restTime
}

func (f *Fetcher) resting(host string) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	until, ok := f.rested[host]
	if ok && !f.o.Now().Before(until) {
		delete(f.rested, host)
		return false
	}
	return ok
}

func (f *Fetcher) received(host string, n int64) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.progress.Received[host] += n
}

// listOf asks for one list.
func (f *Fetcher) listOf(ctx context.Context, s Source, m wire.WantChunkList) (l chunk.List, ok bool, err error) {
	answer, err := s.Partner.Call(ctx, wire.Bulk, m)
	if err != nil {
		return l, false, err
	}
	switch answer := answer.(type) {
	case wire.Done:
		return l, false, nil
	case wire.ChunkList:
		l, err = parseList(answer)
		return l, err == nil, err
	}
	return l, false, outOfPlace("%v for a list", answer.Type())
}

func parseList(m wire.ChunkList) (chunk.List, error) {
	l, rest, err := chunk.ParseList(m.List)
	switch {
	case err != nil:
		return l, &fault{err}
	case len(rest) > 0:
		return l, outOfPlace("%d bytes behind a list", len(rest))
	}
	return l, nil
}

// tidy lets parked jobs look for sources from time to time, and removes the
// temporaries of what nobody wants.
func (f *Fetcher) tidy(ctx context.Context) {
	for {
		f.mu.Lock()
		for len(f.parked) == 0 && len(f.trash) == 0 && f.blocked.IsZero() && !f.stopped {
			f.changed.Wait()
		}
		trash := f.unwanted()
		blocked, stopped := !f.blocked.IsZero(), f.stopped
		f.mu.Unlock()
		if blocked {
			f.settleQuota()
		}
		for _, h := range trash {
			_ = f.o.Staging.Remove(partName(h)) // often there is none
			_ = f.o.Staging.Remove(markName(h))
		}
		f.mu.Lock()
		for _, h := range trash {
			delete(f.busy, h)
		}
		f.mu.Unlock()
		if stopped {
			return
		}
		f.sleep(ctx, blocked)
		f.mu.Lock()
		f.unpark()
		f.mu.Unlock()
	}
}

// sleep waits until the parked may be looked at again; longer each time that
// nothing has changed, because they may be many.
func (f *Fetcher) sleep(ctx context.Context, short bool) {
	f.mu.Lock()
	d := f.pause
	f.pause = min(2*f.pause, longestPause)
	f.mu.Unlock()
	if short {
		d = restTime
	}
	pause := time.NewTimer(d)
	defer pause.Stop()
	select {
	case <-pause.C:
	case <-ctx.Done():
	}
}

// unwanted takes contents off the trash that no job wants and nobody works on.
// They count as busy until they are removed. f.mu is held.
func (f *Fetcher) unwanted() (hashes []replication.Hash) {
	if len(f.trash) == 0 {
		return nil
	}
	wanted := map[replication.Hash]bool{}
	for _, j := range f.jobs {
		wanted[j.hash] = true
	}
	later := f.trash[:0]
	for _, h := range f.trash {
		switch {
		case wanted[h]:
		case f.busy[h]:
			later = append(later, h)
		default:
			f.busy[h] = true
			hashes = append(hashes, h)
		}
	}
	f.trash = later
	return hashes
}
