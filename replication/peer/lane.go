package peer

import (
	"bufio"
	"context"
	"crypto/tls"
	"encoding/binary"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"dfsd/replication/wire"
)

// ErrLost is returned when a lane ends without a goodbye: cut, silent, stalled
// or trickling.
var ErrLost = errors.New("connection lost")

// lane is one connection of a session and all that waits for it.
type lane struct {
	name   wire.Lane
	conn   *tls.Conn
	link   *link
	limits Limits
	over   *ending

	credit credit      // what we may send
	out    chan []byte // frames to be written, paid for
	asking chan struct{}
	asked  uint64 // id of our last request; asking guards it
	wake   chan struct{}
	urgent urgent

	allowance atomic.Int64 // what the partner may still send
	owed      atomic.Int64 // taken in, and not yet granted anew

	inbox   *queue
	mu      sync.Mutex // guards the two maps
	calls   map[uint64]*queue
	answers map[uint64]context.CancelFunc
	heard   uint64 // id of the partner's last request; the reader's own
	rtt     atomic.Int64
}

// queued is how many frames wait between a sender and the writer.
const queued = 4

func newLane(c *connection, limits Limits, over *ending) *lane {
	l := &lane{
		name: c.join.Lane, conn: c.tls, link: c.link, limits: limits, over: over,
		out: make(chan []byte, queued), asking: make(chan struct{}, 1), wake: make(chan struct{}, 1), inbox: newQueue(),
		calls: map[uint64]*queue{}, answers: map[uint64]context.CancelFunc{},
	}
	l.link.lane.Store(uint32(l.name))
	l.owed.Store(int64(limits.Window)) // the first grant
	return l
}

// urgent is what the writer says before anything else: it costs no credit, and
// only the newest of each kind counts.
type urgent struct {
	mu      sync.Mutex // guards all below
	pong    *wire.Pong
	cancels []uint64
	mark    uint64 // of the last ping
	pinged  time.Time
}

// buffers holds the frames that were written. Each is filled from its start,
// and sent only as far as it was filled.
var buffers = sync.Pool{New: func() any { return new([]byte) }}

// send pays for the frame of m and hands it to the writer; it waits for credit
// and for room until ctx or the session ends. h.Request is set for requests.
func (l *lane) send(ctx context.Context, h wire.Header, m wire.Message) error {
	f, cost, err := l.prepare(ctx, h, m)
	if err != nil {
		return err
	}
	return l.push(ctx, f, cost)
}

func (l *lane) prepare(ctx context.Context, h wire.Header, m wire.Message) ([]byte, int64, error) {
	buffer := buffers.Get().(*[]byte)
	f, err := wire.AppendFrame((*buffer)[:0], h, m)
	if err != nil {
		return nil, 0, err
	}
	cost := int64(len(f) - wire.HeaderSize + frameCost)
	return f, cost, l.credit.take(ctx, cost, l.over)
}

func (l *lane) push(ctx context.Context, f []byte, cost int64) (err error) {
	select {
	case l.out <- f:
		return nil
	case <-ctx.Done():
		err = context.Cause(ctx)
	case <-l.over.done:
		err = l.over.cause()
	}
	return errors.Join(err, l.credit.grant(cost))
}

// ask sends a request and returns its id and where its answer comes. Ids rise
// in the order in which requests are written.
func (l *lane) ask(ctx context.Context, m wire.Message) (uint64, *queue, error) {
	f, cost, err := l.prepare(ctx, wire.Header{Flags: wire.FlagRequest, Request: 1}, m)
	if err != nil {
		return 0, nil, err
	}
	select {
	case l.asking <- struct{}{}:
		defer func() { <-l.asking }()
	case <-ctx.Done():
		return 0, nil, errors.Join(context.Cause(ctx), l.credit.grant(cost))
	case <-l.over.done:
		return 0, nil, l.over.cause()
	}
	l.asked++
	id, answers := l.asked, newQueue()
	binary.BigEndian.PutUint64(f[8:], id)
	l.mu.Lock()
	l.calls[id] = answers
	l.mu.Unlock()
	if err := l.push(ctx, f, cost); err != nil {
		l.forget(id, answers)
		return 0, nil, err
	}
	return id, answers, nil
}

// forget ends a call: what still comes for it is dropped on arrival.
func (l *lane) forget(id uint64, answers *queue) {
	l.mu.Lock()
	delete(l.calls, id)
	l.mu.Unlock()
	for f, ok := answers.poll(); ok; f, ok = answers.poll() {
		l.consumed(f.cost)
	}
}

