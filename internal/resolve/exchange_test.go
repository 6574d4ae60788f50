package resolve

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
	"go.uber.org/zap/zaptest/observer"
)

const (
	fsRecord = "fs.lab. 60 A 10.0.0.1"
	short    = 250 * time.Millisecond // patience with servers that are known to be silent
)

// TestFaultyServerIsPassedOver: whatever the first server does, the second one's
// answer counts.
func TestFaultyServerIsPassedOver(t *testing.T) {
	faults := map[string]dns.HandlerFunc{
		"silence":         silence,
		"server failure":  says(dns.RcodeServerFailure),
		"refused":         says(dns.RcodeRefused),
		"not implemented": says(dns.RcodeNotImplemented),
		"format error":    says(dns.RcodeFormatError),
		"lame":            says(dns.RcodeSuccess),
		"format error without the question": func(w dns.ResponseWriter, q *dns.Msg) {
			m := new(dns.Msg).SetRcode(q, dns.RcodeFormatError)
			m.Question = nil
			send(w, m)
		},
		"wrong id": forged(func(m *dns.Msg) { m.Id++ }),
		"wrong name": forged(func(m *dns.Msg) {
			m.Question[0].Name = "sf.lab."
		}),
		"wrong type":     forged(func(m *dns.Msg) { m.Question[0].Qtype = dns.TypeMX }),
		"wrong class":    forged(func(m *dns.Msg) { m.Question[0].Qclass = dns.ClassCHAOS }),
		"no question":    forged(func(m *dns.Msg) { m.Question = nil }),
		"two questions":  forged(func(m *dns.Msg) { m.Question = append(m.Question, m.Question[0]) }),
		"a query":        forged(func(m *dns.Msg) { m.Response = false }),
		"another opcode": forged(func(m *dns.Msg) { m.Opcode = dns.OpcodeNotify }),
		"garbage":        raw([]byte("this is no DNS message at all")),
		"nothing":        raw(nil),
		"one byte":       raw([]byte{1}),
		"truncated for ever": func(w dns.ResponseWriter, q *dns.Msg) {
			m := new(dns.Msg).SetReply(q)
			m.Truncated, m.RecursionAvailable = true, true
			send(w, m)
		},
	}
	good := serve(t, zone(t, 0, fsRecord))
	for name, fault := range faults {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := client(t, Options{Timeout: short, Tries: 5}, serve(t, fault), good)
			got, err := c.lookup(t.Context(), "fs.lab", dns.TypeA)
			if err != nil || !slices.Equal(appendAddrs(nil, got.found), addrs("10.0.0.1")) {
				t.Errorf("%v, %v", got.found, err)
			}
		})
	}
}

// forged answers well, but for what change does.
func forged(change func(*dns.Msg)) dns.HandlerFunc {
	return func(w dns.ResponseWriter, q *dns.Msg) {
		m := new(dns.Msg).SetReply(q)
		m.RecursionAvailable = true
		if rr, err := dns.NewRR("fs.lab. 60 A 10.6.6.6"); err == nil {
			m.Answer = append(m.Answer, rr)
		}
		change(m)
		send(w, m)
	}
}

func raw(b []byte) dns.HandlerFunc {
	return func(w dns.ResponseWriter, _ *dns.Msg) { _, _ = w.Write(b) }
}

// TestForgedRepliesAreWaitedOut: the true reply counts even when others come
// first.
func TestForgedRepliesAreWaitedOut(t *testing.T) {
	good := zone(t, 0, fsRecord)
	f := serve(t, func(w dns.ResponseWriter, q *dns.Msg) {
		raw([]byte{1})(w, q)
		raw([]byte("garbage of some length"))(w, q)
		forged(func(m *dns.Msg) { m.Id ^= 1 })(w, q)
		forged(func(m *dns.Msg) { m.Question[0].Name = "sf.lab." })(w, q)
		q.Question[0].Name = strings.ToUpper(q.Question[0].Name) // some servers do
		good(w, q)
	})
	got := mustAddresses(t, client(t, Options{}, f), "fs.lab")
	if !slices.Equal(got.Addrs, addrs("10.0.0.1")) {
		t.Errorf("got %v", got.Addrs)
	}
}

