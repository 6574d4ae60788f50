package smbauth

import (
	"bytes"
	"errors"
	"fmt"
	"testing"

	"golang.org/x/crypto/cryptobyte"
)

// TestKerberosInSPNEGO is an optimistic token of a client whose first
// mechanism is Kerberos, under either name: one round, and no MIC is owed.
func TestKerberosInSPNEGO(t *testing.T) {
	for _, mechs := range [][][]byte{
		{oidKerberosMS, oidKerberos, oidNTLMSSP},
		{oidKerberos, oidNTLMSSP},
		{oidKerberos},
	} {
		f := newForgery(etypeAES256SHA1)
		a := kerberosAuthenticator(t, f, nil)
		reply, id, err := a.Begin().Step(appendNegTokenInit(nil, mechs, f.token()), testNow)
		if err != nil || id == nil {
			t.Fatalf("Step = %v, %v", id, err)
		}
		r, err := parseNegTokenResp(reply)
		if err != nil || r.state != stateAcceptCompleted || !bytes.Equal(r.mech, mechs[0]) || r.mechListMIC != nil {
			t.Errorf("reply = %+v, %v, want accept-completed for %x", r, err, mechs[0])
		}
		f.verifyReply(t, r.token)
	}
}

// TestKerberosWithoutOptimisticToken is a client that asks first.
func TestKerberosWithoutOptimisticToken(t *testing.T) {
	f := newForgery(etypeAES256SHA1)
	f.mutual, f.checksum = false, nil
	x := kerberosAuthenticator(t, f, nil).Begin()
	reply, id, err := x.Step(appendNegTokenInit(nil, [][]byte{oidKerberos}, nil), testNow)
	if r, parseErr := parseNegTokenResp(reply); err != nil || id != nil || parseErr != nil || r.state != stateAcceptIncomplete {
		t.Fatalf("Step = %x, %v, %v", reply, id, err)
	}
	reply, id, err = x.Step(negTokenResp{token: f.token()}.append(nil), testNow)
	if want := (negTokenResp{state: stateAcceptCompleted}).append(nil); err != nil || id == nil || !bytes.Equal(reply, want) {
		t.Errorf("Step = %x, %v, %v, want %x", reply, id, err, want)
	}
}

// TestKerberosListMIC sends a mechListMIC along with the token, which a client
// can do that wants no AP-REP: it is checked, and answered.
func TestKerberosListMIC(t *testing.T) {
	mechs := [][]byte{oidKerberos, oidNTLMSSP}
	list := mechList(mechs)
	for _, e := range allEtypes {
		for _, tt := range []struct {
			name string
			mic  func(f *forgery, right []byte) []byte
			want error
		}{
			{name: "right", mic: func(_ *forgery, right []byte) []byte { return right }},
			{name: "flipped", mic: func(_ *forgery, right []byte) []byte { right[len(right)-1] ^= 1; return right }, want: ErrIntegrity},
			{name: "cut", mic: func(_ *forgery, right []byte) []byte { return right[:len(right)-1] }, want: ErrIntegrity},
			{name: "empty", mic: func(*forgery, []byte) []byte { return []byte{} }, want: ErrIntegrity},
			{name: "reflected", mic: func(f *forgery, _ []byte) []byte {
				return f.contextKey().mic(byAcceptor, uint32(f.sequence), list)
			}, want: ErrIntegrity},
			{name: "of another list", mic: func(f *forgery, _ []byte) []byte {
				return f.contextKey().mic(byInitiator, uint32(f.sequence), mechList(mechs[:1]))
			}, want: ErrIntegrity},
			{name: "by the session key", mic: func(f *forgery, _ []byte) []byte {
				return f.sessionKey.mic(byInitiator, uint32(f.sequence), list)
			}, want: ErrIntegrity},
			{name: "of another number", mic: func(f *forgery, _ []byte) []byte {
				return f.contextKey().mic(byInitiator, uint32(f.sequence)+1, list)
			}, want: ErrIntegrity},
		} {
			t.Run(fmt.Sprintf("%v/%s", e, tt.name), func(t *testing.T) {
				f := newForgery(e)
				f.mutual, f.checksum = false, nil
				mic := tt.mic(f, f.contextKey().mic(byInitiator, uint32(f.sequence), list))
				x := kerberosAuthenticator(t, f, nil).Begin()
				if _, _, err := x.Step(appendNegTokenInit(nil, mechs, nil), testNow); err != nil {
					t.Fatal(err)
				}
				reply, id, err := x.Step(negTokenResp{token: f.token(), mechListMIC: mic}.append(nil), testNow)
				if !errors.Is(err, tt.want) || (id == nil) != (tt.want != nil) {
					t.Fatalf("Step = %v, %v, want %v", id, err, tt.want)
				}
				if tt.want != nil {
					return
				}
				r, err := parseNegTokenResp(reply)
				if want := f.contextKey().mic(byAcceptor, uint32(f.sequence), list); err != nil || !bytes.Equal(r.mechListMIC, want) {
					t.Errorf("our mechListMIC = %x, %v, want %x", r.mechListMIC, err, want)
				}
			})
		}
	}
}

