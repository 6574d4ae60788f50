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

	"dfsd/replication"
	"dfsd/replication/wire"
)

// ErrNoStatus is returned by DialStatus for a host that does not speak the
// protocol "dfsd-status", such as one of an older version.
var ErrNoStatus = errors.New("the host does not speak dfsd-status")

// StatusService takes the connections of the protocol "dfsd-status".
type StatusService struct {
	// Known returns who may connect: members, and observers, which are no
	// partners and get no session. It is asked anew for each connection, and
	// may be called concurrently.
	Known func() []Partner
	// Serve is given each connection that has proven the key of p, in a
	// goroutine of its own. The connection has no deadline and is closed when
	// Serve returns, or when ctx ends.
	Serve func(ctx context.Context, p Partner, conn net.Conn)
}

// isStatus tells which of the two protocols of the port was agreed on.
func isStatus(state tls.ConnectionState) bool { return state.NegotiatedProtocol == statusProtocol }

// admitted is who may come in, by protocol, as of the beginning of a handshake.
type admitted struct{ partners, status []Partner }

func (a admitted) to(state tls.ConnectionState) []Partner {
	if isStatus(state) {
		return a.status
	}
	return a.partners
}

// serverTLS returns the TLS of the accepting side.
func (o *Options) serverTLS(address string, known admitted) *tls.Config {
	config := tlsConfig(o.Identity, address, nil, nil)
	if o.Status != nil {
		config.NextProtos = append(config.NextProtos, statusProtocol)
	}
	// The protocol is agreed on before the key is shown.
	config.VerifyConnection = func(state tls.ConnectionState) error {
		return pin(state, address,
			func(f replication.Fingerprint) bool { _, ok := find(known.to(state), f); return ok },
			func() []replication.Fingerprint { return keysOf(known.to(state)) })
	}
	return config
}

// statusGate counts the accepted status connections. Safe for concurrent use.
type statusGate struct {
	most, mostPerKey int

	mu     sync.Mutex // guards all below
	all    int
	perKey map[replication.Fingerprint]int
}

func newStatusGate(l Limits) *statusGate {
	return &statusGate{most: l.Status, mostPerKey: l.StatusPerHost, perKey: map[replication.Fingerprint]int{}}
}

// enter counts a connection of k; leave gives its place back.
func (g *statusGate) enter(k replication.Fingerprint) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	switch {
	case g.perKey[k] >= g.mostPerKey:
		return fmt.Errorf("%w: %d status connections of one host", wire.ErrBusy, g.mostPerKey)
	case g.all >= g.most:
		return fmt.Errorf("%w: %d status connections", wire.ErrBusy, g.most)
	}
	g.all++
	g.perKey[k]++
	return nil
}

func (g *statusGate) leave(k replication.Fingerprint) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.all--
	if g.perKey[k]--; g.perKey[k] == 0 {
		delete(g.perKey, k)
	}
}

// serveStatus gives a proven connection to the status service until that is
// done with it.
func (l *Listener) serveStatus(ctx context.Context, p Partner, c *connection) {
	defer c.close()
	if err := l.statuses.enter(p.Key); err != nil {
		l.refuse(c.link, refusedStatus, err)
		return
	}
	defer l.statuses.leave(p.Key)
	c.link.lane.Store(uint32(statusLane))
	if err := c.link.SetDeadline(time.Time{}); err != nil {
		l.o.Log.Warn("status connection lost", zap.String("partner", p.Host), zap.Error(err))
		return
	}
	l.o.Metrics.statuses.Inc()
	defer l.o.Metrics.statuses.Dec()
	defer context.AfterFunc(ctx, c.close)()
	l.o.Status.Serve(ctx, p, c.tls)
}

// DialStatus opens a connection of the protocol "dfsd-status" with p, which the
// caller closes; it has no deadline. The limit of a handshake bounds it. Errors
// wrap *KeyError for a host with another key, and ErrNoStatus. A host that
// refuses our key can say so only after the handshake: then the first Read
// fails with ErrNotTrusted.
func (d *Dialer) DialStatus(ctx context.Context, p Partner) (net.Conn, error) {
	ctx, stop := context.WithTimeout(ctx, d.o.Limits.Handshake)
	defer stop()
	raw, err := d.dial(ctx, "tcp", p.Address)
	if err != nil {
		return nil, fmt.Errorf("dial %s at %s: %w", p.Host, p.Address, err)
	}
	c, err := d.o.statusHandshake(ctx, raw, p)
	if err != nil {
		_ = raw.Close() // the error of the handshake counts
		return nil, fmt.Errorf("dial %s at %s: %w", p.Host, p.Address, err)
	}
	return c, nil
}

func (o *Options) statusHandshake(ctx context.Context, raw net.Conn, p Partner) (net.Conn, error) {
	l := newLink(raw, o.Limits, o.Metrics)
	l.lane.Store(uint32(statusLane))
	stop, err := o.begin(ctx, l)
	defer stop()
	if err != nil {
		return nil, err
	}
	config := tlsConfig(o.Identity, p.Address,
		func(f replication.Fingerprint) bool { return f == p.Key },
		func() []replication.Fingerprint { return []replication.Fingerprint{p.Key} })
	config.NextProtos = []string{statusProtocol}
	c := tls.Client(l, config)
	if err := c.HandshakeContext(ctx); err != nil {
		// An alert at this point cannot be about our key, which has not been
		// looked at yet: nothing was agreed on.
		if refused := explain(err); errors.Is(refused, ErrNotTrusted) {
			return nil, fmt.Errorf("%w: %w", ErrNoStatus, err)
		}
		return nil, err
	}
	if !isStatus(c.ConnectionState()) { // a host without any protocol of its own
		return nil, ErrNoStatus
	}
	return statusConn{c}, l.SetDeadline(time.Time{})
}

// statusConn says in the words of this room why the other side hung up.
type statusConn struct{ *tls.Conn }

func (c statusConn) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	if err != nil {
		err = explain(err)
	}
	return n, err
}
