package smbauth

import (
	"bytes"
	"errors"
	"fmt"
	"sync"
	"testing"
)

// inSPNEGO changes the NTLM message inside a NegTokenResp.
func inSPNEGO(t testing.TB, token []byte, change func(msg []byte) []byte) []byte {
	t.Helper()
	r, err := parseNegTokenResp(token)
	if err != nil {
		t.Fatal(err)
	}
	r.token = change(bytes.Clone(r.token))
	return r.append(nil)
}

// TestTampered puts a man in the middle, who changes one token of an otherwise
// good logon.
func TestTampered(t *testing.T) {
	last := func(change func([]byte) []byte) func(int, []byte) []byte {
		return func(leg int, token []byte) []byte {
			if leg == 0 {
				return token
			}
			return change(token)
		}
	}
	flip := func(off int) func([]byte) []byte {
		return func(msg []byte) []byte { msg[off] ^= 1; return msg }
	}
	tests := []struct {
		name   string
		raw    bool
		change func(t *testing.T, leg int, token []byte) []byte
		want   error
	}{
		{name: "MIC", raw: true, want: ErrIntegrity, change: func(_ *testing.T, leg int, token []byte) []byte {
			return last(flip(micOffset))(leg, token)
		}},
		{name: "MIC in SPNEGO", want: ErrIntegrity, change: func(t *testing.T, leg int, token []byte) []byte {
			return last(func(b []byte) []byte { return inSPNEGO(t, b, flip(micOffset)) })(leg, token)
		}},
		{name: "flags of the last message", raw: true, want: ErrIntegrity, change: func(_ *testing.T, leg int, token []byte) []byte {
			return last(func(b []byte) []byte { b[63] ^= 0x80; return b })(leg, token) // 56-bit keys
		}},
		{name: "flags of the first message", raw: true, want: ErrIntegrity, change: func(_ *testing.T, leg int, token []byte) []byte {
			if leg == 0 {
				token[15] &^= 0x20 // 128-bit keys
			}
			return token
		}},
		{name: "encrypted session key", raw: true, want: ErrIntegrity, change: func(_ *testing.T, leg int, token []byte) []byte {
			return last(func(b []byte) []byte { b[len(b)-1] ^= 1; return b })(leg, token)
		}},
		{name: "mechListMIC", want: ErrIntegrity, change: func(t *testing.T, leg int, token []byte) []byte {
			return last(func(b []byte) []byte { b[len(b)-5] ^= 1; return b })(leg, token)
		}},
		{name: "mechListMIC cut short", want: ErrIntegrity, change: func(t *testing.T, leg int, token []byte) []byte {
			return last(func(b []byte) []byte {
				r, err := parseNegTokenResp(b)
				if err != nil {
					t.Fatal(err)
				}
				r.mechListMIC = r.mechListMIC[:8]
				return r.append(nil)
			})(leg, token)
		}},
		{name: "list of mechanisms", want: ErrIntegrity, change: func(t *testing.T, leg int, token []byte) []byte {
			if leg > 0 {
				return token
			}
			init, err := parseNegTokenInit(token)
			if err != nil {
				t.Fatal(err)
			}
			return appendNegTokenInit(nil, [][]byte{oidNTLMSSP, oidKRB5}, init.token)
		}},
		{name: "promise of a MIC taken out", raw: true, want: ErrLogonFailure, change: func(t *testing.T, leg int, token []byte) []byte {
			return last(func(b []byte) []byte {
				return bytes.Replace(b, []byte{6, 0, 4, 0, 2, 0, 0, 0}, []byte{6, 0, 4, 0, 0, 0, 0, 0}, 1)
			})(leg, token)
		}},
		{name: "proof", raw: true, want: ErrLogonFailure, change: func(t *testing.T, leg int, token []byte) []byte {
			return last(func(b []byte) []byte {
				m, err := parseAuthenticate(b)
				if err != nil {
					t.Fatal(err)
				}
				m.nt[0] ^= 1
				return b
			})(leg, token)
		}},
		{name: "first message again", raw: true, want: ErrMalformedToken, change: func(_ *testing.T, leg int, token []byte) []byte {
			return ntlmNegotiate{flags: initiatorOffer}.append()
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c := newConversation(testAuthenticator(t, nil), ClientOptions{User: "alice", Password: "correct horse", Raw: tt.raw})
			c.change = func(leg int, token []byte) []byte { return tt.change(t, leg, token) }
			if id, err := c.run(); id != nil || !errors.Is(err, tt.want) {
				t.Errorf("logon = %v, %v, want %v", id, err, tt.want)
			}
			if _, _, err := c.server.Step(nil, testNow); !errors.Is(err, ErrMalformedToken) {
				t.Errorf("Step after the end: %v, want ErrMalformedToken", err)
			}
		})
	}
}

