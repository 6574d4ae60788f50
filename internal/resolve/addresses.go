package resolve

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/miekg/dns"
)

const (
	maxAddrs = 64
	// longest bounds one call, however many servers, domains and aliases there
	// are.
	longest = 30 * time.Second
	// fileTTL is how long an answer from the table of hosts holds.
	fileTTL = time.Minute
	// partialTTL bounds how long an answer holds that lacks a family.
	partialTTL = time.Minute
)

// Answer holds the addresses of one host.
type Answer struct {
	// Addrs are at most 64 addresses, each once, IPv4 as IPv4 and first. The
	// caller owns the slice.
	Addrs []netip.Addr
	// TTL is how long the answer holds: the smallest lifetime of the records
	// on the way, from 1 s to 1 h. With ErrNotFound and ErrNoAddress it is how
	// long that holds, at most 5 min. 0: forever, for an address that was
	// given as a host.
	TTL time.Duration
	// Partial says that one family, IPv4 or IPv6, could not be asked for: Addrs
	// may be fewer than there are.
	Partial bool
}

// Addresses returns the addresses of host: a DNS name, with or without its last
// dot, in any case, or an IP address, which is its own answer. A name of one
// label is tried below each search domain first. Without Options.Servers the
// system's table of hosts goes before the DNS, but its loopback addresses go
// after it: distributions write the machine's own name there. The error wraps
// ErrNotFound, ErrNoAddress or ErrServers, or is that of ctx.
func (c *Client) Addresses(ctx context.Context, host string) (Answer, error) {
	if addr, ok := literal(host); ok {
		return Answer{Addrs: []netip.Addr{addr}}, nil
	}
	if key(host) == "localhost" { // RFC 6761, 6.3: nobody is asked
		return Answer{Addrs: []netip.Addr{netip.AddrFrom4([4]byte{127, 0, 0, 1}), netip.IPv6Loopback()}, TTL: maxTTL}, nil
	}
	if !validName(host) {
		return Answer{TTL: maxNegative}, fmt.Errorf("address of %q: %w: not a host name", host, ErrNotFound)
	}
	listed := c.listed(host)
	if len(listed) > 0 && !listed[0].IsLoopback() {
		return Answer{Addrs: listed, TTL: fileTTL}, nil
	}
	bounded, cancel := context.WithTimeout(ctx, longest)
	defer cancel()
	answer, err := c.complete(bounded, host)
	if err != nil && len(listed) > 0 && ctx.Err() == nil {
		return Answer{Addrs: listed, TTL: fileTTL}, nil
	}
	return answer, verdict(ctx, "address of "+host, err)
}

// verdict names what was asked for. A caller that gave up hears so, and nothing
// about servers that had no chance.
func verdict(ctx context.Context, what string, err error) error {
	switch {
	case err == nil:
		return nil
	case ctx.Err() != nil && errors.Is(err, ErrServers):
		return fmt.Errorf("%s: %w", what, ctx.Err())
	}
	return fmt.Errorf("%s: %w", what, err)
}

// literal reads a host that is an address, also in the form that fits into a
// UNC path: fe80--1s4.ipv6-literal.net.
func literal(host string) (netip.Addr, bool) {
	if text, ok := strings.CutSuffix(key(host), ".ipv6-literal.net"); ok {
		host = strings.NewReplacer("-", ":", "s", "%").Replace(text)
	}
	addr, err := netip.ParseAddr(host)
	return addr.Unmap(), err == nil
}

// validName tells whether host can be asked for: DNS syntax, and none of the
// characters with which it is written in files.
func validName(host string) bool {
	_, ok := dns.IsDomainName(host)
	return ok && key(host) != "" && !strings.ContainsFunc(host, func(r rune) bool {
		return r <= ' ' || r == 0x7f || strings.ContainsRune(`\"();@$/:`, r)
	})
}

// listed returns what the table of hosts says about host, each address once and
// IPv4 first: those that others can use, or else the loopback ones.
func (c *Client) listed(host string) []netip.Addr {
	if c.table == nil {
		return nil
	}
	var all []netip.Addr
	for _, a := range c.table.at(c.o.Now())[key(host)] {
		if !slices.Contains(all, a) {
			all = append(all, a)
		}
	}
	slices.SortStableFunc(all, func(a, b netip.Addr) int { return a.BitLen() - b.BitLen() })
	outer := slices.DeleteFunc(slices.Clone(all), netip.Addr.IsLoopback)
	if len(outer) > 0 {
		return outer
	}
	return all
}

