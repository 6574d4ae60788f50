package smbauth

import (
	"crypto/rand"
	"fmt"
	"io"
	"time"
)

// ClientOptions say who a ClientExchange claims to be. The zero value is an
// anonymous caller.
type ClientOptions struct {
	User     string // empty: anonymous
	Domain   string
	Password string
	// Workstation is the client's own name; servers only log it.
	Workstation string
	// Target is the service that is meant, such as "cifs/files.example.com";
	// empty: not said.
	Target string
	// Raw leaves SPNEGO out and sends NTLMSSP bare.
	Raw bool
	// Rand gives challenges and keys; nil: the system's.
	Rand io.Reader
}

// ClientExchange is the initiator's side of one session set-up by NTLMv2. It is
// for one goroutine at a time.
type ClientExchange struct {
	mech ntlmInitiator
	raw  bool
	leg  int
	list []byte // our mechTypes, DER
	sent bool   // a mechListMIC went out
}

// NewClient starts an exchange.
func NewClient(o ClientOptions) *ClientExchange {
	if o.Rand == nil {
		o.Rand = rand.Reader
	}
	return &ClientExchange{
		mech: ntlmInitiator{o: o, offer: initiatorOffer},
		raw:  o.Raw,
		list: mechList([][]byte{oidNTLMSSP}),
	}
}

// Next takes the server's last token: first the one of its NEGOTIATE response,
// which may be empty, then those of its SESSION_SETUP responses, the successful
// one included. It returns the token to send, or done once the server has said
// all that was to be verified. It keeps none of token's bytes. A server's token
// that breaks the rules is ErrMalformedToken, ErrNoMechanism or ErrIntegrity; a
// negotiation that the server rejects is ErrLogonFailure.
func (c *ClientExchange) Next(token []byte, now time.Time) (reply []byte, done bool, err error) {
	c.leg++
	switch c.leg {
	case 1:
		reply, err = c.open(token)
	case 2:
		reply, err = c.prove(token, now)
	case 3:
		err = c.finish(token)
		done = err == nil
	default:
		err = malformed("token after the end of the exchange")
	}
	if err != nil {
		c.leg = 3
	}
	return reply, done, err
}

// SessionKey returns the full session key, once the second request was made;
// before that it is nil. It must not be changed.
func (c *ClientExchange) SessionKey() []byte { return c.mech.sessionKey }

func (c *ClientExchange) open(token []byte) ([]byte, error) {
	negotiate, err := c.mech.open()
	if err != nil || c.raw {
		return negotiate, err
	}
	if len(token) > 0 {
		init, err := parseNegTokenInit(token)
		if err != nil {
			return nil, err
		}
		if !offersNTLM(init.mechs) {
			return nil, fmt.Errorf("%w: the server does not offer NTLM", ErrNoMechanism)
		}
	}
	return appendNegTokenInit(nil, [][]byte{oidNTLMSSP}, negotiate), nil
}

func offersNTLM(mechs [][]byte) bool {
	for _, oid := range mechs {
		if string(oid) == string(oidNTLMSSP) {
			return true
		}
	}
	return false
}

func (c *ClientExchange) prove(token []byte, now time.Time) ([]byte, error) {
	if c.raw {
		return c.mech.prove(token, now)
	}
	resp, err := parseNegTokenResp(token)
	switch {
	case err != nil:
		return nil, err
	case resp.state == stateReject:
		return nil, fmt.Errorf("%w: the server rejects the negotiation", ErrLogonFailure)
	case resp.mech != nil && string(resp.mech) != string(oidNTLMSSP):
		return nil, fmt.Errorf("%w: the server chose another than the one offered", ErrNoMechanism)
	case resp.token == nil:
		return nil, malformed("server sends no NTLM challenge")
	}
	proof, err := c.mech.prove(resp.token, now)
	if err != nil {
		return nil, err
	}
	answer := negTokenResp{state: stateAcceptIncomplete, token: proof}
	if !c.mech.anonymous() {
		answer.mechListMIC = fromClient.listMIC(c.mech.exported(), c.mech.flags, c.list)
		c.sent = true
	}
	return answer.append(nil), nil
}

// finish takes the token of the successful response. A server without a
// mechListMIC is let through, since with one mechanism on offer there was
// nothing to tamper with; Windows does the same.
func (c *ClientExchange) finish(token []byte) error {
	if len(token) == 0 {
		return nil
	}
	if c.raw {
		return malformed("server adds %d bytes to a finished NTLM exchange", len(token))
	}
	resp, err := parseNegTokenResp(token)
	switch {
	case err != nil:
		return err
	case resp.state == stateReject:
		return fmt.Errorf("%w: the server rejects the negotiation", ErrLogonFailure)
	case resp.state != stateAcceptCompleted:
		return malformed("server accepts the session but not the negotiation")
	case resp.mechListMIC == nil:
		return nil
	case !c.sent || !sameMIC(fromServer.listMIC(c.mech.exported(), c.mech.flags, c.list), resp.mechListMIC):
		return wrapIntegrity("the server's mechListMIC is wrong")
	}
	return nil
}
