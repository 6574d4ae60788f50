package adsites

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/netip"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-ldap/ldap/v3"
	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"

	"dfsd/internal/lab/standin"
)

// overtaken is what is told of a server that another one overtook.
const overtaken = "no answer within 50ms, another server gave one"

// finder is a reader that finds servers, with a short head start, and what it
// logs.
func finder(t *testing.T, mode TLSMode, ca string, addresses ...string) (*Reader, *observer.ObservedLogs) {
	t.Helper()
	var found []Server
	for _, a := range addresses {
		at := netip.MustParseAddrPort(a)
		found = append(found, Server{Host: at.Addr().String(), Port: at.Port(), Addrs: []netip.Addr{at.Addr()}})
	}
	logs, seen := observer.New(zap.InfoLevel)
	r := NewReader(Config{Domain: "corp.test", TLS: TLSConfig{Mode: mode, CAFile: ca}}, Options{
		Log: zap.New(logs), Locate: func(context.Context) ([]Server, error) { return found, nil },
	})
	r.headStart = 50 * time.Millisecond
	t.Cleanup(func() { _ = r.Close() })
	return r, seen
}

// silent takes connections, counts them, and says nothing. The test ends only
// when the other side has closed them all.
func silent(t *testing.T, count *atomic.Int32) string {
	t.Helper()
	return standin.Listen(t, nil, func(conn net.Conn) {
		count.Add(1)
		_, _ = io.Copy(io.Discard, conn)
	})
}

// refusing is where nobody listens.
func refusing(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// TestDeadServersCostLittle: whatever the nearer servers do not do, one that
// lives is read soon, they are asked last from then on, and each is told of once.
func TestDeadServersCostLittle(t *testing.T) {
	authority := standin.NewAuthority("Our CA")
	secure := authority.Server(time.Now().Add(time.Hour), "127.0.0.1")
	for _, tt := range []struct {
		name string
		mode TLSMode
		dead func(t *testing.T, asked *atomic.Int32) string
		want string
	}{
		{"refused", LDAPS, func(t *testing.T, _ *atomic.Int32) string { return refusing(t) }, "connection refused"},
		{"frozen before TLS", LDAPS, silent, overtaken},
		{"frozen before StartTLS", StartTLS, silent, overtaken},
		{"frozen without TLS", Off, silent, overtaken},
		{"frozen after TLS", LDAPS, func(t *testing.T, asked *atomic.Int32) string {
			return standin.Listen(t, secure, func(conn net.Conn) { asked.Add(1); _, _ = io.Copy(io.Discard, conn) })
		}, overtaken},
		{"away in the network", LDAPS, func(t *testing.T, _ *atomic.Int32) string { return blackHole(t) }, overtaken},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var asked atomic.Int32
			var config *tls.Config
			if tt.mode == LDAPS {
				config = secure
			}
			f := &fakeServer{answer: (&controller{usn: 5}).answer}
			good := f.listen(t, config)
			if tt.mode == StartTLS {
				good = startingTLS(t, f, secure)
			}
			dead := []string{tt.dead(t, &asked), tt.dead(t, &asked), tt.dead(t, &asked)}
			ca := ""
			if tt.mode != Off {
				ca = authority.File(t)
			}
			r, seen := finder(t, tt.mode, ca, append(dead, good)...)
			var secured []string
			r.options.Secured = func(server string, _ time.Time) { secured = append(secured, server) }
			began := time.Now()
			got, err := r.Read(t.Context())
			if took := time.Since(began); err != nil || got.Server != good || took >= dialTimeout {
				t.Fatalf("Read() = of %s, %v, after %v, want of %s", got.Server, err, took, good)
			}
			if want := tt.mode != Off; slices.Equal(secured, []string{good}) != want || len(secured) > 1 {
				t.Errorf("connections under TLS are told of with %v", secured)
			}
			if seen.Len() != len(dead) {
				t.Fatalf("%d lines are logged, want one a server: %v", seen.Len(), seen.All())
			}
			for i, line := range seen.All() {
				if text, _ := line.ContextMap()["error"].(string); line.ContextMap()["server"] != dead[i] || !strings.Contains(text, tt.want) {
					t.Errorf("logged %v, want %s: %s", line.ContextMap(), dead[i], tt.want)
				}
			}
			before := int32(0)
			if strings.HasPrefix(tt.name, "frozen") { // each was connected to, and may be slow to count that
				before = int32(len(dead))
			}
			for late := time.After(time.Minute); asked.Load() != before; {
				select {
				case <-time.After(time.Millisecond):
				case <-late:
					t.Fatalf("%d of the dead were asked, want %d", asked.Load(), before)
				}
			}
			_ = r.Close()
			r.headStart = time.Minute
			if again, err := r.Read(t.Context()); err != nil || again.Server != good || asked.Load() != before || seen.Len() != len(dead) {
				t.Errorf("Read() again = of %s, %v; %d of the dead were asked, %d lines logged", again.Server, err, asked.Load()-before, seen.Len())
			}
		})
	}
}

