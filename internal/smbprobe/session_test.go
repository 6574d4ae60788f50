package smbprobe

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"

	"dfsd/internal/smb2"
	"dfsd/internal/smbclient"
	"dfsd/referral/health"
)

// eventually polls until done.
func eventually(t *testing.T, what string, done func() bool) {
	t.Helper()
	again := time.NewTicker(5 * time.Millisecond)
	defer again.Stop()
	late := time.After(time.Minute)
	for !done() {
		select {
		case <-again.C:
		case <-late:
			t.Fatalf("%s: not in time", what)
		}
	}
}

// want checks one probe.
func want(t *testing.T, p *Prober, verdict string, paths ...string) health.Result {
	t.Helper()
	r := probe(t, p, paths...)
	if got := verdicts(r); got != verdict {
		t.Fatalf("probe: %s, want %s; host %v, targets %v", got, verdict, r.Host, r.Targets)
	}
	return r
}

func TestSessionIsMadeAnew(t *testing.T) {
	s := startServer(t, "127.0.0.1", 0, nil)
	p := newProber(t, s.port, testPassword, nil)
	want(t, p, "host good, good", `docs\a`)
	eventually(t, "one connection is kept", func() bool { return s.open() == 1 })
	s.cut()
	eventually(t, "it is cut", func() bool { return s.open() == 0 })
	want(t, p, "host good, good", `docs\a`)
	if got := s.count(smb2.CommandSessionSetup); got != 4 {
		t.Errorf("%d SESSION_SETUP, want those of two sessions", got)
	}
	if got := s.count(smb2.CommandNegotiate); got != 2 {
		t.Errorf("%d NEGOTIATE, want two: a new session uses the probe's own connection", got)
	}
}

// TestSessionEnds has a server forget the session between two probes.
func TestSessionEnds(t *testing.T) {
	for _, status := range []smb2.Status{smb2.StatusUserSessionDeleted, smb2.StatusNetworkSessionExpired, endConn} {
		t.Run(status.String(), func(t *testing.T) {
			var ended atomic.Bool
			s := startServer(t, "127.0.0.1", 0, func(s *server) {
				s.folder = func(string, string) smb2.Status {
					if ended.CompareAndSwap(true, false) {
						return status
					}
					return smb2.StatusSuccess
				}
			})
			p := newProber(t, s.port, testPassword, nil)
			want(t, p, "host good, good", `docs\a`)
			ended.Store(true)
			want(t, p, "host good, good, good", `docs\a`, `docs\b`)
			if ended.Load() {
				t.Error("the session did not end")
			}
		})
	}
}

// TestSilentSession has the kept connection die without a word.
func TestSilentSession(t *testing.T) {
	t.Parallel()
	var silent atomic.Bool
	s := startServer(t, "127.0.0.1", 0, func(s *server) {
		s.folder = func(string, string) smb2.Status {
			if silent.CompareAndSwap(true, false) {
				return smb2.StatusPending
			}
			return smb2.StatusSuccess
		}
	})
	p := newProber(t, s.port, testPassword, nil)
	want(t, p, "host good, good", `docs\a`)
	silent.Store(true)
	ctx, cancel := context.WithTimeout(t.Context(), 6*time.Second) // half of it for the kept session
	defer cancel()
	if got := verdicts(p.Probe(ctx, "fs1", []string{`docs\a`})); got != "host good, good" {
		t.Errorf("probe: %s, want all good over a new session", got)
	}
}

// TestShareGoesAndComes has a share deleted, with the tree that we keep, and
// made anew.
func TestShareGoesAndComes(t *testing.T) {
	var deleted, there atomic.Bool
	there.Store(true)
	s := startServer(t, "127.0.0.1", 0, func(s *server) {
		s.share = func(string) smb2.Status {
			if !there.Load() {
				return smb2.StatusBadNetworkName
			}
			deleted.Store(false)
			return smb2.StatusSuccess
		}
		s.folder = func(string, string) smb2.Status {
			if deleted.Load() {
				return smb2.StatusNetworkNameDeleted
			}
			return smb2.StatusSuccess
		}
	})
	p := newProber(t, s.port, testPassword, nil)
	paths := []string{`docs\a`, `docs\b`, `docs`}
	want(t, p, "host good, good, good, good", paths...)
	deleted.Store(true)
	there.Store(false)
	want(t, p, "host good, tree, tree, tree", paths...)
	there.Store(true)
	want(t, p, "host good, good, good, good", paths...)
	deleted.Store(true)
	want(t, p, "host good, good, good, good", paths...)
}

