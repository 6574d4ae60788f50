package summary

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"time"

	"go.uber.org/zap"
)

const (
	// leastBeat is the shortest pause between two beats.
	leastBeat = 200 * time.Millisecond
	// mostBeats is how many beats a peer may send within BeatEvery: those that
	// waited while a connection took nothing may come at once.
	mostBeats = 60
	// writePiece is how many bytes a connection must take within Silence.
	writePiece = 16 << 10
)

// have is what the other side of a connection said it has of a host, or was
// sent since.
type have struct {
	stand
	want bool
}

// conn is one connection with a peer.
type conn struct {
	x       *Exchange
	host    string
	dialled bool
	net     timed
	wake    chan struct{}           // buffered: there may be something to send
	stop    context.CancelCauseFunc // ends the connection

	// Guarded by Exchange.mu.
	began  time.Time // zero: the peer's hello has not come
	ready  bool      // the peer's first beat has come
	forced bool      // the next beat is due before its time
	theirs map[string]have
	sent   uint64 // updates, complete or not
	got    uint64

	// Of the reader alone.
	parts     *update // of an update that is not whole
	beats     int     // since beatsFrom
	beatsFrom time.Time
	// Of the writer alone.
	lastBeat, nextBeat time.Time
	out                []byte
}

func newConn(x *Exchange, host string, c net.Conn, dialled bool) *conn {
	return &conn{x: x, host: host, dialled: dialled, net: timed{c}, wake: make(chan struct{}, 1)}
}

// poke lets the writer look whether there is something to send.
func (c *conn) poke() {
	select {
	case c.wake <- struct{}{}:
	default:
	}
}

// run exchanges summaries until ctx or the connection ends, which it closes,
// and returns why. When it returns, all that it started has ended.
func (c *conn) run(ctx context.Context) error {
	ctx, c.stop = context.WithCancelCause(ctx)
	defer c.stop(nil)
	closed := make(chan struct{})
	context.AfterFunc(ctx, func() {
		defer close(closed)
		_ = c.net.Close() // the end of the connection is what is wanted
	})
	written := make(chan struct{})
	go func() {
		defer close(written)
		c.stop(c.write(ctx))
	}()
	c.stop(c.read())
	err := context.Cause(ctx)
	c.x.leave(c, err) // at once: a polite farewell to a peer that takes nothing is slow
	<-written
	<-closed
	return err
}

// read takes what the peer sends. What it returns is never nil.
func (c *conn) read() error {
	k, body, err := c.next(nil)
	if err != nil {
		return err
	}
	if k != kindHello {
		return fmt.Errorf("%w: message %d instead of a hello", ErrProtocol, k)
	}
	h, err := parseHello(body)
	if err != nil {
		return err
	}
	if err := c.x.greet(c, h); err != nil {
		return err
	}
	for {
		if k, body, err = c.next(body); err != nil {
			return err
		}
		if err := c.take(k, body); err != nil {
			return err
		}
		if cap(body) > 2*partSize { // rare, and not worth its memory
			body = nil
		}
	}
}

func (c *conn) next(spare []byte) (kind, []byte, error) {
	k, body, err := readFrame(c.net, spare)
	if errors.Is(err, io.EOF) {
		return 0, nil, errHungUp
	}
	if err == nil {
		c.x.metrics.received[k].Add(float64(headerSize + len(body)))
	}
	return k, body, err
}

var errHungUp = errors.New("the other side closed the connection")

