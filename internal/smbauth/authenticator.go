package smbauth

import (
	"bytes"
	"io"
	"slices"
	"time"
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
	// Kerberos gives the present keytab. It is called once a logon and once an
	// InitToken, so that a keytab which was read again counts at once, and must
	// be safe for concurrent use. Nil, or returning nil: no Kerberos.
	Kerberos func() *Keytab
	// ServiceNames are the host parts of the service names cifs/HOST and
	// HOST/HOST that tickets may be for, without regard to case. Empty: any
	// principal in the keytab.
	ServiceNames []string
	// AllowRC4 lets in tickets and session keys of arcfour-hmac (RFC 4757).
	AllowRC4 bool
	// ClockSkew is how far the clocks of clients and KDCs may be from ours; 0: 5
	// minutes.
	ClockSkew time.Duration
}

// defaultClockSkew is that of Windows and MIT.
const defaultClockSkew = 5 * time.Minute

// withDefaults fills the names of a server on its own, as Windows does.
func (c Config) withDefaults() Config {
	c.NetBIOSDomain = firstOf(c.NetBIOSDomain, c.NetBIOSName)
	c.DNSName = firstOf(c.DNSName, c.NetBIOSName)
	c.DNSDomain = firstOf(c.DNSDomain, c.DNSName)
	if c.ClockSkew <= 0 {
		c.ClockSkew = defaultClockSkew
	}
	return c
}

func firstOf(name, otherwise string) string {
	if name != "" {
		return name
	}
	return otherwise
}

// Authenticator accepts security tokens. It is immutable, but for the Kerberos
// authenticators that it remembers, and safe for concurrent use.
type Authenticator struct {
	cfg     Config
	users   func() *Users
	rand    io.Reader
	decoy   Hash // stands in for the hash of a name that is not in the table
	replays *replayCache
	ntlm    offer
	// The offers of NEGOTIATE without and with Kerberos.
	plainToken, kerberosToken []byte
}

// offer is a mechanism that the acceptor speaks.
type offer struct {
	oids  [][]byte                 // in our order; each is answered as the client spelled it
	raw   func(token []byte) bool  // whether a first token is this mechanism's own, without SPNEGO
	begin func() acceptorMechanism // one for each exchange
}

// kerberosOIDs stand in the order of Windows.
var kerberosOIDs = [][]byte{oidKerberosMS, oidKerberos}

// NewAuthenticator makes an Authenticator. users gives the present table and
// is called once a logon; nil, or a nil table, is one without users. rand
// gives the server challenges and confounders; like users it must be safe for
// concurrent use.
func NewAuthenticator(cfg Config, users func() *Users, rand io.Reader) *Authenticator {
	if users == nil {
		users = func() *Users { return nil }
	}
	a := &Authenticator{cfg: cfg.withDefaults(), users: users, rand: rand, decoy: NTHash("no user has this one")}
	a.replays = newReplayCache(a.cfg.ClockSkew)
	a.ntlm = offer{
		oids:  [][]byte{oidNTLMSSP},
		raw:   isNTLMSSP,
		begin: func() acceptorMechanism { return &ntlmAcceptor{a: a} },
	}
	a.plainToken = appendNegTokenInit2(nil, a.ntlm.oids)
	a.kerberosToken = appendNegTokenInit2(nil, slices.Concat(kerberosOIDs, a.ntlm.oids))
	return a
}

// InitToken returns the NegTokenInit2 for the NEGOTIATE response (MS-SPNG
// 2.2.1), which offers Kerberos while there is a keytab. The caller must not
// change it.
func (a *Authenticator) InitToken() []byte {
	if a.keytab() == nil {
		return a.plainToken
	}
	return a.kerberosToken
}

// keytab returns the present one; nil: no Kerberos.
func (a *Authenticator) keytab() *Keytab {
	if a.cfg.Kerberos == nil {
		return nil
	}
	return a.cfg.Kerberos()
}

// offers returns the mechanisms of one exchange.
func (a *Authenticator) offers() []offer {
	kt := a.keytab()
	if kt == nil {
		return []offer{a.ntlm}
	}
	return []offer{{
		oids:  kerberosOIDs,
		raw:   isKerberos,
		begin: func() acceptorMechanism { return &kerberosAcceptor{a: a, keytab: kt} },
	}, a.ntlm}
}

// Begin starts one session set-up.
func (a *Authenticator) Begin() *Exchange { return &Exchange{a: a} }

// choose returns the first of the client's mechanisms that is spoken here, and
// its place in the client's list.
func choose(offers []offer, mechs [][]byte) (o offer, place int, ok bool) {
	for i, oid := range mechs {
		for _, o := range offers {
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
func unwrapped(offers []offer, token []byte) (offer, bool) {
	for _, o := range offers {
		if o.raw(token) {
			return o, true
		}
	}
	return offer{}, false
}
