package smbauth

import (
	"bytes"
	"errors"
	"reflect"
	"testing"

	"golang.org/x/crypto/cryptobyte"
	"golang.org/x/crypto/cryptobyte/asn1"
	"pgregory.net/rapid"
)

var (
	oidNEGOEX = []byte{0x2B, 6, 1, 4, 1, 0x82, 0x37, 2, 2, 0x1E}
	oidKRB5   = []byte{0x2A, 0x86, 0x48, 0x86, 0xF7, 0x12, 1, 2, 2}
	oidMSKRB5 = []byte{0x2A, 0x86, 0x48, 0x82, 0xF7, 0x12, 1, 2, 2}
)

// TestInitToken pins the offer: byte for byte what Samba sends for NTLMSSP.
func TestInitToken(t *testing.T) {
	want := unhex(t, `604806062b0601050502a03e303ca00e300c060a2b06010401823702020a
		a32a3028a0261b246e6f745f646566696e65645f696e5f5246433431373840706c656173655f69676e6f7265`)
	if got := NewAuthenticator(Config{}, nil, nil).InitToken(); !bytes.Equal(got, want) {
		t.Errorf("InitToken() = %x, want %x", got, want)
	}
}

func TestParseNegTokenInit(t *testing.T) {
	ntlm := unhex(t, `300c060a2b06010401823702020a`)
	tests := []struct {
		name  string
		token []byte
		mechs [][]byte
		list  []byte
		inner int // length of mechToken
	}{
		{name: "recorded client", token: unhex(t, recordedInit), mechs: [][]byte{oidNTLMSSP}, list: ntlm, inner: 40},
		{
			name: "recorded server offer", token: unhex(t, recordedOffer), mechs: [][]byte{oidNEGOEX, oidNTLMSSP},
			list: unhex(t, `3018060a2b06010401823702021e060a2b06010401823702020a`), inner: 0x108,
		},
		{name: "own offer, with hints", token: appendNegTokenInit2(nil, [][]byte{oidNTLMSSP}), mechs: [][]byte{oidNTLMSSP}, list: ntlm},
		{
			name:  "reqFlags and an optimistic MIC",
			token: unhex(t, `602606062b0601050502a01c301aa00e300c060a2b06010401823702020aa10403020620a302 0400`),
			mechs: [][]byte{oidNTLMSSP}, list: ntlm,
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := parseNegTokenInit(tt.token)
			if err != nil || !reflect.DeepEqual(got.mechs, tt.mechs) || !bytes.Equal(got.list, tt.list) || len(got.token) != tt.inner {
				t.Errorf("parseNegTokenInit(%x) = %x, %v, want mechs %x, list %x, token of %d bytes", tt.token, got, err, tt.mechs, tt.list, tt.inner)
			}
		})
	}
}

func TestParseNegTokenInitRefuses(t *testing.T) {
	good := unhex(t, recordedInit)
	many := make([][]byte, maxMechs+1)
	for i := range many {
		many[i] = oidKRB5
	}
	tests := []struct {
		name  string
		token []byte
	}{
		{name: "empty", token: nil},
		{name: "trailing byte", token: append(bytes.Clone(good), 0)},
		{name: "other OID", token: bytes.Replace(good, oidSPNEGO, []byte{0x2B, 6, 1, 5, 5, 3}, 1)},
		{name: "no mechTypes", token: appendNegTokenInit(nil, nil, nil)},
		{name: "too many mechTypes", token: appendNegTokenInit(nil, many, nil)},
		{name: "long form of a short length", token: append([]byte{0x60, 0x81, 0x48}, good[2:]...)},
		{name: "indefinite length", token: append(append([]byte{0x60, 0x80}, good[2:]...), 0, 0)},
		{name: "length of 4 GiB", token: append([]byte{0x60, 0x84, 0xFF, 0xFF, 0xFF, 0xFF}, good[2:]...)},
		{name: "NegTokenResp", token: unhex(t, recordedDone)},
		{name: "nested without end", token: bytes.Repeat([]byte{0x30, 0x80}, 30000)},
		{name: "unknown field", token: unhex(t, `602006062b0601050502a0163014a00e300c060a2b06010401823702020aa5020400`)},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got, err := parseNegTokenInit(tt.token); !errors.Is(err, ErrMalformedToken) {
				t.Errorf("parseNegTokenInit(%.20x) = %x, %v, want ErrMalformedToken", tt.token, got, err)
			}
		})
	}
}

