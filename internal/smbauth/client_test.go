package smbauth

import (
	"bytes"
	"errors"
	"strings"
	"testing"
)

// TestHostileServer answers the client with what a server must not say.
func TestHostileServer(t *testing.T) {
	good := ntlmChallenge{flags: grantAlways | grantAsked, target: "FILES", targetInfo: Config{NetBIOSName: "FILES"}.withDefaults().targetInfo(testNow)}
	wrap := func(m ntlmChallenge) []byte {
		return negTokenResp{state: stateAcceptIncomplete, mech: oidNTLMSSP, token: m.append()}.append(nil)
	}
	change := func(f func(*ntlmChallenge)) []byte {
		m := good
		f(&m)
		return wrap(m)
	}
	tests := []struct {
		name   string
		tokens [][]byte // of the NEGOTIATE response, and of each SESSION_SETUP response
		want   error
	}{
		{name: "offer without NTLM", tokens: [][]byte{appendNegTokenInit2(nil, [][]byte{oidKRB5})}, want: ErrNoMechanism},
		{name: "offer that is no token", tokens: [][]byte{[]byte("hello")}, want: ErrMalformedToken},
		{name: "rejects", tokens: [][]byte{nil, negTokenResp{state: stateReject}.append(nil)}, want: ErrLogonFailure},
		{name: "chooses another", tokens: [][]byte{nil, negTokenResp{state: stateAcceptIncomplete, mech: oidKRB5, token: good.append()}.append(nil)}, want: ErrNoMechanism},
		{name: "no challenge", tokens: [][]byte{nil, negTokenResp{state: stateAcceptIncomplete, mech: oidNTLMSSP}.append(nil)}, want: ErrMalformedToken},
		{name: "bare challenge", tokens: [][]byte{nil, good.append()}, want: ErrMalformedToken},
		{name: "no Unicode", tokens: [][]byte{nil, change(func(m *ntlmChallenge) { m.flags &^= flagUnicode })}, want: ErrNoMechanism},
		{name: "no extended session security", tokens: [][]byte{nil, change(func(m *ntlmChallenge) { m.flags &^= flagExtended })}, want: ErrNoMechanism},
		{name: "attributes of 20 KB", tokens: [][]byte{nil, change(func(m *ntlmChallenge) {
			m.targetInfo = appendAV(appendAV(nil, avDNSName, make([]byte, 20000)), avEnd, nil)
		})}, want: ErrMalformedToken},
		{name: "rejects at the end", tokens: [][]byte{nil, wrap(good), negTokenResp{state: stateReject}.append(nil)}, want: ErrLogonFailure},
		{name: "wants more at the end", tokens: [][]byte{nil, wrap(good), wrap(good)}, want: ErrMalformedToken},
		{name: "wrong mechListMIC", tokens: [][]byte{nil, wrap(good), unhex(t, recordedDone)}, want: ErrIntegrity},
		{name: "our own mechListMIC", tokens: [][]byte{nil, wrap(good), nil}, want: ErrIntegrity},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c := NewClient(ClientOptions{User: "alice", Password: "p"})
			var err error
			var sent []byte
			for i, token := range tt.tokens {
				if tt.name == "our own mechListMIC" && i == 2 {
					r, err := parseNegTokenResp(sent)
					if err != nil {
						t.Fatal(err)
					}
					token = negTokenResp{state: stateAcceptCompleted, mechListMIC: r.mechListMIC}.append(nil)
				}
				var done bool
				if sent, done, err = c.Next(token, testNow); done {
					t.Fatal("client is satisfied")
				}
			}
			if !errors.Is(err, tt.want) {
				t.Errorf("Next = %v, want %v", err, tt.want)
			}
			if _, done, err := c.Next(nil, testNow); done || !errors.Is(err, ErrMalformedToken) {
				t.Errorf("Next after the end = %v, %v, want ErrMalformedToken", done, err)
			}
		})
	}
}

func TestRawServerAddsNothing(t *testing.T) {
	c := newConversation(testAuthenticator(t, nil), ClientOptions{User: "alice", Password: "correct horse", Raw: true})
	if _, err := c.run(); err != nil {
		t.Fatal(err)
	}
	c.client.leg = 2
	if _, done, err := c.client.Next([]byte{0}, testNow); done || !errors.Is(err, ErrMalformedToken) {
		t.Errorf("Next = %v, %v, want ErrMalformedToken", done, err)
	}
}

// TestClientWithoutTimestamp is a server of old, whose challenge makes no
// client promise a MIC.
func TestClientWithoutTimestamp(t *testing.T) {
	for _, info := range []avPairs{nil, appendAV(nil, avEnd, nil)} {
		n := ntlmInitiator{o: ClientOptions{User: "alice", Password: "p", Rand: zeroReader{}}, offer: initiatorOffer}
		if _, err := n.open(); err != nil {
			t.Fatal(err)
		}
		msg, err := n.prove(ntlmChallenge{flags: grantAlways, targetInfo: info}.append(), testNow)
		if err != nil {
			t.Fatal(err)
		}
		m, err := parseAuthenticate(msg)
		if err != nil {
			t.Fatal(err)
		}
		r, err := parseNTLMv2Response(m.nt)
		if err != nil || r.pairs.hasMIC() || m.mic != [16]byte{} || !bytes.Equal(r.temp[8:16], fileTime(testNow)) {
			t.Errorf("response = %x, %v, MIC %x, want our own time and no MIC", r, err, m.mic)
		}
	}
}

func TestClientNamesAreBounded(t *testing.T) {
	long := strings.Repeat("x", maxName+1)
	for _, o := range []ClientOptions{{User: long}, {Domain: long}, {Workstation: long}, {Target: long}} {
		if _, _, err := NewClient(o).Next(nil, testNow); err == nil {
			t.Errorf("Next with a name of %d characters: no error", len(long))
		}
	}
}

func TestSessionKeyIsNilAtFirst(t *testing.T) {
	c := NewClient(ClientOptions{User: "alice"})
	if _, _, err := c.Next(nil, testNow); err != nil || c.SessionKey() != nil {
		t.Errorf("SessionKey() = %x, %v, want nil", c.SessionKey(), err)
	}
}
