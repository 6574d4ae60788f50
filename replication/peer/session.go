package peer

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"go.uber.org/zap"

	"dfsd/replication"
	"dfsd/replication/wire"
)

// ErrClosed is returned by the methods of a session that was closed.
var ErrClosed = errors.New("the session is closed")

// Handler takes in what a partner sends. Its methods run concurrently, one
// Receive a lane at a time.
type Handler interface {
	// Receive takes a notice. While it runs, later notices and requests of the
	// lane wait, and in the end the partner does; it must not wait for an
	// answer on its own lane. Its error ends the session.
	Receive(ctx context.Context, lane wire.Lane, m wire.Message) error

	// Answer answers a request: by any number of calls of part, in their
	// order, and then by last, or Done where that is nil. Its error is told to
	// the partner as wire.ErrorOf puts it. ctx ends with the session, and when
	// the partner withdraws the request. part waits while the partner takes
	// nothing.
	Answer(ctx context.Context, lane wire.Lane, m wire.Message, part func(wire.Message) error) (last wire.Message, err error)
}

// Counters are bytes on the wire since a session began, TLS included.
type Counters struct{ Sent, Received uint64 }

// Session is one session with one member. It must be given to Run, or closed.
// All methods are safe for concurrent use.
type Session struct {
	partner Partner
	hello   wire.Hello
	version uint16
	dialled bool
	lanes   [wire.Lanes]*lane
	over    *ending
	metrics *Metrics
	log     *zap.Logger
}

// newSession puts lanes that were joined together.
func newSession(o *Options, p Partner, lanes [wire.Lanes]*connection, dialled bool) *Session {
	control := lanes[wire.Control]
	s := &Session{
		partner: p, hello: control.hello, version: control.join.Version, dialled: dialled,
		over: newEnding(), metrics: o.Metrics, log: o.Log.With(zap.String("partner", p.Host)),
	}
	for i, c := range lanes {
		s.lanes[i] = newLane(c, o.Limits, s.over)
	}
	return s
}

// Partner returns the member on the other side, as this host's configuration
// names it.
func (s *Session) Partner() Partner { return s.partner }

// Hello returns what the partner said of itself on the control lane.
func (s *Session) Hello() wire.Hello { return s.hello }

// Version returns the protocol version that both sides speak.
func (s *Session) Version() uint16 { return s.version }

// Dialled tells whether this host opened the session.
func (s *Session) Dialled() bool { return s.dialled }

// Counters returns the bytes of all lanes.
func (s *Session) Counters() Counters {
	var sum Counters
	for _, l := range s.lanes {
		sum.Sent += l.link.sent.Load()
		sum.Received += l.link.received.Load()
	}
	return sum
}

// RTT returns the last measured round trip of the control lane; zero before
// the first heartbeat.
func (s *Session) RTT() time.Duration { return time.Duration(s.lanes[wire.Control].rtt.Load()) }

// Close ends a session at once, whether it runs or not.
func (s *Session) Close() {
	s.over.because(ErrClosed)
	for _, l := range s.lanes {
		_ = l.link.Close() // the end of the connection is what is wanted
	}
}

// Run moves messages until ctx ends, the partner says goodbye, or the session
// fails, and returns why: nil when ctx ended, else an error that wraps
// ErrLost, a *wire.Error of the partner, or what was wrong with its bytes.
// When it returns, the lanes are closed and every goroutine has ended. It runs
// once.
func (s *Session) Run(ctx context.Context, h Handler) error {
	s.metrics.begun.Inc()
	s.metrics.sessions.Inc()
	defer s.metrics.sessions.Dec()
	s.log.Info("replication session began", zap.Bool("dialled", s.dialled), zap.Uint16("version", s.version), zap.String("software", s.hello.Software))
	err := s.run(ctx, h)
	s.log.Info("replication session ended", zap.Error(err))
	return err
}

