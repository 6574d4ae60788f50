package smbprobe

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"slices"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"dfsd/internal/smb2"
	"dfsd/referral/health"
)

func addrs(list ...string) (out []netip.Addr) {
	for _, s := range list {
		out = append(out, netip.MustParseAddr(s))
	}
	return out
}

func TestPreferred(t *testing.T) {
	tests := []struct {
		name  string
		addrs []netip.Addr
		last  string
		want  []netip.Addr
	}{
		{"one", addrs("10.0.0.1"), "", addrs("10.0.0.1")},
		{"order is kept", addrs("10.0.0.2", "10.0.0.1"), "", addrs("10.0.0.2", "10.0.0.1")},
		{"families in turn", addrs("10.0.0.1", "10.0.0.2", "::1", "::2", "::3"), "", addrs("::1", "10.0.0.1", "::2", "10.0.0.2", "::3")},
		{"last IPv4 first", addrs("10.0.0.1", "10.0.0.2", "::1"), "10.0.0.2", addrs("10.0.0.2", "::1", "10.0.0.1")},
		{"last IPv6 first", addrs("10.0.0.1", "::1", "::2"), "::2", addrs("::2", "10.0.0.1", "::1")},
		{"last is gone", addrs("10.0.0.1", "::1"), "::9", addrs("::1", "10.0.0.1")},
		{"twice, and mapped", addrs("10.0.0.1", "::ffff:10.0.0.1", "10.0.0.2"), "", addrs("10.0.0.1", "10.0.0.2")},
	}
	for _, tt := range tests {
		last, _ := netip.ParseAddr(tt.last) // none is as good
		if got := preferred(tt.addrs, last); !slices.Equal(got, tt.want) {
			t.Errorf("%s: preferred(%v, %v) = %v, want %v", tt.name, tt.addrs, last, got, tt.want)
		}
	}
	var many []netip.Addr
	for i := range 100 {
		many = append(many, netip.AddrFrom4([4]byte{10, 0, 0, byte(i)}))
	}
	if got := preferred(many, many[99]); len(got) != maxAddrs || got[0] != many[99] {
		t.Errorf("preferred of 100 = %v", got)
	}
}

// TestRace tries addresses that answer after a time, well or badly.
func TestRace(t *testing.T) {
	type answer struct {
		after time.Duration
		fail  health.Stage
		good  bool
	}
	ms := func(n time.Duration) time.Duration { return n * time.Millisecond }
	never := time.Hour
	tests := []struct {
		name    string
		answers []answer
		limit   time.Duration
		want    string // which one won, or the stage
		took    time.Duration
		tried   int
	}{
		{"first", []answer{{ms(1), 0, true}, {ms(1), 0, true}}, time.Second, "0", ms(1), 1},
		{"first is dead", []answer{{never, 0, true}, {ms(1), 0, true}}, time.Second, "1", ms(251), 2},
		{"first refuses", []answer{{ms(1), health.StageDial, false}, {ms(1), 0, true}}, time.Second, "1", ms(2), 2},
		{"first is slow", []answer{{ms(300), 0, true}, {ms(200), 0, true}}, time.Second, "0", ms(300), 2},
		{"two dead", []answer{{never, 0, true}, {never, 0, true}, {ms(1), 0, true}}, time.Second, "2", ms(501), 3},
		{"all refuse", []answer{{ms(1), health.StageDial, false}, {ms(1), health.StageNegotiate, false}, {ms(1), health.StageDial, false}}, time.Second, "negotiate", ms(3), 3},
		{"out of time", []answer{{never, 0, true}, {never, 0, true}, {never, 0, true}}, ms(400), "dial", ms(400), 2},
	}
	for _, tt := range tests {
		synctest.Test(t, func(t *testing.T) {
			list := addrs("10.0.0.0", "10.0.0.1", "10.0.0.2")[:len(tt.answers)]
			tried := make(chan netip.Addr, len(list))
			ctx, cancel := context.WithTimeout(t.Context(), tt.limit)
			defer cancel()
			start := time.Now()
			got := race(ctx, list, func(ctx context.Context, a netip.Addr) attempt {
				tried <- a
				x := tt.answers[slices.Index(list, a)]
				select {
				case <-time.After(x.after):
				case <-ctx.Done():
					return attempt{addr: a, failure: &health.Failure{Stage: health.StageDial, Err: ctx.Err()}}
				}
				if x.good {
					return attempt{addr: a}
				}
				return attempt{addr: a, failure: &health.Failure{Stage: x.fail, Err: errors.New(a.String())}}
			})
			word := fmt.Sprint(slices.Index(list, got.addr))
			if got.failure != nil {
				word = got.failure.Stage.String()
			}
			if took := time.Since(start); word != tt.want || took != tt.took || len(tried) != tt.tried {
				t.Errorf("%s: %s after %v and %d attempts, want %s after %v and %d", tt.name, word, took, len(tried), tt.want, tt.took, tt.tried)
			}
		})
	}
}