// TestTruncated cuts each of the client's tokens everywhere.
func TestTruncated(t *testing.T) {
	a := testAuthenticator(t, nil)
	for _, raw := range []bool{false, true} {
		o := ClientOptions{User: "alice", Password: "correct horse", Workstation: "WS", Raw: raw}
		whole := newConversation(a, o)
		if _, err := whole.run(); err != nil {
			t.Fatal(err)
		}
		for cut, token := range whole.sent {
			for n := range token {
				c := newConversation(a, o)
				c.change = func(leg int, b []byte) []byte {
					if leg == cut {
						return b[:n:n]
					}
					return b
				}
				if id, err := c.run(); id != nil || !errors.Is(err, ErrMalformedToken) {
					t.Errorf("raw=%v: token %d cut to %d of %d bytes = %v, %v, want ErrMalformedToken", raw, cut, n, len(token), id, err)
				}
			}
		}
	}
}

// TestOldResponses sends what clients of the last century send.
func TestOldResponses(t *testing.T) {
	tests := []struct {
		name   string
		nt, lm []byte
	}{
		{name: "NTLMv1", nt: make([]byte, 24), lm: make([]byte, 24)},
		{name: "NTLM2 session", nt: make([]byte, 24), lm: append([]byte("8 bytes!"), make([]byte, 16)...)},
		{name: "LM alone", lm: make([]byte, 24)},
	}
	for _, tt := range tests {
		for _, guest := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s/guest=%v", tt.name, guest), func(t *testing.T) {
				a := testAuthenticator(t, func(c *Config) { c.Guest, c.Anonymous = guest, guest })
				x := a.Begin()
				if _, _, err := x.Step(ntlmNegotiate{flags: initiatorOffer}.append(), testNow); err != nil {
					t.Fatal(err)
				}
				m := ntlmAuthenticate{flags: flagUnicode | flagExtended, user: "alice", nt: tt.nt, lm: tt.lm}
				_, id, err := x.Step(m.append(), testNow)
				var refused *LogonError
				if id != nil || !errors.As(err, &refused) || refused.Reason != OldResponse {
					t.Errorf("Step = %v, %v, want OldResponse", id, err)
				}
			})
		}
	}
}

func TestWeakClients(t *testing.T) {
	for _, drop := range []ntlmFlags{flagUnicode, flagExtended} {
		c := newConversation(testAuthenticator(t, nil), ClientOptions{User: "alice", Password: "correct horse"})
		c.client.mech.offer &^= drop
		var refused *LogonError
		if id, err := c.run(); id != nil || !errors.As(err, &refused) || refused.Reason != WeakClient {
			t.Errorf("logon without %#x = %v, %v, want WeakClient", uint32(drop), id, err)
		}
	}
}

