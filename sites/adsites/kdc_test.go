package adsites

import (
	"context"
	"encoding/binary"
	"errors"
	"io"
	"maps"
	"net"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/jcmturner/gokrb5/v8/iana/nametype"
	"github.com/jcmturner/gokrb5/v8/keytab"
	"github.com/jcmturner/gokrb5/v8/messages"
	"github.com/jcmturner/gokrb5/v8/types"

	"dfsd/internal/lab/standin"
)

// TestHostileKDC: whoever stands between this host and a controller may answer
// with a ticket whose seal is shorter than a checksum.
func TestHostileKDC(t *testing.T) {
	name := types.PrincipalName{NameType: nametype.KRB_NT_PRINCIPAL, NameString: []string{"svc-dfsd"}}
	reply := messages.ASRep{KDCRepFields: messages.KDCRepFields{
		PVNO: 5, MsgType: 11, CRealm: "CORP.TEST", CName: name,
		Ticket:  messages.Ticket{TktVNO: 5, Realm: "CORP.TEST", SName: name, EncPart: types.EncryptedData{EType: 18, KVNO: 1, Cipher: []byte{1}}},
		EncPart: types.EncryptedData{EType: 18, KVNO: 1, Cipher: []byte{1}},
	}}
	raw, err := reply.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	kdc := standin.Listen(t, nil, func(conn net.Conn) {
		head := make([]byte, 4)
		if _, err := io.ReadFull(conn, head); err == nil {
			_, _ = io.CopyN(io.Discard, conn, int64(binary.BigEndian.Uint32(head)))
		}
		_, _ = conn.Write(append(binary.BigEndian.AppendUint32(nil, uint32(len(raw))), raw...))
	})
	_, url := (&controller{usn: 5}).listen(t)
	r := plainReader(t, url)
	r.config.Bind = &BindConfig{Method: GSSAPI, Keytab: writeFile(t, "keytab", keytabOf(t))}
	_, r.portKDC, _ = net.SplitHostPort(kdc)
	if _, err := r.Read(t.Context()); err == nil || !strings.Contains(err.Error(), "malformed answer about a ticket") {
		t.Errorf("Read() = %v", err)
	}
}

// listenOn listens on one port of several loopback addresses: all controllers
// give out tickets at the same one.
func listenOn(t *testing.T, hosts ...string) (port string, listeners []net.Listener) {
	t.Helper()
	for range 20 {
		port = "0"
		for _, h := range hosts {
			l, err := net.Listen("tcp", net.JoinHostPort(h, port))
			if err != nil {
				break
			}
			listeners = append(listeners, l)
			_, port, _ = net.SplitHostPort(l.Addr().String())
		}
		if len(listeners) == len(hosts) {
			t.Cleanup(func() { closeAll(listeners) })
			return port, listeners
		}
		closeAll(listeners)
		listeners = nil
	}
	t.Fatalf("no port is free on all of %v", hosts)
	return "", nil
}

func closeAll(listeners []net.Listener) {
	for _, l := range listeners {
		_ = l.Close()
	}
}

// TestFindKDC: the server itself is asked first, one that is frozen or answers
// nonsense does not hold up the next, and nobody else is asked.
func TestFindKDC(t *testing.T) {
	const a, b, c, d = "127.0.0.1", "127.0.0.2", "127.0.0.3", "127.0.0.4"
	// A listener that is never accepted from takes connections, as a host that is
	// frozen does.
	for _, tt := range []struct {
		name    string
		answers map[string]string // by address; none: it refuses; "-": it is frozen
		want    string            // who is found, or what is wrong
	}{
		{"itself", map[string]string{a: "\x00\x00\x00\x01x", b: "\x00\x00\x00\x01x"}, a},
		{"itself has none", map[string]string{b: "\x00\x00\x00\x01x", c: "-"}, b},
		{"itself is frozen", map[string]string{a: "-", b: "\x00\x00\x00\x01x"}, b},
		{"two are frozen", map[string]string{a: "-", b: "-", c: "\x00\x00\x00\x01x"}, c},
		{"nonsense", map[string]string{a: "\x00\x00\x00\x00", b: "\xff\xff\xff\xff", c: "\x00\x00\x00\x01x"}, c},
		{"cut short", map[string]string{a: "\x00\x00\x00\x09x", b: "\x00", c: "\x00\x00\x00\x01x"}, c},
		{
			"a fourth is not asked",
			map[string]string{a: "\xff\xff\xff\xff", b: "", d: "\x00\x00\x00\x01x"},
			"no controller gives out tickets: 127.0.0.1:PORT: malformed answer about a ticket; 127.0.0.2:PORT: EOF; 127.0.0.3:PORT: dial tcp 127.0.0.3:PORT: connect: connection refused",
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			hosts := []string{a, b, c, d}
			var serving sync.WaitGroup
			t.Cleanup(serving.Wait)
			port, listeners := listenOn(t, hosts...)
			for i, l := range listeners {
				if answer, ok := tt.answers[hosts[i]]; !ok {
					_ = l.Close()
				} else if answer != "-" {
					serving.Go(func() { answerTickets(l, answer) })
				}
			}
			_, url := (&controller{usn: 5}).listen(t)
			r := plainReader(t, url)
			r.portKDC, r.headStart = port, time.Minute // who answers has no rival, however busy the machine is
			if slices.Contains(slices.Collect(maps.Values(tt.answers)), "-") {
				r.headStart = 50 * time.Millisecond
			}
			others := []target{{Server: Server{Host: "x", Addrs: []netip.Addr{netip.MustParseAddr(b)}}}, {Server: Server{Host: a}}, {Server: Server{Host: c}}, {Server: Server{Host: d}}}
			s, err := r.knock(t.Context(), newTarget(Server{Host: a, Port: netip.MustParseAddrPort(strings.TrimPrefix(url, "ldap://")).Port()}, Off))
			if err != nil {
				t.Fatal(err)
			}
			defer s.close()
			began := time.Now()
			got, err := r.findKDC(t.Context(), "svc", "CORP.TEST", s, others)
			if err != nil {
				got = err.Error()
			} else {
				got = strings.TrimSuffix(got, ":"+port)
			}
			if want := strings.ReplaceAll(tt.want, "PORT", port); got != want || time.Since(began) >= dialTimeout {
				t.Errorf("findKDC() = %s after %v\nwant %s", got, time.Since(began), want)
			}
		})
	}
}

