package smb2

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"testing"

	"pgregory.net/rapid"
)

// TestDeriveKeys300 uses the values of the Microsoft open specification blog.
func TestDeriveKeys300(t *testing.T) {
	for _, d := range []Dialect{Dialect300, Dialect302} {
		got := DeriveKeys(d, CipherAES256GCM, unhex(t, "7CD451825D0450D235424E44BA6E78CC"), nil)
		for _, k := range []struct {
			name string
			got  []byte
			want string
		}{
			{"signing", got.Signing, "0B7E9C5CAC36C0F6EA9AB275298CEDCE"},
			{"client to server", got.ClientToServer, "FAD27796665B313EBB578F388632B4F7"},
			{"server to client", got.ServerToClient, "B0F0427F7CEB416D1D9DCC0CD4F99447"},
			{"application", got.Application, "BB23A4575AA26C721AF525AF15A87B4F"},
		} {
			if want := unhex(t, k.want); !bytes.Equal(k.got, want) {
				t.Errorf("%s: %s key = %x, want %x", d, k.name, k.got, want)
			}
		}
	}
}

func TestDeriveKeysBefore300(t *testing.T) {
	full := []byte("0123456789abcdefghij")
	for _, d := range []Dialect{Dialect202, Dialect210} {
		got := DeriveKeys(d, CipherNone, full, nil)
		if want := full[:16]; !bytes.Equal(got.Signing, want) || !bytes.Equal(got.Application, want) {
			t.Errorf("DeriveKeys(%s) = %x, want %x", d, got, want)
		}
		if got.ClientToServer != nil || got.ServerToClient != nil {
			t.Errorf("DeriveKeys(%s) has cipher keys", d)
		}
	}
}

// TestSessionKeyLength demands that long keys are cut and short ones padded,
// but for the cipher keys of AES-256, which take the key as it is.
func TestSessionKeyLength(t *testing.T) {
	var h PreauthHash
	long := bytes.Repeat([]byte{7}, 32)
	cut, whole := DeriveKeys(Dialect311, CipherAES256GCM, long[:16], &h), DeriveKeys(Dialect311, CipherAES256GCM, long, &h)
	if !bytes.Equal(cut.Signing, whole.Signing) || !bytes.Equal(cut.Application, whole.Application) {
		t.Error("signing and application keys depend on more than 16 bytes of the session key")
	}
	if bytes.Equal(cut.ClientToServer, whole.ClientToServer) || len(whole.ClientToServer) != 32 || len(whole.ServerToClient) != 32 {
		t.Error("AES-256 cipher keys do not come from the full session key")
	}
	short := DeriveKeys(Dialect311, CipherAES128GCM, []byte{1, 2}, &h)
	padded := DeriveKeys(Dialect311, CipherAES128GCM, append([]byte{1, 2}, make([]byte, 14)...), &h)
	if !bytes.Equal(short.Signing, padded.Signing) {
		t.Error("a short session key is not padded with zeros")
	}
}

// TestDeriveTwin compares the derivation with the formula of SP 800-108 written
// in one line.
func TestDeriveTwin(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		key := rapid.SliceOfN(rapid.Byte(), 1, 64).Draw(t, "key")
		label, context := rapid.String().Draw(t, "label"), rapid.String().Draw(t, "context")
		size := rapid.SampledFrom([]int{16, 32}).Draw(t, "size")
		m := hmac.New(sha256.New, key)
		m.Write(append(append(append(append([]byte{0, 0, 0, 1}, label...), 0), context...), binary.BigEndian.AppendUint32(nil, uint32(size*8))...))
		want := m.Sum(nil)[:size]
		if got := derive(key, [2]string{label, context}, size); !bytes.Equal(got, want) {
			t.Fatalf("derive(%x, %q, %q, %d) = %x, want %x", key, label, context, size, got, want)
		}
	})
}
