package resolve

import (
	"context"
	"errors"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"
)

const start = "lab. 900 IN SOA ns.lab. root.lab. 1 2 3 4 120"

func TestAddresses(t *testing.T) {
	f := serve(t, nil)
	c := client(t, Options{Search: []string{"corp.lab", "lab."}}, f)
	tests := []struct {
		name    string
		aliases int // that the server follows
		zone    []string
		host    string
		want    Answer
		err     error
	}{
		{name: "both families, smallest lifetime", zone: []string{"fs.lab. 60 A 10.0.0.1", "fs.lab. 30 AAAA 2001:db8::1", "fs.lab. 60 A 10.0.0.2"}, host: "fs.lab", want: Answer{Addrs: addrs("10.0.0.1", "10.0.0.2", "2001:db8::1"), TTL: 30 * time.Second}},
		{name: "smallest lifetime is IPv4's", zone: []string{"fs.lab. 30 A 10.0.0.1", "fs.lab. 60 AAAA 2001:db8::1"}, host: "fs.lab", want: Answer{Addrs: addrs("10.0.0.1", "2001:db8::1"), TTL: 30 * time.Second}},
		{name: "one family", zone: []string{start, "fs.lab. 60 A 10.0.0.1"}, host: "fs.lab", want: Answer{Addrs: addrs("10.0.0.1"), TTL: time.Minute}},
		{name: "case and last dot", zone: []string{"FS.lab. 60 A 10.0.0.1"}, host: "fs.LAB.", want: Answer{Addrs: addrs("10.0.0.1"), TTL: time.Minute}},
		{name: "alias, all in one", aliases: 9, zone: []string{"www.lab. 20 CNAME fs.lab.", "fs.lab. 60 A 10.0.0.1"}, host: "www.lab", want: Answer{Addrs: addrs("10.0.0.1"), TTL: 20 * time.Second}},
		{name: "alias, piece by piece", zone: []string{"www.lab. 20 CNAME w3.lab.", "w3.lab. 10 CNAME fs.lab.", "fs.lab. 60 A 10.0.0.1"}, host: "www.lab", want: Answer{Addrs: addrs("10.0.0.1"), TTL: 10 * time.Second}},
		{name: "eight aliases", aliases: 3, zone: chain(8), host: "a0.lab", want: Answer{Addrs: addrs("10.0.0.1"), TTL: time.Minute}},
		{name: "nine aliases", aliases: 3, zone: chain(9), host: "a0.lab", err: ErrServers},
		{name: "circle", aliases: 1, zone: []string{"a.lab. 60 CNAME b.lab.", "b.lab. 60 CNAME a.lab."}, host: "a.lab", err: ErrServers},
		{name: "circle of one", aliases: 1, zone: []string{"a.lab. 60 CNAME a.lab."}, host: "a.lab", err: ErrServers},
		{name: "alias to nowhere", aliases: 1, zone: []string{start, "a.lab. 40 CNAME b.lab."}, host: "a.lab", want: Answer{TTL: 40 * time.Second}, err: ErrNotFound},
		{name: "not found", zone: []string{start}, host: "fs.lab", want: Answer{TTL: 2 * time.Minute}, err: ErrNotFound},
		{name: "no address", zone: []string{start, "fs.lab. 60 TXT hello"}, host: "fs.lab", want: Answer{TTL: 2 * time.Minute}, err: ErrNoAddress},
		{name: "lifetime of the SOA itself", zone: []string{"lab. 50 SOA ns.lab. root.lab. 1 2 3 4 120"}, host: "fs.lab", want: Answer{TTL: 50 * time.Second}, err: ErrNotFound},
		{name: "long absence", zone: []string{"lab. 9999 SOA ns.lab. root.lab. 1 2 3 4 9999"}, host: "fs.lab", want: Answer{TTL: 5 * time.Minute}, err: ErrNotFound},
		{name: "absence without SOA", host: "fs.lab", want: Answer{TTL: noSOA}, err: ErrNotFound},
		{name: "lifetime 0", zone: []string{"fs.lab. 0 A 10.0.0.1"}, host: "fs.lab", want: Answer{Addrs: addrs("10.0.0.1"), TTL: time.Second}},
		{name: "lifetime of a week", zone: []string{"fs.lab. 604800 A 10.0.0.1"}, host: "fs.lab", want: Answer{Addrs: addrs("10.0.0.1"), TTL: time.Hour}},
		{name: "lifetime with the top bit", zone: []string{"fs.lab. 2147483648 A 10.0.0.1"}, host: "fs.lab", want: Answer{Addrs: addrs("10.0.0.1"), TTL: time.Second}},
		{name: "the same address twice", zone: []string{"fs.lab. 60 A 10.0.0.1", "fs.lab. 60 AAAA ::ffff:10.0.0.1"}, host: "fs.lab", want: Answer{Addrs: addrs("10.0.0.1"), TTL: time.Minute}},
		{name: "no host's address", zone: []string{"fs.lab. 60 A 0.0.0.0", "fs.lab. 60 AAAA ff02::1"}, host: "fs.lab", want: Answer{TTL: noSOA}, err: ErrNoAddress},
		{name: "search, first domain", zone: []string{"fs.corp.lab. 60 A 10.0.0.1", "fs.lab. 60 A 10.0.0.2"}, host: "fs", want: Answer{Addrs: addrs("10.0.0.1"), TTL: time.Minute}},
		{name: "search, second domain", zone: []string{"fs.lab. 60 A 10.0.0.2", "fs. 60 A 10.0.0.3"}, host: "fs", want: Answer{Addrs: addrs("10.0.0.2"), TTL: time.Minute}},
		{name: "search, itself last", zone: []string{"fs. 60 A 10.0.0.3"}, host: "fs", want: Answer{Addrs: addrs("10.0.0.3"), TTL: time.Minute}},
		{name: "no search for an absolute label", zone: []string{"fs.lab. 60 A 10.0.0.2"}, host: "fs.", want: Answer{TTL: noSOA}, err: ErrNotFound},
		{name: "no search for two labels", zone: []string{"fs.x.lab. 60 A 10.0.0.2"}, host: "fs.x", want: Answer{TTL: noSOA}, err: ErrNotFound},
		{name: "search, a name without address outweighs none", zone: []string{start, "fs.corp.lab. 60 TXT x"}, host: "fs", want: Answer{TTL: 2 * time.Minute}, err: ErrNoAddress},
		{name: "search, also when it comes later", zone: []string{start, "fs.lab. 60 TXT x"}, host: "fs", want: Answer{TTL: 2 * time.Minute}, err: ErrNoAddress},
		{name: "IPv4 literal", host: "10.1.2.3", want: Answer{Addrs: addrs("10.1.2.3")}},
		{name: "IPv6 literal", host: "2001:DB8::7", want: Answer{Addrs: addrs("2001:db8::7")}},
		{name: "mapped literal", host: "::ffff:10.1.2.3", want: Answer{Addrs: addrs("10.1.2.3")}},
		{name: "UNC literal", host: "2001-db8--7.IPv6-literal.net", want: Answer{Addrs: addrs("2001:db8::7")}},
		{name: "UNC literal with zone", host: "fe80--1s4.ipv6-literal.net", want: Answer{Addrs: addrs("fe80::1%4")}},
		{name: "localhost", host: "LocalHost", want: Answer{Addrs: addrs("127.0.0.1", "::1"), TTL: time.Hour}},
		{name: "empty", host: "", want: Answer{TTL: maxNegative}, err: ErrNotFound},
		{name: "dot", host: ".", want: Answer{TTL: maxNegative}, err: ErrNotFound},
		{name: "long label", host: strings.Repeat("a", 64) + ".lab", want: Answer{TTL: maxNegative}, err: ErrNotFound},
		{name: "long name", host: strings.Repeat("aaaaaaa.", 32) + "lab", want: Answer{TTL: maxNegative}, err: ErrNotFound},
		{name: "space", host: "a b.lab", want: Answer{TTL: maxNegative}, err: ErrNotFound},
		{name: "escape", host: `a\046b.lab`, want: Answer{TTL: maxNegative}, err: ErrNotFound},
		{name: "not an address", host: "10.1.2.3:445", want: Answer{TTL: maxNegative}, err: ErrNotFound},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			f.become(zone(t, tt.aliases, tt.zone...))
			got, err := c.Addresses(t.Context(), tt.host)
			if !errors.Is(err, tt.err) || !reflect.DeepEqual(got, tt.want) {
				t.Errorf("Addresses(%q) = %+v, %v, want %+v, %v", tt.host, got, err, tt.want, tt.err)
			}
		})
	}
}