// startingTLS serves what f answers behind StartTLS.
func startingTLS(t *testing.T, f *fakeServer, config *tls.Config) string {
	t.Helper()
	return standin.Listen(t, nil, func(conn net.Conn) {
		if _, err := readMessage(conn); err == nil {
			standin.Send(conn, int64(1), standin.Result(ldap.ApplicationExtendedResponse, ldap.LDAPResultSuccess, ""))
			f.serve(tls.Server(conn, config))
		}
	})
}

// TestNearestIsAskedAlone: who answers in time leaves nothing for others to do.
func TestNearestIsAskedAlone(t *testing.T) {
	near := &fakeServer{answer: (&controller{usn: 5}).answer}
	var asked atomic.Int32
	first := near.listen(t, nil)
	r, seen := finder(t, Off, "", first, silent(t, &asked), silent(t, &asked))
	r.headStart = time.Minute
	for range 20 {
		if got, err := r.Read(t.Context()); err != nil || got.Server != first {
			t.Fatalf("Read() = of %s, %v", got.Server, err)
		}
		_ = r.Close()
	}
	if asked.Load() != 0 || seen.Len() != 0 {
		t.Errorf("%d others were asked, logged %v", asked.Load(), seen.All())
	}
}

// TestSlowServerKeepsItsChance: that others were asked as well takes nothing from
// the one that answers first.
func TestSlowServerKeepsItsChance(t *testing.T) {
	authority := standin.NewAuthority("Our CA")
	config := authority.Server(time.Now().Add(time.Hour), "127.0.0.1")
	f := &fakeServer{answer: (&controller{usn: 5}).answer}
	others := make(chan struct{}, 9)
	slow := standin.Listen(t, nil, func(conn net.Conn) {
		<-others // it starts TLS when both others are asked
		<-others
		f.serve(tls.Server(conn, config))
	})
	other := func() string {
		return standin.Listen(t, nil, func(conn net.Conn) { others <- struct{}{}; _, _ = io.Copy(io.Discard, conn) })
	}
	r, seen := finder(t, LDAPS, authority.File(t), slow, other(), other())
	if got, err := r.Read(t.Context()); err != nil || got.Server != slow {
		t.Errorf("Read() = of %s, %v", got.Server, err)
	}
	if _, failed := r.failed[slow]; failed || seen.FilterField(zap.String("server", slow)).Len() != 0 {
		t.Errorf("the one that won has failed, too: %v", seen.All())
	}
}

// TestOneBindAtATime: however many servers are knocked at, who asks is shown to
// one after the other, and to each once.
func TestOneBindAtATime(t *testing.T) {
	var now, most, binds atomic.Int32
	var addresses []string
	for range 6 {
		f := &fakeServer{answer: (&controller{usn: 5}).answer, bound: func() int64 {
			binds.Add(1)
			if n := now.Add(1); n > most.Load() {
				most.Store(n)
			}
			<-time.After(10 * time.Millisecond)
			now.Add(-1)
			return ldap.LDAPResultInvalidCredentials
		}}
		addresses = append(addresses, f.listen(t, nil))
	}
	r, seen := finder(t, Off, "", addresses...)
	r.headStart = 0 // all at once
	r.config.Bind = &BindConfig{DN: "svc", PasswordFile: writeFile(t, "pw", []byte("wrong\n"))}
	_, err := r.Read(t.Context())
	if binds.Load() != 6 || most.Load() != 1 || seen.Len() != 6 {
		t.Errorf("%d binds, %d at the same time, %d lines", binds.Load(), most.Load(), seen.Len())
	}
	namedOnce(t, err, addresses)
}

// namedOnce checks that an error names each server once.
func namedOnce(t *testing.T, err error, servers []string) {
	t.Helper()
	var faults *ServersError
	if !errors.As(err, &faults) || len(faults.Errs) != len(servers) {
		t.Fatalf("%v, want a fault for each of %v", err, servers)
	}
	for _, s := range servers {
		if n := strings.Count("; "+faults.Error(), "; "+s+": "); n != 1 {
			t.Errorf("%s is named %d times in %v", s, n, err)
		}
	}
}