func TestParseNegTokenResp(t *testing.T) {
	tests := []struct {
		name   string
		token  string
		state  negState
		mech   []byte
		inner  int
		mic    string
		golden bool // append gives the same bytes
	}{
		{name: "recorded challenge", token: recordedChallenge, state: stateAcceptIncomplete, mech: oidNTLMSSP, inner: 148, golden: true},
		{name: "recorded proof", token: recordedProof, state: stateAcceptIncomplete, inner: 422, mic: `0100000063775A9A5FD97F0600000000`, golden: true},
		{name: "recorded end", token: recordedDone, state: stateAcceptCompleted, mic: `010000003B453CDC3524164200000000`, golden: true},
		{name: "reject", token: `a1073005a0030a0102`, state: stateReject, golden: true},
		{name: "nothing said", token: `a1023000`, golden: true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			b := unhex(t, tt.token)
			got, err := parseNegTokenResp(b)
			if err != nil || got.state != tt.state || !bytes.Equal(got.mech, tt.mech) || len(got.token) != tt.inner ||
				!bytes.Equal(got.mechListMIC, unhex(t, tt.mic)) {
				t.Errorf("parseNegTokenResp(%x) = %x, %v", b, got, err)
			}
			if back := got.append(nil); tt.golden && !bytes.Equal(back, b) {
				t.Errorf("append = %x, want %x", back, b)
			}
		})
	}
}

func TestParseNegTokenRespRefuses(t *testing.T) {
	tests := []struct{ name, token string }{
		{name: "negState 4", token: `a1073005a0030a0104`},
		{name: "negState of nine bytes", token: `a10f300da00b0a09010000000000000000`},
		{name: "fields out of order", token: `a1103 00ea2020400a103060100a0030a0101`},
		{name: "field twice", token: `a10c300aa0030a0101a0030a0101`},
		{name: "trailing byte in a field", token: `a1083006a0040a010100`},
		{name: "trailing byte", token: `a102300000`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got, err := parseNegTokenResp(unhex(t, tt.token)); !errors.Is(err, ErrMalformedToken) {
				t.Errorf("parseNegTokenResp(%s) = %x, %v, want ErrMalformedToken", tt.token, got, err)
			}
		})
	}
}

func TestSPNEGOPrefixesRefused(t *testing.T) {
	for _, valid := range [][]byte{unhex(t, recordedInit), unhex(t, recordedOffer), appendNegTokenInit2(nil, [][]byte{oidMSKRB5, oidNTLMSSP})} {
		for n := range valid {
			if _, err := parseNegTokenInit(valid[:n:n]); !errors.Is(err, ErrMalformedToken) {
				t.Errorf("parseNegTokenInit of %d of %d bytes: %v, want ErrMalformedToken", n, len(valid), err)
			}
		}
	}
	for _, valid := range [][]byte{unhex(t, recordedChallenge), unhex(t, recordedProof), unhex(t, recordedDone)} {
		for n := range valid {
			if _, err := parseNegTokenResp(valid[:n:n]); !errors.Is(err, ErrMalformedToken) {
				t.Errorf("parseNegTokenResp of %d of %d bytes: %v, want ErrMalformedToken", n, len(valid), err)
			}
		}
	}
}

func TestNegTokenRespRoundTrip(t *testing.T) {
	field := rapid.OneOf(rapid.Just[[]byte](nil), rapid.SliceOfN(rapid.Byte(), 1, 300))
	rapid.Check(t, func(t *rapid.T) {
		want := negTokenResp{
			state:       negState(rapid.IntRange(0, 4).Draw(t, "state")),
			mech:        rapid.SampledFrom([][]byte{nil, oidNTLMSSP, oidKRB5, oidMSKRB5}).Draw(t, "mech"),
			token:       field.Draw(t, "token"),
			mechListMIC: field.Draw(t, "mic"),
		}
		if got, err := parseNegTokenResp(want.append(nil)); err != nil || !reflect.DeepEqual(got, want) {
			t.Fatalf("parseNegTokenResp(append(%v)) = %v, %v", want, got, err)
		}
	})
}

// TestListIsAsSent keeps the DER of mechTypes out of our own encoder's hands:
// the MIC covers the client's bytes.
func TestListIsAsSent(t *testing.T) {
	var b cryptobyte.Builder
	b.AddASN1(asn1.SEQUENCE, func(seq *cryptobyte.Builder) {
		addOID(seq, oidMSKRB5)
		addOID(seq, oidNTLMSSP)
		addOID(seq, oidNTLMSSP)
	})
	want := b.BytesOrPanic()
	token := appendNegTokenInit(nil, [][]byte{oidMSKRB5, oidNTLMSSP, oidNTLMSSP}, nil)
	if got, err := parseNegTokenInit(token); err != nil || !bytes.Equal(got.list, want) {
		t.Errorf("list = %x, %v, want %x", got.list, err, want)
	}
}