// chain is n aliases in a row.
func chain(n int) []string {
	lines := []string{}
	for i := range n {
		lines = append(lines, "a"+string(rune('0'+i))+".lab. 60 CNAME a"+string(rune('1'+i))+".lab.")
	}
	return append(lines, "a"+string(rune('0'+n))+".lab. 60 A 10.0.0.1")
}

func TestManyAddressesAreBounded(t *testing.T) {
	f := serve(t, zone(t, 0, numbered(200, func(i string) string { return "fs.lab. 60 A 10.0.0." + i })...))
	if got := mustAddresses(t, client(t, Options{}, f), "fs.lab"); len(got.Addrs) != maxAddrs {
		t.Errorf("%d addresses, want %d", len(got.Addrs), maxAddrs)
	}
	if !slices.Contains(f.heard(), "tcp fs.lab. A") {
		t.Error("200 addresses came without TCP")
	}
}

// TestStrangersRecordsAreIgnored: a reply may hold records that nobody asked
// for, under other names or in other classes.
func TestStrangersRecordsAreIgnored(t *testing.T) {
	rrs := parse(t, "evil.lab. 60 A 10.6.6.6", "fs.lab. 60 CH A 10.6.6.7", "fs.lab. 60 A 10.0.0.1", "fs.lab. 60 TXT x")
	f := serve(t, func(w dns.ResponseWriter, q *dns.Msg) {
		reply := new(dns.Msg).SetReply(q)
		reply.Authoritative = true
		if q.Question[0].Qtype == dns.TypeA {
			reply.Answer = rrs
		}
		send(w, reply)
	})
	if got := mustAddresses(t, client(t, Options{}, f), "fs.lab"); !slices.Equal(got.Addrs, addrs("10.0.0.1")) {
		t.Errorf("got %v", got.Addrs)
	}
}