func (s *Session) run(parent context.Context, h Handler) error {
	ctx, stop := context.WithCancelCause(parent)
	defer stop(nil)
	var parts sync.WaitGroup
	for _, l := range s.lanes {
		if err := l.link.goLive(); err != nil {
			stop(lost(l.name, err))
		}
		parts.Go(func() { stop(l.write(ctx)) })
		parts.Go(func() { stop(l.read(ctx)) })
		parts.Go(func() { stop(l.dispatch(ctx, h)) })
	}
	select {
	case <-ctx.Done():
	case <-s.over.done:
		stop(s.over.cause())
	}
	s.over.because(context.Cause(ctx))
	cause := s.over.cause()
	hangUp := time.AfterFunc(partingOf(cause), s.Close)
	parts.Wait()
	hangUp.Stop()
	s.Close()
	if parent.Err() != nil {
		return nil
	}
	return cause
}

// parting is how long a session that ends tries to say goodbye, and waits for
// the partner to hang up: who hangs up first may cut off his own last words.
const parting = time.Second

// partingOf is the parting of a session that ended for a cause: none where
// there is nobody to part from.
func partingOf(cause error) time.Duration {
	if errors.Is(cause, errLeft) || errors.Is(cause, ErrLost) || errors.Is(cause, ErrClosed) {
		return 0
	}
	return parting
}

// Send sends a notice on a lane. It returns when the lane has taken it, which
// is no promise that it arrives; it waits while the partner grants no credit.
// m must not change before Send returns.
func (s *Session) Send(ctx context.Context, lane wire.Lane, m wire.Message) error {
	return s.wrap(m, s.lanes[lane].send(ctx, wire.Header{}, m))
}

// Call asks a question whose answer has one part, which is no wire.Data, and
// returns that part. The
// error of a partner is a wire.Error, for which errors.Is knows the sentinels
// of wire. When ctx ends the partner is told that nobody waits any more.
func (s *Session) Call(ctx context.Context, lane wire.Lane, m wire.Message) (wire.Message, error) {
	var answer wire.Message
	err := s.Stream(ctx, lane, m, func(part wire.Message) error {
		if answer != nil {
			return fmt.Errorf("%w: an answer of many parts", wire.ErrProtocol)
		}
		answer = part
		return nil
	})
	if err == nil && answer == nil {
		answer = wire.Done{}
	}
	return answer, err
}

// Stream asks a question and gives the parts of its answer to each, in their
// order; Done is not given. The bytes of a wire.Data are each's until it
// returns, the other parts for good. While each works, the partner may fill the lane's
// window and then waits. An error of each withdraws the question and is
// returned. Otherwise it is like Call.
func (s *Session) Stream(ctx context.Context, lane wire.Lane, m wire.Message, each func(wire.Message) error) error {
	l := s.lanes[lane]
	id, answers, err := l.ask(ctx, m)
	if err != nil {
		return s.wrap(m, err)
	}
	for {
		f, err := answers.take(ctx, l.over)
		if err != nil {
			l.withdraw(id, answers)
			return s.wrap(m, err)
		}
		last := f.Flags&wire.FlagMore == 0
		err = l.takePart(f, each)
		if f.Type == wire.TypeData {
			body := f.body
			bodies.Put(&body)
		}
		l.consumed(f.cost)
		switch {
		case last:
			l.forget(id, answers)
			return s.wrap(m, err)
		case err != nil:
			l.withdraw(id, answers)
			return s.wrap(m, err)
		}
	}
}

// takePart parses a part of an answer and gives it to each.
func (l *lane) takePart(f frame, each func(wire.Message) error) error {
	m, err := wire.Parse(f.Type, f.body)
	if err != nil {
		l.over.because(fmt.Errorf("%v lane: %w", l.name, err))
		return err
	}
	switch m := m.(type) {
	case wire.Error:
		return m
	case wire.Done:
		return nil
	}
	return each(m)
}

func (s *Session) wrap(m wire.Message, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%v to %s: %w", m.Type(), s.partner.Host, err)
}

// Keeps tells which of two sessions of one pair stays, where both members have
// dialled at once: that of the smaller key. Both sides come to the same end.
func Keeps(own, partner replication.Fingerprint, dialled bool) bool {
	return (string(own[:]) < string(partner[:])) == dialled
}