// TestTicketsOfTheLiving: where the server itself gives out none, those that may
// be alive are asked before those whose directory has just failed.
func TestTicketsOfTheLiving(t *testing.T) {
	var serving sync.WaitGroup
	t.Cleanup(serving.Wait)
	port, listeners := listenOn(t, "127.0.0.1", "127.0.0.2", "127.0.0.3", "127.0.0.4")
	asked := make(chan struct{}, 9)
	serving.Go(func() {
		for {
			conn, err := listeners[3].Accept()
			if err != nil {
				return
			}
			asked <- struct{}{}
			_ = conn.Close()
		}
	})
	closeAll(listeners[:3])
	_, url := (&controller{usn: 5}).listen(t)
	good := strings.TrimPrefix(url, "ldap://")
	r, _ := finder(t, Off, "", "127.0.0.2:1", "127.0.0.3:1", good, "127.0.0.4:1")
	r.portKDC = port
	r.config.Bind = &BindConfig{Method: GSSAPI, Keytab: writeFile(t, "keytab", keytabOf(t))}
	if _, err := r.Read(t.Context()); err == nil || !strings.Contains(err.Error(), "no controller gives out tickets") {
		t.Errorf("Read() = %v", err)
	}
	if len(asked) == 0 {
		t.Error("the controller that had not failed was not asked")
	}
}

// answerTickets answers whatever is asked, until the listener is closed.
func answerTickets(l net.Listener, answer string) {
	for {
		conn, err := l.Accept()
		if err != nil {
			return
		}
		head := make([]byte, 4)
		if _, err := io.ReadFull(conn, head); err == nil {
			_, _ = io.CopyN(io.Discard, conn, int64(binary.BigEndian.Uint32(head)))
		}
		_, _ = io.WriteString(conn, answer)
		_ = conn.Close()
	}
}

// TestFindKDCEnds: who gives up while controllers are frozen is heard.
func TestFindKDCEnds(t *testing.T) {
	var serving sync.WaitGroup
	t.Cleanup(serving.Wait)
	_, listeners := listenOn(t, "127.0.0.1")
	_, url := (&controller{usn: 5}).listen(t)
	r := plainReader(t, url)
	_, r.portKDC, _ = net.SplitHostPort(listeners[0].Addr().String())
	r.config.Bind = &BindConfig{Method: GSSAPI, Keytab: writeFile(t, "keytab", keytabOf(t))}
	enough := errors.New("enough")
	ctx, stop := context.WithCancelCause(t.Context())
	serving.Go(func() {
		if conn, err := listeners[0].Accept(); err == nil {
			stop(enough)
			_, _ = io.Copy(io.Discard, conn)
			_ = conn.Close()
		}
	})
	began := time.Now()
	if _, err := r.Read(ctx); !errors.Is(err, enough) || time.Since(began) >= dialTimeout {
		t.Errorf("Read() = %v after %v", err, time.Since(began))
	}
}

// TestFrozenKDCs: those that take a connection and say nothing cost a head start
// each, and then the time of one.
func TestFrozenKDCs(t *testing.T) {
	for _, tt := range []struct {
		name   string
		cancel time.Duration
		want   string
		took   time.Duration
	}{
		{"to the end", time.Hour, "no controller gives out tickets: dc1:88: no answer within 5s; dc2:88: no answer within 5s", headStart + dialTimeout},
		{"the caller gives up", headStart / 2, "context deadline exceeded", headStart / 2},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := NewReader(Config{}, Options{Dial: func(context.Context, string, string) (net.Conn, error) {
					ours, _ := net.Pipe()
					return ours, nil
				}})
				there, _ := net.Pipe()
				s := &session{raw: there, target: target{Server: Server{Host: "dc1"}}}
				ctx, stop := context.WithTimeout(t.Context(), tt.cancel)
				defer stop()
				began := time.Now()
				_, err := r.findKDC(ctx, "svc", "CORP.TEST", s, []target{s.target, {Server: Server{Host: "dc2"}}})
				if took := time.Since(began); err == nil || err.Error() != tt.want || took != tt.took {
					t.Errorf("findKDC() = %v after %v\nwant %s after %v", err, took, tt.want, tt.took)
				}
			})
		})
	}
}

// keytabOf is a keytab with a key of svc-dfsd.
func keytabOf(t *testing.T) []byte {
	t.Helper()
	keys := keytab.New()
	if err := keys.AddEntry("svc-dfsd", "CORP.TEST", "a password", time.Unix(1, 0), 1, 18); err != nil {
		t.Fatal(err)
	}
	file, err := keys.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	return file
}
