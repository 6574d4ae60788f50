package peer

import (
	"context"
	"sync"

	"dfsd/replication/wire"
)

// frame is one that has come and waits to be taken in.
type frame struct {
	wire.Header
	body []byte
	cost int64           // credit to give back
	ctx  context.Context // of a request: ends when it is canceled; nil otherwise
}

// queue holds frames in the order in which they came. Credit bounds it: what
// waits in all queues of a lane together never exceeds the window. One
// goroutine takes; any may put.
type queue struct {
	mu     sync.Mutex // guards frames
	frames []frame
	ready  chan struct{} // holds one when frames may be there
}

func newQueue() *queue { return &queue{ready: make(chan struct{}, 1)} }

func (q *queue) put(f frame) {
	q.mu.Lock()
	q.frames = append(q.frames, f)
	q.mu.Unlock()
	select {
	case q.ready <- struct{}{}:
	default:
	}
}

// take waits for the next frame, until ctx or the session ends.
func (q *queue) take(ctx context.Context, over *ending) (frame, error) {
	for {
		if f, ok := q.poll(); ok {
			return f, nil
		}
		select {
		case <-q.ready:
		case <-ctx.Done():
			return frame{}, context.Cause(ctx)
		case <-over.done:
			return frame{}, over.cause()
		}
	}
}

// poll returns the next frame if there is one.
func (q *queue) poll() (frame, bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(q.frames) == 0 {
		return frame{}, false
	}
	f := q.frames[0]
	q.frames[0] = frame{}
	if q.frames = q.frames[1:]; len(q.frames) == 0 {
		q.frames = nil
	}
	return f, true
}
