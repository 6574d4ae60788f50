package smbauth

import (
	"bytes"
	"encoding/binary"
	"errors"
	"reflect"
	"testing"

	"pgregory.net/rapid"
)

func TestParseRecordedNegotiate(t *testing.T) {
	negotiate, _, _ := recordedNTLM(t)
	m, err := parseNegotiate(negotiate)
	if err != nil || m.flags != 0xE2088297 {
		t.Errorf("parseNegotiate = %+v, %v, want flags 0xE2088297", m, err)
	}
}

func TestParseRecordedChallenge(t *testing.T) {
	_, challenge, _ := recordedNTLM(t)
	m, err := parseChallenge(challenge)
	if err != nil {
		t.Fatal(err)
	}
	if m.flags != 0xE28A8215 || m.target != "SUT311" || !bytes.Equal(m.challenge[:], unhex(t, `0D1D8BA31179D008`)) {
		t.Errorf("parseChallenge = %+v", m)
	}
	type pair struct {
		id    avID
		value string
	}
	name := string(encodeUTF16("SUT311"))
	want := []pair{{avNetBIOSDom, name}, {avNetBIOSName, name}, {avDNSDom, name}, {avDNSName, name}, {avTimestamp, string(unhex(t, `A1A1F5ADCBAED001`))}}
	var got []pair
	for id, v := range m.targetInfo.all() {
		got = append(got, pair{id, string(v)})
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("target info = %v, want %v", got, want)
	}
}

// TestChallengeGolden makes the recorded server's challenge anew.
func TestChallengeGolden(t *testing.T) {
	_, want, _ := recordedNTLM(t)
	m, err := parseChallenge(want)
	if err != nil {
		t.Fatal(err)
	}
	want = bytes.Clone(want)
	copy(want[48:56], ntlmVersion) // the recorded server is an older build
	if got := m.append(); !bytes.Equal(got, want) {
		t.Errorf("append = %x, want %x", got, want)
	}
}

func TestParseRecordedAuthenticate(t *testing.T) {
	_, _, authenticate := recordedNTLM(t)
	m, err := parseAuthenticate(authenticate)
	if err != nil {
		t.Fatal(err)
	}
	if m.flags != 0xE2888215 || m.domain != "SUT311" || m.user != "administrator" || m.workstation != "DRIVER311" {
		t.Errorf("parseAuthenticate = flags %#x, domain %q, user %q, workstation %q", uint32(m.flags), m.domain, m.user, m.workstation)
	}
	if !bytes.Equal(m.lm, make([]byte, 24)) || !bytes.Equal(m.sessionKey, unhex(t, `3B9BDFF38F5EE8F9663F11A0F4C03A78`)) ||
		!bytes.Equal(m.mic[:], unhex(t, `ECAC77A5F385A8BF9C38C706EEEDDCD3`)) {
		t.Errorf("LM %x, key %x, MIC %x", m.lm, m.sessionKey, m.mic)
	}
	r, err := parseNTLMv2Response(m.nt)
	if err != nil || !bytes.Equal(r.proof[:], unhex(t, `63078EB639FE03E20A231C3AE3BF2308`)) || !r.pairs.hasMIC() {
		t.Errorf("parseNTLMv2Response = %x, %v, want a proof and a MIC", r, err)
	}
	if spn := r.pairs.find(avTargetName); !bytes.Equal(spn, encodeUTF16("cifs/SUT311")) {
		t.Errorf("target name = %q, want cifs/SUT311", spn)
	}
}

func TestNTLMPrefixesRefused(t *testing.T) {
	negotiate, challenge, authenticate := recordedNTLM(t)
	tests := []struct {
		name  string
		valid []byte
		parse func([]byte) error
	}{
		{name: "negotiate", valid: negotiate, parse: func(b []byte) error { _, err := parseNegotiate(b); return err }},
		{name: "challenge", valid: challenge, parse: func(b []byte) error { _, err := parseChallenge(b); return err }},
		{name: "authenticate", valid: authenticate, parse: func(b []byte) error { _, err := parseAuthenticate(b); return err }},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			for n := range tt.valid {
				if err := tt.parse(tt.valid[:n:n]); !errors.Is(err, ErrMalformedToken) {
					t.Errorf("parse of %d of %d bytes: %v, want ErrMalformedToken", n, len(tt.valid), err)
				}
			}
		})
	}
}