// TestAddresses has a host with several addresses, of which one or none is
// good.
func TestAddresses(t *testing.T) {
	s := startServer(t, "127.0.0.1", 0, nil)
	mute := startServer(t, "127.0.0.2", s.port, func(s *server) { s.raw = func(nc net.Conn) { _, _ = nc.Read(make([]byte, 1)); <-t.Context().Done() } })
	list := addrs("127.0.0.2", "127.0.0.3", "127.0.0.1")
	p := newProber(t, s.port, "", func(o *Options) { o.Addrs = func(string) []netip.Addr { return list } })
	want(t, p, "host good, good", "docs")
	eventually(t, "the other attempts end", func() bool { return mute.open() <= 1 })
	if got := p.hosts["fs1"].last; got != list[2] {
		t.Errorf("last good address %v, want %v", got, list[2])
	}
	// One that begins with another address takes no less, every time.
	eventually(t, "the good address is tried first", func() bool {
		start := time.Now()
		want(t, p, "host good, good", "docs")
		return time.Since(start) < attemptDelay
	})
	list = addrs("127.0.0.3", "127.0.0.4")
	r := want(t, p, "host dial, good", "docs")
	for _, word := range []string{"127.0.0.3:", "127.0.0.4:", "refused", "; "} {
		if !strings.Contains(r.Host.Err.Error(), word) {
			t.Errorf("error %q, want both addresses", r.Host.Err)
		}
	}
	if !errors.Is(r.Host.Err, syscall.ECONNREFUSED) || r.Local {
		t.Errorf("error %v, local %v", r.Host.Err, r.Local)
	}
}

// TestReasons: what people read of a host that cannot be reached says each thing
// once, and nothing that differs from probe to probe.
func TestReasons(t *testing.T) {
	for _, tt := range []struct {
		name  string
		serve func(nc net.Conn) // nil: nobody does
		is    error
		want  string // %s: the address
	}{
		{"refused", nil, syscall.ECONNREFUSED, "dial: %s: connection refused"},
		{
			"reset", func(nc net.Conn) { _ = nc.(*net.TCPConn).SetLinger(0); _, _ = nc.Read(make([]byte, 1)) }, syscall.ECONNRESET,
			"negotiate: %s accepts connections but does not negotiate: receive: connection reset by peer",
		},
		{
			"mute", func(nc net.Conn) { _, _ = io.Copy(io.Discard, nc) }, context.DeadlineExceeded,
			"negotiate: %s accepts connections but does not negotiate: context deadline exceeded: receive: i/o timeout",
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := startServer(t, "127.0.0.1", 0, func(s *server) { s.raw = tt.serve })
			p := newProber(t, s.port, "", nil)
			if tt.serve == nil {
				p.o.Addrs = func(string) []netip.Addr { return addrs("127.0.0.5") } // where nobody listens
			}
			ctx, stop := context.WithTimeout(t.Context(), hostileTime)
			defer stop()
			r := p.Probe(ctx, "fs1", nil)
			address := netip.AddrPortFrom(addrs("127.0.0.1")[0], uint16(s.port)).String()
			if tt.serve == nil {
				address = strings.Replace(address, "127.0.0.1", "127.0.0.5", 1)
			}
			if r.Host == nil || r.Host.Error() != fmt.Sprintf(tt.want, address) || !errors.Is(r.Host, tt.is) {
				t.Errorf("the reason is %q, want %q", r.Host, fmt.Sprintf(tt.want, address))
			}
		})
	}
}

