package smbauth

import (
	"bytes"
	"io"
)

// Config is what an Authenticator tells clients about its server, and whom it
// lets in without a proof.
type Config struct {
	// NetBIOSName and DNSName name the server; NetBIOSDomain and DNSDomain the
	// domain that it is a member of. Empty domains are those of a server on its
	// own, which is its own domain; an empty DNSName is the NetBIOSName.
	NetBIOSName, NetBIOSDomain, DNSName, DNSDomain string
	// Guest lets in a name that the table does not hold, without a proof. A
	// known name with a wrong password stays refused.
	Guest bool
	// Anonymous lets in a client that gives no name.
	Anonymous bool
}

// withDefaults fills the names of a server on its own, as Windows does.
func (c Config) withDefaults() Config {
	c.NetBIOSDomain = firstOf(c.NetBIOSDomain, c.NetBIOSName)
	c.DNSName = firstOf(c.DNSName, c.NetBIOSName)
	c.DNSDomain = firstOf(c.DNSDomain, c.DNSName)
	return c
}

func firstOf(name, otherwise string) string {
	if name != "" {
		return name
	}
	return otherwise
}

// Authenticator accepts security tokens. It is immutable and safe for
// concurrent use.
type Authenticator struct {
	cfg       Config
	users     func() *Users
	rand      io.Reader
	decoy     Hash // stands in for the hash of a name that is not in the table
	offers    []offer
	initToken []byte
}

// offer is a mechanism that the acceptor speaks.
type offer struct {
	oids  [][]byte                 // the first is advertised; each is answered as the client spelled it
	raw   func(token []byte) bool  // whether a first token is this mechanism's own, without SPNEGO
	begin func() acceptorMechanism // one for each exchange
}

// NewAuthenticator makes an Authenticator. users gives the present table and
// is called once a logon; nil, or a nil table, is one without users. rand
// gives the server challenges; like users it must be safe for concurrent use.
func NewAuthenticator(cfg Config, users func() *Users, rand io.Reader) *Authenticator {
	if users == nil {
		users = func() *Users { return nil }
	}
	a := &Authenticator{cfg: cfg.withDefaults(), users: users, rand: rand, decoy: NTHash("no user has this one")}
	a.offers = []offer{{
		oids:  [][]byte{oidNTLMSSP},
		raw:   isNTLMSSP,
		begin: func() acceptorMechanism { return &ntlmAcceptor{a: a} },
	}}
	var advertised [][]byte
	for _, o := range a.offers {
		advertised = append(advertised, o.oids[0])
	}
	a.initToken = appendNegTokenInit2(nil, advertised)
	return a
}

// InitToken returns the NegTokenInit2 for the NEGOTIATE response (MS-SPNG
// 2.2.1). The caller must not change it.
func (a *Authenticator) InitToken() []byte { return a.initToken }

// Begin starts one session set-up.
func (a *Authenticator) Begin() *Exchange { return &Exchange{a: a} }

// choose returns the first of the client's mechanisms that is spoken here, and
// its place in the client's list.
func (a *Authenticator) choose(mechs [][]byte) (o offer, place int, ok bool) {
	for i, oid := range mechs {
		for _, o := range a.offers {
			for _, own := range o.oids {
				if bytes.Equal(oid, own) {
					return o, i, true
				}
			}
		}
	}
	return offer{}, 0, false
}

// unwrapped returns the mechanism that token belongs to without SPNEGO.
func (a *Authenticator) unwrapped(token []byte) (offer, bool) {
	for _, o := range a.offers {
		if o.raw(token) {
			return o, true
		}
	}
	return offer{}, false
}
