package resolve

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/miekg/dns"
)

const (
	siteName   = "_ldap._tcp.London._sites.dc._msdcs.corp.lab."
	domainName = "_ldap._tcp.dc._msdcs.corp.lab."
)

func show(found []Controller) string {
	var b strings.Builder
	for _, c := range found {
		fmt.Fprintf(&b, "%s:%d %v", c.Host, c.Port, c.Addrs)
		if c.InSite {
			b.WriteString(" in site")
		}
		b.WriteString("; ")
	}
	return strings.TrimSuffix(b.String(), "; ")
}

func TestControllers(t *testing.T) {
	f := serve(t, nil)
	c := client(t, Options{Random: func(int) int { return 0 }, Search: []string{"evil"}}, f)
	hosts := []string{start, "dc1.corp.lab. 60 A 10.0.0.1", "dc1.corp.lab. 60 AAAA 2001:db8::1", "dc2.corp.lab. 60 A 10.0.0.2", "dc3.corp.lab. 60 A 10.0.0.3"}
	tests := []struct {
		name, site string
		zone       []string
		want       string
		err        error
	}{
		{name: "by priority", zone: []string{domainName + " 60 SRV 20 0 389 DC1.corp.lab.", domainName + " 60 SRV 10 0 3268 dc2.corp.lab."}, want: "dc2.corp.lab:3268 [10.0.0.2]; dc1.corp.lab:389 [10.0.0.1 2001:db8::1]"},
		{
			name: "the site's first, each once", site: "London",
			zone: []string{domainName + " 60 SRV 0 0 389 dc1.corp.lab.", domainName + " 60 SRV 1 0 389 DC2.corp.lab.", siteName + " 60 SRV 9 0 389 dc2.corp.lab."},
			want: "dc2.corp.lab:389 [10.0.0.2] in site; dc1.corp.lab:389 [10.0.0.1 2001:db8::1]",
		},
		{name: "two ports are two", zone: []string{domainName + " 60 SRV 0 0 389 dc2.corp.lab.", domainName + " 60 SRV 1 0 390 dc2.corp.lab."}, want: "dc2.corp.lab:389 [10.0.0.2]; dc2.corp.lab:390 [10.0.0.2]"},
		{name: "site unknown", site: "Rome", zone: []string{domainName + " 60 SRV 0 0 389 dc2.corp.lab."}, want: "dc2.corp.lab:389 [10.0.0.2]"},
		{name: "only the site's", site: "london", zone: []string{siteName + " 60 SRV 0 0 389 dc2.corp.lab."}, want: "dc2.corp.lab:389 [10.0.0.2] in site"},
		{name: "site that is no label", site: "a.b", zone: []string{strings.Replace(siteName, "London", "a.b", 1) + " 60 SRV 0 0 389 dc1.corp.lab.", domainName + " 60 SRV 0 0 389 dc2.corp.lab."}, want: "dc2.corp.lab:389 [10.0.0.2]"},
		{name: "alias", zone: []string{domainName + " 60 CNAME srv.lab.", "srv.lab. 60 SRV 0 0 389 dc2.corp.lab."}, want: "dc2.corp.lab:389 [10.0.0.2]"},
		{name: "target of one label", zone: []string{domainName + " 60 SRV 0 0 389 dc7.", "dc7. 60 A 10.0.0.7", "dc7.evil. 60 A 10.6.6.6"}, want: "dc7:389 [10.0.0.7]"},
		{name: "without address", zone: []string{domainName + " 60 SRV 0 0 389 gone.corp.lab.", domainName + " 60 SRV 1 0 389 dc2.corp.lab."}, want: "dc2.corp.lab:389 [10.0.0.2]"},
		{name: "all without address", zone: []string{domainName + " 60 SRV 0 0 389 gone.corp.lab."}, err: ErrNotFound},
		{name: "not offered", zone: []string{domainName + " 60 SRV 0 0 0 ."}, err: ErrNotOffered},
		{name: "not offered in the site", site: "London", zone: []string{siteName + " 60 SRV 0 0 0 .", domainName + " 60 SRV 0 0 389 dc2.corp.lab."}, want: "dc2.corp.lab:389 [10.0.0.2]"},
		{name: "port 0 is none", zone: []string{domainName + " 60 SRV 0 0 0 dc2.corp.lab."}, err: ErrNoAddress},
		{name: "no such domain", err: ErrNotFound},
		{name: "no such service", zone: []string{domainName + " 60 TXT x"}, err: ErrNoAddress},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			f.become(zone(t, 3, append(tt.zone, hosts...)...))
			for _, domain := range []string{"corp.lab", "Corp.lab."} {
				got, err := c.Controllers(t.Context(), domain, tt.site)
				if !errors.Is(err, tt.err) || show(got) != tt.want {
					t.Errorf("Controllers(%s, %q) = %s, %v\nwant %s, %v", domain, tt.site, show(got), err, tt.want, tt.err)
				}
			}
		})
	}
	for _, domain := range []string{"", ".", "a b", `corp\.lab`, "corp..lab"} {
		if got, err := c.Controllers(t.Context(), domain, ""); !errors.Is(err, ErrNotFound) {
			t.Errorf("Controllers(%q) = %v, %v", domain, got, err)
		}
	}
}

