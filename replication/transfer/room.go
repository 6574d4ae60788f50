package transfer

import (
	"fmt"
	"time"

	"dfsd/internal/fsx"
	"dfsd/replication"
)

const (
	// cramMost bounds how many contents are remembered that found no room.
	cramMost = 1024
	// cramTime is after how long one is tried again although nothing was freed.
	cramTime = 10 * time.Minute
)

// cramped is a content that the disk had no room for. How much it takes there
// nobody knows before, since it may have holes; but what did not fit before
// will not fit before something was freed.
type cramped struct {
	free int64 // bytes, when it was begun
	at   time.Time
}

// room tells that it is too early to try j again, by fsx.ErrNoSpace.
func (f *Fetcher) room(j *job) error {
	free, known := f.freeSpace()
	f.mu.Lock()
	defer f.mu.Unlock()
	c, tried := f.cramped[j.hash]
	if !known || !tried || free > c.free || f.o.Now().Sub(c.at) >= cramTime {
		return nil
	}
	return fmt.Errorf("%w: %d bytes are free, which were not enough; free some, and it is tried again", fsx.ErrNoSpace, free)
}

// cram remembers that j found no room, where there were free bytes.
func (f *Fetcher) cram(h replication.Hash, free int64) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for old := range f.cramped {
		if len(f.cramped) < cramMost {
			break
		}
		delete(f.cramped, old)
	}
	f.cramped[h] = cramped{free, f.o.Now()}
}

func (f *Fetcher) freeSpace() (bytes int64, known bool) {
	s, err := f.o.Staging.Space()
	return s.Free, err == nil
}
