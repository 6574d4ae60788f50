package smbclient

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"time"

	"dfsd/internal/smb2"
)

// Conn is a connection to a server with at most one session. See the package
// for concurrency and errors.
type Conn struct {
	nc     net.Conn
	in     *bufio.Reader
	o      Options // with defaults
	target string  // service principal name for NTLM

	negotiated Negotiated
	offer      smb2.NegotiateRequest
	preauth    smb2.PreauthHash
	session    *session        // nil before the log-on
	sealed     map[uint32]bool // trees whose share demands encryption
	validated  bool            // the server confirmed the NEGOTIATE

	nextID  uint64
	credits int
	due     map[uint64]request // by message id

	out   []byte // frames not yet written
	frame []byte // the last answer; reused
	plain []byte // and what it decrypts to
	// answers walks those of the last frame: opened tells whether it was
	// encrypted, more whether any is left.
	answers smb2.Operations
	opened  bool
	more    bool
	header  [smb2.FrameHeaderSize]byte
	broken  error // what ended the connection
}

// DefaultPort is where servers listen.
const DefaultPort = "445"

// Dial connects to addr, which is host or host:port, negotiates and logs on.
func Dial(ctx context.Context, addr string, o Options) (*Conn, error) {
	c, err := Connect(ctx, addr, o)
	if err != nil {
		return nil, err
	}
	if err := c.Logon(ctx); err != nil {
		return nil, errors.Join(err, c.Close())
	}
	return c, nil
}

// Connect connects and negotiates, and tells the server nothing of the
// credentials.
func Connect(ctx context.Context, addr string, o Options) (*Conn, error) {
	if err := o.Validate(); err != nil {
		return nil, err
	}
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		host, port = addr, DefaultPort
	}
	var d net.Dialer
	if o.SourceAddr.IsValid() {
		d.LocalAddr = &net.TCPAddr{IP: o.SourceAddr.AsSlice(), Zone: o.SourceAddr.Zone()}
	}
	nc, err := d.DialContext(ctx, "tcp", net.JoinHostPort(host, port))
	if err != nil {
		return nil, err
	}
	return Open(ctx, nc, host, o)
}

// Open negotiates on nc, which it then owns; on an error nc is closed. host is
// the server's name as NTLM is to say it.
func Open(ctx context.Context, nc net.Conn, host string, o Options) (*Conn, error) {
	if err := o.Validate(); err != nil {
		return nil, errors.Join(err, nc.Close())
	}
	c := &Conn{
		nc: nc, o: o.withDefaults(), target: "cifs/" + host,
		sealed: make(map[uint32]bool), due: make(map[uint64]request), credits: 1,
	}
	c.in = bufio.NewReaderSize(nc, c.o.ReadBuffer)
	if err := c.negotiate(ctx); err != nil {
		return nil, errors.Join(err, c.Close())
	}
	return c, nil
}

// NetConn returns the transport, for those who want to send what no client
// should.
func (c *Conn) NetConn() net.Conn { return c.nc }

// Close ends the connection at once; Logoff before it is good manners. It may
// be called at any time and more than once.
func (c *Conn) Close() error {
	if err := c.nc.Close(); err != nil && !errors.Is(err, net.ErrClosed) {
		return err
	}
	return nil
}

// fail ends the connection with err, unless it had ended before.
func (c *Conn) fail(ctx context.Context, err error) error {
	if c.broken != nil {
		return c.broken
	}
	switch {
	case ctx.Err() != nil:
		err = fmt.Errorf("%w: %w", context.Cause(ctx), err)
	case errors.Is(err, os.ErrDeadlineExceeded):
		err = fmt.Errorf("%w: %w", context.DeadlineExceeded, err)
	case errors.Is(err, net.ErrClosed) || errors.Is(err, io.ErrClosedPipe):
		err = ErrClosed
	}
	c.broken = err
	_ = c.nc.Close() // the error before it counts
	return err
}

// arm makes reads and writes end with ctx, until disarm.
func (c *Conn) arm(ctx context.Context) (disarm func()) {
	deadline, _ := ctx.Deadline()
	_ = c.nc.SetDeadline(deadline) // fails on a closed connection; the reads and writes tell
	if ctx.Done() == nil {
		return func() {}
	}
	ended := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		_ = c.nc.SetDeadline(time.Unix(1, 0)) // as above
		close(ended)
	})
	return func() {
		if !stop() {
			<-ended
		}
	}
}
