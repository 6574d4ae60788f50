package index

import (
	"errors"
	"fmt"
	"io/fs"
	"sync"
	"syscall"

	"github.com/cockroachdb/pebble/v2"
	"go.uber.org/zap"
)

// What callers branch on.
var (
	// ErrNotFound reports that the index has no such entry.
	ErrNotFound = errors.New("not in the index")
	// ErrCorrupt reports that the index is damaged. It stays damaged: close it,
	// open it again, and fill the new one by a scan and a reconciliation.
	ErrCorrupt = errors.New("index is corrupt")
	// ErrBroken reports that the disk below the index failed a write. Nothing
	// more is taken: close the index and open it again once the disk is well.
	ErrBroken = errors.New("index cannot write")
)

// health remembers the first failures of an index, for all its readers.
type health struct {
	log     *zap.Logger
	condemn func(cause error) // leaves the mark that makes the next Open start anew

	mu      sync.Mutex // guards the fields below
	corrupt error
	broken  error
}

// damage takes note of corruption and returns it as ErrCorrupt.
func (h *health) damage(cause error) error {
	if !errors.Is(cause, ErrCorrupt) {
		cause = fmt.Errorf("%w: %w", ErrCorrupt, cause)
	}
	h.mu.Lock()
	first := h.corrupt == nil
	if first {
		h.corrupt = cause
	}
	h.mu.Unlock()
	if first {
		h.log.Error("index is corrupt", zap.Error(cause))
		h.condemn(cause)
	}
	return cause
}

// fail takes note of a write that the disk refused.
func (h *health) fail(cause error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.broken == nil {
		h.broken = fmt.Errorf("%w: %w", ErrBroken, cause)
	}
}

// writable returns why nothing may be written any more, or nil.
func (h *health) writable() error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.corrupt != nil {
		return h.corrupt
	}
	return h.broken
}

// judge returns an error of the store as callers are to see it.
func (h *health) judge(err error) error {
	if err != nil && pebble.IsCorruptionError(err) {
		return h.damage(err)
	}
	return err
}

// unusable tells whether an error of opening the store says that the store is
// damaged, and not that the system refuses to open it just now. A file that is
// not there counts as damage: the store names only files that it made.
func unusable(err error) bool {
	var errno syscall.Errno
	return pebble.IsCorruptionError(err) || errors.Is(err, fs.ErrNotExist) || !errors.As(err, &errno)
}

// storeLog carries what the store says to the log, and its last words to the
// health of the index: after Fatalf the store expects its process to end, and
// the index refuses all further writes instead.
type storeLog struct{ h *health }

func (l storeLog) Infof(format string, args ...any) {
	if entry := l.h.log.Check(zap.DebugLevel, "index store reports"); entry != nil {
		entry.Write(zap.String("text", fmt.Sprintf(format, args...)))
	}
}

func (l storeLog) Errorf(format string, args ...any) {
	l.h.log.Error("index store reports an error", zap.String("error", fmt.Sprintf(format, args...)))
}

func (l storeLog) Fatalf(format string, args ...any) {
	l.h.log.Error("index store cannot go on", zap.String("error", fmt.Sprintf(format, args...)))
	cause := fmt.Errorf(format, args...)
	for _, a := range args {
		if err, ok := a.(error); ok {
			cause = err
		}
	}
	l.h.fail(cause)
}
