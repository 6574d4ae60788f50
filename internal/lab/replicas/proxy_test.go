//go:build integration

package replicas

import (
	"errors"
	"io"
	"net"
	"sync"
	"sync/atomic"
	"testing"
)

// proxy stands where one member dials another. It carries bytes both ways and
// counts them, until it is cut.
type proxy struct {
	listener net.Listener
	target   string
	bytes    atomic.Int64 // both ways
	wg       sync.WaitGroup

	mu    sync.Mutex
	cut   bool                  // guarded by mu
	conns map[net.Conn]struct{} // guarded by mu
}

// newProxy listens on a free port and leads to target, where nobody needs to
// listen yet.
func newProxy(t testing.TB, target string) *proxy {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &proxy{listener: l, target: target, conns: map[net.Conn]struct{}{}}
	p.wg.Go(p.accept)
	t.Cleanup(p.close)
	return p
}

// address is what a member dials.
func (p *proxy) address() string { return p.listener.Addr().String() }

// setCut resets every connection and refuses new ones, or lets them through
// again.
func (p *proxy) setCut(cut bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.cut = cut
	if !cut {
		return
	}
	for c := range p.conns {
		reset(c)
	}
}

func (p *proxy) close() {
	_ = p.listener.Close() // ends accept
	p.setCut(true)
	p.wg.Wait()
}

func (p *proxy) accept() {
	for {
		near, err := p.listener.Accept()
		if err != nil {
			return
		}
		if !p.enter(near) {
			continue
		}
		p.wg.Go(func() { p.carry(near) })
	}
}

// enter notes a connection, unless the link is cut.
func (p *proxy) enter(c net.Conn) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.cut {
		reset(c)
		return false
	}
	p.conns[c] = struct{}{}
	return true
}

func (p *proxy) leave(c net.Conn) {
	_ = c.Close()
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.conns, c)
}

func (p *proxy) carry(near net.Conn) {
	defer p.leave(near)
	far, err := net.Dial("tcp", p.target)
	if err != nil {
		reset(near)
		return
	}
	if !p.enter(far) {
		return
	}
	defer p.leave(far)
	var ways sync.WaitGroup
	ways.Go(func() { p.pump(far, near) })
	p.pump(near, far)
	ways.Wait()
}

// pump copies until an end, and passes a half-closing on.
func (p *proxy) pump(to, from net.Conn) {
	buf := make([]byte, 64<<10)
	for {
		n, err := from.Read(buf)
		if n > 0 {
			p.bytes.Add(int64(n))
			if _, werr := to.Write(buf[:n]); werr != nil {
				reset(from)
				return
			}
		}
		switch {
		case errors.Is(err, io.EOF):
			_ = to.(*net.TCPConn).CloseWrite() // a reset one is closed already
			return
		case err != nil:
			reset(to)
			return
		}
	}
}

// reset closes a connection without the courtesies.
func reset(c net.Conn) {
	_ = c.(*net.TCPConn).SetLinger(0) // closed already
	_ = c.Close()
}