// TestOptimisticListMIC sends the MIC in the NegTokenInit itself.
func TestOptimisticListMIC(t *testing.T) {
	mechs := [][]byte{oidKerberos, oidNTLMSSP}
	for _, flip := range []byte{0, 1} {
		f := newForgery(etypeAES128SHA1)
		mic := f.contextKey().mic(byInitiator, uint32(f.sequence), mechList(mechs))
		mic[20] ^= flip
		token := appendInit(nil, mechs, func(seq *cryptobyte.Builder) {
			addOctets(seq, tagField2, f.token())
			addOctets(seq, tagField3, mic)
		})
		reply, id, err := kerberosAuthenticator(t, f, nil).Begin().Step(token, testNow)
		if flip == 1 {
			if !errors.Is(err, ErrIntegrity) {
				t.Errorf("wrong MIC: %v, %v", id, err)
			}
			continue
		}
		r, parseErr := parseNegTokenResp(reply)
		if err != nil || id == nil || parseErr != nil || r.mechListMIC == nil {
			t.Errorf("right MIC: %+v, %v, %v", r, id, err)
		}
	}
}

// TestKerberosSecond is a client that would rather speak something else: the
// MIC is owed, and comes with the AP-REQ or, where that waits for an AP-REP,
// after it.
func TestKerberosSecond(t *testing.T) {
	mechs := [][]byte{oidNEGOEX, oidKerberos}
	list := mechList(mechs)
	for _, mutual := range []bool{true, false} {
		for _, tt := range []struct {
			name string
			last func(right []byte) negTokenResp
			want error
		}{
			{name: "right", last: func(right []byte) negTokenResp {
				return negTokenResp{state: stateAcceptCompleted, mechListMIC: right}
			}},
			{name: "wrong", last: func(right []byte) negTokenResp { right[18] ^= 4; return negTokenResp{mechListMIC: right} }, want: ErrIntegrity},
			{name: "missing", last: func([]byte) negTokenResp { return negTokenResp{state: stateAcceptCompleted} }, want: ErrIntegrity},
			{name: "rejected", last: func(right []byte) negTokenResp { return negTokenResp{state: stateReject, mechListMIC: right} }, want: ErrMalformedToken},
		} {
			t.Run(fmt.Sprintf("mutual=%v/%s", mutual, tt.name), func(t *testing.T) {
				f := newForgery(etypeAES256SHA1)
				f.mutual, f.checksum = mutual, nil
				x := kerberosAuthenticator(t, f, nil).Begin()
				reply, id, err := x.Step(appendNegTokenInit(nil, mechs, []byte("NEGOEX")), testNow)
				if r, parseErr := parseNegTokenResp(reply); err != nil || id != nil || parseErr != nil || r.state != stateRequestMIC || !bytes.Equal(r.mech, oidKerberos) {
					t.Fatalf("first reply = %x, %v, %v, want request-mic", reply, id, err)
				}
				last := tt.last(f.contextKey().mic(byInitiator, uint32(f.sequence), list))
				if mutual {
					reply, id, err = x.Step(negTokenResp{token: f.token()}.append(nil), testNow)
					r, parseErr := parseNegTokenResp(reply)
					if err != nil || id != nil || parseErr != nil || r.state != stateAcceptIncomplete || r.mechListMIC == nil {
						t.Fatalf("second reply = %+v, %v, %v, want accept-incomplete with a MIC", r, id, err)
					}
					f.verifyReply(t, r.token)
				} else {
					last.token = f.token()
				}
				_, id, err = x.Step(last.append(nil), testNow)
				if !errors.Is(err, tt.want) || (id == nil) != (tt.want != nil) {
					t.Errorf("Step = %v, %v, want %v", id, err, tt.want)
				}
				if _, _, err = x.Step(last.append(nil), testNow); !errors.Is(err, ErrMalformedToken) {
					t.Errorf("token after the end: %v", err)
				}
			})
		}
	}
}

