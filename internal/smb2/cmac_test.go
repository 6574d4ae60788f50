package smb2

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"testing"

	"pgregory.net/rapid"
)

// TestCMAC uses the examples of RFC 4493 section 4.
func TestCMAC(t *testing.T) {
	key := unhex(t, "2b7e151628aed2a6abf7158809cf4f3c")
	message := unhex(t, `6bc1bee22e409f96e93d7e117393172a ae2d8a571e03ac9c9eb76fac45af8e51
		30c81c46a35ce411e5fbc1191a0a52ef f69f2445df4f9b17ad2b417be66c3710`)
	c := newCMAC(newAES(key))
	if want := unhex(t, "fbeed618357133667c85e08f7236a8de"); !bytes.Equal(c.k1[:], want) {
		t.Errorf("K1 = %x, want %x", c.k1, want)
	}
	if want := unhex(t, "f7ddac306ae266ccf90bc11ee46d513b"); !bytes.Equal(c.k2[:], want) {
		t.Errorf("K2 = %x, want %x", c.k2, want)
	}
	tests := []struct {
		length int
		want   string
	}{
		{0, "bb1d6929e95937287fa37d129b756746"},
		{16, "070a16b46b4d4144f79bdd9dd04a287c"},
		{40, "dfa66747de9ae63030ca32611497c827"},
		{64, "51f0bebf7e3b9d92fc49741779363cfe"},
	}
	for _, tt := range tests {
		var got [blockSize]byte
		c.tag(&got, message[:tt.length])
		if want := unhex(t, tt.want); !bytes.Equal(got[:], want) {
			t.Errorf("CMAC of %d bytes = %x, want %x", tt.length, got, want)
		}
	}
}

// cmacTwin is CMAC through the standard library's CBC mode.
func cmacTwin(key, msg []byte) []byte {
	block, err := aes.NewCipher(key)
	if err != nil {
		panic(err)
	}
	shift := func(b []byte) []byte {
		out := make([]byte, len(b))
		for i := range b {
			out[i] = b[i] << 1
			if i+1 < len(b) {
				out[i] |= b[i+1] >> 7
			}
		}
		if b[0]&0x80 != 0 {
			out[len(out)-1] ^= 0x87
		}
		return out
	}
	k := make([]byte, 16)
	block.Encrypt(k, k)
	k = shift(k)
	padded := bytes.Clone(msg)
	if len(msg) == 0 || len(msg)%16 != 0 {
		k = shift(k)
		padded = append(padded, 0x80)
		for len(padded)%16 != 0 {
			padded = append(padded, 0)
		}
	}
	last := padded[len(padded)-16:]
	for i := range last {
		last[i] ^= k[i]
	}
	cipher.NewCBCEncrypter(block, make([]byte, 16)).CryptBlocks(padded, padded)
	return padded[len(padded)-16:]
}

func TestCMACTwin(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		key := rapid.SliceOfN(rapid.Byte(), 16, 16).Draw(t, "key")
		c := newCMAC(newAES(key))
		for range 3 { // one state, message after message
			msg := rapid.SliceOfN(rapid.Byte(), 0, 100).Draw(t, "msg")
			var got [blockSize]byte
			c.tag(&got, msg)
			if want := cmacTwin(key, msg); !bytes.Equal(got[:], want) {
				t.Fatalf("CMAC(%x, %x) = %x, want %x", key, msg, got, want)
			}
		}
	})
}
