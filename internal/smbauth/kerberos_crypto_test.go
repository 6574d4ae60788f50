package smbauth

import (
	"bytes"
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"testing"

	"pgregory.net/rapid"
)

var allEtypes = []etype{etypeAES128SHA1, etypeAES256SHA1, etypeAES128SHA256, etypeAES256SHA384, etypeRC4}

// TestNFold takes its values from RFC 3961 A.1.
func TestNFold(t *testing.T) {
	for _, tt := range []struct {
		in   string
		want string
	}{
		{in: "012345", want: "be072631276b1955"},
		{in: "password", want: "78a07b6caf85fa"},
		{in: "Rough Consensus, and Running Code", want: "bb6ed30870b7f0e0"},
		{in: "password", want: "59e4a8ca7c0385c3c37b3f6d2000247cb6e6bd5b3e"},
		{in: "MASSACHVSETTS INSTITVTE OF TECHNOLOGY", want: "db3b0d8f0b061e603282b308a50841229ad798fab9540c1b"},
		{in: "Q", want: "518a54a215a8452a518a54a215a8452a518a54a215"},
		{in: "ba", want: "fb25d531ae8974499f52fd92ea9857c4ba24cf297e"},
	} {
		if got := hex.EncodeToString(nfold([]byte(tt.in), len(tt.want)/2)); got != tt.want {
			t.Errorf("nfold(%q, %d) = %s, want %s", tt.in, len(tt.want)/2, got, tt.want)
		}
	}
}

// TestCiphertextStealing takes its values from RFC 3962 B.
func TestCiphertextStealing(t *testing.T) {
	key := []byte("chicken teriyaki")
	const text = "I would like the General Gau's Chicken, please, and wonton soup."
	for _, tt := range []struct {
		n    int
		want string
	}{
		{n: 17, want: "c6353568f2bf8cb4d8a580362da7ff7f97"},
		{n: 31, want: "fc00783e0efdb2c1d445d4c8eff7ed2297687268d6ecccc0c07b25e25ecfe5"},
		{n: 32, want: "39312523a78662d5be7fcbcc98ebf5a897687268d6ecccc0c07b25e25ecfe584"},
		{n: 47, want: "97687268d6ecccc0c07b25e25ecfe584b3fffd940c16a18c1b5549d2f838029e39312523a78662d5be7fcbcc98ebf5"},
		{n: 48, want: "97687268d6ecccc0c07b25e25ecfe5849dad8bbb96c4cdc03bc103e1a194bbd839312523a78662d5be7fcbcc98ebf5a8"},
		{n: 64, want: "97687268d6ecccc0c07b25e25ecfe58439312523a78662d5be7fcbcc98ebf5a84807efe836ee89a526730dbc2f7bc8409dad8bbb96c4cdc03bc103e1a194bbd8"},
	} {
		got := ctsEncrypt(key, []byte(text[:tt.n]))
		if hex.EncodeToString(got) != tt.want {
			t.Errorf("%d bytes: %x, want %s", tt.n, got, tt.want)
		}
		if back := ctsDecrypt(key, got); string(back) != text[:tt.n] {
			t.Errorf("%d bytes came back as %q", tt.n, back)
		}
	}
}

