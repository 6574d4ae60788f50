package index

import (
	"errors"
	"fmt"
	"sync"

	"github.com/cockroachdb/pebble/v2"
)

// Index is the open index of one replicated folder. Its Reader sees what its
// Store has committed. All methods are safe for concurrent use, but for Close,
// which must be the last.
type Index struct {
	Reader

	db      *pebble.DB
	lock    *pebble.Lock
	health  *health
	opening Opening
	boot    string

	mu       sync.Mutex // serialises writers and those who need what is durable; guards the fields below
	sequence uint64     // of the latest chunk list
	writer   *Store     // the one that may commit
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

// Snapshot returns the index as it is on stable storage, to be closed by the caller:
// what it says may be told to others. It waits for a commit that is under way, whose
// writes the store shows before they are durable; after one that failed there is no
// telling what is, and its error wraps ErrBroken.
func (x *Index) Snapshot() (*Snapshot, error) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if err := x.health.writable(); err != nil {
		return nil, err
	}
	s := x.db.NewSnapshot()
	return &Snapshot{Reader: newReader(table{r: s, h: x.health, devices: x.t.devices}), s: s}, nil
}

// Size returns how many bytes the index takes on disk.
func (x *Index) Size() uint64 { return x.db.Metrics().DiskSpaceUsage() }

// Close marks the index as closed in order, unless it is damaged or broken, and
// lets go of it. What the Store has not committed is forgotten. No call may be under way or follow, and no Snapshot be open.
func (x *Index) Close() error {
	x.mu.Lock()
	defer x.mu.Unlock()
	var err error
	if x.health.writable() == nil {
		e := x.edit()
		e.put(keyClean, []byte(x.boot))
		err = e.commit()
	}
	if err = errors.Join(err, x.release()); err != nil {
		return fmt.Errorf("close index: %w", err)
	}
	return nil
}

// release closes the store and the lock.
func (x *Index) release() error { return errors.Join(x.db.Close(), x.lock.Close()) }