// TestNTLMFieldBounds puts every hostile length and offset into every field
// that names a part.
func TestNTLMFieldBounds(t *testing.T) {
	_, challenge, authenticate := recordedNTLM(t)
	tests := []struct {
		name   string
		valid  []byte
		fields []int
		parse  func([]byte) error
	}{
		{name: "challenge", valid: challenge, fields: []int{12, 40}, parse: func(b []byte) error { _, err := parseChallenge(b); return err }},
		{name: "authenticate", valid: authenticate, fields: []int{12, 20, 28, 36, 44, 52}, parse: func(b []byte) error { _, err := parseAuthenticate(b); return err }},
	}
	for _, tt := range tests {
		for _, at := range tt.fields {
			for _, off := range []uint32{uint32(len(tt.valid)), 1<<31 - 1, 1 << 31, 1<<32 - 1, 1<<32 - 2} {
				b := bytes.Clone(tt.valid)
				binary.LittleEndian.PutUint32(b[at+4:], off)
				if err := tt.parse(b); !errors.Is(err, ErrMalformedToken) {
					t.Errorf("%s with the offset at %d = %#x: %v, want ErrMalformedToken", tt.name, at+4, off, err)
				}
			}
			b := bytes.Clone(tt.valid)
			binary.LittleEndian.PutUint16(b[at:], 0xFFFF)
			if err := tt.parse(b); !errors.Is(err, ErrMalformedToken) {
				t.Errorf("%s with the length at %d = 0xFFFF: %v, want ErrMalformedToken", tt.name, at, err)
			}
		}
	}
}

func TestParseAuthenticateRefuses(t *testing.T) {
	base := ntlmAuthenticate{flags: flagUnicode, user: "u", nt: make([]byte, 60)}
	raw := func(at int, part []byte) []byte {
		b := base.append()
		binary.LittleEndian.PutUint16(b[at:], uint16(len(part)))
		binary.LittleEndian.PutUint32(b[at+4:], uint32(len(b)))
		return append(b, part...)
	}
	keyed := base
	keyed.flags |= flagKeyExchange
	keyed.sessionKey = make([]byte, 15)
	tests := []struct {
		name string
		msg  []byte
	}{
		{name: "half a UTF-16 unit", msg: raw(36, []byte{'u', 0, 'v'})},
		{name: "lone high surrogate", msg: raw(36, []byte{0x00, 0xD8})},
		{name: "high surrogate and a letter", msg: raw(36, []byte{0x00, 0xD8, 'a', 0})},
		{name: "lone low surrogate", msg: raw(36, []byte{0x00, 0xDC, 'a', 0})},
		{name: "user of 257 units", msg: raw(36, make([]byte, 514))},
		{name: "domain of 257 units", msg: raw(28, make([]byte, 514))},
		{name: "workstation of 257 units", msg: raw(44, make([]byte, 514))},
		{name: "session key of 15 bytes", msg: keyed.append()},
		{name: "other type", msg: newNTLM(typeChallenge, authenticateHeader).msg},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if m, err := parseAuthenticate(tt.msg); !errors.Is(err, ErrMalformedToken) {
				t.Errorf("parseAuthenticate = %+v, %v, want ErrMalformedToken", m, err)
			}
		})
	}
}

func TestIsAnonymous(t *testing.T) {
	tests := []struct {
		name string
		m    ntlmAuthenticate
		want bool
	}{
		{name: "nothing", m: ntlmAuthenticate{}, want: true},
		{name: "LM of one zero", m: ntlmAuthenticate{lm: []byte{0}}, want: true},
		{name: "LM of one", m: ntlmAuthenticate{lm: []byte{1}}},
		{name: "LM of 24", m: ntlmAuthenticate{lm: make([]byte, 24)}},
		{name: "NT response", m: ntlmAuthenticate{nt: []byte{0}}},
		{name: "user", m: ntlmAuthenticate{user: "u"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := tt.m.isAnonymous(); got != tt.want {
				t.Errorf("isAnonymous() = %v, want %v", got, tt.want)
			}
		})
	}
}

