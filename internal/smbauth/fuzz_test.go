package smbauth

import (
	"bytes"
	"errors"
	"reflect"
	"runtime"
	"slices"
	"testing"
)

// addPrefixes seeds a target with a valid input and some of its beginnings.
func addPrefixes(f *testing.F, valid []byte) {
	f.Add(valid)
	for _, n := range []int{0, 1, len(valid) / 2, len(valid) - 1} {
		f.Add(valid[:n])
	}
}

// orMalformed fails for an error that is not the parsers' own.
func orMalformed(t *testing.T, err error) {
	t.Helper()
	if err != nil && !errors.Is(err, ErrMalformedToken) {
		t.Errorf("error %v, want ErrMalformedToken", err)
	}
}

func FuzzNegTokenInit(f *testing.F) {
	addPrefixes(f, unhex(f, recordedInit))
	addPrefixes(f, unhex(f, recordedOffer))
	f.Add(appendNegTokenInit2(nil, [][]byte{oidMSKRB5, oidNTLMSSP}))
	f.Fuzz(func(t *testing.T, b []byte) {
		m, err := parseNegTokenInit(slices.Clip(b))
		orMalformed(t, err)
		if err != nil {
			return
		}
		again, err := parseNegTokenInit(appendNegTokenInit(nil, m.mechs, m.token))
		if err != nil || !reflect.DeepEqual(again.mechs, m.mechs) || !bytes.Equal(again.token, m.token) {
			t.Errorf("%x came back as %x, %v", m, again, err)
		}
	})
}

func FuzzNegTokenResp(f *testing.F) {
	addPrefixes(f, unhex(f, recordedChallenge))
	addPrefixes(f, unhex(f, recordedProof))
	addPrefixes(f, unhex(f, recordedDone))
	f.Fuzz(func(t *testing.T, b []byte) {
		m, err := parseNegTokenResp(slices.Clip(b))
		orMalformed(t, err)
		if err != nil {
			return
		}
		if again := m.append(nil); !bytes.Equal(again, b) { // DER has one spelling
			t.Errorf("%x came back as %x", b, again)
		}
	})
}

func FuzzNegotiate(f *testing.F) {
	negotiate, _, _ := recordedNTLM(f)
	addPrefixes(f, negotiate)
	f.Fuzz(func(t *testing.T, b []byte) {
		_, err := parseNegotiate(slices.Clip(b))
		orMalformed(t, err)
	})
}

func FuzzChallenge(f *testing.F) {
	_, challenge, _ := recordedNTLM(f)
	addPrefixes(f, challenge)
	f.Fuzz(func(t *testing.T, b []byte) {
		m, err := parseChallenge(slices.Clip(b))
		orMalformed(t, err)
		if err != nil {
			return
		}
		if again, err := parseChallenge(m.append()); err != nil || !reflect.DeepEqual(again, m) {
			t.Errorf("%+v came back as %+v, %v", m, again, err)
		}
	})
}

func FuzzAuthenticate(f *testing.F) {
	_, _, authenticate := recordedNTLM(f)
	addPrefixes(f, authenticate)
	f.Fuzz(func(t *testing.T, b []byte) {
		m, err := parseAuthenticate(slices.Clip(b))
		orMalformed(t, err)
		if err != nil {
			return
		}
		m.mic = [16]byte{}
		if again, err := parseAuthenticate(m.append()); err != nil || !reflect.DeepEqual(again, m) {
			t.Errorf("%+v came back as %+v, %v", m, again, err)
		}
		r, err := parseNTLMv2Response(slices.Clip(m.nt))
		orMalformed(t, err)
		if err == nil {
			r.pairs.hasMIC()
		}
	})
}

func FuzzAVPairs(f *testing.F) {
	addPrefixes(f, Config{NetBIOSName: "FILES"}.withDefaults().targetInfo(testNow))
	f.Add([]byte{6, 0, 4, 0, 2, 0, 0, 0, 0, 0, 0, 0})
	f.Fuzz(func(t *testing.T, b []byte) {
		list, err := parseAVPairs(slices.Clip(b))
		orMalformed(t, err)
		if err != nil || list == nil {
			return
		}
		var again []byte
		for id, v := range list.all() {
			again = appendAV(again, id, v)
		}
		if again = appendAV(again, avEnd, nil); !bytes.Equal(again, list) {
			t.Errorf("%x came back as %x", list, again)
		}
	})
}

