package peer

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"sync"
	"time"

	"go.uber.org/zap"

	"dfsd/internal/netaddr"
	"dfsd/replication"
	"dfsd/replication/wire"
)

// Listener accepts sessions from partners.
type Listener struct {
	o        Options
	partners func() []Partner
	gate     *admission
	assembly *assembly
	statuses *statusGate
}

// NewListener returns a Listener for the members that partners returns, which
// is asked anew for each connection: a key that is taken out is refused from
// then on. Sessions that run are ended by whoever runs them.
func NewListener(o Options, partners func() []Partner) (*Listener, error) {
	o, err := o.complete()
	if err != nil {
		return nil, err
	}
	return &Listener{o, partners, newAdmission(o.Limits), newAssembly(o.Limits.SessionsPerMember), newStatusGate(o.Limits)}, nil
}

// Serve accepts on ln, which it closes, until ctx ends or ln fails. Each
// session is given to serve in a goroutine of its own, which runs it; when
// serve returns the session is closed. When Serve returns, all of them have.
func (l *Listener) Serve(ctx context.Context, ln net.Listener, serve func(context.Context, *Session)) error {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	var wg sync.WaitGroup
	defer wg.Wait()
	defer stop() // before the wait
	defer context.AfterFunc(ctx, func() { _ = ln.Close() })()
	failed := 0
	for {
		raw, err := ln.Accept()
		switch {
		case ctx.Err() != nil:
			if err == nil {
				_ = raw.Close() // nobody is served any more
			}
			return nil
		case errors.Is(err, net.ErrClosed):
			return fmt.Errorf("accept partners: %w", err)
		case err != nil: // such as too many open files: others may close some
			failed++
			l.o.Log.Warn("accept partners", zap.Error(err))
			wait(ctx, Backoff(failed, 0))
			continue
		}
		failed = 0
		addr := netaddr.Of(raw.RemoteAddr())
		if why, ok := l.gate.enter(addr); !ok {
			l.o.Metrics.refused[why].Inc()
			_ = raw.Close() // without a word, which would cost more
			continue
		}
		l.o.Metrics.unproven.Inc()
		wg.Go(func() {
			var once sync.Once
			proven := func() {
				once.Do(func() {
					l.gate.leave(addr)
					l.o.Metrics.unproven.Dec()
				})
			}
			defer proven()
			l.serve(ctx, raw, proven, serve)
		})
	}
}

// wait waits for d or the end of ctx.
func wait(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-ctx.Done():
	}
}

// serve takes one connection from its first byte to its place in a session,
// and runs the session that it completes. proven is called when the peer is.
func (l *Listener) serve(ctx context.Context, raw net.Conn, proven func(), serve func(context.Context, *Session)) {
	c := &connection{link: newLink(raw, l.o.Limits, l.o.Metrics)}
	partner, why, err := l.prove(ctx, c)
	if err != nil {
		l.refuse(raw, why, err)
		c.close()
		return
	}
	proven()
	if isStatus(c.tls.ConnectionState()) {
		l.serveStatus(ctx, partner, c)
		return
	}
	key := sessionKey{partner.Key, c.join.Session}
	g, completes, why, err := l.assembly.join(key, c)
	switch {
	case err != nil:
		l.refuse(raw, why, errors.Join(err, write(c.tls, wire.Goodbye(wire.ErrorOf(err)))))
		c.close()
	case completes:
		defer l.assembly.release(key)
		s := newSession(&l.o, partner, g.lanes, false)
		defer s.Close()
		serve(ctx, s)
	default:
		l.await(ctx, raw, key, g)
	}
}

// prove shakes hands and returns who c is: for a session a partner, whose
// hello and join have come, for status anybody that the status service knows.
func (l *Listener) prove(ctx context.Context, c *connection) (Partner, reason, error) {
	stop, err := l.o.begin(ctx, c.link)
	defer stop()
	if err != nil {
		return Partner{}, refusedTLS, err
	}
	known := admitted{partners: l.partners()}
	if l.o.Status != nil {
		known.status = l.o.Status.Known()
	}
	c.tls = tls.Server(c.link, l.o.serverTLS(c.link.RemoteAddr().String(), known))
	if err := c.tls.HandshakeContext(ctx); err != nil {
		var wrong *KeyError
		if errors.As(err, &wrong) {
			return Partner{}, refusedKey, err
		}
		return Partner{}, refusedTLS, err
	}
	state := c.tls.ConnectionState()
	partner, _ := find(known.to(state), fingerprintIn(state))
	if isStatus(state) {
		return partner, 0, nil
	}
	err = l.o.acceptHello(c, partner)
	switch {
	case errors.Is(err, wire.ErrVersion):
		return partner, refusedVersion, err
	case err != nil:
		return partner, refusedHello, err
	}
	return partner, 0, nil
}

// find returns the one of known with a key.
func find(known []Partner, f replication.Fingerprint) (Partner, bool) {
	for _, p := range known {
		if p.Key == f && !f.IsZero() {
			return p, true
		}
	}
	return Partner{}, false
}

func keysOf(partners []Partner) []replication.Fingerprint {
	keys := make([]replication.Fingerprint, len(partners))
	for i, p := range partners {
		keys[i] = p.Key
	}
	return keys
}

// await waits until the other lanes of a session are there.
func (l *Listener) await(ctx context.Context, raw net.Conn, key sessionKey, g *gathering) {
	t := time.NewTimer(l.o.Limits.Assembly)
	defer t.Stop()
	select {
	case <-g.whole:
		return
	case <-ctx.Done():
	case <-t.C:
	}
	if l.assembly.abandon(key, g) {
		l.refuse(raw, refusedAssembly, errors.New("the other lanes of the session did not come"))
	}
}

// refuse counts and tells a connection that was turned away.
func (l *Listener) refuse(raw net.Conn, why reason, err error) {
	l.o.Metrics.refused[why].Inc()
	l.o.Log.Warn("replication connection refused", zap.Stringer("remote", raw.RemoteAddr()), zap.String("reason", reasonLabels[why]), zap.Error(err))
}
