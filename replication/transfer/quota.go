package transfer

import (
	"context"
	"errors"
	"time"

	"dfsd/internal/fsx"
	"dfsd/replication"
)

// patience is how long the quota may hold up everything because results are not
// used up. It is a ceiling and never a reason to stand still.
const patience = 30 * time.Second

// keptDelivered is how many delivered temporaries are remembered where no
// quota asks for all of them.
const keptDelivered = 64

// delivered is a temporary that the receiver of its result has.
type delivered struct {
	hash replication.Hash
	size int64
}

// takeLarge waits for a large job of at most longest bytes, in their order. The
// context ends when the job is dropped. It returns nil when the fetcher stops.
func (f *Fetcher) takeLarge(ctx context.Context, longest int64) (context.Context, *job) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for !f.stopped {
		admits := true
		j := f.large.find(func(j *job) bool {
			if !admits || j.size > longest || f.busy[j.hash] {
				return false
			}
			admits = f.admits(j) // whoever must wait is not overtaken
			return admits
		})
		if j == nil {
			f.changed.Wait()
			continue
		}
		f.blocked = time.Time{}
		f.busy[j.hash] = true
		f.running++
		f.inFlight += j.size
		ctx, j.cancel = context.WithCancel(ctx)
		return ctx, j
	}
	return nil, nil
}

// admits tells whether the quota lets j in. f.mu is held.
func (f *Fetcher) admits(j *job) bool {
	if f.o.Quota <= 0 || f.inFlight+f.standing+j.size <= f.o.Quota || f.running == 0 && f.standing == 0 {
		return true
	}
	if f.blocked.IsZero() {
		f.blocked = f.o.Now()
		f.changed.Broadcast()
	}
	return f.running == 0 && f.o.Now().Sub(f.blocked) >= patience
}

// settleQuota forgets delivered temporaries that were used up.
func (f *Fetcher) settleQuota() {
	f.mu.Lock()
	names := make([]string, 0, len(f.delivered))
	for name := range f.delivered {
		names = append(names, name)
	}
	f.mu.Unlock()
	for _, name := range names {
		if _, err := f.o.Staging.Stat(name); errors.Is(err, fsx.ErrNotExist) {
			f.mu.Lock()
			f.usedUp(name)
			f.mu.Unlock()
		}
	}
}

// usedUp forgets a delivered temporary. f.mu is held.
func (f *Fetcher) usedUp(name string) {
	f.standing -= f.delivered[name].size
	delete(f.delivered, name)
	f.changed.Broadcast()
}

// handOver notes that a temporary is the receiver's from now on.
func (f *Fetcher) handOver(name string, j *job) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.o.Quota <= 0 && len(f.delivered) >= keptDelivered {
		for old := range f.delivered {
			f.usedUp(old)
			break
		}
	}
	f.usedUp(name)
	f.delivered[name] = delivered{j.hash, j.size}
	f.standing += j.size
}

// twin returns a delivered temporary of the same content.
func (f *Fetcher) twin(j *job) (name string, ok bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for name, d := range f.delivered {
		if d.hash == j.hash && d.size == j.size {
			return name, true
		}
	}
	return "", false
}

// release ends the work on a large job.
func (f *Fetcher) release(j *job) {
	f.mu.Lock()
	defer f.mu.Unlock()
	delete(f.busy, j.hash)
	f.running--
	f.inFlight -= j.size
	f.changed.Broadcast()
}
