package engine

import (
	"context"
	"math/rand/v2"
	"sync"
	"time"

	"go.uber.org/zap"

	"dfsd/internal/event"
	"dfsd/replication/peer"
	"dfsd/replication/wire"
)

// partner is another member that this host has folders in common with, for as
// long as these and its address stay.
type partner struct {
	peer.Partner
	engine *Engine
	links  map[wire.FolderKey]*link
	over   chan struct{} // a session has ended

	mu      sync.Mutex
	session *peer.Session
	retired bool           // no session is served any more
	serving sync.WaitGroup // sessions
}

func newPartner(p peer.Partner, e *Engine) *partner {
	return &partner{Partner: p, engine: e, links: map[wire.FolderKey]*link{}, over: make(chan struct{}, 1)}
}

// retire ends the session with the partner. There will be no other: once serving
// is done, nothing of it runs.
func (p *partner) retire() {
	p.mu.Lock()
	p.retired = true
	if p.session != nil {
		p.session.Close()
	}
	p.mu.Unlock()
}

// dial keeps a session with the partner until ctx ends. The member with the
// greater key leaves the first attempt to the other, so that they seldom
// meet; peer.Keeps decides when they do.
func (p *partner) dial(ctx context.Context, d *peer.Dialer) {
	failed := 0
	if p.engine.peer.Identity.Fingerprint().String() > p.Key.String() {
		if !rest(ctx, 300*time.Millisecond) {
			return
		}
	}
	for ctx.Err() == nil {
		if p.current() != nil {
			select {
			case <-ctx.Done():
				return
			case <-p.over:
			}
			continue
		}
		s, err := d.Dial(ctx, p.Partner)
		if err != nil {
			if ctx.Err() != nil {
				return
			}
			failed++
			p.failed(err)
			level := zap.DebugLevel
			if failed == 3 {
				level = zap.WarnLevel
			}
			p.engine.log.Log(level, "partner not reached", zap.String("partner", p.Host), zap.String("address", p.Address), zap.Error(err))
			p.waitUnlessMet(ctx, peer.Backoff(failed, rand.Float64())) //nolint:gosec // spreads load
			continue
		}
		failed = 0
		p.serve(ctx, s)
		rest(ctx, peer.Backoff(1, rand.Float64())) //nolint:gosec // spreads load
	}
}

// waitUnlessMet waits, but no longer than until the partner has dialled itself.
func (p *partner) waitUnlessMet(ctx context.Context, d time.Duration) {
	until := time.Now().Add(d)
	for time.Now().Before(until) && p.current() == nil {
		if !rest(ctx, min(time.Until(until), 500*time.Millisecond)) {
			return
		}
	}
}

func (p *partner) current() *peer.Session {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.session
}

func (p *partner) failed(err error) {
	for _, l := range p.links {
		l.failed(err)
	}
}

// adopt makes s the session with the partner, unless the one that there is
// stays. Whoever serves it says so to serving.
func (p *partner) adopt(s *peer.Session) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.retired {
		return false
	}
	if old := p.session; old != nil {
		own := p.engine.peer.Identity.Fingerprint()
		if old.Dialled() != s.Dialled() && !peer.Keeps(own, p.Key, s.Dialled()) {
			return false
		}
		old.Close()
	}
	p.session = s
	p.serving.Add(1)
	return true
}

// serve runs a session until it ends.
func (p *partner) serve(ctx context.Context, s *peer.Session) {
	if !p.adopt(s) {
		s.Close()
		return
	}
	defer p.serving.Done()
	log := p.engine.log.With(zap.String("partner", p.Host))
	log.Info("partner connected", event.PartnerConnected.Field(), zap.Bool("dialled", s.Dialled()), zap.String("software", s.Hello().Software))
	ctx, stop := context.WithCancel(ctx)
	var wg sync.WaitGroup
	for _, l := range p.links {
		wg.Go(func() { l.run(ctx, s) })
	}
	err := s.Run(ctx, &handler{p, s})
	stop()
	wg.Wait()
	p.mu.Lock()
	if p.session == s {
		p.session = nil
		if err != nil {
			for _, l := range p.links {
				l.failed(err)
			}
		}
	}
	p.mu.Unlock()
	poke(p.over)
	log.Info("partner disconnected", event.PartnerDisconnected.Field(), zap.Error(err))
}

// handler takes in what a partner sends.
type handler struct {
	p *partner
	s *peer.Session
}

// Receive implements peer.Handler.
func (h *handler) Receive(_ context.Context, _ wire.Lane, m wire.Message) error {
	switch m := m.(type) {
	case wire.Knowledge:
		if l := h.p.links[m.Folder]; l != nil {
			l.hear(m)
		}
		return nil
	}
	return wire.ErrProtocol
}

// Answer implements peer.Handler.
func (h *handler) Answer(ctx context.Context, lane wire.Lane, m wire.Message, part func(wire.Message) error) (wire.Message, error) {
	key, ok := wire.FolderOf(m)
	if !ok {
		return nil, wire.ErrUnsupported
	}
	l := h.p.links[key]
	switch {
	case l == nil:
		return nil, wire.ErrUnknownFolder
	case !l.way.takes:
		return nil, wire.ErrNotPermitted
	}
	r := l.folder.current()
	if r == nil {
		return nil, wire.ErrStorage
	}
	if r.stopped.Load() {
		return nil, wire.ErrPaused
	}
	if !r.enter() {
		return nil, wire.ErrStorage
	}
	defer r.leave()
	if want, ok := m.(wire.WantRecords); ok {
		return nil, r.answer(h.p.Host, want.Known, part)
	}
	return r.server.Answer(ctx, lane, m, part)
}