// TestTokenBesideTheMIC demands that the token that concludes holds no other.
func TestTokenBesideTheMIC(t *testing.T) {
	mechs := [][]byte{oidNEGOEX, oidKerberos}
	f := newForgery(etypeAES256SHA1)
	x := kerberosAuthenticator(t, f, nil).Begin()
	mic := f.contextKey().mic(byInitiator, uint32(f.sequence), mechList(mechs))
	for i, token := range [][]byte{
		appendNegTokenInit(nil, mechs, nil),
		negTokenResp{token: f.token()}.append(nil),
		negTokenResp{token: f.token(), mechListMIC: mic}.append(nil),
	} {
		if _, id, err := x.Step(token, testNow); id != nil || i < 2 && err != nil || i == 2 && !errors.Is(err, ErrMalformedToken) {
			t.Fatalf("token %d: %v, %v", i, id, err)
		}
	}
}

// TestNoDowngrade is a client whose Kerberos is refused: that exchange is over,
// and NTLM needs a new one.
func TestNoDowngrade(t *testing.T) {
	f := newForgery(etypeAES256SHA1)
	x := kerberosAuthenticator(t, f, nil).Begin()
	f.kvno = 9
	mechs := [][]byte{oidKerberosMS, oidNTLMSSP}
	if _, _, err := x.Step(appendNegTokenInit(nil, mechs, f.token()), testNow); !errors.Is(err, ErrLogonFailure) {
		t.Fatalf("Step = %v, want ErrLogonFailure", err)
	}
	negotiate, _, _ := recordedNTLM(t)
	if _, _, err := x.Step(negTokenResp{token: negotiate}.append(nil), testNow); !errors.Is(err, ErrMalformedToken) {
		t.Errorf("NTLM after refused Kerberos: %v", err)
	}
}

// TestNTLMBesideKerberos demands that NTLM works as before where there is a
// keytab.
func TestNTLMBesideKerberos(t *testing.T) {
	for _, raw := range []bool{false, true} {
		f := newForgery(etypeAES256SHA1)
		c := conversation{
			client: NewClient(ClientOptions{User: "alice", Password: "correct horse", Raw: raw}),
			server: kerberosAuthenticator(t, f, nil).Begin(),
		}
		if id, err := c.run(); err != nil || id.Mechanism != MechanismNTLMv2 || id.User != "Alice" {
			t.Errorf("raw=%v: %v, %v", raw, id, err)
		}
	}
}

// TestSameKerberosUser holds the realm and the spelling to be part of a name.
func TestSameKerberosUser(t *testing.T) {
	alice := &Identity{User: "alice", Domain: "A", Kind: User, Mechanism: MechanismKerberos}
	for _, tt := range []struct {
		o    Identity
		want bool
	}{
		{o: Identity{User: "alice", Domain: "A", Kind: User, Mechanism: MechanismKerberos}, want: true},
		{o: Identity{User: "alice", Domain: "B", Kind: User, Mechanism: MechanismKerberos}},
		{o: Identity{User: "Alice", Domain: "A", Kind: User, Mechanism: MechanismKerberos}},
		{o: Identity{User: "alice", Domain: "A", Kind: User, Mechanism: MechanismNTLMv2}},
	} {
		if got := alice.SameUser(&tt.o); got != tt.want {
			t.Errorf("SameUser(%v of %s) = %v, want %v", tt.o, tt.o.Domain, got, tt.want)
		}
	}
}
