package peer

import (
	"context"
	"crypto/ed25519"
	"net"
	"testing"
	"time"

	"dfsd/replication/wire"
)

// patience is how long a test waits for what must come.
const patience = 30 * time.Second

// handler is a Handler of two functions; a nil one is not called.
type handler struct {
	receive func(context.Context, wire.Lane, wire.Message) error
	answer  func(context.Context, wire.Lane, wire.Message, func(wire.Message) error) (wire.Message, error)
}

func (h handler) Receive(ctx context.Context, l wire.Lane, m wire.Message) error {
	if h.receive == nil {
		return nil
	}
	return h.receive(ctx, l, m)
}

func (h handler) Answer(ctx context.Context, l wire.Lane, m wire.Message, part func(wire.Message) error) (wire.Message, error) {
	if h.answer == nil {
		return nil, wire.ErrUnsupported
	}
	return h.answer(ctx, l, m, part)
}

// host is one side of a test.
type host struct {
	name string
	id   *Identity
	o    Options
}

func newHost(t testing.TB, name string, seed byte) *host {
	t.Helper()
	key := make([]byte, ed25519.SeedSize)
	key[0] = seed
	id, err := newIdentity(ed25519.NewKeyFromSeed(key))
	if err != nil {
		t.Fatal(err)
	}
	return &host{name: name, id: id, o: Options{
		Identity: id,
		Metrics:  NewMetrics(nil),
		Hello: func(Partner) wire.Hello {
			return wire.Hello{Host: name, Software: "test", Offers: []wire.Offer{{Group: "branch", Folder: "projects"}}}
		},
	}}
}

// as is h as a partner that is reached at address.
func (h *host) as(address string) Partner { return Partner{h.name, address, h.id.Fingerprint()} }

// speaks makes h speak the versions v.
func (h *host) speaks(v wire.Versions) *host {
	hello := h.o.Hello
	h.o.Hello = func(p Partner) wire.Hello {
		said := hello(p)
		said.Versions = v
		return said
	}
	return h
}

// served is a listener that runs and its sessions.
type served struct {
	l        *Listener
	address  string
	sessions chan *Session // as they are accepted
	ends     chan error    // of their Run
}

// serve runs a listener of h on the loopback, for the partners, until the test
// ends, and every session with handle.
func (h *host) serve(t testing.TB, handle Handler, partners ...Partner) *served {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	return h.serveOn(t, ln, handle, partners...)
}

func (h *host) serveOn(t testing.TB, ln net.Listener, handle Handler, partners ...Partner) *served {
	t.Helper()
	l, err := NewListener(h.o, func() []Partner { return partners })
	if err != nil {
		t.Fatal(err)
	}
	s := &served{l, ln.Addr().String(), make(chan *Session, 8), make(chan error, 8)}
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() {
		done <- l.Serve(ctx, ln, func(ctx context.Context, session *Session) {
			s.sessions <- session
			s.ends <- session.Run(ctx, handle)
		})
	}()
	t.Cleanup(func() {
		stop()
		if err := <-done; err != nil {
			t.Errorf("Serve = %v", err)
		}
	})
	return s
}

// dial opens and runs a session of h with s until the test ends.
func (h *host) dial(t testing.TB, s *served, to *host, handle Handler) (*Session, <-chan error) {
	t.Helper()
	session := h.open(t, s, to)
	return session, run(t, session, handle)
}

func (h *host) open(t testing.TB, s *served, to *host) *Session {
	t.Helper()
	d, err := NewDialer(h.o)
	if err != nil {
		t.Fatal(err)
	}
	session, err := d.Dial(t.Context(), to.as(s.address))
	if err != nil {
		t.Fatal(err)
	}
	return session
}

// run runs a session until the test ends.
func run(t testing.TB, s *Session, handle Handler) <-chan error {
	ctx, stop := context.WithCancel(context.Background())
	done, ended := make(chan error, 1), make(chan struct{})
	go func() {
		defer close(ended)
		done <- s.Run(ctx, handle)
	}()
	t.Cleanup(func() {
		stop()
		<-ended
	})
	return done
}

// pair is a session seen from both ends, over the loopback.
func pair(t testing.TB, dials, accepts Handler) (dialled, accepted *Session) {
	t.Helper()
	fs1, fs2 := newHost(t, "fs1", 1), newHost(t, "fs2", 2)
	s := fs2.serve(t, accepts, fs1.as(""))
	dialled, _ = fs1.dial(t, s, fs2, dials)
	return dialled, within(t, s.sessions)
}

// within returns what c brings, and fails the test when nothing comes.
func within[T any](t testing.TB, c <-chan T) T {
	t.Helper()
	select {
	case v := <-c:
		return v
	case <-time.After(patience):
		t.Fatal("nothing came")
		panic("unreachable")
	}
}