// TestOvertakenServerHasItsSay: where the one that overtook it is of no use, the
// fault of its own counts, and in the log as well.
func TestOvertakenServerHasItsSay(t *testing.T) {
	var asked atomic.Int32
	_, useless := (&controller{root: []string{"isSynchronized", "FALSE"}}).listen(t)
	all := []string{silent(t, &asked), refusing(t), strings.TrimPrefix(useless, "ldap://")}
	r, seen := finder(t, Off, "", all...)
	r.patience = time.Second
	for range 2 {
		_, err := r.Read(t.Context())
		namedOnce(t, err, all)
		for _, want := range []string{all[0] + ": not done within 1s", "connection refused", "not synchronized"} {
			if !strings.Contains(err.Error(), want) {
				t.Errorf("Read() = %v, want %q", err, want)
			}
		}
		clear(r.failed) // as after a minute
	}
	if seen.Len() != 3 {
		t.Errorf("%d lines are logged, want one a server: %v", seen.Len(), seen.All())
	}
}

// TestFindingEnds: whatever is waited for, a caller that gives up is heard, and
// nothing stays open.
func TestFindingEnds(t *testing.T) {
	for name, mode := range map[string]TLSMode{"TLS": LDAPS, "StartTLS": StartTLS, "an answer": Off} {
		t.Run(name, func(t *testing.T) {
			var asked atomic.Int32
			enough := errors.New("enough")
			ctx, stop := context.WithCancelCause(t.Context())
			defer stop(nil)
			last := standin.Listen(t, nil, func(conn net.Conn) { stop(enough); _, _ = io.Copy(io.Discard, conn) })
			r, seen := finder(t, mode, "", silent(t, &asked), silent(t, &asked), blackHole(t), last)
			began := time.Now()
			_, err := r.Read(ctx)
			if took := time.Since(began); !errors.Is(err, enough) || took >= dialTimeout {
				t.Errorf("Read() = %v after %v", err, took)
			}
			if seen.Len() != 0 || len(r.failed) != 0 || r.kept != nil {
				t.Errorf("logged %v, failed %v", seen.All(), r.failed)
			}
		})
	}
}

// TestKeptServerWaitsItsTurn: the session that is kept is used when nearer
// servers have had their head start, and is not given up before one has answered.
func TestKeptServerWaitsItsTurn(t *testing.T) {
	var connected atomic.Int32
	asked := make(chan struct{}, 9)
	near := standin.Listen(t, nil, func(conn net.Conn) { asked <- struct{}{}; _, _ = io.Copy(io.Discard, conn) })
	f := &fakeServer{answer: (&controller{usn: 5}).answer}
	good := standin.Listen(t, nil, func(conn net.Conn) { connected.Add(1); f.serve(conn) })
	r, _ := finder(t, Off, "", near, good)
	for range 3 {
		got, err := r.Read(t.Context())
		if err != nil || got.Server != good || connected.Load() != 1 {
			t.Errorf("Read() = of %s, %v, over connection %d", got.Server, err, connected.Load())
		}
		<-asked         // the nearer one, each time
		clear(r.failed) // as after a minute
	}
	r.options.Locate = func(context.Context) ([]Server, error) { return []Server{{Host: "127.0.0.1", Port: 1}}, nil }
	if _, err := r.Read(t.Context()); err == nil || r.kept != nil {
		t.Errorf("Read() = %v where the server that is kept is one of the domain no more", err)
	}
}

// TestBrokenSessionIsNotKept: a server whose connection broke since is connected
// to again, and has not failed.
func TestBrokenSessionIsNotKept(t *testing.T) {
	good := (&fakeServer{answer: (&controller{usn: 5}).answer}).listen(t, nil)
	r, seen := finder(t, Off, "", good)
	for range 2 {
		if _, err := r.Read(t.Context()); err != nil {
			t.Fatal(err)
		}
		r.kept.close()
	}
	if seen.Len() != 0 {
		t.Errorf("logged %v", seen.All())
	}
}

// TestOvertakenServerIsAskedLast: where the one that overtook it is of no use,
// others come before it.
func TestOvertakenServerIsAskedLast(t *testing.T) {
	var asked atomic.Int32
	_, useless := (&controller{root: []string{"isSynchronized", "FALSE"}}).listen(t)
	good := (&fakeServer{answer: (&controller{usn: 5}).answer}).listen(t, nil)
	r, _ := finder(t, Off, "", silent(t, &asked), strings.TrimPrefix(useless, "ldap://"), good)
	r.headStart = headStart
	if got, err := r.Read(t.Context()); err != nil || got.Server != good || asked.Load() != 1 || len(r.failed) != 2 {
		t.Errorf("Read() = of %s, %v; the first was asked %d times, failed %v", got.Server, err, asked.Load(), r.failed)
	}
}

