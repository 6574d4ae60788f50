package smbd

import (
	"context"
	"crypto/rand"
	"errors"
	"net"
	"net/netip"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"go.uber.org/zap/zapcore"
	"go.uber.org/zap/zaptest/observer"

	"go.uber.org/zap"

	"dfsd/internal/smbauth"
	"dfsd/internal/smbtree"
	"dfsd/namespace"
	"dfsd/referral"
	"dfsd/sites"
)

const (
	testUser     = "alice"
	testPassword = "correct horse"
	otherUser    = "bob"
)

// testNamespace is \public with a folder, a link with two targets in different
// sites, an offline link and an interlink.
func testNamespace() []namespace.Config {
	return []namespace.Config{{
		Name: "public", TTL: 300 * time.Second, Folders: []namespace.FolderConfig{
			{Path: "docs", Comment: "a folder", TTL: 60 * time.Second},
			{Path: `docs\projects`, TTL: 1800 * time.Second, Targets: []namespace.TargetConfig{
				{Path: `\\10.2.0.1\projects`}, {Path: `\\10.1.0.1\projects`},
			}},
			{Path: "closed", TTL: 60 * time.Second, State: namespace.Offline, Targets: []namespace.TargetConfig{{Path: `\\10.1.0.1\closed`}}},
			{Path: "other", TTL: 60 * time.Second, Interlink: true, Targets: []namespace.TargetConfig{{Path: `\\10.1.0.1\other`}}},
		},
	}}
}

// testView is the namespace seen from the sites NewYork 10.1/16 and 127/8, and
// London 10.2/16.
func testView(t testing.TB, cfgs []namespace.Config) *referral.View {
	t.Helper()
	snapshot, err := namespace.New(cfgs)
	if err != nil {
		t.Fatal(err)
	}
	var c sites.Config
	c.SetDefaults()
	c.Sites = []string{"NewYork", "London"}
	for prefix, site := range map[string]string{"10.1.0.0/16": "NewYork", "127.0.0.0/8": "NewYork", "10.2.0.0/16": "London"} {
		c.Subnets = append(c.Subnets, sites.SubnetConfig{Prefix: netip.MustParsePrefix(prefix), Site: site})
	}
	c.Links = []sites.LinkConfig{{Name: "ny-lon", Sites: c.Sites, Cost: 100}}
	topology, err := sites.New(c)
	if err != nil {
		t.Fatal(err)
	}
	return referral.NewView(snapshot, topology, referral.ViewOptions{})
}

// testOptions are those of a server with testNamespace and the users alice and
// bob, which refuses wrong passwords at once.
func testOptions(t testing.TB) Options {
	t.Helper()
	view := testView(t, testNamespace())
	users, err := smbauth.NewUsers(map[string]smbauth.Hash{
		testUser: smbauth.NTHash(testPassword), otherUser: smbauth.NTHash(testPassword),
	})
	if err != nil {
		t.Fatal(err)
	}
	var c Config
	c.SetDefaults()
	c.Limits.LogonDelay = 0
	names := smbauth.Config{NetBIOSName: "FS1", DNSName: "fs1.example.com"}
	return Options{
		Config: c,
		Auth:   smbauth.NewAuthenticator(names, func() *smbauth.Users { return users }, rand.Reader),
		Forest: smbtree.New(smbtree.Options{
			Snapshot: view.Namespaces,
			Host:     smbtree.Host{Name: "FS1", Domain: "WORKGROUP"},
			Start:    time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC),
		}),
		Refer: func(req referral.Request, out *referral.Referral) error { return view.Resolve(req, nil, out) },
		GUID:  [16]byte{1, 2, 3},
	}
}

// harness is a server that runs until the test ends.
type harness struct {
	*Server
	t    testing.TB
	stop func()
	dial func() net.Conn
	// panics is how many are expected.
	panics float64
}