func TestSource(t *testing.T) {
	from := make(chan string, 1)
	s := startServer(t, "127.0.0.1", 0, func(s *server) {
		s.raw = func(nc net.Conn) { from <- nc.RemoteAddr().(*net.TCPAddr).IP.String() }
	})
	p := newProber(t, s.port, "", func(o *Options) { o.Source = netip.MustParseAddr("127.0.0.77") })
	want(t, p, "host negotiate")
	if got := <-from; got != "127.0.0.77" {
		t.Errorf("server was asked from %s", got)
	}
}

func TestIPv6(t *testing.T) {
	if l, err := net.Listen("tcp", "[::1]:0"); err != nil {
		t.Skip("no IPv6 here")
	} else if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	s := startServer(t, "::1", 0, nil)
	p := newProber(t, s.port, testPassword, func(o *Options) {
		o.Addrs, o.Source = nil, netip.MustParseAddr("127.0.0.77") // not of its family
	})
	if got := verdicts(p.Probe(t.Context(), "::1", []string{"docs"})); got != "host good, good" {
		t.Errorf("probe: %s", got)
	}
}

func TestResolve(t *testing.T) {
	p := newProber(t, 1, "", func(o *Options) { o.Addrs = func(string) []netip.Addr { return nil } })
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
	defer cancel()
	r := p.Probe(ctx, "no-such-host.invalid", []string{"docs"})
	if verdicts(r) != "host resolve, good" {
		t.Errorf("probe: %s (%v)", verdicts(r), r.Host)
	}
}

func TestCancelled(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	s := startServer(t, "127.0.0.1", 0, func(s *server) {
		s.raw = func(nc net.Conn) {
			_, _ = nc.Read(make([]byte, 1<<10))
			cancel() // it negotiates
			<-t.Context().Done()
		}
	})
	p := newProber(t, s.port, "", nil)
	if r := p.Probe(ctx, "fs1", []string{"docs"}); verdicts(r) != "host negotiate, good" || !r.Local {
		t.Errorf("probe: %+v", r)
	}
}

func TestSigningIsDemanded(t *testing.T) {
	modes := make(chan smb2.SecurityMode, 1)
	s := startServer(t, "127.0.0.1", 0, func(s *server) {
		s.raw = func(nc net.Conn) {
			var head [smb2.FrameHeaderSize]byte
			frame, err := smb2.ReadFrame(nc, &head, nil, 1<<16)
			if err != nil {
				t.Error(err)
				return
			}
			q, err := smb2.ParseNegotiateRequest(frame)
			if err != nil {
				t.Error(err)
			}
			modes <- q.SecurityMode
		}
	})
	for _, tt := range []struct {
		required bool
		password string
		want     smb2.SecurityMode
	}{
		{false, "", smb2.SigningEnabled},
		{true, "", smb2.SigningEnabled | smb2.SigningRequired},
		{false, testPassword, smb2.SigningEnabled | smb2.SigningRequired},
	} {
		p := newProber(t, s.port, tt.password, func(o *Options) { o.SigningRequired = tt.required })
		want(t, p, "host negotiate, good", "docs")
		if got := <-modes; got != tt.want {
			t.Errorf("required %v, password %v: mode %v, want %v", tt.required, tt.password != "", got, tt.want)
		}
	}
}

var _ health.Prober = (*Prober)(nil)