// TestTreesAge has a server take a share away from new users only.
func TestTreesAge(t *testing.T) {
	var there atomic.Bool
	there.Store(true)
	s := startServer(t, "127.0.0.1", 0, func(s *server) {
		s.share = func(string) smb2.Status {
			if there.Load() {
				return smb2.StatusSuccess
			}
			return smb2.StatusBadNetworkName
		}
	})
	p := newProber(t, s.port, testPassword, nil)
	start := time.Now()
	now := start
	p.now = func() time.Time { return now }
	want(t, p, "host good, good", `docs\a`)
	there.Store(false)
	now = start.Add(treeLife - time.Second)
	want(t, p, "host good, good", `docs\a`)
	now = start.Add(treeLife)
	want(t, p, "host good, tree", `docs\a`)
	if got := s.count(smb2.CommandTreeDisconnect); got != 1 {
		t.Errorf("%d TREE_DISCONNECT, want one", got)
	}
}

// TestRefusedLogon is a password that is wrong for a time.
func TestRefusedLogon(t *testing.T) {
	s := startServer(t, "127.0.0.1", 0, func(s *server) { s.folder = func(string, string) smb2.Status { return smb2.StatusNotADirectory } })
	core, lines := observer.New(zap.InfoLevel)
	password := "wrong"
	p := newProber(t, s.port, "", func(o *Options) {
		o.Log = zap.New(core)
		o.Credentials = func(string) smbclient.Credentials {
			return smbclient.Credentials{User: "probe", Domain: "D", Password: password}
		}
	})
	start := time.Now()
	now := start
	p.now = func() time.Time { return now }
	tries := func() int { return s.count(smb2.CommandSessionSetup) / 2 }
	for i, tt := range []struct {
		at    time.Duration
		tries int
	}{{0, 1}, {time.Minute, 1}, {retryFirst - 1, 1}, {retryFirst, 2}, {2 * retryFirst, 2}, {3 * retryFirst, 3}} {
		now = start.Add(tt.at)
		want(t, p, "host good, good", `docs\a`)
		if got := tries(); got != tt.tries {
			t.Errorf("probe %d after %v: %d log-ons, want %d", i, tt.at, got, tt.tries)
		}
	}
	fault := `log-on of D\probe is refused: SESSION_SETUP: STATUS_LOGON_FAILURE`
	if got := p.Faults(); len(got) != 1 || got["fs1"] != fault {
		t.Errorf("faults %q, want %q", got, fault)
	}
	if lines.FilterMessage("probe cannot look at shares").Len() != 1 {
		t.Errorf("log %v, want one warning", lines.All())
	}
	password = testPassword // is tried at once
	want(t, p, "host good, path", `docs\a`)
	if got := p.Faults(); len(got) != 0 {
		t.Errorf("faults %q after a log-on", got)
	}
	if lines.Len() != 2 || lines.All()[1].Message != "probe looks at shares again" {
		t.Errorf("log %v, want a second line", lines.All())
	}
	for _, l := range lines.All() {
		if strings.Contains(fmt.Sprint(l.ContextMap()), "wrong") {
			t.Errorf("password in the log: %v", l)
		}
	}
}

// TestAccountIsSpared has many hosts refuse one password.
func TestAccountIsSpared(t *testing.T) {
	s := startServer(t, "127.0.0.1", 0, nil)
	p := newProber(t, s.port, "wrong", nil)
	start := time.Now()
	now := start
	p.now = func() time.Time { return now }
	round := func() (tries int) {
		t.Helper()
		before := s.count(smb2.CommandSessionSetup)
		for i := range 20 {
			if r := p.Probe(t.Context(), fmt.Sprintf("fs%d", i), []string{"docs"}); verdicts(r) != "host good, good" {
				t.Fatalf("probe: %s", verdicts(r))
			}
		}
		return (s.count(smb2.CommandSessionSetup) - before) / 2
	}
	for i, tt := range []struct {
		at   time.Duration
		want int
	}{{0, accountRefusals}, {10 * time.Minute, 0}, {accountPause, 1}, {accountPause + 1, 0}} {
		now = start.Add(tt.at)
		if got := round(); got != tt.want {
			t.Errorf("round %d at %v: %d log-ons, want %d", i, tt.at, got, tt.want)
		}
	}
	if got := len(p.Faults()); got != 20 {
		t.Errorf("%d faults, want one for each host", got)
	}
}