// listen runs a server of o over loopback TCP.
func listen(t testing.TB, o Options) *harness {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	h := serve(t, o, l)
	h.dial = func() net.Conn {
		nc, err := net.Dial("tcp", l.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		return nc
	}
	return h
}

// listenPipe runs a server of o over pipes in memory, whose clients come from
// 10.1.0.99.
func listenPipe(t testing.TB, o Options) *harness {
	t.Helper()
	l := newPipeListener()
	h := serve(t, o, l)
	h.dial = func() net.Conn { return l.dialFrom("10.1.0.99") }
	return h
}

func serve(t testing.TB, o Options, l net.Listener) *harness {
	t.Helper()
	if o.Metrics == nil {
		o.Metrics = NewMetrics(prometheus.NewRegistry())
	}
	s, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- s.Serve(ctx, l) }()
	var once sync.Once
	h := &harness{Server: s, t: t}
	h.stop = func() {
		once.Do(func() {
			cancel()
			if err := <-done; err != nil {
				t.Errorf("Serve() = %v, want nil", err)
			}
			h.checkEmpty()
		})
	}
	t.Cleanup(h.stop)
	return h
}

// checkEmpty checks that a server that has stopped holds nothing of its clients.
func (h *harness) checkEmpty() {
	h.t.Helper()
	m := h.metrics
	for name, gauge := range map[string]prometheus.Gauge{
		"connections": m.connections, "sessions": m.sessions, "opens": m.opens, "parked": m.parked,
	} {
		if n := testutil.ToFloat64(gauge); n != 0 {
			h.t.Errorf("%s after the end: %v, want 0", name, n)
		}
	}
	if n := testutil.ToFloat64(m.panics); n != h.panics {
		h.t.Errorf("%v panics, want %v", n, h.panics)
	}
	if len(h.conns) != 0 || len(h.admission.byAddr) != 0 || h.admission.all != (headcount{}) {
		h.t.Errorf("after the end: %d connections, %d addresses, %+v", len(h.conns), len(h.admission.byAddr), h.admission.all)
	}
	if len(h.registry.sessions) != 0 || len(h.registry.machines) != 0 {
		h.t.Errorf("after the end: %d sessions, %d machines", len(h.registry.sessions), len(h.registry.machines))
	}
}

// rejected is the count of refusals for why.
func (h *harness) rejected(why reason) float64 { return testutil.ToFloat64(h.metrics.rejected[why]) }

// observeLog makes o log at debug into what it returns.
func observeLog(o *Options) *observer.ObservedLogs {
	core, lines := observer.New(zapcore.DebugLevel)
	o.Log = zap.New(core)
	return lines
}

// pipeListener accepts the server ends of pipes.
type pipeListener struct {
	conns chan net.Conn
	once  sync.Once
	done  chan struct{}
}

func newPipeListener() *pipeListener {
	return &pipeListener{conns: make(chan net.Conn), done: make(chan struct{})}
}

func (l *pipeListener) Accept() (net.Conn, error) {
	select {
	case nc := <-l.conns:
		return nc, nil
	case <-l.done:
		return nil, net.ErrClosed
	}
}

func (l *pipeListener) Close() error {
	l.once.Do(func() { close(l.done) })
	return nil
}

func (l *pipeListener) Addr() net.Addr { return &net.UnixAddr{Name: "pipe"} }

// dialFrom connects a client with the address addr. Where the server has ended,
// the connection has too.
func (l *pipeListener) dialFrom(addr string) net.Conn {
	ours, theirs := net.Pipe()
	select {
	case l.conns <- remoteConn{theirs, net.TCPAddrFromAddrPort(netip.AddrPortFrom(netip.MustParseAddr(addr), 50000))}:
	case <-l.done:
		theirs.Close() //nolint:errcheck // a pipe
	}
	return ours
}

// remoteConn is a connection from an address of the test's choice.
type remoteConn struct {
	net.Conn
	addr net.Addr
}

func (c remoteConn) RemoteAddr() net.Addr { return c.addr }

// faultyListener fails a few times before it accepts.
type faultyListener struct {
	net.Listener
	failures int
}

func (l *faultyListener) Accept() (net.Conn, error) {
	if l.failures > 0 {
		l.failures--
		return nil, errors.New("too many open files")
	}
	return l.Listener.Accept()
}
