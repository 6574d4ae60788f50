package peer

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"

	"dfsd/replication"
	"dfsd/replication/wire"
)

func TestWrongKeys(t *testing.T) {
	fs1, fs2, stranger := newHost(t, "fs1", 1), newHost(t, "fs2", 2), newHost(t, "stranger", 3)
	s := fs2.serve(t, handler{}, fs1.as(""))

	d, err := NewDialer(fs1.o)
	if err != nil {
		t.Fatal(err)
	}
	_, err = d.Dial(t.Context(), stranger.as(s.address))
	var wrong *KeyError
	if !errors.As(err, &wrong) || wrong.Got != fs2.id.Fingerprint() || len(wrong.Want) != 1 || wrong.Want[0] != stranger.id.Fingerprint() {
		t.Errorf("Dial of another member = %v", err)
	} else if text := err.Error(); !strings.Contains(text, wrong.Got.String()) || !strings.Contains(text, wrong.Want[0].String()) {
		t.Errorf("%q names not both keys", text)
	}

	if d, err = NewDialer(stranger.o); err != nil {
		t.Fatal(err)
	}
	if _, err := d.Dial(t.Context(), fs2.as(s.address)); !errors.Is(err, ErrNotTrusted) {
		t.Errorf("Dial by a stranger = %v, want %v", err, ErrNotTrusted)
	}
	refusals := func() float64 { return testutil.ToFloat64(fs2.o.Metrics.refused[refusedKey]) }
	for end := time.Now().Add(time.Minute); refusals() == 0 && time.Now().Before(end); { // counted after the stranger has heard
		runtime.Gosched()
	}
	if n := refusals(); n != 1 {
		t.Errorf("%v connections refused for their key, want 1", n)
	}
	if n := len(s.sessions); n != 0 {
		t.Errorf("%d sessions with strangers", n)
	}
}

// TestNoKeyNoTLS12: no certificate, an old TLS, and a certificate whose key the
// peer does not have.
func TestNoKeyNoTLS12(t *testing.T) {
	fs1, fs2, stranger := newHost(t, "fs1", 1), newHost(t, "fs2", 2), newHost(t, "stranger", 3)
	s := fs2.serve(t, handler{}, fs1.as(""))
	stolen := fs1.id.certificate
	stolen.PrivateKey = stranger.id.certificate.PrivateKey
	for name, config := range map[string]*tls.Config{
		"no certificate":         {},
		"TLS 1.2":                {MaxVersion: tls.VersionTLS12, Certificates: []tls.Certificate{fs1.id.certificate}},
		"another protocol":       {NextProtos: []string{"h2"}, Certificates: []tls.Certificate{fs1.id.certificate}},
		"certificate of another": {Certificates: []tls.Certificate{stolen}},
	} {
		config.InsecureSkipVerify = true
		c, err := tls.Dial("tcp", s.address, config)
		if err == nil {
			_, err = c.Read(make([]byte, 1))
			_ = c.Close()
		}
		if err == nil {
			t.Errorf("%s: the listener spoke to it", name)
		}
	}
	within(t, refusals(t, fs2, refusedTLS, refusedKey))
}

// refusals is ready when a connection was refused for any of the reasons.
func refusals(t *testing.T, h *host, why ...reason) <-chan struct{} {
	ready := make(chan struct{})
	go func() {
		for until := time.Now().Add(patience); time.Now().Before(until) && t.Context().Err() == nil; {
			for _, r := range why {
				if testutil.ToFloat64(h.o.Metrics.refused[r]) > 0 {
					close(ready)
					return
				}
			}
			<-time.After(time.Millisecond)
		}
	}()
	return ready
}