// TestOtherMechanismFirst is a client that prefers Kerberos: the acceptor asks
// for a MIC, ignores the optimistic token, and insists.
func TestOtherMechanismFirst(t *testing.T) {
	mechs := [][]byte{oidMSKRB5, oidKRB5, oidNEGOEX, oidNTLMSSP}
	for _, withMIC := range []bool{true, false} {
		t.Run(fmt.Sprintf("mechListMIC=%v", withMIC), func(t *testing.T) {
			x := testAuthenticator(t, nil).Begin()
			reply, id, err := x.Step(appendNegTokenInit(nil, mechs, []byte("a Kerberos token")), testNow)
			if err != nil || id != nil {
				t.Fatalf("Step = %v, %v", id, err)
			}
			if want := unhex(t, `a1153013a0030a0103a10c060a2b06010401823702020a`); !bytes.Equal(reply, want) {
				t.Fatalf("reply = %x, want request-mic for NTLMSSP %x", reply, want)
			}
			c := ntlmInitiator{o: ClientOptions{User: "alice", Password: "correct horse", Rand: zeroReader{}}, offer: initiatorOffer}
			negotiate, err := c.open()
			if err != nil {
				t.Fatal(err)
			}
			reply, _, err = x.Step(negTokenResp{token: negotiate}.append(nil), testNow)
			if err != nil {
				t.Fatal(err)
			}
			r, err := parseNegTokenResp(reply)
			if err != nil || r.mech != nil || r.state != stateAcceptIncomplete {
				t.Fatalf("second reply = %+v, %v, want accept-incomplete without supportedMech", r, err)
			}
			proof, err := c.prove(r.token, testNow)
			if err != nil {
				t.Fatal(err)
			}
			answer := negTokenResp{token: proof}
			if withMIC {
				answer.mechListMIC = fromClient.listMIC(c.exported(), c.flags, mechList(mechs))
			}
			reply, id, err = x.Step(answer.append(nil), testNow)
			if !withMIC {
				if !errors.Is(err, ErrIntegrity) {
					t.Errorf("Step = %v, %v, want ErrIntegrity", id, err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			r, err = parseNegTokenResp(reply)
			if want := fromServer.listMIC(c.exported(), c.flags, mechList(mechs)); err != nil || !bytes.Equal(r.mechListMIC, want) {
				t.Errorf("mechListMIC = %x, %v, want %x", r.mechListMIC, err, want)
			}
		})
	}
}

// TestNoMICAsked is a client that sends no mechListMIC: it gets none.
func TestNoMICAsked(t *testing.T) {
	c := newConversation(testAuthenticator(t, nil), ClientOptions{User: "alice", Password: "correct horse"})
	c.change = func(leg int, token []byte) []byte {
		if leg == 0 {
			return token
		}
		r, err := parseNegTokenResp(token)
		if err != nil {
			t.Fatal(err)
		}
		r.mechListMIC = nil
		return r.append(nil)
	}
	if _, err := c.run(); err != nil {
		t.Fatal(err)
	}
	if want := unhex(t, `a1073005a0030a0100`); !bytes.Equal(c.got[1], want) {
		t.Errorf("last reply = %x, want accept-completed alone %x", c.got[1], want)
	}
}

// TestNoOptimisticToken is a client that only asks which mechanism to use.
func TestNoOptimisticToken(t *testing.T) {
	x := testAuthenticator(t, nil).Begin()
	reply, id, err := x.Step(appendNegTokenInit(nil, [][]byte{oidNTLMSSP, oidKRB5}, nil), testNow)
	if want := unhex(t, `a1153013a0030a0101a10c060a2b06010401823702020a`); err != nil || id != nil || !bytes.Equal(reply, want) {
		t.Errorf("Step = %x, %v, %v, want accept-incomplete for NTLMSSP %x", reply, id, err, want)
	}
}

func TestFirstTokenRefused(t *testing.T) {
	tests := []struct {
		name  string
		token []byte
		want  error
	}{
		{name: "empty", token: nil, want: ErrMalformedToken},
		{name: "64 KiB", token: make([]byte, 1<<16), want: ErrMalformedToken},
		{name: "answer without a question", token: unhex(t, recordedProof), want: ErrMalformedToken},
		{name: "Kerberos alone", token: appendNegTokenInit(nil, [][]byte{oidMSKRB5, oidKRB5}, []byte("token")), want: ErrNoMechanism},
		{name: "raw, last message first", token: ntlmAuthenticate{flags: flagUnicode}.append(), want: ErrMalformedToken},
		{name: "negotiate of 2 KiB", token: append(ntlmNegotiate{flags: initiatorOffer}.append(), make([]byte, 2048)...), want: ErrMalformedToken},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if reply, id, err := testAuthenticator(t, nil).Begin().Step(tt.token, testNow); reply != nil || id != nil || !errors.Is(err, tt.want) {
				t.Errorf("Step = %x, %v, %v, want %v", reply, id, err, tt.want)
			}
		})
	}
}

// TestStepKeepsNothing overwrites each token once Step has returned.
func TestStepKeepsNothing(t *testing.T) {
	for _, raw := range []bool{false, true} {
		c := newConversation(testAuthenticator(t, nil), ClientOptions{User: "alice", Password: "correct horse", Raw: raw})
		var last []byte
		c.change = func(_ int, token []byte) []byte {
			for i := range last {
				last[i] = 0xFF
			}
			last = token
			return token
		}
		if _, err := c.run(); err != nil {
			t.Errorf("raw=%v: %v", raw, err)
		}
	}
}

func TestRandomSourceFails(t *testing.T) {
	a := NewAuthenticator(Config{}, nil, bytes.NewReader(make([]byte, 7)))
	_, id, err := a.Begin().Step(ntlmNegotiate{flags: initiatorOffer}.append(), testNow)
	if id != nil || err == nil || errors.Is(err, ErrLogonFailure) || errors.Is(err, ErrMalformedToken) {
		t.Errorf("Step = %v, %v, want the failure of the random source", id, err)
	}
}

func TestConcurrentExchanges(t *testing.T) {
	a := testAuthenticator(t, nil)
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 20 {
				if _, err := newConversation(a, ClientOptions{User: "alice", Password: "correct horse"}).run(); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	wg.Wait()
}

type zeroReader struct{}

func (zeroReader) Read(b []byte) (int, error) { clear(b); return len(b), nil }
