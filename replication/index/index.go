package index

import (
	"errors"
	"fmt"
	"io"
	"sync"

	"github.com/cockroachdb/pebble/v2"

	"dfsd/replication/version"
)

// Index is the open index of one replicated folder. Its Reader sees every
// change whose Apply has returned. All methods are safe for concurrent use, but
// for Close, which must be the last.
type Index struct {
	Reader

	db      *pebble.DB
	lock    *pebble.Lock
	health  *health
	opening Opening
	boot    string
	rand    io.Reader

	mu       sync.Mutex // serialises writers; guards the fields below
	identity identity
	sequence uint64 // of the latest chunk list
}

// Opening tells how Open found the index.
type Opening struct {
	Fresh    bool   // it is new and empty: all is to be scanned and reconciled
	Aside    string // where the damaged one was put that it replaces; "" for none
	Cause    error  // what was damaged; wraps ErrCorrupt; nil for none
	Clean    bool   // it was closed in order: it says what the disk held then
	SameBoot bool   // and the operating system has run since
}

// Opening returns how Open found the index.
func (x *Index) Opening() Opening { return x.opening }

// Origin returns the origin under which this index stamps changes.
func (x *Index) Origin() version.Origin {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.identity.origin
}

// Renew gives the index a new origin and keeps all else: for an index that was
// rolled back, as others know by a stamp of ours that we do not.
func (x *Index) Renew() error {
	x.mu.Lock()
	defer x.mu.Unlock()
	if err := x.health.writable(); err != nil {
		return err
	}
	if err := x.renew(); err != nil {
		return fmt.Errorf("renew origin: %w", err)
	}
	return nil
}

// Snapshot returns the index as it is now, to be closed by the caller.
func (x *Index) Snapshot() *Snapshot {
	s := x.db.NewSnapshot()
	return &Snapshot{Reader: newReader(s, x.health), s: s}
}

// Size returns how many bytes the index takes on disk.
func (x *Index) Size() uint64 { return x.db.Metrics().DiskSpaceUsage() }

// Close marks the index as closed in order, unless it is damaged or broken, and
// lets go of it. No call may be under way or follow, and no Snapshot be open.
func (x *Index) Close() error {
	x.mu.Lock()
	defer x.mu.Unlock()
	var err error
	if x.health.writable() == nil {
		e := x.edit()
		e.put(keyClean, func(b []byte) []byte { return append(b, x.boot...) })
		err = e.commit()
	}
	if err = errors.Join(err, x.release()); err != nil {
		return fmt.Errorf("close index: %w", err)
	}
	return nil
}

// release closes the store and the lock.
func (x *Index) release() error { return errors.Join(x.db.Close(), x.lock.Close()) }