func TestAVPairs(t *testing.T) {
	tests := []struct {
		name string
		list string
		ok   bool
	}{
		{name: "empty", list: ``, ok: true},
		{name: "end alone", list: `00000000`, ok: true},
		{name: "what follows the end is not of the list", list: `00000000ffff`, ok: true},
		{name: "a pair of no bytes", list: `0100000000000000`, ok: true},
		{name: "flags", list: `060004000200000000000000`, ok: true},
		{name: "no end", list: `01000000`},
		{name: "half a head", list: `0100`},
		{name: "value past the end", list: `0100050041004200`},
		{name: "end with a value", list: `0000020041000000 0000`},
		{name: "flags of two bytes", list: `0600020002000000 0000`},
		{name: "timestamp of four bytes", list: `070004000000000000000000`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			b := unhex(t, tt.list)
			p, err := parseAVPairs(b)
			if (err == nil) != tt.ok || err != nil && !errors.Is(err, ErrMalformedToken) {
				t.Errorf("parseAVPairs(%s) = %x, %v, want ok = %v", tt.list, p, err, tt.ok)
			}
		})
	}
}

func TestAVPairsRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		type pair struct {
			ID    avID
			Value []byte
		}
		id := rapid.SampledFrom([]avID{avNetBIOSName, avNetBIOSDom, avDNSName, avDNSDom, avTargetName, 5, 8, 10, 0xFFFF})
		var want, got []pair
		var b []byte
		for range rapid.IntRange(0, 20).Draw(t, "n") {
			p := pair{ID: id.Draw(t, "id"), Value: rapid.SliceOfN(rapid.Byte(), 0, 40).Draw(t, "value")}
			want, b = append(want, p), appendAV(b, p.ID, p.Value)
		}
		b = appendAV(b, avEnd, nil)
		list, err := parseAVPairs(b)
		if err != nil || !bytes.Equal(list, b) {
			t.Fatalf("parseAVPairs(%x) = %x, %v", b, list, err)
		}
		for id, v := range list.all() {
			got = append(got, pair{ID: id, Value: v})
		}
		if len(got) != len(want) {
			t.Fatalf("%d pairs, want %d", len(got), len(want))
		}
		for i := range want {
			if got[i].ID != want[i].ID || !bytes.Equal(got[i].Value, want[i].Value) {
				t.Fatalf("pair %d = %x, want %x", i, got[i], want[i])
			}
		}
		for n := range b {
			if p, err := parseAVPairs(b[:n:n]); n > 0 && err == nil {
				t.Fatalf("parseAVPairs of %d of %d bytes = %x, want an error", n, len(b), p)
			}
		}
	})
}

func TestAuthenticateRoundTrip(t *testing.T) {
	name := rapid.StringN(0, 60, 200)
	rapid.Check(t, func(t *rapid.T) {
		want := ntlmAuthenticate{
			flags:       flagUnicode | flagVersion | flagKeyExchange,
			lm:          rapid.SliceOfN(rapid.Byte(), 1, 24).Draw(t, "lm"),
			nt:          rapid.SliceOfN(rapid.Byte(), 1, 400).Draw(t, "nt"),
			domain:      name.Draw(t, "domain"),
			user:        name.Draw(t, "user"),
			workstation: name.Draw(t, "workstation"),
			sessionKey:  rapid.SliceOfN(rapid.Byte(), 16, 16).Draw(t, "key"),
		}
		if got, err := parseAuthenticate(want.append()); err != nil || !reflect.DeepEqual(got, want) {
			t.Fatalf("parseAuthenticate(append(%+v)) = %+v, %v", want, got, err)
		}
	})
}