// complete tries the names that host may be short for. A name that is found
// wins, then a fault, then the news that a name exists without addresses.
func (c *Client) complete(ctx context.Context, host string) (Answer, error) {
	var worst Answer
	var worstErr error
	for _, name := range candidates(host, c.search(c.o.Now())) {
		answer, err := c.families(ctx, name)
		if err == nil {
			return answer, nil
		}
		if worstErr == nil || gravity(err) > gravity(worstErr) {
			answer.TTL = min(answer.TTL, cmp.Or(worst.TTL, maxTTL))
			worst, worstErr = answer, err
		}
		if ctx.Err() != nil {
			break
		}
	}
	return worst, worstErr
}

func gravity(err error) int {
	switch {
	case errors.Is(err, ErrNotFound):
		return 0
	case errors.Is(err, ErrNoAddress):
		return 1
	}
	return 2
}

// candidates returns the absolute names that host may stand for, in the order
// of trying. There is at least one.
func candidates(host string, search []string) []string {
	name := strings.TrimSuffix(host, ".")
	var names []string
	if name == host && !strings.Contains(name, ".") {
		for _, domain := range search {
			if full := dns.Fqdn(name + "." + strings.Trim(domain, ".")); validName(full) && key(domain) != "" {
				names = append(names, full)
			}
		}
	}
	return append(names, dns.Fqdn(name))
}

// family is what the DNS says about the addresses of one family.
type family struct {
	records
	err error
}

// families asks for both families of an absolute name at once.
func (c *Client) families(ctx context.Context, name string) (Answer, error) {
	types := [2]uint16{dns.TypeA, dns.TypeAAAA}
	var said [2]family
	var wg sync.WaitGroup
	for i, qtype := range types {
		wg.Go(func() { said[i].records, said[i].err = c.lookup(ctx, name, qtype) })
	}
	wg.Wait()
	return unite(said)
}

// unite makes one answer of both families. A family that could not be asked
// does not hide the other's addresses; it hides an absence, unless that is of
// the whole name.
func unite(said [2]family) (Answer, error) {
	var found, absent Answer
	var fault, gone error
	found.TTL, absent.TTL = maxTTL, maxNegative
	for _, f := range said {
		switch {
		case f.err == nil:
			found.Addrs = appendAddrs(found.Addrs, f.found)
			found.TTL = min(found.TTL, f.ttl)
		case errors.Is(f.err, ErrNotFound), errors.Is(f.err, ErrNoAddress):
			absent.TTL = min(absent.TTL, f.ttl)
			if gone == nil || gravity(f.err) > gravity(gone) {
				gone = f.err
			}
		default:
			fault = f.err
		}
	}
	switch {
	case len(found.Addrs) > 0:
		if fault != nil {
			found.Partial, found.TTL = true, min(found.TTL, partialTTL)
		}
		return found, nil
	case fault != nil && (gone == nil || !errors.Is(gone, ErrNotFound)):
		return Answer{}, fault
	case gone != nil:
		return absent, gone
	}
	return Answer{TTL: noSOA}, ErrNoAddress // addresses that are none
}

// appendAddrs adds the addresses in rrs that a host can have, each once.
func appendAddrs(to []netip.Addr, rrs []dns.RR) []netip.Addr {
	for _, rr := range rrs {
		addr, ok := addrOf(rr)
		if ok && len(to) < maxAddrs && !slices.Contains(to, addr) {
			to = append(to, addr)
		}
	}
	return to
}

func addrOf(rr dns.RR) (netip.Addr, bool) {
	var raw []byte
	switch rr := rr.(type) {
	case *dns.A:
		raw = rr.A.To4()
	case *dns.AAAA:
		raw = rr.AAAA
	}
	addr, ok := netip.AddrFromSlice(raw)
	addr = addr.Unmap()
	return addr, ok && isHosts(addr)
}

// isHosts tells whether a host can have addr.
func isHosts(addr netip.Addr) bool { return !addr.IsUnspecified() && !addr.IsMulticast() }
