package peer

import (
	"context"
	"errors"
	"io"
	"net"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"

	"dfsd/replication/wire"
)

// pipes is a network within the process: a listener, and the pipes to it. Its
// clock is that of a synctest bubble.
type pipes struct {
	calls chan net.Conn
	once  sync.Once
	over  chan struct{}
}

func newPipes() *pipes { return &pipes{calls: make(chan net.Conn), over: make(chan struct{})} }

func (p *pipes) Accept() (net.Conn, error) {
	select {
	case c := <-p.calls:
		return c, nil
	case <-p.over:
		return nil, net.ErrClosed
	}
}

func (p *pipes) Close() error {
	p.once.Do(func() { close(p.over) })
	return nil
}

func (p *pipes) Addr() net.Addr { return &net.TCPAddr{} }

func (p *pipes) dial(context.Context, string, string) (net.Conn, error) {
	ours, theirs := net.Pipe()
	p.calls <- theirs
	return &freezer{Conn: ours, frozen: make(chan struct{})}, nil
}

// freezer is a connection that can fall silent without ending, as when a cable
// is pulled.
type freezer struct {
	net.Conn
	frozen chan struct{}
}

func (f *freezer) isFrozen() bool {
	select {
	case <-f.frozen:
		return true
	default:
		return false
	}
}

func (f *freezer) Write(p []byte) (int, error) {
	if f.isFrozen() {
		return len(p), nil
	}
	return f.Conn.Write(p)
}

// bubble runs two hosts in a network of pipes.
func bubble(t *testing.T, test func(t *testing.T, fs1, fs2 *host, s *served, d *Dialer, p *pipes)) {
	synctest.Test(t, func(t *testing.T) {
		fs1, fs2, p := newHost(t, "fs1", 1), newHost(t, "fs2", 2), newPipes()
		s := fs2.serveOn(t, p, handler{}, fs1.as(""))
		d, err := NewDialer(fs1.o)
		if err != nil {
			t.Fatal(err)
		}
		d.dial = p.dial
		test(t, fs1, fs2, s, d, p)
	})
}

func TestIdleSessionsStay(t *testing.T) {
	bubble(t, func(t *testing.T, _, fs2 *host, s *served, d *Dialer, _ *pipes) {
		session, err := d.Dial(t.Context(), fs2.as("pipe"))
		if err != nil {
			t.Fatal(err)
		}
		ended := run(t, session, handler{})
		accepted := <-s.sessions
		time.Sleep(time.Hour)
		select {
		case err := <-ended:
			t.Fatalf("an idle session ended: %v", err)
		default:
		}
		hourly := accepted.Counters().Received
		t.Logf("an idle hour receives %d bytes", hourly)
		if hourly > 200_000 {
			t.Errorf("an idle hour costs %d bytes", hourly)
		}
	})
}

// TestHalfOpen: the other side is there for TCP and brings nothing more.
func TestHalfOpen(t *testing.T) {
	bubble(t, func(t *testing.T, fs1, fs2 *host, s *served, d *Dialer, _ *pipes) {
		session, err := d.Dial(t.Context(), fs2.as("pipe"))
		if err != nil {
			t.Fatal(err)
		}
		run(t, session, handler{})
		<-s.sessions
		close(session.lanes[wire.Small].link.Conn.(*freezer).frozen)
		start := time.Now()
		if err := <-s.ends; !errors.Is(err, ErrLost) {
			t.Errorf("Run = %v, want %v", err, ErrLost)
		}
		if took := time.Since(start); took > DefaultLimits().Silence+time.Second {
			t.Errorf("a silent lane was let go after %v", took)
		}
	})
}

// TestZeroWindow: the other side reads no more, so that writes stall.
func TestZeroWindow(t *testing.T) {
	bubble(t, func(t *testing.T, fs1, fs2 *host, s *served, d *Dialer, p *pipes) {
		o, err := fs1.o.complete()
		if err != nil {
			t.Fatal(err)
		}
		nonce := newNonce()
		for l := range wire.Lanes {
			raw, _ := p.dial(t.Context(), "", "")
			c, err := o.dialHandshake(t.Context(), raw, fs2.as("pipe"), l, nonce)
			if err != nil {
				t.Fatal(err)
			}
			defer c.close()
		}
		<-s.sessions
		start := time.Now()
		if err := <-s.ends; !errors.Is(err, ErrLost) {
			t.Errorf("Run = %v, want %v", err, ErrLost)
		}
		if took := time.Since(start); took > DefaultLimits().Stall+2*time.Second {
			t.Errorf("a lane that takes nothing was let go after %v", took)
		}
	})
}