func TestForgedReplyOverTCPIsRefused(t *testing.T) {
	f := serve(t, func(w dns.ResponseWriter, q *dns.Msg) {
		forged(func(m *dns.Msg) {
			if m.Truncated = w.LocalAddr().Network() == "udp"; !m.Truncated {
				m.Id++
			}
		})(w, q)
	})
	_, err := client(t, Options{}, f).Addresses(t.Context(), "fs.lab")
	if !errors.Is(err, ErrServers) || !strings.Contains(err.Error(), errNonsense.Error()) {
		t.Errorf("%v, want ErrServers and nonsense", err)
	}
}

func TestQueryAsItShouldBe(t *testing.T) {
	ids := map[uint16]bool{}
	queries := make(chan *dns.Msg, 100)
	good := zone(t, 0, fsRecord)
	f := serve(t, func(w dns.ResponseWriter, q *dns.Msg) {
		queries <- q.Copy()
		good(w, q)
	})
	c := client(t, Options{}, f)
	for range 20 {
		mustAddresses(t, c, "fs.lab")
	}
	for range 40 {
		q := <-queries
		ids[q.Id] = true
		if opt := q.IsEdns0(); opt == nil || opt.UDPSize() != 1232 || opt.Do() || !q.RecursionDesired {
			t.Fatalf("query %v", q)
		}
	}
	if len(ids) < 35 {
		t.Errorf("only %d ids in 40 queries", len(ids))
	}
}

// TestServerThatDoesNotKnowEDNS is asked again without.
func TestServerThatDoesNotKnowEDNS(t *testing.T) {
	good := zone(t, 0, fsRecord)
	f := serve(t, func(w dns.ResponseWriter, q *dns.Msg) {
		if q.IsEdns0() != nil {
			says(dns.RcodeFormatError)(w, q)
			return
		}
		good(w, q)
	})
	mustAddresses(t, client(t, Options{}, f), "fs.lab")
}

func TestTruncatedAnswerIsFetchedOverTCP(t *testing.T) {
	f := serve(t, zone(t, 0, numbered(60, func(i string) string { return "fs.lab. 60 AAAA 2001:db8::" + i })...))
	got := mustAddresses(t, client(t, Options{}, f), "fs.lab")
	if len(got.Addrs) != 60 {
		t.Errorf("%d addresses, want 60", len(got.Addrs))
	}
	if want := []string{"tcp fs.lab. AAAA", "udp fs.lab. A", "udp fs.lab. AAAA"}; !slices.Equal(f.heard(), want) {
		t.Errorf("not asked as %v", want)
	}
}

func TestFaultNamesEachServer(t *testing.T) {
	dead := deadAddress(t)
	broken := serve(t, says(dns.RcodeServerFailure))
	c := client(t, Options{Servers: []string{dead}, Timeout: time.Second}, broken)
	_, err := c.Addresses(t.Context(), "fs.lab")
	if !errors.Is(err, ErrServers) || errors.Is(err, ErrNotFound) {
		t.Fatalf("%v, want ErrServers", err)
	}
	for _, want := range []string{"address of fs.lab", dead, broken.address + ": it answers SERVFAIL", "refused"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%q does not say %q", err, want)
		}
	}
	if got := broken.heard(); len(got) != 2 {
		t.Errorf("a failing server was asked again: %v", got)
	}
}

// deadAddress is where nobody listens.
func deadAddress(t *testing.T) string {
	t.Helper()
	packets, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer packets.Close()
	return packets.LocalAddr().String()
}