// take takes one message after the hello.
func (c *conn) take(k kind, body []byte) error {
	now := time.Now()
	switch k {
	case kindBeat:
		if now.Sub(c.beatsFrom) >= BeatEvery {
			c.beats, c.beatsFrom = 0, now
		}
		if c.beats++; c.beats > mostBeats {
			return fmt.Errorf("%w: more than %d beats within %v", ErrProtocol, mostBeats, BeatEvery)
		}
		m, err := parseBeat(body)
		if err != nil {
			return err
		}
		c.x.onBeat(c, m, now)
		return nil
	case kindUpdate:
		u, err := parseUpdate(body, now)
		if err != nil {
			return err
		}
		if c.parts != nil {
			if err := c.parts.join(u); err != nil {
				return err
			}
			u = c.parts
		}
		if c.parts = u; !u.more {
			c.parts = nil
		}
		return c.x.onUpdate(c, u, now)
	}
	return fmt.Errorf("%w: a second hello", ErrProtocol)
}

// write sends a beat when one is due and changes when there are any, but not
// more often than Options.Every. Nothing queues: what is sent is worked out
// when the connection takes it.
func (c *conn) write(ctx context.Context) error {
	own := hello{lowest: version, highest: version, host: c.x.o.Host, software: c.x.o.Software}
	if err := c.send(kindHello, own.append); err != nil {
		return err
	}
	var nextChanges time.Time
	pending := true
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		if err := c.beatIfDue(); err != nil {
			return err
		}
		if now := time.Now(); pending && !now.Before(nextChanges) {
			pending = false
			sent, err := c.sendChanges()
			if err != nil {
				return err
			}
			if sent {
				nextChanges = time.Now().Add(c.x.o.Every)
			}
		}
		until := c.nextBeat
		if pending && nextChanges.Before(until) {
			until = nextChanges
		}
		timer.Reset(time.Until(until))
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-timer.C:
		case <-c.wake:
			pending = true
		}
	}
}

func (c *conn) beatIfDue() error {
	now := time.Now()
	if c.x.takeForced(c) {
		c.nextBeat = c.lastBeat.Add(leastBeat)
	}
	if now.Before(c.nextBeat) {
		return nil
	}
	c.lastBeat, c.nextBeat = now, now.Add(BeatEvery)
	return c.send(kindBeat, c.x.beatFor(c, now).append)
}

// sendChanges sends all that the peer wants and lacks, and beats in between.
func (c *conn) sendChanges() (sent bool, err error) {
	for _, t := range c.x.lackedBy(c, time.Now()) {
		for rest := t.folders; ; {
			now := time.Now()
			u := t.update
			u.folders, u.age = rest, now.Sub(t.heardAt)
			rest = u.fit(now)
			if err := c.beatIfDue(); err != nil {
				return sent, err
			}
			c.x.sending(c, &u)
			if err := c.send(kindUpdate, func(b []byte) []byte { return u.append(b, now) }); err != nil {
				return sent, err
			}
			sent = true
			if len(rest) == 0 {
				break
			}
			t.hasNotes, t.notes = false, nil
		}
	}
	return sent, nil
}

// send writes one frame.
func (c *conn) send(k kind, body func([]byte) []byte) error {
	c.out = endFrame(body(beginFrame(c.out[:0], k)), 0)
	c.x.metrics.sent[k].Add(float64(len(c.out)))
	_, err := c.net.Write(c.out)
	if cap(c.out) > 2*partSize {
		c.out = nil
	}
	return err
}

// timed is a connection that ends when it stands still for Silence.
type timed struct{ net.Conn }

func (t timed) Read(p []byte) (int, error) {
	if err := t.SetReadDeadline(time.Now().Add(Silence)); err != nil {
		return 0, err
	}
	return t.Conn.Read(p)
}

func (t timed) Write(p []byte) (n int, err error) {
	for n < len(p) && err == nil {
		if err = t.SetWriteDeadline(time.Now().Add(Silence)); err != nil {
			return n, err
		}
		var m int
		m, err = t.Conn.Write(p[n:min(len(p), n+writePiece)])
		n += m
	}
	return n, err
}

// logEnd tells of the end of a connection that had begun.
func (c *conn) logEnd(err error) {
	c.x.o.Log.Info("status connection ended", zap.String("partner", c.host), zap.Bool("dialled", c.dialled), zap.Error(err))
}
