package smbauth

import (
	"bytes"
	"fmt"
	"io"
	"time"
)

// maxNegotiate bounds the client's first message in bytes, because it is kept
// for the MIC. Without names it has 40.
const maxNegotiate = 1024

// grantAlways are the flags of every challenge; grantAsked those of a
// challenge whose client asked for them. Nothing is sealed by NTLM here, but
// smbclient takes a seal that it asks for and does not get for a downgrade.
const (
	grantAlways = flagUnicode | flagRequestTarget | flagNTLM | flagAlwaysSign | flagTargetServer |
		flagExtended | flagTargetInfo | flagVersion
	grantAsked = flagSign | flagSeal | flag128 | flag56 | flagKeyExchange
)

// ntlmAcceptor is the server's side of NTLMv2 (MS-NLMP 3.2).
type ntlmAcceptor struct {
	a          *Authenticator
	negotiate  []byte // both messages, for the MIC; nil before the first step
	challenge  []byte
	nonce      [8]byte
	flags      ntlmFlags
	sessionKey [16]byte
}

func (n *ntlmAcceptor) step(token []byte, now time.Time) ([]byte, *Identity, error) {
	if n.challenge == nil {
		reply, err := n.answerNegotiate(token, now)
		return reply, nil, err
	}
	id, err := n.authenticate(token)
	return nil, id, err
}

func (n *ntlmAcceptor) answerNegotiate(token []byte, now time.Time) ([]byte, error) {
	m, err := parseNegotiate(token)
	switch {
	case err != nil:
		return nil, err
	case len(token) > maxNegotiate:
		return nil, malformed("NTLM negotiate message of %d bytes, most is %d", len(token), maxNegotiate)
	case m.flags&flagUnicode == 0 || m.flags&flagExtended == 0:
		return nil, &LogonError{Mechanism: MechanismNTLMv2, Reason: WeakClient}
	}
	if _, err := io.ReadFull(n.a.rand, n.nonce[:]); err != nil {
		return nil, fmt.Errorf("draw a server challenge: %w", err)
	}
	n.flags = grantAlways | m.flags&grantAsked
	n.negotiate = bytes.Clone(token)
	n.challenge = ntlmChallenge{
		flags:      n.flags,
		challenge:  n.nonce,
		target:     n.a.cfg.NetBIOSName,
		targetInfo: n.a.cfg.targetInfo(now),
	}.append()
	return n.challenge, nil
}

func (n *ntlmAcceptor) authenticate(token []byte) (*Identity, error) {
	m, err := parseAuthenticate(token)
	if err != nil {
		return nil, err
	}
	n.flags &= m.flags
	if m.isAnonymous() {
		return n.admitAnonymous(m)
	}
	if len(m.nt) == 0 || len(m.nt) == 24 {
		return nil, refuse(m, OldResponse)
	}
	response, err := parseNTLMv2Response(m.nt)
	if err != nil {
		return nil, err
	}
	// A name that is not in the table is checked all the same, against a hash
	// that is nobody's.
	name, hash, known := n.a.users().lookup(m.user, n.a.decoy)
	base, proven := response.prove(hash, n.nonce, m.user, n.a.cfg.meantDomains(m.domain))
	switch {
	case !known && n.a.cfg.Guest:
		return &Identity{User: "Guest", Kind: Guest, Mechanism: MechanismNTLMv2, SessionKey: make([]byte, 16)}, nil
	case !known:
		return nil, refuse(m, UnknownUser)
	case !proven:
		return nil, refuse(m, WrongPassword)
	}
	n.exportKey(base, m)
	if err := n.checkMIC(token, m, response.pairs); err != nil {
		return nil, err
	}
	return n.identity(User, name, m.domain), nil
}

func (n *ntlmAcceptor) admitAnonymous(m ntlmAuthenticate) (*Identity, error) {
	if !n.a.cfg.Anonymous {
		return nil, refuse(m, AnonymousRefused)
	}
	n.exportKey([16]byte{}, m)
	return n.identity(Anonymous, "", m.domain), nil
}

func (n *ntlmAcceptor) identity(kind Kind, user, domain string) *Identity {
	return &Identity{User: user, Domain: domain, Kind: kind, Mechanism: MechanismNTLMv2, SessionKey: bytes.Clone(n.sessionKey[:])}
}

// exportKey sets the session key: the client's own where keys are exchanged.
func (n *ntlmAcceptor) exportKey(base [16]byte, m ntlmAuthenticate) {
	n.sessionKey = base
	if n.flags&flagKeyExchange != 0 {
		n.sessionKey = [16]byte(rc4Crypt(base[:], m.sessionKey))
	}
}

// checkMIC verifies the MIC where the attributes promise one. They are part of
// the proof, so nobody can have taken the promise out.
func (n *ntlmAcceptor) checkMIC(token []byte, m ntlmAuthenticate, pairs avPairs) error {
	if !pairs.hasMIC() {
		return nil
	}
	if len(token) < authenticateHeader {
		return malformed("NTLM message of %d bytes promises a MIC", len(token))
	}
	want := messageMIC(n.sessionKey, n.negotiate, n.challenge, token)
	if !sameMIC(want[:], m.mic[:]) {
		return wrapIntegrity("NTLM message integrity code is wrong")
	}
	return nil
}

func (n *ntlmAcceptor) listMIC(list []byte) []byte {
	return fromServer.listMIC(n.sessionKey, n.flags, list)
}

func (n *ntlmAcceptor) verifyListMIC(list, mic []byte) bool {
	return sameMIC(fromClient.listMIC(n.sessionKey, n.flags, list), mic)
}

func refuse(m ntlmAuthenticate, why Reason) error {
	return &LogonError{User: m.user, Domain: m.domain, Workstation: m.workstation, Mechanism: MechanismNTLMv2, Reason: why}
}