// TestLogonEnds is what ends a log-on, and whether the host is to blame.
func TestLogonEnds(t *testing.T) {
	for _, tt := range []struct {
		status smb2.Status
		want   string
	}{
		{smb2.StatusPasswordExpired, "host good, good"},
		{smb2.StatusAccountLockedOut, "host good, good"},
		{smb2.StatusNoLogonServers, "host good, good"},
		{smb2.StatusNotSupported, "host good, good"},
		{smb2.StatusInsufficientResources, "host session, good"},
		{smb2.StatusRequestNotAccepted, "host session, good"},
		{endConn, "host session, good"},
	} {
		t.Run(tt.status.String(), func(t *testing.T) {
			s := startServer(t, "127.0.0.1", 0, func(s *server) { s.logon = func() smb2.Status { return tt.status } })
			p := newProber(t, s.port, testPassword, nil)
			want(t, p, tt.want, `docs\a`)
			if got, fault := len(p.Faults()), tt.want == "host good, good"; (got == 1) != fault {
				t.Errorf("%d faults", got)
			}
			eventually(t, "no connection is left", func() bool { return s.open() == 0 })
		})
	}
}

func TestCredentialsChange(t *testing.T) {
	s := startServer(t, "127.0.0.1", 0, nil)
	password := testPassword
	p := newProber(t, s.port, "", func(o *Options) {
		o.Credentials = func(string) smbclient.Credentials {
			if password == "" {
				return smbclient.Credentials{}
			}
			return smbclient.Credentials{User: "probe", Password: password}
		}
	})
	want(t, p, "host good, good", "docs")
	password = "other"
	want(t, p, "host good, good", "docs")
	if len(p.Faults()) != 1 {
		t.Error("the session of the old password goes on")
	}
	password = ""
	want(t, p, "host good, good", "docs")
	if got := p.Faults(); len(got) != 0 {
		t.Errorf("faults %q without credentials", got)
	}
	eventually(t, "no connection is left", func() bool { return s.open() == 0 })
}

// TestHungPath has one path hang; it must not take the others with it.
func TestHungPath(t *testing.T) {
	t.Parallel()
	s := startServer(t, "127.0.0.1", 0, func(s *server) {
		s.folder = func(_, name string) smb2.Status {
			if name == "dead" {
				return smb2.StatusPending
			}
			return smb2.StatusSuccess
		}
		s.share = func(name string) smb2.Status {
			if name == "hung" {
				return noAnswer
			}
			return smb2.StatusSuccess
		}
	})
	p := newProber(t, s.port, testPassword, nil)
	for range 2 {
		ctx, cancel := context.WithTimeout(t.Context(), hostileTime)
		r := p.Probe(ctx, "fs1", []string{`docs\dead`, `docs\a`, `hung\a`, `more\b`})
		cancel()
		if got, want := verdicts(r), "host good, path, good, tree, good"; got != want {
			t.Fatalf("probe: %s, want %s", got, want)
		}
		if !strings.Contains(r.Targets[0].Err.Error(), `no answer about \\fs1\docs\dead: context deadline exceeded`) {
			t.Errorf("error %q", r.Targets[0].Err)
		}
	}
}

// TestOpensAreNotLeft has a server refuse CLOSE.
func TestOpensAreNotLeft(t *testing.T) {
	s := startServer(t, "127.0.0.1", 0, func(s *server) { s.finish = func() smb2.Status { return smb2.StatusFileClosed } })
	p := newProber(t, s.port, testPassword, nil)
	want(t, p, "host good, good", "docs")
	eventually(t, "the session ends with its opens", func() bool { return s.open() == 0 })
}

func TestIdleSessionsEnd(t *testing.T) {
	s := startServer(t, "127.0.0.1", 0, nil)
	p := newProber(t, s.port, testPassword, func(o *Options) { o.MaxIdle = 50 * time.Millisecond })
	want(t, p, "host good, good", "docs")
	eventually(t, "the session ends", func() bool { return s.open() == 0 })
	want(t, p, "host good, good", "docs")
	eventually(t, "the session ends again", func() bool { return s.open() == 0 })
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.sweeper != nil || p.kept.Len() != 0 || p.hosts["fs1"].session != nil {
		t.Error("something is kept")
	}
}

// TestKeptSessionsAreBounded shows more hosts than sessions may be kept.
func TestKeptSessionsAreBounded(t *testing.T) {
	p := New(Options{})
	var ends []net.Conn
	for i := range maxKept + 10 {
		h, err := p.acquire(t.Context(), fmt.Sprintf("FS%d", i))
		if err != nil {
			t.Fatal(err)
		}
		near, far := net.Pipe()
		ends = append(ends, far)
		h.session = &session{conn: silentConn(t, near, far)}
		p.release(h)
	}
	for i := range ends {
		if h := p.hosts[fmt.Sprintf("fs%d", i)]; (h.session != nil) != (i >= 10) {
			t.Fatalf("host %d is kept: %v", i, h.session != nil)
		}
	}
	if err := p.Close(); err != nil {
		t.Error(err)
	}
	for i := range ends {
		if p.hosts[fmt.Sprintf("fs%d", i)].session != nil {
			t.Fatal("session outlives Close")
		}
	}
}

