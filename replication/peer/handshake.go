package peer

import (
	"context"
	"crypto/rand"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"time"

	"go.uber.org/zap"

	"dfsd/replication"
	"dfsd/replication/wire"
)

// Options is what Listener and Dialer need.
type Options struct {
	// Identity is the key of this host.
	Identity *Identity
	// Hello returns what this host says of itself to a partner: its host name,
	// its software, and the folders that both hold. Versions that are zero
	// become wire.Current. It may be called concurrently.
	Hello func(partner Partner) wire.Hello
	// Limits bounds what partners cost; zero fields mean their defaults.
	Limits Limits
	// Status takes the connections of the protocol "dfsd-status"; nil: that is
	// not spoken here.
	Status *StatusService
	// Metrics counts; nil: nobody looks.
	Metrics *Metrics
	// Log hears of sessions and refusals; nil: nobody does.
	Log *zap.Logger
}

// complete fills in what may be left out.
func (o Options) complete() (Options, error) {
	if o.Identity == nil || o.Hello == nil {
		return o, errors.New("peer: options without identity or hello")
	}
	if o.Status != nil && (o.Status.Known == nil || o.Status.Serve == nil) {
		return o, errors.New("peer: a status service without known or serve")
	}
	if err := o.Limits.Validate(); err != nil {
		return o, err
	}
	o.Limits = o.Limits.withDefaults()
	if o.Metrics == nil {
		o.Metrics = NewMetrics(nil)
	}
	if o.Log == nil {
		o.Log = zap.NewNop()
	}
	return o, nil
}

// helloTo returns the hello for a partner on one lane; folders are offered on
// the control lane alone.
func (o *Options) helloTo(p Partner, lane wire.Lane) wire.Hello {
	h := o.Hello(p)
	if h.Versions == (wire.Versions{}) {
		h.Versions = wire.Current
	}
	if lane != wire.Control {
		h.Offers = nil
	}
	return h
}

// connection is one that has shaken hands: both sides are proven.
type connection struct {
	tls   *tls.Conn
	link  *link
	hello wire.Hello // of the partner
	join  wire.Join
}

func (c *connection) close() { _ = c.link.Close() } // the end of the connection is what is wanted

// begin bounds a handshake on c by ctx and the limit of time; stop ends the
// bound.
func (o *Options) begin(ctx context.Context, c *link) (stop func() bool, err error) {
	err = c.SetDeadline(time.Now().Add(o.Limits.Handshake))
	return context.AfterFunc(ctx, func() { _ = c.Close() }), err
}

// dialHandshake is the dialling side's: TLS, the partner's hello, ours, join.
func (o *Options) dialHandshake(ctx context.Context, raw net.Conn, p Partner, lane wire.Lane, nonce wire.Nonce) (*connection, error) {
	c := &connection{link: newLink(raw, o.Limits, o.Metrics)}
	stop, err := o.begin(ctx, c.link)
	defer stop()
	if err != nil {
		return nil, err
	}
	c.tls = tls.Client(c.link, tlsConfig(o.Identity, p.Address,
		func(f replication.Fingerprint) bool { return f == p.Key },
		func() []replication.Fingerprint { return []replication.Fingerprint{p.Key} }))
	if err := c.tls.HandshakeContext(ctx); err != nil {
		return nil, explain(err)
	}
	if c.hello, err = readAs[wire.Hello](c.tls, wire.TypeHello); err != nil {
		return nil, explain(err)
	}
	own := o.helloTo(p, lane)
	c.join = wire.Join{Lane: lane, Session: nonce}
	if c.join.Version, err = own.Versions.Common(c.hello.Versions); err != nil {
		return nil, errors.Join(err, write(c.tls, wire.Goodbye(wire.ErrorOf(err))))
	}
	return c, write(c.tls, own, c.join)
}

// acceptHello is the accepting side's handshake up to the partner's join.
func (o *Options) acceptHello(c *connection, p Partner) error {
	own := o.helloTo(p, wire.Control)
	if err := write(c.tls, own); err != nil {
		return err
	}
	var err error
	if c.hello, err = readAs[wire.Hello](c.tls, wire.TypeHello); err != nil {
		return err
	}
	version, err := own.Versions.Common(c.hello.Versions)
	if err != nil {
		return errors.Join(err, write(c.tls, wire.Goodbye(wire.ErrorOf(err))))
	}
	if c.join, err = readAs[wire.Join](c.tls, wire.TypeJoin); err != nil {
		return err
	}
	if c.join.Version != version {
		return fmt.Errorf("%w: joined in version %d, want %d", wire.ErrProtocol, c.join.Version, version)
	}
	return nil
}

// readAs reads one frame, which must be a notice of type t.
func readAs[M wire.Message](c *tls.Conn, t wire.Type) (m M, err error) {
	h, body, err := wire.ReadFrame(c, nil)
	if err != nil {
		return m, err
	}
	if h.Flags != 0 || h.Type != t && h.Type != wire.TypeGoodbye {
		return m, fmt.Errorf("%w: %v instead of %v", wire.ErrProtocol, h.Type, t)
	}
	got, err := wire.Parse(h.Type, body)
	if err != nil {
		return m, err
	}
	if goodbye, ok := got.(wire.Goodbye); ok {
		return m, wire.Error(goodbye)
	}
	return got.(M), nil
}

// write writes the frames of notices at once.
func write(c *tls.Conn, messages ...wire.Message) error {
	var b []byte
	var err error
	for _, m := range messages {
		if b, err = wire.AppendFrame(b, wire.Header{}, m); err != nil {
			return err
		}
	}
	_, err = c.Write(b)
	return err
}

// newNonce draws the name of a session.
func newNonce() (n wire.Nonce) {
	_, _ = rand.Read(n[:]) // never fails
	return n
}