// TestAddressesThatComeAlong are not asked for again.
func TestAddressesThatComeAlong(t *testing.T) {
	srv := parse(t, domainName+" 60 SRV 0 0 389 DC1.corp.lab.", domainName+" 60 SRV 1 0 389 dc2.corp.lab.")
	glue := parse(t, "dc1.corp.lab. 60 A 10.0.0.1", "dc1.CORP.lab. 60 AAAA 2001:db8::1", "dc1.corp.lab. 60 A 10.0.0.1", "dc9.corp.lab. 60 A 10.0.0.9")
	rest := zone(t, 0, "dc2.corp.lab. 60 A 10.0.0.2")
	f := serve(t, func(w dns.ResponseWriter, q *dns.Msg) {
		if q.Question[0].Qtype != dns.TypeSRV {
			rest(w, q)
			return
		}
		reply := new(dns.Msg).SetReply(q)
		reply.Authoritative, reply.Answer, reply.Extra = true, srv, glue
		send(w, reply)
	})
	got, err := client(t, Options{}, f).Controllers(t.Context(), "corp.lab", "")
	if want := "dc1.corp.lab:389 [10.0.0.1 2001:db8::1]; dc2.corp.lab:389 [10.0.0.2]"; err != nil || show(got) != want {
		t.Errorf("%s, %v, want %s", show(got), err, want)
	}
	if want := []string{"udp " + domainName + " SRV", "udp dc2.corp.lab. A", "udp dc2.corp.lab. AAAA"}; !slices.Equal(f.heard(), want) {
		t.Errorf("not asked exactly %v", want)
	}
}

// TestOneQuestionFails: a fault of one of both questions does not hide what the
// other one found.
func TestOneQuestionFails(t *testing.T) {
	good := zone(t, 0, siteName+" 60 SRV 0 0 389 dc1.corp.lab.", domainName+" 60 SRV 0 0 389 dc2.corp.lab.", "dc1.corp.lab. 60 A 10.0.0.1", "dc2.corp.lab. 60 A 10.0.0.2")
	for failing, want := range map[string]string{siteName: "dc2.corp.lab:389 [10.0.0.2]", domainName: "dc1.corp.lab:389 [10.0.0.1] in site"} {
		f := serve(t, func(w dns.ResponseWriter, q *dns.Msg) {
			if q.Question[0].Name == failing {
				says(dns.RcodeServerFailure)(w, q)
				return
			}
			good(w, q)
		})
		got, err := client(t, Options{}, f).Controllers(t.Context(), "corp.lab", "London")
		if err != nil || show(got) != want {
			t.Errorf("%s, %v, want %s", show(got), err, want)
		}
	}
	_, err := client(t, Options{}, serve(t, says(dns.RcodeRefused))).Controllers(t.Context(), "corp.lab", "London")
	if !errors.Is(err, ErrServers) {
		t.Errorf("%v, want ErrServers", err)
	}
}

// TestQuestionsAreAskedAtOnce: a dead DNS server is not waited for twice, first
// for the site's controllers and then for the domain's.
func TestQuestionsAreAskedAtOnce(t *testing.T) {
	good := zone(t, 0, siteName+" 60 SRV 0 0 389 dc1.corp.lab.", domainName+" 60 SRV 0 0 389 dc2.corp.lab.", "dc1.corp.lab. 60 A 10.0.0.1", "dc2.corp.lab. 60 A 10.0.0.2")
	var asked atomic.Int32
	both := make(chan struct{})
	f := serve(t, func(w dns.ResponseWriter, q *dns.Msg) {
		if q.Question[0].Qtype == dns.TypeSRV {
			if asked.Add(1) == 2 {
				close(both)
			}
			select { // it answers neither before it has heard the other
			case <-both:
			case <-t.Context().Done():
			}
		}
		good(w, q)
	})
	got, err := client(t, Options{Tries: 1, Timeout: 2 * time.Second}, f).Controllers(t.Context(), "corp.lab", "London")
	if want := "dc1.corp.lab:389 [10.0.0.1] in site; dc2.corp.lab:389 [10.0.0.2]"; err != nil || show(got) != want {
		t.Errorf("%s, %v, want %s", show(got), err, want)
	}
}

