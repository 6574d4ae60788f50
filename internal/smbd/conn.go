package smbd

import (
	"errors"
	"io"
	"net"
	"net/netip"
	"os"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"

	"go.uber.org/zap"

	"dfsd/internal/smb2"
)

// conn is one client connection (3.3.1.7). Its goroutine reads a frame without
// a lock, and serves it and writes the answer under mu; others that have
// something to say to the client take mu as well.
type conn struct {
	server  *Server
	nc      net.Conn
	client  netip.Addr
	clients *sync.WaitGroup // of the Serve that let it in
	stream  stream          // for its goroutine alone

	// watches counts the parked CHANGE_NOTIFYs; announcing: a goroutine that is
	// to answer them waits for mu.
	watches    atomic.Int32
	announcing atomic.Bool

	mu sync.Mutex // guards all below, and writing to nc
	// logonBy is when a log-on must have succeeded; zero while there is a valid
	// session.
	logonBy       time.Time
	authenticated bool // a log-on has succeeded once
	knownMachine  bool // the client's GUID is in the registry
	terms         terms
	window        window
	sessions      []*session
	opens         openTable
	parked        []*parked
	parkedReads   int
	lastTree      uint32
	lastAsync     uint64
}

// stream gives back the transport header of a frame that was read ahead, so
// that no buffer is needed while waiting for it.
type stream struct {
	nc     net.Conn
	header [smb2.FrameHeaderSize]byte
	again  bool
}

func (s *stream) Read(b []byte) (int, error) {
	if s.again && len(b) == len(s.header) {
		s.again = false
		return copy(b, s.header[:]), nil
	}
	return s.nc.Read(b)
}

func newConn(s *Server, nc net.Conn, client netip.Addr, clients *sync.WaitGroup) *conn {
	return &conn{
		server: s, nc: nc, client: client, clients: clients, stream: stream{nc: nc},
		logonBy: time.Now().Add(s.limits.AuthenticateWithin),
		window:  newWindow(0, s.limits.CreditsMax),
	}
}

// hangUp is an error that ends the connection without an answer; it says why.
type hangUp string

func (h hangUp) Error() string { return string(h) }

// run serves the connection until either side ends it.
func (c *conn) run() {
	defer c.release()
	c.guarded(func() {
		for c.next() {
		}
	})
	c.guarded(c.cleanUp)
}

// guarded runs f. A panic in it costs this connection, and none of the others.
func (c *conn) guarded(f func()) {
	defer func() {
		if v := recover(); v != nil {
			c.server.metrics.panics.Inc()
			c.server.log.Error("smb connection failed", zap.Stringer("client", c.client),
				zap.Any("panic", v), zap.ByteString("stack", debug.Stack()))
			c.nc.Close() //nolint:errcheck // it is given up
		}
	}()
	f()
}

// cleanUp gives back all that the client held.
func (c *conn) cleanUp() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.nc.Close() //nolint:errcheck // the peer may have gone before
	c.dropParked()
	for len(c.sessions) > 0 {
		c.endSession(c.sessions[len(c.sessions)-1])
	}
	if c.knownMachine {
		c.server.registry.leave(c.machine())
	}
}

// release gives back the place of the connection itself.
func (c *conn) release() {
	c.nc.Close() //nolint:errcheck // closed before, but for a panic
	c.mu.Lock()
	authenticated := c.authenticated
	c.mu.Unlock()
	c.server.discharge(c, authenticated)
}

// next waits for a frame and serves it; false: the connection has ended.
func (c *conn) next() bool {
	limit := c.beginWait()
	if _, err := io.ReadFull(c.nc, c.stream.header[:]); err != nil {
		c.readEnded(err, false)
		return false
	}
	if c.isAuthenticated() {
		c.setReadDeadline(time.Now().Add(c.server.limits.FrameWithin))
	}
	c.stream.again = true
	s := c.server.scratches.get()
	frame, err := smb2.ReadFrame(&c.stream, &c.stream.header, s.in[:0], limit)
	if err != nil {
		c.readEnded(err, true)
		return false
	}
	s.in = frame
	err = c.serveFrame(s, frame)
	c.server.scratches.put(s)
	if err != nil {
		c.logEnd(err)
	}
	return err == nil
}

func (c *conn) isAuthenticated() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.logonBy.IsZero()
}

// beginWait sets by when the next frame must begin, and returns how long it may
// be.
func (c *conn) beginWait() (limit int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	limits := &c.server.limits
	if !c.logonBy.IsZero() {
		c.setReadDeadline(c.logonBy)
		return int(limits.FrameUnauthenticated)
	}
	var by time.Time
	if limits.IdleTimeout > 0 {
		by = time.Now().Add(limits.IdleTimeout)
	}
	c.setReadDeadline(by)
	return int(limits.Transact) + frameOverhead
}

// frameOverhead is what a frame may hold beside what Limits.Transact bounds:
// headers, names, the transform.
const frameOverhead = 4 << 10

// awaitLogon gives the client, who has no valid session any more, the time of a
// new connection. It runs with mu held, by any goroutine.
func (c *conn) awaitLogon() {
	c.logonBy = time.Now().Add(c.server.limits.AuthenticateWithin)
	c.setReadDeadline(c.logonBy)
}

func (c *conn) setReadDeadline(t time.Time) {
	c.nc.SetReadDeadline(t) //nolint:errcheck // fails on a closed connection alone, as the read then does
}

// readEnded counts why reading has ended, in the middle of a frame or before.
func (c *conn) readEnded(err error, inFrame bool) {
	m := c.server.metrics
	switch {
	case errors.Is(err, os.ErrDeadlineExceeded):
		m.rejected[c.lateness(inFrame)].Inc()
	case errors.Is(err, smb2.ErrFrameTooLarge):
		m.rejected[rejectFrame].Inc()
	case errors.Is(err, smb2.ErrFrameType):
		m.malformed[stageFrame].Inc()
	case errors.Is(err, io.EOF), errors.Is(err, net.ErrClosed):
		return
	}
	c.logEnd(err)
}

func (c *conn) lateness(inFrame bool) reason {
	switch {
	case !c.isAuthenticated():
		return rejectAuthenticateTimeout
	case inFrame:
		return rejectFrameTimeout
	}
	return rejectIdle
}

func (c *conn) logEnd(err error) {
	c.server.log.Debug("smb connection ended", zap.Stringer("client", c.client), zap.Error(err))
}

// write sends frame, which has room for its transport header. A client that does
// not take it within the limit loses the connection. It runs with mu held.
func (c *conn) write(frame []byte) error {
	c.nc.SetWriteDeadline(time.Now().Add(c.server.limits.WriteTimeout)) //nolint:errcheck // fails on a closed connection alone, as the write then does
	err := smb2.WriteFrame(c.nc, frame)
	if errors.Is(err, os.ErrDeadlineExceeded) {
		c.server.metrics.rejected[rejectWriteTimeout].Inc()
	}
	if err != nil {
		c.nc.Close() //nolint:errcheck // what was cut off cannot be made whole
	}
	return err
}

// reject counts a refusal by a limit and returns its status.
func (c *conn) reject(why reason, status smb2.Status) error {
	c.server.metrics.rejected[why].Inc()
	return status
}
