package peer

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"
)

// statuses are the status connections of a host, which echo until they end.
type statuses struct {
	mu    sync.Mutex // guards all below
	known []Partner
	from  []string
	calls int // of Known
}

// takesStatus makes h serve the status protocol to known.
func (h *host) takesStatus(known ...Partner) *statuses {
	s := &statuses{known: known}
	h.o.Status = &StatusService{
		Known: func() []Partner {
			s.mu.Lock()
			defer s.mu.Unlock()
			s.calls++
			return s.known
		},
		Serve: func(_ context.Context, p Partner, c net.Conn) {
			s.mu.Lock()
			s.from = append(s.from, p.Host)
			s.mu.Unlock()
			_, _ = io.Copy(c, c)
		},
	}
	return s
}

func (h *host) dialler(t *testing.T) *Dialer {
	t.Helper()
	d, err := NewDialer(h.o)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// status opens a status connection and checks that it works.
func (h *host) status(t *testing.T, s *served, to *host) net.Conn {
	t.Helper()
	c, err := h.dialler(t).DialStatus(t.Context(), to.as(s.address))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	if err := echo(c); err != nil {
		t.Fatal(err)
	}
	return c
}

// counts waits until h has refused want connections for a reason; who is refused
// may know it before it is counted.
func counts(t *testing.T, h *host, why reason, want float64) {
	t.Helper()
	var got float64
	for until := time.Now().Add(patience); time.Now().Before(until); {
		if got = testutil.ToFloat64(h.o.Metrics.refused[why]); got >= want {
			break
		}
		<-time.After(time.Millisecond)
	}
	if got != want {
		t.Errorf("%v refused for %s, want %v", got, reasonLabels[why], want)
	}
}

func echo(c net.Conn) error {
	_ = c.SetReadDeadline(time.Now().Add(patience))
	if _, err := c.Write([]byte("hello")); err != nil {
		return err
	}
	_, err := io.ReadFull(c, make([]byte, 5))
	return err
}

// TestBothProtocols share a port and a key: a member has sessions and status
// connections at once, an observer the latter alone.
func TestBothProtocols(t *testing.T) {
	fs1, fs2, watcher := newHost(t, "fs1", 1), newHost(t, "fs2", 2), newHost(t, "ns1", 3)
	served := fs2.takesStatus(fs1.as(""), watcher.as(""))
	s := fs2.serve(t, handler{}, fs1.as(""))

	session, _ := fs1.dial(t, s, fs2, handler{})
	within(t, s.sessions)
	fs1.status(t, s, fs2)
	if err := echo(watcher.status(t, s, fs2)); err != nil { // the first bytes may have come with the handshake
		t.Fatal(err)
	}
	if served.from[0] != "fs1" || served.from[1] != "ns1" {
		t.Errorf("status connections from %v", served.from)
	}
	if n := testutil.ToFloat64(fs2.o.Metrics.statuses); n != 2 {
		t.Errorf("%v status connections, want 2", n)
	}
	if n := testutil.ToFloat64(fs2.o.Metrics.received[statusLane]); n < 10 {
		t.Errorf("%v bytes of status received", n)
	}
	session.Close()

	if _, err := watcher.dialler(t).Dial(t.Context(), fs2.as(s.address)); !errors.Is(err, ErrNotTrusted) {
		t.Errorf("a session of an observer: %v, want %v", err, ErrNotTrusted)
	}
	counts(t, fs2, refusedKey, 1)
	if n := len(s.sessions); n != 0 {
		t.Errorf("%d sessions with an observer", n)
	}
}

// TestObserverOffersBoth: who offers both protocols is held to the one that is
// agreed on, and that is replication.
func TestObserverOffersBoth(t *testing.T) {
	fs2, watcher := newHost(t, "fs2", 2), newHost(t, "ns1", 3)
	fs2.takesStatus(watcher.as(""))
	s := fs2.serve(t, handler{})
	for _, protocols := range [][]string{{statusProtocol, protocol}, {protocol}, nil} {
		config := clientTLS(watcher, fs2)
		config.NextProtos = protocols
		c, err := tls.Dial("tcp", s.address, config)
		if err != nil {
			t.Fatal(err)
		}
		if _, err = c.Read(make([]byte, 1)); err == nil {
			t.Errorf("with %v an observer is spoken to", protocols)
		}
		_ = c.Close()
	}
	counts(t, fs2, refusedKey, 3)
}

func TestStatusOfStrangers(t *testing.T) {
	fs1, fs2, stranger := newHost(t, "fs1", 1), newHost(t, "fs2", 2), newHost(t, "stranger", 4)
	served := fs2.takesStatus(fs1.as(""))
	s := fs2.serve(t, handler{}, fs1.as(""), stranger.as("")) // a partner, but not known for status
	c, err := stranger.dialler(t).DialStatus(t.Context(), fs2.as(s.address))
	if err != nil {
		t.Fatal(err) // TLS 1.3 refuses a client's key after the handshake
	}
	defer c.Close()
	if _, err := c.Read(make([]byte, 1)); !errors.Is(err, ErrNotTrusted) {
		t.Errorf("Read = %v, want %v", err, ErrNotTrusted)
	}
	var wrong *KeyError
	if _, err := fs1.dialler(t).DialStatus(t.Context(), stranger.as(s.address)); !errors.As(err, &wrong) || wrong.Got != fs2.id.Fingerprint() {
		t.Errorf("DialStatus of another host = %v", err)
	}
	served.mu.Lock()
	defer served.mu.Unlock()
	if len(served.from) != 0 {
		t.Errorf("served %v", served.from)
	}
}

// TestKeysTakenOut are refused from then on.
func TestKeysTakenOut(t *testing.T) {
	fs1, fs2 := newHost(t, "fs1", 1), newHost(t, "fs2", 2)
	served := fs2.takesStatus(fs1.as(""))
	s := fs2.serve(t, handler{})
	_ = fs1.status(t, s, fs2).Close()
	served.mu.Lock()
	served.known = nil
	served.mu.Unlock()
	c, err := fs1.dialler(t).DialStatus(t.Context(), fs2.as(s.address))
	if err == nil {
		defer c.Close()
		err = echo(c)
	}
	if !errors.Is(err, ErrNotTrusted) {
		t.Errorf("status of a key that was taken out: %v, want %v", err, ErrNotTrusted)
	}
}

// TestNoStatusHere: a host without the service is told apart from one that
// refuses our key.
func TestNoStatusHere(t *testing.T) {
	fs1, fs2 := newHost(t, "fs1", 1), newHost(t, "fs2", 2)
	s := fs2.serve(t, handler{}, fs1.as(""))
	if _, err := fs1.dialler(t).DialStatus(t.Context(), fs2.as(s.address)); !errors.Is(err, ErrNoStatus) || errors.Is(err, ErrNotTrusted) {
		t.Errorf("DialStatus = %v, want %v", err, ErrNoStatus)
	}
	fs2.o.Status = &StatusService{}
	if _, err := NewListener(fs2.o, nil); err == nil {
		t.Error("a service without functions is accepted")
	}
}

// TestStatusBounds: two connections of one host, and a bound for all; places
// come back.
func TestStatusBounds(t *testing.T) {
	fs1, fs2, fs3, fs4 := newHost(t, "fs1", 1), newHost(t, "fs2", 2), newHost(t, "fs3", 3), newHost(t, "fs4", 4)
	fs2.o.Limits.Status = 3
	fs2.takesStatus(fs1.as(""), fs3.as(""), fs4.as(""))
	s := fs2.serve(t, handler{})
	refused := func(h *host) {
		t.Helper()
		c, err := h.dialler(t).DialStatus(t.Context(), fs2.as(s.address))
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		if err := echo(c); err == nil {
			t.Errorf("one connection too many of %s works", h.name)
		}
	}
	first := fs1.status(t, s, fs2)
	fs1.status(t, s, fs2)
	refused(fs1)
	fs3.status(t, s, fs2)
	refused(fs4)
	counts(t, fs2, refusedStatus, 2)
	_ = first.Close()
	for until := time.Now().Add(patience); testutil.ToFloat64(fs2.o.Metrics.statuses) > 2; {
		if time.Now().After(until) {
			t.Fatal("places do not come back")
		}
	}
	for until := time.Now().Add(patience); ; {
		c, err := fs4.dialler(t).DialStatus(t.Context(), fs2.as(s.address))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = c.Close() })
		if echo(c) == nil {
			break
		}
		if time.Now().After(until) {
			t.Fatal("a place that came back cannot be taken")
		}
	}
	fs2.o.Limits.StatusPerHost = -1
	if _, err := NewListener(fs2.o, nil); err == nil {
		t.Error("a negative limit is accepted")
	}
}