func FuzzUsersFile(f *testing.F) {
	f.Add([]byte("version: 1\nusers:\n  alice: " + hashA + "\n"))
	f.Add([]byte("# c\nversion: 1\nusers: {'1': \"" + hashB + "\"} # d\n"))
	f.Add([]byte("version: 1\nusers:\n---\n"))
	f.Add([]byte("version: 1\nusers: &a {b: *a}\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		u, err := parseUsersFile("u", slices.Clip(b))
		if err != nil {
			return
		}
		u.set("Ned", NTHash("p"))
		out, err := u.encode()
		if err != nil {
			t.Skip("yaml.v3 cannot write what it read; SetPassword refuses")
		}
		again, err := parseUsersFile("u", out)
		if err != nil {
			t.Skip("yaml.v3 reads its own writing otherwise; SetPassword refuses")
		}
		if _, hash, known := again.users.lookup("ned", Hash{}); !known || hash != NTHash("p") {
			t.Errorf("%q lost the user that was set: %q", b, out)
		}
	})
}

// FuzzStep sends two tokens to an exchange; without the password, none may
// give a user.
func FuzzStep(f *testing.F) {
	negotiate, _, authenticate := recordedNTLM(f)
	f.Add(unhex(f, recordedInit), unhex(f, recordedProof))
	f.Add(negotiate, authenticate)
	f.Add(appendNegTokenInit(nil, [][]byte{oidKRB5, oidNTLMSSP}, nil), negTokenResp{token: negotiate}.append(nil))
	f.Add(negotiate, ntlmAuthenticate{lm: []byte{0}}.append())
	u, err := NewUsers(map[string]Hash{"administrator": NTHash("not the recorded one")})
	if err != nil {
		f.Fatal(err)
	}
	closed := Config{NetBIOSName: "SUT311"}
	open := Config{NetBIOSName: "SUT311", Guest: true, Anonymous: true}
	f.Fuzz(func(t *testing.T, first, second []byte) {
		for _, cfg := range []Config{closed, open} {
			x := NewAuthenticator(cfg, func() *Users { return u }, zeroReader{}).Begin()
			for _, token := range [][]byte{first, second, second} {
				reply, id, err := x.Step(slices.Clip(token), testNow)
				switch {
				case err != nil && (reply != nil || id != nil):
					t.Fatalf("Step = %x, %v beside %v", reply, id, err)
				case id != nil && (!cfg.Guest || id.Kind == User):
					t.Fatalf("Step gives %+v", id)
				case id != nil && len(id.SessionKey) != 16:
					t.Fatalf("session key %x", id.SessionKey)
				}
			}
		}
	})
}

// FuzzClient answers a client with two tokens.
func FuzzClient(f *testing.F) {
	_, challenge, _ := recordedNTLM(f)
	f.Add(unhex(f, recordedOffer), unhex(f, recordedChallenge), unhex(f, recordedDone))
	f.Add([]byte{}, challenge, []byte{})
	f.Fuzz(func(t *testing.T, offer, first, second []byte) {
		for _, raw := range []bool{false, true} {
			c := NewClient(ClientOptions{User: "alice", Password: "p", Raw: raw, Rand: zeroReader{}})
			for _, token := range [][]byte{offer, first, second} {
				if _, _, err := c.Next(slices.Clip(token), testNow); err != nil {
					break
				}
			}
		}
	})
}

// TestAllocationIsBoundedByInput measures what the largest hostile tokens
// cost.
func TestAllocationIsBoundedByInput(t *testing.T) {
	negotiate, challenge, authenticate := recordedNTLM(t)
	manyPairs := appendAV(bytes.Repeat([]byte{1, 0, 0, 0}, 15000), avEnd, nil)
	response := append(make([]byte, 16), makeTemp(make([]byte, 8), [8]byte{}, manyPairs)...)
	tests := []struct {
		name          string
		first, second []byte
	}{
		{name: "zeros", first: make([]byte, maxToken)},
		{name: "nested sequences", first: bytes.Repeat([]byte{0x30, 0x80}, maxToken/2)},
		{name: "mechanisms", first: appendNegTokenInit(nil, slices.Repeat([][]byte{oidKRB5}, 5000), nil)},
		{name: "large optimistic token", first: appendNegTokenInit(nil, [][]byte{oidNTLMSSP}, make([]byte, 60000))},
		{name: "negotiate of 60 KB", first: append(bytes.Clone(negotiate), make([]byte, 60000)...)},
		{name: "response of 60 KB", first: negotiate, second: ntlmAuthenticate{flags: flagUnicode, user: "u", nt: response}.append()},
		{name: "recorded", first: negotiate, second: authenticate},
		{name: "challenge", first: challenge},
	}
	a := testAuthenticator(t, nil)
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			const rounds = 20
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			for range rounds {
				x := a.Begin()
				if _, _, err := x.Step(tt.first, testNow); err == nil {
					_, _, _ = x.Step(tt.second, testNow)
				}
			}
			runtime.ReadMemStats(&after)
			if got, most := (after.TotalAlloc-before.TotalAlloc)/rounds, uint64(16<<10+2*len(tt.first)+2*len(tt.second)); got > most {
				t.Errorf("exchange allocates %d bytes for %d of input, want %d or less", got, len(tt.first)+len(tt.second), most)
			}
		})
	}
}