func TestOneFamilyFails(t *testing.T) {
	f := serve(t, withoutAAAA(zone(t, 0, "fs.lab. 600 A 10.0.0.1")))
	c := client(t, Options{}, f)
	got := mustAddresses(t, c, "fs.lab")
	if !got.Partial || got.TTL != partialTTL || !slices.Equal(got.Addrs, addrs("10.0.0.1")) {
		t.Errorf("got %+v", got)
	}
	f.become(withoutAAAA(zone(t, 0, "fs.lab. 600 TXT x")))
	if _, err := c.Addresses(context.Background(), "fs.lab"); !errors.Is(err, ErrServers) {
		t.Errorf("no A, AAAA unknown: %v, want ErrServers", err)
	}
	f.become(withoutAAAA(zone(t, 0)))
	if _, err := c.Addresses(context.Background(), "fs.lab"); !errors.Is(err, ErrNotFound) {
		t.Errorf("no such name, AAAA unknown: %v, want ErrNotFound", err)
	}
}

// TestAbsenceBehindAnAlias is not asked for again when the server has told all.
func TestAbsenceBehindAnAlias(t *testing.T) {
	alias, soa := parse(t, "www.lab. 60 CNAME fs.lab."), parse(t, start)
	f := serve(t, func(w dns.ResponseWriter, q *dns.Msg) {
		reply := new(dns.Msg).SetReply(q)
		reply.RecursionAvailable, reply.Answer, reply.Ns = true, alias, soa
		send(w, reply)
	})
	got, err := client(t, Options{}, f).Addresses(t.Context(), "www.lab")
	if !errors.Is(err, ErrNoAddress) || got.TTL != time.Minute {
		t.Errorf("%v, %v", got, err)
	}
	if asked := f.heard(); len(asked) != 2 {
		t.Errorf("asked %v", asked)
	}
}

// TestSearchGoesOnAfterAFault: a later domain may have the name; without it the
// fault is the answer, for the name may exist.
func TestSearchGoesOnAfterAFault(t *testing.T) {
	rest := zone(t, 0, "fs.lab. 60 A 10.0.0.1")
	f := serve(t, func(w dns.ResponseWriter, q *dns.Msg) {
		if dns.IsSubDomain("corp.lab.", q.Question[0].Name) {
			says(dns.RcodeServerFailure)(w, q)
			return
		}
		rest(w, q)
	})
	c := client(t, Options{Search: []string{"corp.lab", "bad..name", "", "lab"}}, f)
	if got := mustAddresses(t, c, "fs"); !slices.Equal(got.Addrs, addrs("10.0.0.1")) {
		t.Errorf("got %v", got)
	}
	if got, err := c.Addresses(t.Context(), "other"); !errors.Is(err, ErrServers) {
		t.Errorf("%v, %v, want ErrServers", got, err)
	}
}

func withoutAAAA(good dns.HandlerFunc) dns.HandlerFunc {
	return func(w dns.ResponseWriter, q *dns.Msg) {
		if q.Question[0].Qtype == dns.TypeAAAA {
			says(dns.RcodeServerFailure)(w, q)
			return
		}
		good(w, q)
	}
}
