package smb2

import (
	"bytes"
	"errors"
	"math"
	"testing"

	"pgregory.net/rapid"
)

var ciphers = []Cipher{CipherAES128CCM, CipherAES128GCM, CipherAES256CCM, CipherAES256GCM}

// pair returns a sealer and an opener that share a key.
func pair(t testing.TB, c Cipher) (*Sealer, *Opener) {
	t.Helper()
	key := counting(1, c.KeySize())
	s, err := NewSealer(c, key)
	if err != nil {
		t.Fatal(err)
	}
	o, err := NewOpener(c, key)
	if err != nil {
		t.Fatal(err)
	}
	clear(key) // both keep a copy
	return s, o
}

func seal(t testing.TB, s *Sealer, dst, plain []byte, sessionID uint64) []byte {
	t.Helper()
	packet, err := s.Seal(dst, plain, sessionID)
	if err != nil {
		t.Fatal(err)
	}
	return packet
}

func TestSealOpen(t *testing.T) {
	for _, c := range ciphers {
		t.Run(c.String(), func(t *testing.T) {
			s, o := pair(t, c)
			rapid.Check(t, func(t *rapid.T) {
				plain := rapid.SliceOfN(rapid.Byte(), 0, 200).Draw(t, "plain")
				id := rapid.Uint64().Draw(t, "session id")
				dst := make([]byte, 3, 3+rapid.IntRange(0, 400).Draw(t, "room"))
				packet, err := s.Seal(dst, plain, id)
				if err != nil || len(packet) != 3+TransformHeaderSize+len(plain) {
					t.Fatalf("Seal = %d bytes, %v", len(packet), err)
				}
				h, err := ParseTransformHeader(packet[3:])
				if err != nil || h.SessionID != id || int(h.OriginalSize) != len(plain) {
					t.Fatalf("ParseTransformHeader = %+v, %v", h, err)
				}
				got, err := o.Open(dst[:3:3], packet[3:])
				if err != nil || !bytes.Equal(got[3:], plain) {
					t.Fatalf("Open = %x, %v, want %x", got, err, plain)
				}
			})
		})
	}
}

func TestSealInPlace(t *testing.T) {
	for _, c := range ciphers {
		plain := []byte("a frame that stands where its ciphertext will")
		s, o := pair(t, c)
		b := append(make([]byte, FrameHeaderSize+TransformHeaderSize, 200), plain...)
		packet := seal(t, s, b[:FrameHeaderSize], b[FrameHeaderSize+TransformHeaderSize:], 1)
		if &packet[0] != &b[0] {
			t.Errorf("%s: Seal in place moved", c)
		}
		if got, err := o.Open(nil, packet[FrameHeaderSize:]); err != nil || !bytes.Equal(got, plain) {
			t.Errorf("%s: Open = %q, %v, want %q", c, got, err, plain)
		}
	}
}

// TestNonces demands that nonces count up and that no two messages have the
// same one.
func TestNonces(t *testing.T) {
	for _, c := range ciphers {
		s, _ := pair(t, c)
		for want := range uint64(1000) {
			h, err := ParseTransformHeader(seal(t, s, nil, []byte("x"), 1))
			if err != nil {
				t.Fatal(err)
			}
			if got := le.Uint64(h.Nonce[:]); got != want || !bytes.Equal(h.Nonce[8:], make([]byte, 8)) {
				t.Fatalf("%s: nonce of message %d = %x", c, want, h.Nonce)
			}
		}
	}
}

func TestNoncesEnd(t *testing.T) {
	s, o := pair(t, CipherAES128GCM)
	s.next = math.MaxUint64 - 1
	dst := []byte("before")
	packet := seal(t, s, nil, []byte("the last"), 1)
	if got, err := o.Open(nil, packet); err != nil || string(got) != "the last" {
		t.Errorf("Open = %q, %v", got, err)
	}
	for range 3 {
		got, err := s.Seal(dst, []byte("one more"), 1)
		if !errors.Is(err, ErrNonceExhausted) || string(got) != "before" {
			t.Errorf("Seal beyond the last nonce = %q, %v, want %v", got, err, ErrNonceExhausted)
		}
	}
}

