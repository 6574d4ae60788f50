package peer

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"dfsd/replication/wire"
)

// errLeft marks the goodbye of the partner.
var errLeft = errors.New("the partner ended the session")

// read is the reader: it puts each frame where it belongs and never waits for
// whoever takes it.
func (l *lane) read(ctx context.Context) error {
	for {
		h, body, err := wire.ReadFrame(l.conn, l.began)
		l.link.ended()
		switch {
		case errors.Is(err, wire.ErrMalformed) || errors.Is(err, wire.ErrTooLarge):
			return fmt.Errorf("%v lane: %w", l.name, err)
		case err != nil:
			return lost(l.name, err)
		}
		if h.Type < wire.TypeError {
			err = l.steer(h, body)
		} else {
			err = l.accept(ctx, h, body)
		}
		if err != nil {
			return fmt.Errorf("%v lane: %w", l.name, err)
		}
	}
}

// began gives a frame time, and memory for a body that nobody keeps.
func (l *lane) began(h wire.Header) []byte {
	l.link.began(h)
	if h.Type != wire.TypeData {
		return nil
	}
	return *bodies.Get().(*[]byte)
}

// bodies have held the body of a Data.
var bodies = sync.Pool{New: func() any { return new([]byte) }}

// steer obeys a frame of the session itself.
func (l *lane) steer(h wire.Header, body []byte) error {
	if h.Flags != 0 {
		return fmt.Errorf("%w: %v with flags %#02x", wire.ErrProtocol, h.Type, uint8(h.Flags))
	}
	m, err := wire.Parse(h.Type, body)
	if err != nil {
		return err
	}
	switch m := m.(type) {
	case wire.Credit:
		return l.credit.grant(int64(m.Bytes))
	case wire.Ping:
		l.urgent.mu.Lock()
		l.urgent.pong = &wire.Pong{Mark: m.Mark}
		l.urgent.mu.Unlock()
		l.rouse()
	case wire.Pong:
		l.ponged(m)
	case wire.Cancel:
		l.cancel(h.Request)
	case wire.Goodbye:
		return fmt.Errorf("%w: %w", errLeft, wire.Error(m))
	default:
		return fmt.Errorf("%w: a second %v", wire.ErrProtocol, h.Type)
	}
	return nil
}

func (l *lane) ponged(p wire.Pong) {
	l.urgent.mu.Lock()
	defer l.urgent.mu.Unlock()
	if p.Mark == l.urgent.mark && !l.urgent.pinged.IsZero() {
		l.rtt.Store(int64(time.Since(l.urgent.pinged)))
	}
}

func (l *lane) cancel(id uint64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if cancel, ok := l.answers[id]; ok {
		cancel()
	}
}

// accept takes the credit of a frame and queues it. A partner who sends more
// than was granted, or repeats a request, is out of order.
func (l *lane) accept(ctx context.Context, h wire.Header, body []byte) error {
	f := frame{Header: h, body: body, cost: int64(len(body) + frameCost)}
	if l.allowance.Add(-f.cost) < 0 {
		return fmt.Errorf("%w: %v of %d bytes beyond the credit", wire.ErrProtocol, h.Type, len(body))
	}
	isAnswer := h.Flags&wire.FlagAnswer != 0
	if !isAnswer && h.Type <= wire.TypeDone {
		return fmt.Errorf("%w: %v that answers nothing", wire.ErrProtocol, h.Type)
	}
	if isAnswer {
		l.deliver(f)
		return nil
	}
	if h.Flags&wire.FlagRequest != 0 {
		if h.Request <= l.heard {
			return fmt.Errorf("%w: request %d after %d", wire.ErrProtocol, h.Request, l.heard)
		}
		l.heard = h.Request
		f.ctx = l.begin(ctx, h.Request)
	}
	l.inbox.put(f)
	return nil
}

// deliver gives a part of an answer to its call, if that still waits.
func (l *lane) deliver(f frame) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if answers, ok := l.calls[f.Request]; ok {
		answers.put(f)
		return
	}
	l.consumed(f.cost)
}

// begin returns a context for the answer to a request, which ends when the
// partner withdraws it.
func (l *lane) begin(ctx context.Context, id uint64) context.Context {
	ctx, cancel := context.WithCancel(ctx)
	l.mu.Lock()
	defer l.mu.Unlock()
	l.answers[id] = cancel
	return ctx
}

func (l *lane) finished(id uint64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.answers[id]()
	delete(l.answers, id)
}

// dispatch gives notices to h in their order and answers requests beside each
// other, as many as the limit allows.
func (l *lane) dispatch(ctx context.Context, h Handler) error {
	var wg sync.WaitGroup
	defer wg.Wait()
	slots := make(chan struct{}, l.limits.Requests)
	for {
		f, err := l.inbox.take(ctx, l.over)
		if err != nil {
			return err
		}
		m, err := wire.Parse(f.Type, f.body)
		if err != nil {
			return fmt.Errorf("%v lane: %w", l.name, err)
		}
		if f.ctx == nil {
			if err := h.Receive(ctx, l.name, m); err != nil {
				return err
			}
			l.consumed(f.cost)
			continue
		}
		select {
		case slots <- struct{}{}:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
		wg.Go(func() {
			defer func() { <-slots }()
			l.answer(ctx, f, m, h)
		})
	}
}

// answer lets h answer one request. A failure to send it is that of the
// session, which ends elsewhere.
func (l *lane) answer(ctx context.Context, f frame, m wire.Message, h Handler) {
	defer l.finished(f.Request)
	l.consumed(f.cost)
	last, err := h.Answer(f.ctx, l.name, m, func(part wire.Message) error {
		return l.send(f.ctx, wire.Header{Flags: wire.FlagAnswer | wire.FlagMore, Request: f.Request}, part)
	})
	switch {
	case f.ctx.Err() != nil:
		return // nobody waits for it
	case err != nil:
		last = wire.ErrorOf(err)
	case last == nil:
		last = wire.Done{}
	}
	err = l.send(ctx, wire.Header{Flags: wire.FlagAnswer, Request: f.Request}, last)
	if errors.Is(err, wire.ErrTooLarge) {
		_ = l.send(ctx, wire.Header{Flags: wire.FlagAnswer, Request: f.Request}, wire.ErrorOf(err)) // as above
	}
}
