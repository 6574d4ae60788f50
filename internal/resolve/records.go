package resolve

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/miekg/dns"
)

const (
	// maxAliases is how many CNAME records in a row are followed.
	maxAliases = 8
	minTTL     = time.Second
	maxTTL     = time.Hour
	// maxNegative bounds how long an absence is believed (RFC 2308, 5).
	maxNegative = 5 * time.Minute
	// noSOA is how long an absence holds whose answer does not say.
	noSOA = 30 * time.Second
)

// records are what the DNS holds under one name for one type.
type records struct {
	found []dns.RR
	extra []dns.RR      // what the server added unasked
	ttl   time.Duration // of what was found, or of its absence
}

// lookup asks for the records of an absolute name and follows its aliases. With
// ErrNotFound and ErrNoAddress the records hold the lifetime of the absence. A
// name that no question has room for does not exist.
func (c *Client) lookup(ctx context.Context, name string, qtype uint16) (records, error) {
	if _, ok := dns.IsDomainName(name); !ok {
		return records{ttl: maxNegative}, fmt.Errorf("%w: %q is too long for one", ErrNotFound, name)
	}
	trail := trail{name: dns.Fqdn(name), ttl: maxTTL}
	for {
		before := trail.name
		reply, err := c.ask(ctx, before, qtype)
		if err != nil {
			return records{}, err
		}
		found, err := trail.follow(reply, qtype)
		if err != nil {
			return records{}, err
		}
		if len(found) > 0 {
			return records{found: found, extra: reply.Extra, ttl: trail.ttl}, nil
		}
		absent := records{ttl: min(trail.ttl, negativeTTL(reply))}
		switch {
		case reply.Rcode == dns.RcodeNameError:
			return absent, ErrNotFound
		case trail.name == before || soa(reply) != nil:
			return absent, ErrNoAddress
		}
		// The server knew the alias and not what is behind it.
	}
}

// trail is the way along the aliases of a name.
type trail struct {
	name    string // where it has led
	aliases int
	ttl     time.Duration // the smallest on the way
}

// follow goes on along the aliases of one reply and returns the records at their
// end. Too many aliases, as in a circle, are a fault of the DNS.
func (t *trail) follow(reply *dns.Msg, qtype uint16) ([]dns.RR, error) {
	for {
		if found := t.pick(reply.Answer, qtype); len(found) > 0 {
			return found, nil
		}
		alias := t.pick(reply.Answer, dns.TypeCNAME)
		if len(alias) == 0 {
			return nil, nil
		}
		if t.aliases++; t.aliases > maxAliases {
			return nil, fmt.Errorf("%w: more than %d aliases", ErrServers, maxAliases)
		}
		t.name = alias[0].(*dns.CNAME).Target
	}
}

// pick returns the records of one type that belong to the name, and shortens
// the trail's lifetime to theirs.
func (t *trail) pick(answer []dns.RR, rrtype uint16) []dns.RR {
	var found []dns.RR
	for _, rr := range answer {
		h := rr.Header()
		if h.Rrtype != rrtype || h.Class != dns.ClassINET || !strings.EqualFold(h.Name, t.name) {
			continue
		}
		found = append(found, rr)
		t.ttl = min(t.ttl, lifetime(h.Ttl, maxTTL))
	}
	return found
}

// negativeTTL is how long the absence that reply reports holds (RFC 2308, 5).
func negativeTTL(reply *dns.Msg) time.Duration {
	if s := soa(reply); s != nil {
		return lifetime(min(s.Minttl, s.Hdr.Ttl), maxNegative)
	}
	return noSOA
}

func soa(reply *dns.Msg) *dns.SOA {
	for _, rr := range reply.Ns {
		if s, ok := rr.(*dns.SOA); ok {
			return s
		}
	}
	return nil
}

// lifetime is a TTL of the wire within reason. One with the top bit set counts
// as 0 (RFC 2181, 8).
func lifetime(seconds uint32, longest time.Duration) time.Duration {
	if seconds > 1<<31-1 {
		seconds = 0
	}
	return min(max(time.Duration(seconds)*time.Second, minTTL), longest)
}