// TestStatusHasNoDeadline: once it is proven, a connection may be silent, and
// the end of the listener ends it.
func TestStatusHasNoDeadline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fs1, fs2, p := newHost(t, "fs1", 1), newHost(t, "fs2", 2), newPipes()
		fs2.takesStatus(fs1.as(""))
		fs2.serveOn(t, p, handler{})
		d := fs1.dialler(t)
		d.dial = p.dial
		c, err := d.DialStatus(t.Context(), fs2.as("pipe"))
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		time.Sleep(time.Hour)
		if _, err := c.Write([]byte("hello")); err != nil {
			t.Fatal(err)
		}
		if _, err := io.ReadFull(c, make([]byte, 5)); err != nil {
			t.Errorf("after an hour of silence: %v", err)
		}
	})
}

// TestStatusHandshakeIsBounded: who says nothing is let go like for a session.
func TestStatusHandshakeIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fs2, p := newHost(t, "fs2", 2), newPipes()
		fs2.takesStatus()
		fs2.serveOn(t, p, handler{})
		c, err := p.dial(t.Context(), "", "")
		if err != nil {
			t.Fatal(err)
		}
		start := time.Now()
		if _, err := c.Read(make([]byte, 1)); err == nil {
			t.Error("the listener spoke first")
		}
		if took := time.Since(start); took != DefaultLimits().Handshake {
			t.Errorf("let go after %v, want %v", took, DefaultLimits().Handshake)
		}
	})
}
