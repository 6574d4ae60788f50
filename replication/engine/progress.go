package engine

import (
	"sync"
	"sync/atomic"
	"time"

	"dfsd/replication/reconcile"
	"dfsd/replication/status"
)

// progress is how far the scan of a folder is.
type progress struct {
	running atomic.Bool
	files   atomic.Int64
	bytes   atomic.Int64
	since   atomic.Int64 // Unix nanoseconds
}

func (p *progress) begin() {
	p.files.Store(0)
	p.bytes.Store(0)
	p.since.Store(time.Now().UnixNano())
	p.running.Store(true)
}

func (p *progress) end() { p.running.Store(false) }

func (p *progress) note(files, bytes int64) {
	p.files.Store(files)
	p.bytes.Store(bytes)
}

// pace measures how fast files and bytes arrive, over the last seconds.
type pace struct {
	mu    sync.Mutex
	marks []mark
}

type mark struct {
	at           time.Time
	files, bytes int64
}

const paceSpan = 10 * time.Second

// note takes a reading of counters that only rise, and returns the rates per
// second over the last readings.
func (p *pace) note(at time.Time, files, bytes int64) (filesPerSecond, bytesPerSecond float64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.marks) > 0 && (files < p.marks[0].files || bytes < p.marks[0].bytes) {
		p.marks = nil // something new began
	}
	p.marks = append(p.marks, mark{at, files, bytes})
	for len(p.marks) > 2 && at.Sub(p.marks[0].at) > paceSpan {
		p.marks = p.marks[1:]
	}
	span := at.Sub(p.marks[0].at).Seconds()
	if span < 0.05 {
		return 0, 0
	}
	return float64(files-p.marks[0].files) / span, float64(bytes-p.marks[0].bytes) / span
}

// shrinking estimates when a backlog is gone, by how it shrank in the last
// seconds. The zero value is ready.
type shrinking struct {
	mu    sync.Mutex
	marks []mark
}

// note takes a reading of what is owed.
func (s *shrinking) note(at time.Time, files, bytes int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if files == 0 {
		s.marks = nil
		return
	}
	if n := len(s.marks); n > 0 && at.Sub(s.marks[n-1].at) < paceSpan/40 {
		return
	}
	s.marks = append(s.marks, mark{at, files, bytes})
	for len(s.marks) > 2 && at.Sub(s.marks[0].at) > paceSpan {
		s.marks = s.marks[1:]
	}
}

// left is the estimate in seconds: 0 where nothing is owed, -1 where it does not
// shrink.
func (s *shrinking) left(files, bytes int64) float64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	if files == 0 {
		return 0
	}
	if len(s.marks) < 2 {
		return -1
	}
	first, last := s.marks[0], s.marks[len(s.marks)-1]
	span := last.at.Sub(first.at).Seconds()
	if done := first.files - last.files; done > 0 && span > 0 {
		left := float64(files) * span / float64(done)
		if moved := first.bytes - last.bytes; moved > 0 {
			left = max(left, float64(bytes)*span/float64(moved))
		}
		return left
	}
	return -1
}

// progress tells how far long work is, nil when there is none.
func (r *replica) progress(m *meta, now time.Time) *status.Progress {
	p := status.Progress{SecondsLeft: -1}
	switch {
	case m.Phase == reconcile.Scanning, m.Phase == reconcile.Normal && r.scan.running.Load():
		p.Phase = "scanning"
		p.FilesDone, p.BytesDone = r.scan.files.Load(), r.scan.bytes.Load()
		if s := now.Sub(time.Unix(0, r.scan.since.Load())).Seconds(); s > 0 {
			p.FilesPerSecond, p.BytesPerSecond = float64(p.FilesDone)/s, float64(p.BytesDone)/s
		}
		return &p
	case m.Phase == reconcile.Joining:
		p.Phase = "waiting for a partner"
		return &p
	case m.Phase == reconcile.Merging, m.pending > manyPending:
		p.Phase = "installing"
	default:
		return nil
	}
	totals, err := r.idx.Totals()
	if err != nil {
		return nil
	}
	t := r.fetcher.Progress()
	p.FilesDone, p.BytesDone = totals.Files, totals.Bytes
	p.FilesTotal, p.BytesTotal = totals.Files+int64(m.pending), totals.Bytes+t.QueuedBytes
	p.FilesPerSecond, p.BytesPerSecond = r.pace.note(now, p.FilesDone, p.BytesDone)
	if p.FilesPerSecond > 0 {
		p.SecondsLeft = float64(m.pending) / p.FilesPerSecond
		if p.BytesPerSecond > 0 {
			p.SecondsLeft = max(p.SecondsLeft, float64(t.QueuedBytes)/p.BytesPerSecond)
		}
	}
	return &p
}

// manyPending is from how many pending files on their progress is worth a word
// outside of an initial sync.
const manyPending = 1000