// TestOpenEveryBit demands that no bit of an encrypted frame may change, but for
// the reserved field's sake, which is authenticated as well.
func TestOpenEveryBit(t *testing.T) {
	for _, c := range ciphers {
		s, o := pair(t, c)
		packet := seal(t, s, nil, []byte("a frame of some length"), 7)
		for bit := range 8 * len(packet) {
			packet[bit/8] ^= 1 << (bit % 8)
			got, err := o.Open([]byte("dst"), packet)
			if !errors.Is(err, ErrDecrypt) && !errors.Is(err, ErrMalformed) || string(got) != "dst" {
				t.Errorf("%s: Open with bit %d changed = %q, %v", c, bit, got, err)
			}
			packet[bit/8] ^= 1 << (bit % 8)
		}
		for n := range packet {
			if _, err := o.Open(nil, packet[:n:n]); !errors.Is(err, ErrMalformed) {
				t.Errorf("%s: Open of the first %d bytes = %v, want %v", c, n, err, ErrMalformed)
			}
		}
		if got, err := o.Open(nil, packet); err != nil || string(got) != "a frame of some length" {
			t.Errorf("%s: Open = %q, %v", c, got, err)
		}
	}
}

// TestOpenForgeryLeavesNothing demands that bytes that did not authenticate are
// not left in the caller's buffer.
func TestOpenForgeryLeavesNothing(t *testing.T) {
	for _, c := range ciphers {
		s, o := pair(t, c)
		packet := seal(t, s, nil, []byte("secret, secret"), 7)
		packet[offTransformTag] ^= 1
		room := make([]byte, 200)
		if _, err := o.Open(room[:0], packet); !errors.Is(err, ErrDecrypt) || !bytes.Equal(room, make([]byte, 200)) {
			t.Errorf("%s: Open of a forgery leaves %x, %v", c, room[:40], err)
		}
	}
}

func TestTransformHeaderRefused(t *testing.T) {
	s, _ := pair(t, CipherAES128GCM)
	valid := seal(t, s, nil, []byte("frame"), 7)
	mutate := func(at int, v byte) []byte {
		b := bytes.Clone(valid)
		b[at] = v
		return b
	}
	tests := []struct {
		name string
		b    []byte
	}{
		{"plain", mutate(0, 0xFE)},
		{"compressed", mutate(0, 0xFC)},
		{"size one less", mutate(36, 4)},
		{"size one more", mutate(36, 6)},
		{"size 2 GiB more", mutate(39, 0x80)},
		{"flags 0", mutate(42, 0)},
		{"flags 2", mutate(42, 2)},
		{"flags 0x101", mutate(43, 1)},
	}
	for _, tt := range tests {
		if h, err := ParseTransformHeader(tt.b); !errors.Is(err, ErrMalformed) || h != (TransformHeader{}) {
			t.Errorf("%s: ParseTransformHeader = %+v, %v, want %v", tt.name, h, err, ErrMalformed)
		}
	}
	h, err := ParseTransformHeader(valid)
	if err != nil || !bytes.Equal(h.Append(nil), valid[:TransformHeaderSize]) {
		t.Errorf("ParseTransformHeader = %+v, %v", h, err)
	}
}

func TestCipherKeyRefused(t *testing.T) {
	tests := []struct {
		cipher Cipher
		key    int
		want   error
	}{
		{CipherNone, 16, ErrAlgorithm},
		{5, 16, ErrAlgorithm},
		{CipherAES128CCM, 15, ErrKeySize},
		{CipherAES128GCM, 32, ErrKeySize},
		{CipherAES256CCM, 16, ErrKeySize},
		{CipherAES256GCM, 0, ErrKeySize},
	}
	for _, tt := range tests {
		key := make([]byte, tt.key)
		if s, err := NewSealer(tt.cipher, key); s != nil || !errors.Is(err, tt.want) {
			t.Errorf("NewSealer(%s, %d bytes) = %v, %v, want %v", tt.cipher, tt.key, s, err, tt.want)
		}
		if o, err := NewOpener(tt.cipher, key); o != nil || !errors.Is(err, tt.want) {
			t.Errorf("NewOpener(%s, %d bytes) = %v, %v, want %v", tt.cipher, tt.key, o, err, tt.want)
		}
	}
}