// TestDeadResolverIsRemembered: of all that is asked to find controllers, it is
// waited for with the first two questions alone.
func TestDeadResolverIsRemembered(t *testing.T) {
	mute := serve(t, silence)
	good := serve(t, zone(t, 0, siteName+" 60 SRV 0 0 389 dc1.corp.lab.", domainName+" 60 SRV 0 0 389 dc2.corp.lab.", "dc1.corp.lab. 60 A 10.0.0.1", "dc2.corp.lab. 60 A 10.0.0.2"))
	c := client(t, Options{Timeout: 2 * short}, mute, good)
	for range 3 {
		if got, err := c.Controllers(t.Context(), "corp.lab", "London"); err != nil || len(got) != 2 {
			t.Fatalf("%s, %v", show(got), err)
		}
	}
	if got, want := mute.heard(), []string{"udp " + siteName + " SRV", "udp " + domainName + " SRV"}; !slices.Equal(got, want) {
		t.Errorf("the silent server was asked %v, want %v", got, want)
	}
}

// TestManyControllers come over TCP, are bounded, and are asked for concurrently.
func TestManyControllers(t *testing.T) {
	lines := numbered(maxControllers+200, func(i string) string { return domainName + " 60 SRV 0 100 389 dc" + i + "." })
	srv := parse(t, lines...)
	f := serve(t, func(w dns.ResponseWriter, q *dns.Msg) {
		reply := new(dns.Msg).SetReply(q)
		reply.RecursionAvailable, reply.Compress = true, true
		switch q.Question[0].Qtype {
		case dns.TypeSRV:
			reply.Answer = srv
		case dns.TypeA:
			reply.Answer = []dns.RR{&dns.A{Hdr: dns.RR_Header{Name: q.Question[0].Name, Rrtype: dns.TypeA, Class: dns.ClassINET, Ttl: 9}, A: []byte{10, 0, 0, 1}}}
		}
		send(w, reply)
	})
	got, err := client(t, Options{}, f).Controllers(t.Context(), "corp.lab", "")
	if err != nil || len(got) != maxControllers {
		t.Fatalf("%d controllers, %v, want %d", len(got), err, maxControllers)
	}
	if slices.IsSortedFunc(got, func(a, b Controller) int { return strings.Compare(a.Host, b.Host) }) {
		t.Error("a thousand equal controllers came unshuffled")
	}
}

// FuzzReply: whatever a server says, reading it ends, and within bounds.
func FuzzReply(f *testing.F) {
	add := func(lines ...string) {
		m := new(dns.Msg).SetQuestion("fs.lab.", dns.TypeA)
		m.Response, m.Compress = true, true
		for _, line := range lines {
			rr, err := dns.NewRR(line)
			if err != nil {
				f.Fatal(err)
			}
			m.Answer, m.Extra = append(m.Answer, rr), append(m.Extra, rr)
			if rr.Header().Rrtype == dns.TypeSOA {
				m.Ns = append(m.Ns, rr)
			}
		}
		b, err := m.Pack()
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	add("fs.lab. 60 A 10.0.0.1", "fs.lab. 60 AAAA 2001:db8::1")
	add("fs.lab. 60 CNAME a.lab.", "a.lab. 60 CNAME fs.lab.", start)
	add("fs.lab. 60 SRV 1 2 389 dc.lab.", "fs.lab. 60 SRV 1 2 389 .", "dc.lab. 60 A 10.0.0.1")
	f.Fuzz(func(t *testing.T, b []byte) {
		reply := new(dns.Msg)
		if reply.Unpack(slices.Clip(b)) != nil {
			return
		}
		_ = judge(reply)
		_ = repliesTo(reply, new(dns.Msg).SetQuestion("fs.lab.", dns.TypeA))
		for _, qtype := range []uint16{dns.TypeA, dns.TypeAAAA, dns.TypeSRV} {
			way := trail{name: "fs.lab.", ttl: maxTTL}
			found, err := way.follow(reply, qtype)
			ttl := min(way.ttl, negativeTTL(reply))
			if way.aliases > maxAliases+1 || ttl < minTTL || ttl > maxNegative {
				t.Errorf("%d aliases, lifetime %v", way.aliases, ttl)
			}
			answer, _ := unite([2]family{{records{found: found, ttl: way.ttl}, err}, {err: ErrNoAddress}})
			offered, _ := services(found)
			if len(answer.Addrs) > maxAddrs || len(offered) > maxControllers {
				t.Errorf("%d addresses, %d controllers", len(answer.Addrs), len(offered))
			}
		}
		for host, addrs := range glue(reply.Extra) {
			if len(addrs) > maxAddrs {
				t.Errorf("%s has %d addresses", host, len(addrs))
			}
		}
	})
}