// withdraw ends a call whose answer is not complete, and tells the partner.
func (l *lane) withdraw(id uint64, answers *queue) {
	l.forget(id, answers)
	l.urgent.mu.Lock()
	l.urgent.cancels = append(l.urgent.cancels, id)
	l.urgent.mu.Unlock()
	l.rouse()
}

// consumed gives the credit of a frame back once a quarter of the window is
// together.
func (l *lane) consumed(cost int64) {
	if l.owed.Add(cost) >= int64(l.limits.Window)/4 {
		l.rouse()
	}
}

func (l *lane) rouse() {
	select {
	case l.wake <- struct{}{}:
	default:
	}
}

// write is the writer: urgent frames first, then those that were paid for.
func (l *lane) write(ctx context.Context) error {
	w := bufio.NewWriterSize(l.conn, 64<<10)
	beat := time.NewTicker(l.limits.Heartbeat)
	defer beat.Stop()
	for {
		if err := l.writeUrgent(w); err != nil {
			return lost(l.name, err)
		}
		select {
		case <-ctx.Done():
			return l.part(w, context.Cause(ctx))
		case <-l.wake:
		case <-beat.C:
			if err := l.ping(w); err != nil {
				return lost(l.name, err)
			}
		case f := <-l.out:
			if err := l.writeQueued(w, f); err != nil {
				return lost(l.name, err)
			}
		}
	}
}

// writeQueued writes f, and what else is there while it fits one write.
func (l *lane) writeQueued(w *bufio.Writer, f []byte) error {
	for {
		_, err := w.Write(f)
		recycle(f)
		if err != nil {
			return err
		}
		select {
		case f = <-l.out:
			if w.Available() < len(f) {
				if err := l.writeUrgent(w); err != nil {
					return err
				}
			}
		default:
			return w.Flush()
		}
	}
}

func recycle(f []byte) {
	f = f[:0]
	buffers.Put(&f)
}

// writeUrgent writes pong, credit and cancellations and leaves nothing in w.
func (l *lane) writeUrgent(w *bufio.Writer) error {
	l.urgent.mu.Lock()
	pong, cancels := l.urgent.pong, l.urgent.cancels
	l.urgent.pong, l.urgent.cancels = nil, nil
	l.urgent.mu.Unlock()
	var b []byte
	var errs []error
	for len(cancels) > 0 && len(l.out) > 0 { // the requests that are withdrawn may be among them
		f := <-l.out
		_, err := w.Write(f)
		recycle(f)
		errs = append(errs, err)
	}
	add := func(h wire.Header, m wire.Message) {
		var err error
		b, err = wire.AppendFrame(b, h, m)
		errs = append(errs, err)
	}
	if pong != nil {
		add(wire.Header{}, *pong)
	}
	if owed := l.owed.Swap(0); owed > 0 {
		l.allowance.Add(owed)
		add(wire.Header{}, wire.Credit{Bytes: uint32(owed)})
	}
	for _, id := range cancels {
		add(wire.Header{Request: id}, wire.Cancel{})
	}
	if len(b) > 0 {
		_, err := w.Write(b)
		errs = append(errs, err)
	}
	return errors.Join(append(errs, w.Flush())...)
}

func (l *lane) ping(w *bufio.Writer) error {
	l.urgent.mu.Lock()
	l.urgent.mark++
	l.urgent.pinged = time.Now()
	mark := l.urgent.mark
	l.urgent.mu.Unlock()
	b, err := wire.AppendFrame(nil, wire.Header{}, wire.Ping{Mark: mark})
	if err == nil {
		_, err = w.Write(b)
	}
	return errors.Join(err, w.Flush())
}

// part says goodbye, unless there is nobody to say it to.
func (l *lane) part(w *bufio.Writer, cause error) error {
	if partingOf(cause) == 0 {
		return nil
	}
	told := wire.ErrorOf(cause)
	if errors.Is(cause, context.Canceled) {
		told = wire.ErrorOf(wire.ErrShuttingDown)
	}
	b, err := wire.AppendFrame(nil, wire.Header{}, wire.Goodbye(told))
	if err == nil {
		_, err = w.Write(b)
	}
	_ = errors.Join(err, w.Flush()) // a partner who does not hear it learns it from the connection
	return nil
}

// lost makes an error of a connection an ErrLost.
func lost(name wire.Lane, err error) error {
	return fmt.Errorf("%v lane: %w: %w", name, ErrLost, err)
}