// TestDismiss: a session that lost is closed, unless it is the one that is kept.
func TestDismiss(t *testing.T) {
	good := (&fakeServer{answer: (&controller{usn: 5}).answer}).listen(t, nil)
	r, _ := finder(t, Off, "", good)
	if _, err := r.Read(t.Context()); err != nil {
		t.Fatal(err)
	}
	lost, err := r.knock(t.Context(), r.kept.target)
	if err != nil {
		t.Fatal(err)
	}
	r.dismiss(nil)
	r.dismiss(r.kept)
	if r.dismiss(lost); r.kept.conn.IsClosing() || !lost.conn.IsClosing() {
		t.Errorf("closed: kept %v, lost %v", r.kept.conn.IsClosing(), lost.conn.IsClosing())
	}
}

// TestBothFamilies: the addresses of one server have a start each, in turns, and
// whatever connects too late is closed.
func TestBothFamilies(t *testing.T) {
	const four, four2, six, six2 = "10.0.0.1", "10.0.0.2", "2001:db8::1", "2001:db8::2"
	for _, tt := range []struct {
		name  string
		addrs []string
		after map[string]time.Duration // when it connects; 0: it refuses; none: never
		want  string
		took  time.Duration
		tried []string
	}{
		{"the first", []string{four, six}, map[string]time.Duration{four: 200 * time.Millisecond}, four, 200 * time.Millisecond, []string{four}},
		{"no way for one family", []string{four, four2, six}, map[string]time.Duration{six: time.Millisecond}, six, addressDelay + time.Millisecond, []string{four, six}},
		{"none of this host's", []string{six, six2, four}, map[string]time.Duration{six: 0, six2: 0, four: time.Millisecond}, four, time.Millisecond, []string{six, four}},
		{"families in turns", []string{four, four2, six, six2}, map[string]time.Duration{six2: time.Millisecond}, six2, 3*addressDelay + time.Millisecond, []string{four, six, four2, six2}},
		{"both, and one too late", []string{four, six}, map[string]time.Duration{four: 300 * time.Millisecond, six: time.Millisecond}, six, 300 * time.Millisecond, []string{four, six}},
		{"none", []string{four, six}, nil, "", addressDelay + dialTimeout, []string{four, six}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				tried, opened := make(chan string, 9), make(chan net.Conn, 9)
				r := NewReader(Config{}, Options{Dial: func(ctx context.Context, _, address string) (net.Conn, error) {
					host, _, _ := net.SplitHostPort(address)
					tried <- host
					after, connects := tt.after[host]
					if !connects {
						<-ctx.Done()
						return nil, ctx.Err()
					}
					if after == 0 {
						return nil, errors.New(host + " refused")
					}
					time.Sleep(after) // heedless of who has given up meanwhile
					ours, theirs := net.Pipe()
					opened <- theirs
					return named{ours, host}, nil
				}})
				target := newTarget(Server{Host: "dc1"}, LDAPS)
				for _, a := range tt.addrs {
					target.Addrs = append(target.Addrs, netip.MustParseAddr(a))
				}
				began := time.Now()
				conn, err := r.dial(t.Context(), target)
				if took := time.Since(began); (err == nil) != (tt.want != "") || conn != nil && conn.(named).host != tt.want || took != tt.took {
					t.Errorf("dial() = %v, %v after %v, want %s after %v", conn, err, took, tt.want, tt.took)
				}
				close(tried)
				if got := slices.Collect(drain(tried)); !slices.Equal(got, tt.tried) {
					t.Errorf("tried %v, want %v", got, tt.tried)
				}
				if conn != nil {
					_ = conn.Close()
				}
				close(opened)
				for theirs := range opened { // one that is left open would be waited for here
					_, _ = io.Copy(io.Discard, theirs)
				}
			})
		})
	}
}

// TestDialEnds: also while addresses are left that were not tried yet.
func TestDialEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := NewReader(Config{}, Options{Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
			<-ctx.Done()
			return nil, ctx.Err()
		}})
		ctx, stop := context.WithTimeout(t.Context(), addressDelay+time.Millisecond)
		defer stop()
		one := netip.MustParseAddr("10.0.0.1")
		_, err := r.dial(ctx, target{Server: Server{Addrs: []netip.Addr{one, one.Next(), one.Next().Next()}}})
		if !errors.Is(err, context.DeadlineExceeded) || err.Error() == "" {
			t.Errorf("dial() = %v", err)
		}
	})
}

// named is a connection that tells to which host it is.
type named struct {
	net.Conn
	host string
}

func drain(c <-chan string) func(yield func(string) bool) {
	return func(yield func(string) bool) {
		for v := range c {
			if !yield(v) {
				return
			}
		}
	}
}