// TestSHA2Encryption takes its values from RFC 8009 A.
func TestSHA2Encryption(t *testing.T) {
	const plain = "000102030405060708090a0b0c0d0e0f1011121314"
	k128 := kerberosKey{etypeAES128SHA256, unhex(t, "3705d96080c17728a0e800eab6e0d23c")}
	k256 := kerberosKey{etypeAES256SHA384, unhex(t, "6d404d37faf79f9df0d33568d320669800eb4836472ea8a026d16b7182460c52")}
	for _, tt := range []struct {
		key        kerberosKey
		plain      string
		confounder string
		want       string
	}{
		{k128, "", "7e5895eaf2672435bad817f545a37148", "ef85fb890bb8472f4dab20394dca781dad877eda39d50c870c0d5a0a8e48c718"},
		{k128, plain[:12], "7bca285e2fd4130fb55b1a5c83bc5b24", "84d7f30754ed987bab0bf3506beb09cfb55402cef7e6877ce99e247e52d16ed4421dfdf8976c"},
		{k128, plain, "a7a4e29a4728ce10664fb64e49ad3fac", "720f73b18d9859cd6ccb4346115cd336c70f58edc0c4437c5573544c31c813bce1e6d072c186b39a413c2f92ca9b8334a287ffcbfc"},
		{k256, "", "f764e9fa15c276478b2c7d0c4e5f58e4", "41f53fa5bfe7026d91faf9be959195a058707273a96a40f0a01960621ac612748b9bbfbe7eb4ce3c"},
		{k256, plain[:12], "b80d3251c1f6471494256ffe712d0b9a", "4ed7b37c2bcac8f74f23c1cf07e62bc7b75fb3f637b9f559c7f664f69eab7b6092237526ea0d1f61cb20d69d10f2"},
		{k256, plain, "763e65367e864f02f55153c7e3b58af1", "40013e2df58e8751957d2878bcd2d6fe101ccfd556cb1eae79db3c3ee86429f2b2a602ac86fef6ecb647d6295fae077a1feb517508d2c16b4192e01f62"},
	} {
		got, err := tt.key.encrypt(bytes.NewReader(unhex(t, tt.confounder)), unhex(t, tt.plain), 2)
		if err != nil || hex.EncodeToString(got) != tt.want {
			t.Errorf("%v of %q = %x, %v, want %s", tt.key, tt.plain, got, err, tt.want)
		}
		if back, err := tt.key.decrypt(unhex(t, tt.want), 2); err != nil || hex.EncodeToString(back) != tt.plain {
			t.Errorf("%v of %q came back as %x, %v", tt.key, tt.plain, back, err)
		}
	}
	for _, tt := range []struct {
		key  kerberosKey
		want string
	}{
		{k128, "d78367186643d67b411cba9139fc1dee"},
		{k256, "45ee791567eefca37f4ac1e0222de80d43c3bfa06699672a"},
	} {
		if got := hex.EncodeToString(tt.key.checksum(2, unhex(t, plain))); got != tt.want {
			t.Errorf("%v checksum = %s, want %s", tt.key, got, tt.want)
		}
	}
}

// testKey is a well-formed key that depends on seed alone.
func testKey(e etype, seed byte) kerberosKey {
	p, _ := e.profile()
	return kerberosKey{etype: e, value: bytes.Repeat([]byte{seed, byte(e)}, p.keySize/2)}
}

// TestSealing demands that what was sealed opens, for the same key and usage
// alone, and that no bit of it can be changed or left out.
func TestSealing(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		e := rapid.SampledFrom(allEtypes).Draw(t, "etype")
		plain := rapid.SliceOfN(rapid.Byte(), 0, 100).Draw(t, "plain")
		key := testKey(e, 1)
		sealed, err := key.encrypt(rand.Reader, plain, usageTicket)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := key.decrypt(sealed, usageTicket); err != nil || !bytes.Equal(got, plain) {
			t.Fatalf("%x came back as %x, %v", plain, got, err)
		}
		changed := bytes.Clone(sealed)
		bit := rapid.IntRange(0, 8*len(sealed)-1).Draw(t, "bit")
		changed[bit/8] ^= 1 << (bit % 8)
		short := sealed[:rapid.IntRange(0, len(sealed)-1).Draw(t, "length")]
		for name, open := range map[string]func() ([]byte, error){
			"another key":   func() ([]byte, error) { return testKey(e, 2).decrypt(sealed, usageTicket) },
			"another usage": func() ([]byte, error) { return key.decrypt(sealed, usageAuthenticator) },
			"a changed bit": func() ([]byte, error) { return key.decrypt(changed, usageTicket) },
			"a prefix":      func() ([]byte, error) { return key.decrypt(short[:len(short):len(short)], usageTicket) },
		} {
			if got, err := open(); err == nil {
				t.Fatalf("%v opens with %s: %x", e, name, got)
			}
		}
	})
}

func TestMalformedKeys(t *testing.T) {
	for _, k := range []kerberosKey{{}, {etypeAES256SHA1, make([]byte, 16)}, {etypeRC4, nil}, {16, make([]byte, 24)}, {-1, make([]byte, 16)}} {
		if k.wellFormed() {
			t.Errorf("%v of %d bytes is well-formed", k, len(k.value))
		}
		if _, err := k.decrypt(make([]byte, 100), usageTicket); err == nil {
			t.Errorf("%v of %d bytes decrypts", k, len(k.value))
		}
	}
}

// TestKeysAreNotPrinted is for whoever logs a struct that holds one.
func TestKeysAreNotPrinted(t *testing.T) {
	k := kerberosKey{etypeRC4, []byte("sixteen is secret")}
	kt := &Keytab{entries: []keytabEntry{{key: k}}}
	for _, v := range []any{k, &k, kt, *kt, struct{ kt *Keytab }{kt}, kt.Entries()} {
		for _, verb := range []string{"%v", "%+v", "%#v"} {
			out := fmt.Sprintf(verb, v)
			for _, leak := range []string{"secret", "0x73, 0x65, 0x63", "115 101 99", hex.EncodeToString(k.value)} {
				if bytes.Contains([]byte(out), []byte(leak)) {
					t.Errorf("%s of %T = %s", verb, v, out)
				}
			}
		}
	}
}