// silentConn is a connection to a server that negotiated.
func silentConn(t *testing.T, near, far net.Conn) *smbclient.Conn {
	t.Helper()
	done := make(chan struct{})
	go func() {
		defer close(done)
		var head [smb2.FrameHeaderSize]byte
		if _, err := smb2.ReadFrame(far, &head, nil, 1<<16); err != nil {
			return
		}
		_, body := (&peer{s: &server{dialect: smb2.Dialect210}}).negotiate()
		msg := smb2.AppendMessage(smb2.AppendFrameHeader(nil), smb2.Header{Command: smb2.CommandNegotiate}.Response(0, 1), body)
		_ = smb2.WriteFrame(far, msg)
	}()
	c, err := smbclient.Open(t.Context(), near, "fs", smbclient.Options{ReadBuffer: 512})
	if err != nil {
		t.Fatal(err)
	}
	<-done
	return c
}

// TestHostsAreBounded asks about more hosts than are remembered.
func TestHostsAreBounded(t *testing.T) {
	p := New(Options{})
	for i := range maxHosts + 100 {
		h, err := p.acquire(t.Context(), fmt.Sprintf("fs%d", i))
		if err != nil {
			t.Fatal(err)
		}
		p.release(h)
	}
	if got := len(p.hosts); got != maxHosts {
		t.Errorf("%d hosts, want %d", got, maxHosts)
	}
	if p.hosts["fs99"] != nil || p.hosts["fs100"] == nil {
		t.Error("other hosts than the oldest were forgotten")
	}
}

// TestOneProbeAtATime probes one host side by side.
func TestOneProbeAtATime(t *testing.T) {
	var under, most atomic.Int32
	s := startServer(t, "127.0.0.1", 0, func(s *server) {
		s.folder = func(string, string) smb2.Status {
			if n := under.Add(1); n > most.Load() {
				most.Store(n)
			}
			defer under.Add(-1)
			return smb2.StatusSuccess
		}
	})
	p := newProber(t, s.port, testPassword, nil)
	done := make(chan string)
	for range 20 {
		go func() { done <- verdicts(probe(t, p, `docs\a`, `docs\b`)) }()
	}
	for range 20 {
		if got := <-done; got != "host good, good, good" {
			t.Errorf("probe: %s", got)
		}
	}
	if most.Load() != 1 || s.count(smb2.CommandSessionSetup) != 2 {
		t.Errorf("%d requests at once, %d SESSION_SETUP, want one session", most.Load(), s.count(smb2.CommandSessionSetup))
	}
	h, err := p.acquire(t.Context(), "fs1")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer cancel()
	if r := p.Probe(ctx, "FS1", []string{"docs"}); r.Host == nil || !r.Local {
		t.Errorf("a probe without its turn: %+v", r)
	}
	p.release(h)
	want(t, p, "host good, good", "docs")
	if h.users != 0 || h.idleAt == nil || h.keptAt == nil {
		t.Errorf("host that nobody probes: %d users, idle %v, kept %v", h.users, h.idleAt != nil, h.keptAt != nil)
	}
}

// TestCloseDuringProbe closes the prober while a probe is under way.
func TestCloseDuringProbe(t *testing.T) {
	p := New(Options{})
	h, err := p.acquire(t.Context(), "fs1")
	if err != nil {
		t.Fatal(err)
	}
	if err := p.Close(); err != nil {
		t.Error(err)
	}
	near, far := net.Pipe()
	h.session = &session{conn: silentConn(t, near, far)}
	p.release(h)
	if h.session != nil || p.sweeper != nil {
		t.Error("session outlives Close")
	}
}

func TestClosed(t *testing.T) {
	s := startServer(t, "127.0.0.1", 0, nil)
	p := New(Options{Port: at(s.port), Addrs: func(string) []netip.Addr { return []netip.Addr{netip.MustParseAddr("127.0.0.1")} }, Credentials: func(string) smbclient.Credentials {
		return smbclient.Credentials{User: "probe", Password: testPassword}
	}})
	want(t, p, "host good, good", "docs")
	for range 2 {
		if err := p.Close(); err != nil {
			t.Error(err)
		}
	}
	eventually(t, "no connection is left", func() bool { return s.open() == 0 })
	if r := probe(t, p, "docs"); r.Host == nil || !r.Local || r.Host.Err != ErrClosed { //nolint:errorlint // it is that very error
		t.Errorf("probe after Close: %+v", r)
	}
}
