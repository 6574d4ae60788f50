package adsites

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"testing"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"
)

// twoServers finds two controllers, first the one that front says.
func twoServers(t *testing.T, front *int, fault *error) (all [2]*controller, fakes [2]*fakeServer, r *Reader) {
	var found [2]Server
	for i := range all {
		all[i] = &controller{usn: 5}
		fakes[i] = &fakeServer{answer: all[i].answer}
		at := netip.MustParseAddrPort(fakes[i].listen(t, nil))
		found[i] = Server{Host: "127.0.0.1", Port: at.Port()}
	}
	r = NewReader(Config{Domain: "corp.test", TLS: TLSConfig{Mode: Off}, Refresh: time.Minute}, Options{
		Locate: func(context.Context) ([]Server, error) { return []Server{found[*front], found[1-*front]}, *fault },
	})
	r.headStart = time.Minute // who is alive has no rival, however busy the machine is
	t.Cleanup(func() { _ = r.Close() })
	return all, fakes, r
}

// TestChangeIsReadWhereItWasSeen: another controller may lag, and what it says
// would take the change back.
func TestChangeIsReadWhereItWasSeen(t *testing.T) {
	var front int
	var fault error
	all, fakes, r := twoServers(t, &front, &fault)
	first, err := r.Read(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	front = 1
	fakes[0].mu.Lock()
	all[0].usn, all[0].changed = 6, true
	fakes[0].mu.Unlock()
	if changed, err := r.Changed(t.Context(), first); err != nil || !changed {
		t.Fatalf("Changed() = %v, %v", changed, err)
	}
	fakes[0].mu.Lock()
	all[0].changed = false
	fakes[0].mu.Unlock()
	second, err := r.Read(t.Context())
	if err != nil || second.Server != first.Server {
		t.Errorf("Read() after a change = of %s, %v, want of %s", second.Server, err, first.Server)
	}
	third, err := r.Read(t.Context())
	if err != nil || third.Server == first.Server {
		t.Errorf("Read() in its time = of %s, %v, want of the nearest", third.Server, err)
	}
}

// TestReadStaysWhereChangedWent: one that was connected to since the connection
// to the other broke is not left at once.
func TestReadStaysWhereChangedWent(t *testing.T) {
	var front int
	var fault error
	_, _, r := twoServers(t, &front, &fault)
	first, err := r.Read(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	_ = r.Close()
	front = 1
	if changed, err := r.Changed(t.Context(), first); err != nil || !changed {
		t.Fatalf("Changed() = %v, %v", changed, err)
	}
	front = 0
	if second, err := r.Read(t.Context()); err != nil || second.Server == first.Server {
		t.Errorf("Read() = of %s, %v, want of the other", second.Server, err)
	}
}

// TestReadWithoutLocate: while nothing finds servers, the one at hand is read.
func TestReadWithoutLocate(t *testing.T) {
	var front int
	var fault error
	_, fakes, r := twoServers(t, &front, &fault)
	first, err := r.Read(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	fault = errors.New("no DNS server answers")
	if again, err := r.Read(t.Context()); err != nil || again.Server != first.Server || fakes[0].count("CN=Subnets,") != 2 {
		t.Errorf("Read() = of %s, %v, want of %s", again.Server, err, first.Server)
	}
	_ = r.Close()
	if _, err := r.Read(t.Context()); !errors.Is(err, fault) {
		t.Errorf("Read() = %v, want %v", err, fault)
	}
}

// TestSetBack: a controller whose database was set back by a copy of its disk
// counts less than before, under the same name of its life.
func TestSetBack(t *testing.T) {
	c := &controller{usn: 5}
	f, url := c.listen(t)
	r := plainReader(t, url)
	prev, err := r.Read(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	f.mu.Lock()
	c.usn = 3
	f.mu.Unlock()
	if changed, err := r.Changed(t.Context(), prev); err != nil || !changed {
		t.Errorf("Changed() = %v, %v, want true", changed, err)
	}
}

// TestFaultsReadTheSame: a fault that lasts has one text, so that who tells new
// ones only is not led to tell it again and again.
func TestFaultsReadTheSame(t *testing.T) {
	logs, seen := observer.New(zap.InfoLevel)
	own, flip := 40000, false
	r := NewReader(Config{Domain: "corp.test", TLS: TLSConfig{Mode: LDAPS}}, Options{
		Log: zap.New(logs),
		Locate: func(context.Context) ([]Server, error) {
			if flip = !flip; flip {
				return []Server{{Host: "a"}, {Host: "b"}}, nil
			}
			return []Server{{Host: "b"}, {Host: "a"}}, nil
		},
		Dial: func(context.Context, string, string) (net.Conn, error) {
			own++
			source, there := &net.TCPAddr{IP: net.IPv4(10, 0, 0, 5), Port: own}, &net.TCPAddr{IP: net.IPv4(10, 0, 0, 9), Port: 636}
			return nil, &net.OpError{Op: "read", Net: "tcp", Source: source, Addr: there, Err: errors.New("connection reset by peer")}
		},
	})
	const want = "a:636: read tcp 10.0.0.9:636: connection reset by peer; b:636: read tcp 10.0.0.9:636: connection reset by peer"
	for range 3 {
		if _, err := r.Read(t.Context()); err == nil || err.Error() != want {
			t.Errorf("Read() = %v\nwant %s", err, want)
		}
	}
	if seen.Len() != 2 {
		t.Errorf("%d lines are logged, want one a server: %v", seen.Len(), seen.All())
	}
}

// TestDialSaysAllAddresses: the last one is often of a family that this host
// does not have.
func TestDialSaysAllAddresses(t *testing.T) {
	r := NewReader(Config{}, Options{Dial: func(_ context.Context, _, address string) (net.Conn, error) {
		return nil, errors.New(address + " refused")
	}})
	four, six := netip.MustParseAddr("10.0.0.1"), netip.IPv6Loopback()
	for _, addrs := range [][]netip.Addr{{four, six}, {six, four}} { // as a DNS server turns them
		_, err := r.dial(t.Context(), target{Server: Server{Port: 636, Addrs: addrs}})
		if want := "10.0.0.1:636 refused; [::1]:636 refused"; err == nil || err.Error() != want {
			t.Errorf("dial() = %v, want %s", err, want)
		}
	}
}

// TestSilentStartTLS: a server that says nothing to it is told of in one line.
func TestSilentStartTLS(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	conn, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	silence := errors.New("no answer")
	ctx, stop := context.WithTimeoutCause(t.Context(), 20*time.Millisecond, silence)
	defer stop()
	_, _, err = NewReader(Config{TLS: TLSConfig{Mode: StartTLS}}, Options{}).protect(ctx, conn, target{})
	if !errors.Is(err, silence) || strings.Contains(err.Error(), "\n") {
		t.Errorf("protect() = %q, want one line on %v", err, silence)
	}
}

// TestBrokenConnectionNamesItsServer: between two readings, too.
func TestBrokenConnectionNamesItsServer(t *testing.T) {
	_, url := (&controller{usn: 5}).listen(t)
	r := plainReader(t, url)
	prev, err := r.Read(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	r.kept.close()
	if _, err := r.Changed(t.Context(), prev); err == nil || !strings.HasPrefix(err.Error(), prev.Server+": ") {
		t.Errorf("Changed() = %v, want it to begin with %s", err, prev.Server)
	}
}

// TestWarningsAreShort: what a directory names may have megabytes.
func TestWarningsAreShort(t *testing.T) {
	long := strings.Repeat("é", maxWarning)
	_, warnings, err := assemble(rows{
		sites:   []siteRow{{siteDN("HQ"), "HQ"}},
		subnets: []subnetRow{{"CN=" + long, "10.0.0.0/8", siteDN(long)}},
	})
	if err != nil || len(warnings) != 1 || len(warnings[0].String()) > 3*maxWarning || !strings.HasPrefix(warnings[0].DN, "CN=éé") {
		t.Errorf("assemble() gives %d warnings of %d bytes, %v", len(warnings), len(warnings[0].String()), err)
	}
}

// TestEndlessServer: one that always has a little more does not hold us up.
func TestEndlessServer(t *testing.T) {
	c := &controller{usn: 5}
	n := 0
	endless := &fakeServer{answer: func(s search) reply {
		if len(s.attributes) == 1 && strings.HasPrefix(s.attributes[0], "siteList;range=") {
			n++
			return found(object(s.base, fmt.Sprintf("siteList;range=%d-%d", n, n), siteDN("NY")))
		}
		return c.answer(s)
	}}
	_, good := (&controller{usn: 9}).listen(t)
	r := plainReader(t, "ldap://"+endless.listen(t, nil), good)
	r.patience = 2 * time.Second // enough for the good one on a busy machine
	logs, seen := observer.New(zap.InfoLevel)
	r.options.Log = zap.New(logs)
	ctx, stop := context.WithTimeout(t.Context(), time.Minute)
	defer stop()
	got, err := r.Read(ctx)
	if err != nil || "ldap://"+got.Server != good {
		t.Errorf("Read() = of %s, %v", got.Server, err)
	}
	if told := seen.All(); len(told) != 1 || told[0].ContextMap()["error"] != "not done within 2s" {
		t.Errorf("logged %v", told)
	}
}