// TestSilentServerRests: two failures in a row silence a server for a minute;
// the next failure after that does so at once.
func TestSilentServerRests(t *testing.T) {
	mute, good := serve(t, silence), serve(t, zone(t, 0, fsRecord))
	now := &clock{now: time.Unix(1e9, 0)}
	seen, logged := observer.New(zapcore.InfoLevel)
	c := client(t, Options{Timeout: 2 * short, Now: now.Now, Log: zap.New(seen)}, mute, good)
	asked := func() int {
		t.Helper()
		if _, err := c.lookup(t.Context(), "fs.lab", dns.TypeA); err != nil {
			t.Fatal(err)
		}
		return len(mute.heard())
	}
	var got []int
	for range 4 {
		got = append(got, asked())
	}
	now.pass(silentFor - 1)
	got = append(got, asked())
	now.pass(1)
	got = append(got, asked(), asked())
	now.pass(silentFor)
	mute.become(zone(t, 0, fsRecord))
	got = append(got, asked(), asked())
	if want := []int{1, 1, 0, 0, 0, 1, 0, 1, 1}; !slices.Equal(got, want) {
		t.Errorf("the silent server was asked %v times, want %v", got, want)
	}
	if n := logged.FilterMessage("DNS server does not answer").Len(); n != 1 {
		t.Errorf("its silence was logged %d times", n)
	}
	if n := logged.FilterMessage("DNS server answers again").Len(); n != 1 {
		t.Errorf("its return was logged %d times", n)
	}
}

// TestLastResort: a server that was silent is better than none.
func TestLastResort(t *testing.T) {
	f := serve(t, silence)
	c := client(t, Options{Timeout: short}, f)
	if _, err := c.lookup(t.Context(), "fs.lab", dns.TypeA); !errors.Is(err, ErrServers) {
		t.Fatal(err)
	}
	if n := len(f.heard()); n != 2 {
		t.Errorf("asked %d times, want 2", n)
	}
	f.become(zone(t, 0, fsRecord))
	c.o.Timeout = 5 * time.Second
	if _, err := c.lookup(t.Context(), "fs.lab", dns.TypeA); err != nil {
		t.Error(err)
	}
}

func TestCallerGivesUp(t *testing.T) {
	c := client(t, Options{Timeout: time.Hour}, serve(t, silence))
	for _, cause := range []error{context.Canceled, context.DeadlineExceeded} {
		ctx, cancel := context.WithCancel(t.Context())
		if errors.Is(cause, context.Canceled) {
			time.AfterFunc(short, cancel)
		} else {
			ctx, cancel = context.WithTimeout(t.Context(), short)
		}
		defer cancel()
		if _, err := c.Addresses(ctx, "fs.lab"); !errors.Is(err, cause) || errors.Is(err, ErrServers) {
			t.Errorf("Addresses: %v, want %v", err, cause)
		}
		if _, err := c.Controllers(ctx, "lab", "x"); !errors.Is(err, cause) || errors.Is(err, ErrServers) {
			t.Errorf("Controllers: %v, want %v", err, cause)
		}
	}
	if len(c.health.state) != 0 {
		t.Error("the caller's haste is held against the server")
	}
}

func TestHealthForgetsFormerServers(t *testing.T) {
	var h health
	for i := range 10_000 {
		h.failed(fmt.Sprint(i), time.Time{})
	}
	if len(h.state) > 8*maxServers {
		t.Errorf("%d servers remembered", len(h.state))
	}
}

func TestOptions(t *testing.T) {
	for name, o := range map[string]Options{
		"no port": {Servers: []string{"10.0.0.1"}}, "port 0": {Servers: []string{"10.0.0.1:0"}}, "port name": {Servers: []string{"10.0.0.1:domain"}},
		"no host": {Servers: []string{":53"}}, "too many": {Servers: numbered(9, func(i string) string { return "10.0.0.1:5" + i })},
		"time": {Timeout: -1}, "tries": {Tries: -1}, "many tries": {Tries: 11},
	} {
		if _, err := New(o); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
	c, err := New(Options{Servers: []string{"[2001:db8::53]:53", "dns.lab:5353"}})
	if err != nil || c.o.Timeout != 2*time.Second || c.o.Tries != 2 {
		t.Errorf("%v, %v", c, err)
	}
}
