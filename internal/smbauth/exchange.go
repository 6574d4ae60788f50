package smbauth

import (
	"bytes"
	"time"
)

// maxToken bounds a security token in bytes. The SMB2 field that carries it
// cannot hold more.
const maxToken = 1<<16 - 1

// acceptorMechanism is the acceptor of one GSS mechanism within one exchange.
type acceptorMechanism interface {
	// step takes the initiator's next token and keeps none of its bytes. No
	// identity and no error: reply goes out and another token is awaited.
	step(token []byte, now time.Time) (reply []byte, id *Identity, err error)
	// listMIC and verifyListMIC are GSS_GetMIC and GSS_VerifyMIC of the list
	// of mechanisms. They are called once step has returned an identity that
	// shares a key with the client.
	listMIC(list []byte) []byte
	verifyListMIC(list, mic []byte) bool
}

// Exchange is the acceptor's side of one session set-up. It is for one
// goroutine at a time and needs no closing.
type Exchange struct {
	a       *Authenticator
	mech    acceptorMechanism // nil: no token yet
	raw     bool              // the mechanism's tokens come without SPNEGO
	list    []byte            // the client's mechTypes, DER, as it sent them
	mustMIC bool              // the client's first mechanism was not chosen
	pending *Identity         // all but the client's mechListMIC is there
	ended   bool
}

// Step takes the client's next token and keeps none of its bytes. Three
// outcomes:
//   - id nil, err nil: send reply with STATUS_MORE_PROCESSING_REQUIRED;
//   - id set: the client is known; send reply, which may be empty, with success;
//   - err set: refuse. It is one of ErrLogonFailure, ErrMalformedToken,
//     ErrNoMechanism and ErrIntegrity, or else a failure of the random source.
//
// After an identity or an error the exchange has ended, and a further token is
// ErrMalformedToken: a client whose Kerberos is refused cannot go on with NTLM.
// now is the time of the challenge, and what tickets are measured by.
func (x *Exchange) Step(token []byte, now time.Time) (reply []byte, id *Identity, err error) {
	if x.ended {
		return nil, nil, malformed("token after the end of the exchange")
	}
	if len(token) > maxToken {
		err = malformed("token of %d bytes, most is %d", len(token), maxToken)
	} else {
		reply, id, err = x.step(token, now)
	}
	if err != nil || id != nil {
		*x = Exchange{ended: true}
	}
	return reply, id, err
}

func (x *Exchange) step(token []byte, now time.Time) ([]byte, *Identity, error) {
	switch {
	case x.mech == nil:
		return x.first(token, now)
	case x.raw:
		return x.mech.step(token, now)
	}
	resp, err := parseNegTokenResp(token)
	if err != nil {
		return nil, nil, err
	}
	if x.pending != nil {
		return x.conclude(resp)
	}
	if resp.state == stateReject || resp.token == nil {
		return nil, nil, malformed("client ends the negotiation without a mechanism token")
	}
	return x.advance(negTokenResp{}, resp.token, resp.mechListMIC, now)
}

// first takes the client's first token: a mechanism's own, or a NegTokenInit
// whose optimistic token counts only where the client's first mechanism is the
// one chosen (RFC 4178 4.2.1).
func (x *Exchange) first(token []byte, now time.Time) ([]byte, *Identity, error) {
	offers := x.a.offers()
	if o, ok := unwrapped(offers, token); ok {
		x.mech, x.raw = o.begin(), true
		return x.mech.step(token, now)
	}
	init, err := parseNegTokenInit(token)
	if err != nil {
		return nil, nil, err
	}
	o, place, ok := choose(offers, init.mechs)
	if !ok {
		return nil, nil, ErrNoMechanism
	}
	x.mech, x.list, x.mustMIC = o.begin(), bytes.Clone(init.list), place > 0
	answer := negTokenResp{mech: init.mechs[place]}
	switch {
	case x.mustMIC:
		answer.state = stateRequestMIC
	case init.token == nil:
		answer.state = stateAcceptIncomplete
	default:
		return x.advance(answer, init.token, init.mic, now)
	}
	return answer.append(nil), nil, nil
}

// advance gives the mechanism its token and completes answer with what comes
// out of it.
func (x *Exchange) advance(answer negTokenResp, token, mic []byte, now time.Time) ([]byte, *Identity, error) {
	reply, id, err := x.mech.step(token, now)
	if err != nil {
		return nil, nil, err
	}
	answer.token, answer.state = reply, stateAcceptIncomplete
	if id == nil {
		return answer.append(nil), nil, nil
	}
	if answer.mechListMIC, err = x.answerMIC(reply, mic, id); err != nil {
		return nil, nil, err
	}
	if x.pending != nil {
		return answer.append(nil), nil, nil
	}
	answer.state = stateAcceptCompleted
	return answer.append(nil), id, nil
}

// answerMIC checks the client's mechListMIC and returns ours. A guest shares
// no key with us: there is nothing to check his by, or to make ours with.
//
// Where the mechanism's last token is ours, the client has a key no sooner than
// he has that token: a MIC that he must send then comes with one more, and the
// identity is pending until it does (RFC 4178 5).
func (x *Exchange) answerMIC(reply, mic []byte, id *Identity) ([]byte, error) {
	switch {
	case id.Kind == Guest:
		return nil, nil
	case mic == nil && x.mustMIC && reply != nil:
		x.pending = id
	case mic == nil && x.mustMIC:
		return nil, wrapIntegrity("mechListMIC is missing, and the client's first mechanism was not chosen")
	case mic == nil:
		return nil, nil
	case !x.mech.verifyListMIC(x.list, mic):
		return nil, wrapIntegrity("mechListMIC is wrong")
	}
	return x.mech.listMIC(x.list), nil
}

// conclude takes the token that must hold the client's mechListMIC and nothing
// else of weight.
func (x *Exchange) conclude(resp negTokenResp) ([]byte, *Identity, error) {
	switch {
	case resp.state == stateReject || len(resp.token) > 0:
		return nil, nil, malformed("want the client's mechListMIC alone")
	case resp.mechListMIC == nil:
		return nil, nil, wrapIntegrity("mechListMIC is missing, and the client's first mechanism was not chosen")
	case !x.mech.verifyListMIC(x.list, resp.mechListMIC):
		return nil, nil, wrapIntegrity("mechListMIC is wrong")
	}
	return negTokenResp{state: stateAcceptCompleted}.append(nil), x.pending, nil
}
