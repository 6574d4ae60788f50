package smbauth

import (
	"bytes"
	"fmt"
	"io"
	"time"
)

// initiatorOffer are the flags of our own NEGOTIATE message.
const initiatorOffer = flagUnicode | flagRequestTarget | flagSign | flagNTLM | flagAlwaysSign |
	flagExtended | flagVersion | flag128 | flagKeyExchange | flag56

// maxTargetInfo bounds the attributes of a server in bytes, so that they fit
// into the response that repeats them. Windows needs some 200.
const maxTargetInfo = 16 << 10

// ntlmInitiator is the client's side of NTLMv2 (MS-NLMP 3.1).
type ntlmInitiator struct {
	o          ClientOptions
	offer      ntlmFlags
	negotiate  []byte
	flags      ntlmFlags // agreed on; set by prove
	sessionKey []byte
}

func (n *ntlmInitiator) anonymous() bool { return n.o.User == "" }

// exported is the session key as prove left it.
func (n *ntlmInitiator) exported() [16]byte { return [16]byte(n.sessionKey) }

func (n *ntlmInitiator) open() ([]byte, error) {
	for _, name := range []string{n.o.User, n.o.Domain, n.o.Workstation, n.o.Target} {
		if len(encodeUTF16(name)) > 2*maxName {
			return nil, fmt.Errorf("a name of more than %d characters", maxName)
		}
	}
	n.negotiate = ntlmNegotiate{flags: n.offer}.append()
	return n.negotiate, nil
}

// prove answers the server's challenge, and sets the session key.
func (n *ntlmInitiator) prove(challenge []byte, now time.Time) ([]byte, error) {
	ch, err := parseChallenge(challenge)
	switch {
	case err != nil:
		return nil, err
	case ch.flags&flagUnicode == 0 || ch.flags&flagExtended == 0:
		return nil, fmt.Errorf("%w: the server grants no Unicode or no extended session security", ErrNoMechanism)
	case len(ch.targetInfo) > maxTargetInfo:
		return nil, malformed("NTLM target info of %d bytes, most is %d", len(ch.targetInfo), maxTargetInfo)
	}
	n.flags = n.offer & ch.flags
	m := ntlmAuthenticate{flags: n.flags, domain: n.o.Domain, user: n.o.User, workstation: n.o.Workstation}
	stamp := ch.targetInfo.find(avTimestamp)
	var base [16]byte
	if n.anonymous() {
		m.flags |= flagAnonymous
		m.lm = []byte{0}
	} else if base, err = n.respond(&m, ch, stamp, now); err != nil {
		return nil, err
	}
	if err := n.exchangeKey(&m, base); err != nil {
		return nil, err
	}
	msg := m.append()
	if stamp != nil && !n.anonymous() {
		mic := messageMIC(n.exported(), n.negotiate, challenge, msg)
		copy(msg[micOffset:], mic[:])
	}
	return msg, nil
}

// respond fills in the NTLMv2 response (MS-NLMP 3.1.5.1.2, 3.3.2). With a
// timestamp in the challenge the LM response is zero and a MIC is promised.
func (n *ntlmInitiator) respond(m *ntlmAuthenticate, ch ntlmChallenge, stamp []byte, now time.Time) (base [16]byte, err error) {
	var nonce [8]byte
	if _, err := io.ReadFull(n.o.Rand, nonce[:]); err != nil {
		return base, fmt.Errorf("draw a client challenge: %w", err)
	}
	pairs := n.attributes(ch.targetInfo, stamp != nil)
	if stamp == nil {
		stamp = fileTime(now)
	}
	temp := makeTemp(stamp, nonce, pairs)
	proof, base := ntProof(ntowfv2(NTHash(n.o.Password), n.o.User, n.o.Domain), ch.challenge, temp)
	m.nt = append(proof[:], temp...)
	m.lm = make([]byte, 24)
	return base, nil
}

// attributes are the server's own, and what the client adds.
func (n *ntlmInitiator) attributes(server avPairs, mic bool) []byte {
	var b []byte
	for id, value := range server.all() {
		if id != avFlags && id != avTargetName {
			b = appendAV(b, id, value)
		}
	}
	if mic {
		b = appendAV(b, avFlags, []byte{avFlagMIC, 0, 0, 0})
	}
	if n.o.Target != "" {
		b = appendAV(b, avTargetName, encodeUTF16(n.o.Target))
	}
	return appendAV(b, avEnd, nil)
}

// exchangeKey sets the session key, and wraps it for the server where keys are
// exchanged.
func (n *ntlmInitiator) exchangeKey(m *ntlmAuthenticate, base [16]byte) error {
	n.sessionKey = bytes.Clone(base[:])
	if n.flags&flagKeyExchange == 0 {
		return nil
	}
	if _, err := io.ReadFull(n.o.Rand, n.sessionKey); err != nil {
		return fmt.Errorf("draw a session key: %w", err)
	}
	m.sessionKey = rc4Crypt(base[:], n.sessionKey)
	return nil
}
