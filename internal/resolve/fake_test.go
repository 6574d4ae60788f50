package resolve

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/miekg/dns"
)

// fake is a DNS server on the loopback interface, over UDP and TCP.
type fake struct {
	address string
	mu      sync.Mutex
	handle  dns.HandlerFunc
	asked   []string // "udp fs1.lab. A", in order
}

// serve starts a server; handle may be replaced with become.
func serve(t *testing.T, handle dns.HandlerFunc) *fake {
	t.Helper()
	f := &fake{handle: handle}
	packets, listener := sockets(t)
	f.address = packets.LocalAddr().String()
	for _, s := range []*dns.Server{{PacketConn: packets}, {Listener: listener}} {
		s.Handler = f
		ready := make(chan struct{})
		s.NotifyStartedFunc = func() { close(ready) }
		ended := make(chan error, 1)
		go func() { ended <- s.ActivateAndServe() }()
		<-ready
		t.Cleanup(func() {
			if err := errors.Join(s.Shutdown(), <-ended); err != nil {
				t.Error(err)
			}
		})
	}
	return f
}

// sockets opens the same port for UDP and TCP.
func sockets(t *testing.T) (net.PacketConn, net.Listener) {
	t.Helper()
	for range 20 {
		packets, err := net.ListenPacket("udp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		listener, err := net.Listen("tcp", packets.LocalAddr().String())
		if err == nil {
			return packets, listener
		}
		_ = packets.Close()
	}
	t.Fatal("no port is free for UDP and TCP at once")
	return nil, nil
}

func (f *fake) ServeDNS(w dns.ResponseWriter, q *dns.Msg) {
	f.mu.Lock()
	handle := f.handle
	f.asked = append(f.asked, w.LocalAddr().Network()+" "+q.Question[0].Name+" "+dns.TypeToString[q.Question[0].Qtype])
	f.mu.Unlock()
	handle(w, q)
}

func (f *fake) become(handle dns.HandlerFunc) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.handle = handle
}

// heard returns what was asked since the last call, sorted.
func (f *fake) heard() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	asked := slices.Sorted(slices.Values(f.asked))
	f.asked = nil
	return asked
}

// zone answers from records in the notation of zone files. A name that has
// others, or names below it, has NODATA; the rest is NXDOMAIN. Aliases are
// followed as far as told.
func zone(t *testing.T, aliases int, lines ...string) dns.HandlerFunc {
	t.Helper()
	rrs := parse(t, lines...)
	return func(w dns.ResponseWriter, q *dns.Msg) {
		reply := new(dns.Msg).SetReply(q)
		reply.RecursionAvailable = true
		name, exists := q.Question[0].Name, false
		for step := 0; step <= aliases; step++ {
			next := name
			for _, rr := range rrs {
				h := rr.Header()
				exists = exists || dns.IsSubDomain(name, h.Name)
				if !strings.EqualFold(h.Name, name) || h.Rrtype != q.Question[0].Qtype && h.Rrtype != dns.TypeCNAME {
					continue
				}
				reply.Answer = append(reply.Answer, rr)
				if c, ok := rr.(*dns.CNAME); ok {
					next = c.Target
				}
			}
			if next == name {
				break
			}
			name, exists = next, false
		}
		if n := len(reply.Answer); n == 0 || reply.Answer[n-1].Header().Rrtype != q.Question[0].Qtype {
			deny(reply, rrs, exists || n > aliases)
		}
		send(w, reply)
	}
}

func deny(reply *dns.Msg, rrs []dns.RR, exists bool) {
	if !exists {
		reply.Rcode = dns.RcodeNameError
	}
	for _, rr := range rrs {
		if rr.Header().Rrtype == dns.TypeSOA && (!exists || len(reply.Answer) == 0) {
			reply.Ns = append(reply.Ns, rr)
		}
	}
}

func parse(t *testing.T, lines ...string) []dns.RR {
	t.Helper()
	var rrs []dns.RR
	for _, line := range lines {
		rr, err := dns.NewRR(line)
		if err != nil || rr == nil {
			t.Fatalf("record %q: %v", line, err)
		}
		rrs = append(rrs, rr)
	}
	return rrs
}

func send(w dns.ResponseWriter, m *dns.Msg) {
	if w.LocalAddr().Network() == "udp" {
		m.Truncate(ednsSize)
	}
	_ = w.WriteMsg(m) // a client that has gone away is none of the tests' business
}

// says answers every question with a code and nothing else.
func says(rcode int) dns.HandlerFunc {
	return func(w dns.ResponseWriter, q *dns.Msg) { send(w, new(dns.Msg).SetRcode(q, rcode)) }
}

func silence(dns.ResponseWriter, *dns.Msg) {}

// client returns a client of the fakes that loses patience quickly.
func client(t *testing.T, o Options, fakes ...*fake) *Client {
	t.Helper()
	for _, f := range fakes {
		o.Servers = append(o.Servers, f.address)
	}
	if o.Timeout == 0 {
		o.Timeout = 5 * time.Second
	}
	c, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func addrs(texts ...string) []netip.Addr {
	var list []netip.Addr
	for _, s := range texts {
		list = append(list, netip.MustParseAddr(s))
	}
	return list
}

// clock is a settable time.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) pass(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

func numbered(n int, format func(i string) string) []string {
	var lines []string
	for i := range n {
		lines = append(lines, format(strconv.Itoa(i)))
	}
	return lines
}

func mustAddresses(t *testing.T, c *Client, host string) Answer {
	t.Helper()
	a, err := c.Addresses(context.Background(), host)
	if err != nil {
		t.Fatalf("Addresses(%s): %v", host, err)
	}
	return a
}
