package smb2

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"errors"
	"testing"

	"pgregory.net/rapid"
)

var signingAlgorithms = []SigningAlgorithm{SigningHMACSHA256, SigningAESCMAC, SigningAESGMAC}

func newSigner(t testing.TB, alg SigningAlgorithm, key []byte) *Signer {
	t.Helper()
	s, err := NewSigner(alg, key)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// TestSignTwin compares signatures with those of the definitions, on one signer
// message after message.
func TestSignTwin(t *testing.T) {
	key := []byte("0123456789abcdef")
	for _, alg := range signingAlgorithms {
		t.Run(alg.String(), func(t *testing.T) {
			signer := newSigner(t, alg, key)
			rapid.Check(t, func(t *rapid.T) {
				h := genHeader(t)
				msg := append(h.Append(nil), rapid.SliceOf(rapid.Byte()).Draw(t, "body")...)
				signer.Sign(msg)
				want := signTwin(alg, key, msg)
				if !bytes.Equal(msg[48:64], want) {
					t.Fatalf("Sign(%x) = %x, want %x", msg, msg[48:64], want)
				}
				if got, err := ParseHeader(msg); err != nil || !got.Flags.Has(FlagSigned) {
					t.Fatalf("signed header = %+v, %v", got, err)
				}
				if !signer.Verify(msg) {
					t.Fatalf("Verify(%x) = false", msg)
				}
			})
		})
	}
}

// signTwin is the signature of msg as 3.1.4.1 puts it.
func signTwin(alg SigningAlgorithm, key, msg []byte) []byte {
	msg = bytes.Clone(msg)
	clear(msg[48:64])
	switch alg {
	case SigningHMACSHA256:
		m := hmac.New(sha256.New, key)
		m.Write(msg)
		return m.Sum(nil)[:16]
	case SigningAESCMAC:
		return cmacTwin(key, msg)
	}
	nonce := append(bytes.Clone(msg[24:32]), msg[16]&1, 0, 0, 0)
	if msg[12] == 0x0C && msg[13] == 0 {
		nonce[8] |= 2
	}
	return newGCM(newAES(key)).Seal(nil, nonce, nil, msg)
}

// TestGMACNonce pins the two bits of the nonce beside the message id: the same
// bytes otherwise must not have the same signature.
func TestGMACNonce(t *testing.T) {
	key := make([]byte, 16)
	for _, h := range []Header{
		{Command: CommandEcho},
		{Command: CommandEcho, Flags: FlagServerToRedir},
		{Command: CommandCancel},
		{Command: CommandCancel, Flags: FlagServerToRedir},
		{Command: CommandEcho, MessageID: 0x0102030405060708},
	} {
		msg := AppendMessage(nil, h, EchoRequest{})
		newSigner(t, SigningAESGMAC, key).Sign(msg)
		if want := signTwin(SigningAESGMAC, key, msg); !bytes.Equal(msg[48:64], want) {
			t.Errorf("GMAC of %+v = %x, want %x", h, msg[48:64], want)
		}
	}
}

// TestVerifyEveryBit demands that no bit of a signed message may change.
func TestVerifyEveryBit(t *testing.T) {
	for _, alg := range signingAlgorithms {
		signer := newSigner(t, alg, []byte("0123456789abcdef"))
		msg := AppendMessage(nil, Header{Command: CommandIoctl, MessageID: 5}, IoctlRequest{Input: []byte("referral")})
		signer.Sign(msg)
		signed := bytes.Clone(msg)
		for bit := range 8 * len(msg) {
			msg[bit/8] ^= 1 << (bit % 8)
			if signer.Verify(msg) {
				t.Errorf("%s: Verify with bit %d changed = true", alg, bit)
			}
			msg[bit/8] ^= 1 << (bit % 8)
		}
		if !bytes.Equal(msg, signed) {
			t.Errorf("%s: Verify changed the message", alg)
		}
		if !signer.Verify(msg) {
			t.Errorf("%s: Verify = false", alg)
		}
		if newSigner(t, alg, []byte("0123456789abcdeF")).Verify(msg) {
			t.Errorf("%s: Verify under another key = true", alg)
		}
		if signer.Verify(msg[:HeaderSize-1:HeaderSize-1]) || signer.Verify(nil) {
			t.Errorf("%s: Verify of less than a header = true", alg)
		}
	}
}

func TestNewSignerRefused(t *testing.T) {
	tests := []struct {
		alg  SigningAlgorithm
		key  int
		want error
	}{
		{SigningHMACSHA256, 0, ErrKeySize},
		{SigningAESCMAC, 15, ErrKeySize},
		{SigningAESCMAC, 32, ErrKeySize},
		{SigningAESGMAC, 24, ErrKeySize},
		{3, 16, ErrAlgorithm},
	}
	for _, tt := range tests {
		if s, err := NewSigner(tt.alg, make([]byte, tt.key)); s != nil || !errors.Is(err, tt.want) {
			t.Errorf("NewSigner(%s, %d bytes) = %v, %v, want %v", tt.alg, tt.key, s, err, tt.want)
		}
	}
}

func TestSignerCopiesKey(t *testing.T) {
	for _, alg := range signingAlgorithms {
		key := []byte("0123456789abcdef")
		signer := newSigner(t, alg, key)
		msg := AppendMessage(nil, Header{Command: CommandEcho}, EchoRequest{})
		signer.Sign(msg)
		clear(key)
		if !signer.Verify(msg) {
			t.Errorf("%s: the signer depends on the caller's key", alg)
		}
	}
}

func TestDefaultSigning(t *testing.T) {
	for d, want := range map[Dialect]SigningAlgorithm{
		Dialect202: SigningHMACSHA256, Dialect210: SigningHMACSHA256,
		Dialect300: SigningAESCMAC, Dialect302: SigningAESCMAC, Dialect311: SigningAESCMAC,
	} {
		if got := DefaultSigning(d); got != want {
			t.Errorf("DefaultSigning(%s) = %s, want %s", d, got, want)
		}
	}
}