func TestGarbage(t *testing.T) {
	frame := func(m wire.Message) []byte {
		b, err := wire.AppendFrame(nil, wire.Header{}, m)
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	hello := frame(wire.Hello{Versions: wire.Current, Host: "fs1"})
	tests := []struct {
		name   string
		plain  bool // before TLS
		send   []byte
		reason reason
	}{
		{"HTTP before TLS", true, []byte("GET / HTTP/1.1\r\nHost: fs2\r\n\r\n"), refusedTLS},
		{"zeros before TLS", true, make([]byte, 4096), refusedTLS},
		{"a long record before TLS", true, []byte{22, 3, 1, 0xff, 0xff, 1, 0xff, 0xff, 0xff}, refusedTLS},
		{"text instead of a hello", false, []byte("GET / HTTP/1.1\r\n\r\n"), refusedHello},
		{"a hello of 4 GiB", false, []byte{1, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0, 0, 0, 0, 0}, refusedHello},
		{"a ping instead of a hello", false, frame(wire.Ping{}), refusedHello},
		{"two hellos", false, append(hello[:len(hello):len(hello)], hello...), refusedHello},
		{"another version than agreed", false, append(hello[:len(hello):len(hello)], frame(wire.Join{Version: 9})...), refusedHello},
	}
	for _, tt := range tests {
		fs1, fs2 := newHost(t, "fs1", 1), newHost(t, "fs2", 2)
		s := fs2.serve(t, handler{}, fs1.as(""))
		var c net.Conn
		var err error
		if tt.plain {
			c, err = net.Dial("tcp", s.address)
		} else {
			c, err = tls.Dial("tcp", s.address, clientTLS(fs1, fs2))
		}
		if err != nil {
			t.Fatal(err)
		}
		if _, err := c.Write(tt.send); err != nil {
			t.Fatal(err)
		}
		select {
		case <-refusals(t, fs2, tt.reason):
		case <-time.After(patience):
			t.Errorf("%s: not refused", tt.name)
		}
		_ = c.Close()
	}
}

// clientTLS is the dialling side's, for hosts that then misbehave.
func clientTLS(own, other *host) *tls.Config {
	return tlsConfig(own.id, "", func(f replication.Fingerprint) bool { return f == other.id.Fingerprint() },
		func() []replication.Fingerprint { return nil })
}

// misbehave shakes hands on all lanes and leaves it to the test to misbehave.
func misbehave(t *testing.T, own, other *host, s *served) [wire.Lanes]*connection {
	t.Helper()
	o, err := own.o.complete()
	if err != nil {
		t.Fatal(err)
	}
	nonce := newNonce()
	var lanes [wire.Lanes]*connection
	for l := range wire.Lanes {
		raw, err := net.Dial("tcp", s.address)
		if err != nil {
			t.Fatal(err)
		}
		if lanes[l], err = o.dialHandshake(t.Context(), raw, other.as(s.address), l, nonce); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(lanes[l].close)
	}
	return lanes
}

func TestFramesOutOfPlaceEndTheSession(t *testing.T) {
	frame := func(h wire.Header, m wire.Message) []byte {
		b, err := wire.AppendFrame(nil, h, m)
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	request := func(id uint64) []byte {
		return frame(wire.Header{Flags: wire.FlagRequest, Request: id}, wire.WantRange{})
	}
	long := frame(wire.Header{}, wire.Data{Bytes: make([]byte, wire.MaxPiece)})
	var flood []byte
	for range 9 { // into a window of 8 MiB
		flood = append(flood, long...)
	}
	tests := []struct {
		name string
		send []byte
		want error
	}{
		{"a request replayed", append(request(1), request(1)...), wire.ErrProtocol},
		{"an older request", append(request(5), request(4)...), wire.ErrProtocol},
		{"more than was granted", flood, wire.ErrProtocol},
		{"a second hello", frame(wire.Header{}, wire.Hello{Versions: wire.Current}), wire.ErrProtocol},
		{"a second join", frame(wire.Header{}, wire.Join{Version: 1}), wire.ErrProtocol},
		{"an error that answers nothing", frame(wire.Header{}, wire.Error{Code: 1}), wire.ErrProtocol},
		{"a ping as a request", frame(wire.Header{Flags: wire.FlagRequest, Request: 1}, wire.Ping{}), wire.ErrProtocol},
		{"credit beyond reason", append(frame(wire.Header{}, wire.Credit{Bytes: 1<<32 - 1}), frame(wire.Header{}, wire.Credit{Bytes: 1<<32 - 1})...), wire.ErrProtocol},
		{"a body of 4 GiB", []byte{36, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0, 0, 0, 0, 0}, wire.ErrTooLarge},
		{"an unknown type", []byte{99, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}, wire.ErrMalformed},
		{"a malformed body", []byte{4, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0x80}, wire.ErrMalformed},
	}
	for _, tt := range tests {
		fs1, fs2 := newHost(t, "fs1", 1), newHost(t, "fs2", 2)
		s := fs2.serve(t, handler{
			receive: func(ctx context.Context, _ wire.Lane, _ wire.Message) error { <-ctx.Done(); return nil },
			answer: func(ctx context.Context, _ wire.Lane, _ wire.Message, _ func(wire.Message) error) (wire.Message, error) {
				<-ctx.Done()
				return nil, ctx.Err()
			},
		}, fs1.as(""))
		lanes := misbehave(t, fs1, fs2, s)
		within(t, s.sessions)
		go func() { _, _ = lanes[wire.Bulk].tls.Write(tt.send) }() // the session may end before it is written
		for _, c := range lanes {
			go hangUpAfterGoodbye(c)
		}
		if err := within(t, s.ends); !errors.Is(err, tt.want) {
			t.Errorf("%s: Run = %v, want %v", tt.name, err, tt.want)
		}
	}
}

// hangUpAfterGoodbye reads until there is nothing more to read.
func hangUpAfterGoodbye(c *connection) {
	defer c.close()
	for {
		h, _, err := wire.ReadFrame(c.tls, nil)
		if err != nil || h.Type == wire.TypeGoodbye {
			return
		}
	}
}

// TestAnswersToNothing are dropped, and their credit comes back.
func TestAnswersToNothing(t *testing.T) {
	fs1, fs2 := newHost(t, "fs1", 1), newHost(t, "fs2", 2)
	s := fs2.serve(t, handler{}, fs1.as(""))
	lanes := misbehave(t, fs1, fs2, s)
	b, err := wire.AppendFrame(nil, wire.Header{Flags: wire.FlagAnswer, Request: 77}, wire.Data{Bytes: make([]byte, wire.MaxPiece)})
	if err != nil {
		t.Fatal(err)
	}
	var granted, sent int64
	for sent < 40<<20 {
		for granted-sent < wire.MaxPiece+2*frameCost {
			h, body, err := wire.ReadFrame(lanes[wire.Bulk].tls, nil)
			if err != nil {
				t.Fatal(err)
			}
			m, err := wire.Parse(h.Type, body)
			if err != nil {
				t.Fatal(err)
			}
			if c, ok := m.(wire.Credit); ok {
				granted += int64(c.Bytes)
			}
		}
		if _, err := lanes[wire.Bulk].tls.Write(b); err != nil {
			t.Fatal(err)
		}
		sent += int64(len(b)) - wire.HeaderSize + frameCost
	}
	if n := len(s.ends); n != 0 {
		t.Errorf("the session ended: %v", <-s.ends)
	}
}

func TestJoinsOutOfPlace(t *testing.T) {
	fs1, fs2 := newHost(t, "fs1", 1), newHost(t, "fs2", 2)
	fs2.o.Limits.SessionsPerMember = 2
	s := fs2.serve(t, handler{}, fs1.as(""))
	o, err := fs1.o.complete()
	if err != nil {
		t.Fatal(err)
	}
	join := func(l wire.Lane, n wire.Nonce) *connection {
		raw, err := net.Dial("tcp", s.address)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = raw.Close() })
		c, err := o.dialHandshake(t.Context(), raw, fs2.as(s.address), l, n)
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	told := func(c *connection) error {
		_, err := readAs[wire.Credit](c.tls, wire.TypeCredit)
		return err
	}
	join(wire.Control, wire.Nonce{1})
	within(t, gathered(t, s.l, 1))
	if err := told(join(wire.Control, wire.Nonce{1})); !errors.Is(err, wire.ErrProtocol) {
		t.Errorf("a second control lane hears %v, want %v", err, wire.ErrProtocol)
	}
	join(wire.Control, wire.Nonce{2})
	within(t, gathered(t, s.l, 2))
	if err := told(join(wire.Control, wire.Nonce{3})); !errors.Is(err, wire.ErrBusy) {
		t.Errorf("a third session hears %v, want %v", err, wire.ErrBusy)
	}
	join(wire.Small, wire.Nonce{2})
	if err := told(join(wire.Bulk, wire.Nonce{2})); err != nil {
		t.Errorf("the last lane hears %v, want credit", err)
	}
	within(t, s.sessions)
	if err := told(join(wire.Bulk, wire.Nonce{2})); !errors.Is(err, wire.ErrProtocol) {
		t.Errorf("a fourth lane hears %v, want %v", err, wire.ErrProtocol)
	}
}

// gathered is ready when l has n sessions.
func gathered(t *testing.T, l *Listener, n int) <-chan struct{} {
	ready := make(chan struct{})
	go func() {
		for t.Context().Err() == nil {
			l.assembly.mu.Lock()
			have := len(l.assembly.sessions)
			l.assembly.mu.Unlock()
			if have == n {
				close(ready)
				return
			}
			<-time.After(time.Millisecond)
		}
	}()
	return ready
}

// TestFloodOfStrangers: those who say nothing fill their own share alone, and
// all places come back.
func TestFloodOfStrangers(t *testing.T) {
	fs1, fs2 := newHost(t, "fs1", 1), newHost(t, "fs2", 2)
	fs2.o.Limits.UnprovenPerAddress = 4
	s := fs2.serve(t, handler{}, fs1.as(""))
	var mu sync.Mutex
	var open []net.Conn
	for range 12 {
		c, err := net.Dial("tcp", s.address)
		if err != nil {
			t.Fatal(err)
		}
		mu.Lock()
		open = append(open, c)
		mu.Unlock()
	}
	turnedAway := 0
	for _, c := range open[4:] {
		_ = c.SetReadDeadline(time.Now().Add(patience))
		if _, err := c.Read(make([]byte, 1)); errors.Is(err, io.EOF) || err != nil && !errors.Is(err, context.DeadlineExceeded) {
			turnedAway++
		}
	}
	if turnedAway != 8 {
		t.Errorf("%d of 12 were turned away, want 8", turnedAway)
	}
	for _, c := range open {
		_ = c.Close()
	}
	for until := time.Now().Add(patience); testutil.ToFloat64(fs2.o.Metrics.unproven) > 0; {
		if time.Now().After(until) {
			t.Fatal("places do not come back")
		}
	}
	session, _ := fs1.dial(t, s, fs2, handler{})
	session.Close()
}
