package peer

import (
	"context"
	"fmt"
	"slices"
	"sync"

	"dfsd/replication/wire"
)

// frameCost is what a frame costs in credit beyond its body: header and
// bookkeeping, so that many empty frames are not free.
const frameCost = wire.HeaderSize + 240

// maxCredit is more than any window grants.
const maxCredit = 1 << 31

// credit is how many bytes of frames the partner lets us send on one lane. It
// goes to those who wait in the order in which they came. Safe for concurrent
// use.
type credit struct {
	mu      sync.Mutex // guards all below
	left    int64
	waiting []*waiter
}

type waiter struct {
	n     int64
	ready chan struct{} // closed when n was taken off for it
}

// take waits until n bytes may be sent, ctx ends, or the session does.
func (c *credit) take(ctx context.Context, n int64, over *ending) error {
	select {
	case <-over.done:
		return over.cause()
	default:
	}
	c.mu.Lock()
	if len(c.waiting) == 0 && c.left >= n {
		c.left -= n
		c.mu.Unlock()
		return nil
	}
	w := &waiter{n: n, ready: make(chan struct{})}
	c.waiting = append(c.waiting, w)
	c.mu.Unlock()
	select {
	case <-w.ready:
		return nil
	case <-ctx.Done():
		c.leave(w)
		return context.Cause(ctx)
	case <-over.done:
		c.leave(w)
		return over.cause()
	}
}

// leave takes w out of the line, and gives back what it may just have got.
func (c *credit) leave(w *waiter) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if i := slices.Index(c.waiting, w); i >= 0 {
		c.waiting = slices.Delete(c.waiting, i, i+1)
	} else {
		c.left += w.n
	}
	c.serve()
}

// grant adds n bytes; a sum that no honest partner grants is an error.
func (c *credit) grant(n int64) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.left += n; c.left > maxCredit {
		return fmt.Errorf("%w: credit of %d bytes", wire.ErrProtocol, c.left)
	}
	c.serve()
	return nil
}

// serve runs with mu held.
func (c *credit) serve() {
	for len(c.waiting) > 0 && c.waiting[0].n <= c.left {
		c.left -= c.waiting[0].n
		close(c.waiting[0].ready)
		c.waiting = slices.Delete(c.waiting, 0, 1)
	}
}

// ending is the end of a session, which happens once.
type ending struct {
	once sync.Once
	done chan struct{}
	err  error // set before done is closed
}

func newEnding() *ending { return &ending{done: make(chan struct{})} }

// because ends the session if it has not ended yet.
func (e *ending) because(err error) {
	e.once.Do(func() {
		e.err = err
		close(e.done)
	})
}

// cause returns why the session ended; valid once done is closed.
func (e *ending) cause() error { return e.err }