// TestSlowlorisBeforeTrust: a byte a second, or none, holds a place no longer
// than the handshake may take.
func TestSlowlorisBeforeTrust(t *testing.T) {
	for name, trickle := range map[string]bool{"silent": false, "a byte a second": true} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T, fs1, fs2 *host, s *served, d *Dialer, p *pipes) {
				c, _ := p.dial(t.Context(), "", "")
				start := time.Now()
				var wg sync.WaitGroup
				wg.Go(func() {
					_, _ = c.Write([]byte{22, 3, 1, 1, 0}) // a record of 256 bytes is to come
					for trickle {
						time.Sleep(time.Second)
						if _, err := c.Write([]byte{1}); err != nil {
							return
						}
					}
				})
				_, _ = io.Copy(io.Discard, c)
				if took := time.Since(start); took > DefaultLimits().Handshake+time.Second {
					t.Errorf("let go after %v, want %v", took, DefaultLimits().Handshake)
				}
				wg.Wait()
				synctest.Wait()
				if n := testutil.ToFloat64(fs2.o.Metrics.unproven); n != 0 {
					t.Errorf("%v places are still taken", n)
				}
			})
		})
	}
}

// TestSlowlorisWithKey: a partner who trickles one frame does not hold its
// buffer for ever, however busily it sends.
func TestSlowlorisWithKey(t *testing.T) {
	bubble(t, func(t *testing.T, fs1, fs2 *host, s *served, d *Dialer, p *pipes) {
		o, err := fs1.o.complete()
		if err != nil {
			t.Fatal(err)
		}
		nonce := newNonce()
		var lanes [wire.Lanes]*connection
		for l := range wire.Lanes {
			raw, _ := p.dial(t.Context(), "", "")
			if lanes[l], err = o.dialHandshake(t.Context(), raw, fs2.as("pipe"), l, nonce); err != nil {
				t.Fatal(err)
			}
			defer lanes[l].close()
			go func() { _, _ = io.Copy(io.Discard, lanes[l].tls) }()
		}
		<-s.sessions
		start := time.Now()
		var wg sync.WaitGroup
		defer wg.Wait() // while the bubble's clock still goes
		for _, l := range []wire.Lane{wire.Control, wire.Small} {
			wg.Go(func() { // pings, so that these lanes live
				b, _ := wire.AppendFrame(nil, wire.Header{}, wire.Ping{Mark: 1})
				for {
					if _, err := lanes[l].tls.Write(b); err != nil {
						return
					}
					time.Sleep(5 * time.Second)
				}
			})
		}
		wg.Go(func() {
			b, _ := wire.AppendFrame(nil, wire.Header{}, wire.Data{Bytes: make([]byte, 100<<10)})
			for len(b) > 0 {
				if _, err := lanes[wire.Bulk].tls.Write(b[:1]); err != nil {
					return
				}
				b = b[1:]
				time.Sleep(time.Second)
			}
		})
		if err := <-s.ends; !errors.Is(err, ErrLost) {
			t.Errorf("Run = %v, want %v", err, ErrLost)
		}
		if took := time.Since(start); took > 2*time.Minute {
			t.Errorf("a frame of 100 KiB may trickle for %v", took)
		}
	})
}

func TestLanesThatDoNotCome(t *testing.T) {
	bubble(t, func(t *testing.T, fs1, fs2 *host, s *served, d *Dialer, p *pipes) {
		c, err := d.open(t.Context(), fs2.as("pipe"), wire.Control, newNonce())
		if err != nil {
			t.Fatal(err)
		}
		if err := c.link.goLive(); err != nil {
			t.Fatal(err)
		}
		start := time.Now()
		_, _ = io.Copy(io.Discard, c.link.Conn)
		if took := time.Since(start); took > DefaultLimits().Assembly+time.Second {
			t.Errorf("a lone lane was let go after %v", took)
		}
		synctest.Wait()
		if n := testutil.ToFloat64(fs2.o.Metrics.refused[refusedAssembly]); n != 1 || len(s.l.assembly.perKey) != 0 {
			t.Errorf("%v lanes refused, %v sessions left; want 1 and none", n, s.l.assembly.perKey)
		}
	})
}

// TestServeEndsAll: nothing runs on when Serve has returned; the bubble fails
// for a goroutine that does.
func TestServeEndsAll(t *testing.T) {
	bubble(t, func(t *testing.T, fs1, fs2 *host, s *served, d *Dialer, p *pipes) {
		session, err := d.Dial(t.Context(), fs2.as("pipe"))
		if err != nil {
			t.Fatal(err)
		}
		run(t, session, handler{})
		if _, err := d.open(t.Context(), fs2.as("pipe"), wire.Bulk, newNonce()); err != nil {
			t.Fatal(err)
		}
		if _, err := p.dial(t.Context(), "", ""); err != nil {
			t.Fatal(err)
		}
		<-s.sessions
	})
}
