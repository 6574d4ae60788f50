package smbauth

import (
	"bytes"
	"fmt"
	"testing"
	"time"
)

// TestNTLMv2Vectors are the values of MS-NLMP 4.2.4.
func TestNTLMv2Vectors(t *testing.T) {
	hash := NTHash("Password")
	if want := unhex(t, `A4F49C406510BDCAB6824EE7C30FD852`); !bytes.Equal(hash[:], want) {
		t.Errorf("NTHash(Password) = %x, want %x", hash[:], want)
	}
	key := ntowfv2(hash, "User", "Domain")
	if want := unhex(t, `0C868A403BFD7A93A3001EF22EF02E3F`); !bytes.Equal(key[:], want) {
		t.Errorf("ntowfv2 = %x, want %x", key, want)
	}
	pairs := appendAV(nil, avNetBIOSDom, encodeUTF16("Domain"))
	pairs = appendAV(pairs, avNetBIOSName, encodeUTF16("Server"))
	pairs = appendAV(pairs, avEnd, nil)
	temp := makeTemp(make([]byte, 8), [8]byte(bytes.Repeat([]byte{0xAA}, 8)), pairs)
	wantTemp := unhex(t, `01010000000000000000000000000000AAAAAAAAAAAAAAAA00000000
		02000C0044006F006D00610069006E0001000C005300650072007600650072000000000000000000`)
	if !bytes.Equal(temp, wantTemp) {
		t.Errorf("makeTemp = %x, want %x", temp, wantTemp)
	}
	challenge := [8]byte(unhex(t, `0123456789ABCDEF`))
	proof, base := ntProof(key, challenge, temp)
	if want := unhex(t, `68CD0AB851E51C96AABC927BEBEF6A1C`); !bytes.Equal(proof[:], want) {
		t.Errorf("NTProofStr = %x, want %x", proof, want)
	}
	if want := unhex(t, `8DE40CCADBC14A82F15CB0AD0DE95CA3`); !bytes.Equal(base[:], want) {
		t.Errorf("SessionBaseKey = %x, want %x", base, want)
	}
	sealed := rc4Crypt(base[:], bytes.Repeat([]byte{0x55}, 16))
	if want := unhex(t, `C5DAD2544FC9799094CE1CE90BC9D03E`); !bytes.Equal(sealed, want) {
		t.Errorf("EncryptedRandomSessionKey = %x, want %x", sealed, want)
	}
	r, err := parseNTLMv2Response(append(proof[:], temp...))
	if err != nil {
		t.Fatal(err)
	}
	if got, ok := r.prove(hash, challenge, "USER", []string{"other", "Domain", ""}); !ok || got != base {
		t.Errorf("prove = %x, %v, want %x, true", got, ok, base)
	}
	if _, ok := r.prove(hash, challenge, "User", []string{"DOMAIN", ""}); ok {
		t.Error("prove accepts a domain in another case")
	}
}

func TestRecordedMIC(t *testing.T) {
	negotiate, challenge, authenticate := recordedNTLM(t)
	key := [16]byte(unhex(t, recordedSessionKey))
	got := messageMIC(key, negotiate, challenge, authenticate)
	if want := unhex(t, `ECAC77A5F385A8BF9C38C706EEEDDCD3`); !bytes.Equal(got[:], want) {
		t.Errorf("messageMIC = %x, want %x", got, want)
	}
}

func TestRecordedListMIC(t *testing.T) {
	key, list := [16]byte(unhex(t, recordedSessionKey)), unhex(t, `300C060A2B06010401823702020A`)
	const flags = flagKeyExchange | flag128
	if got, want := fromClient.listMIC(key, flags, list), unhex(t, `0100000063775A9A5FD97F0600000000`); !bytes.Equal(got, want) {
		t.Errorf("client's listMIC = %x, want %x", got, want)
	}
	if got, want := fromServer.listMIC(key, flags, list), unhex(t, `010000003B453CDC3524164200000000`); !bytes.Equal(got, want) {
		t.Errorf("server's listMIC = %x, want %x", got, want)
	}
}

func TestListMICStrength(t *testing.T) {
	key, list := [16]byte(unhex(t, recordedSessionKey)), []byte("list")
	seen := map[string]string{}
	for name, flags := range map[string]ntlmFlags{
		"no key exchange": flag128,
		"128 bits":        flagKeyExchange | flag128 | flag56,
		"56 bits":         flagKeyExchange | flag56,
		"40 bits":         flagKeyExchange,
	} {
		mic := string(fromClient.listMIC(key, flags, list))
		if other, ok := seen[mic]; ok {
			t.Errorf("%s gives the MIC of %s", name, other)
		}
		seen[mic] = name
	}
}

func TestHashPrintsNothing(t *testing.T) {
	h := NTHash("Password")
	for _, verb := range []string{"%v", "%+v", "%#v", "%x", "%s", "%d"} {
		if got := fmt.Sprintf(verb, h); got != "[NT hash]" {
			t.Errorf("Sprintf(%q) = %q, want a placeholder", verb, got)
		}
	}
}

func TestFoldName(t *testing.T) {
	tests := []struct{ name, want string }{
		{name: "Alice", want: "ALICE"},
		{name: "jürgen", want: "JÜRGEN"},
		{name: "straße", want: "STRAßE"},
		{name: "ωμέγα", want: "ΩΜΈΓΑ"},
		{name: "\U00010428", want: "\U00010428"}, // Deseret small letter: a surrogate pair
	}
	for _, tt := range tests {
		if got := foldName(tt.name); got != tt.want {
			t.Errorf("foldName(%q) = %q, want %q", tt.name, got, tt.want)
		}
	}
}

func TestFileTime(t *testing.T) {
	tests := []struct {
		at   time.Time
		want string
	}{
		{at: time.Date(1601, 1, 1, 0, 0, 0, 0, time.UTC), want: `0000000000000000`},
		{at: time.Unix(0, 0), want: `00803ed5deb19d01`},
		{at: time.Unix(0, 150), want: `01803ed5deb19d01`},
	}
	for _, tt := range tests {
		if got := fileTime(tt.at); !bytes.Equal(got, unhex(t, tt.want)) {
			t.Errorf("fileTime(%v) = %x, want %s", tt.at, got, tt.want)
		}
	}
}
