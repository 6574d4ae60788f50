package smb2

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hmac"
	"crypto/sha256"
	"crypto/subtle"
	"fmt"
	"hash"
)

// SigningAlgorithm is an algorithm of message signatures (2.2.3.1.7).
type SigningAlgorithm uint16

// The signing algorithms.
const (
	SigningHMACSHA256 SigningAlgorithm = 0
	SigningAESCMAC    SigningAlgorithm = 1
	SigningAESGMAC    SigningAlgorithm = 2
)

// String returns the name that administrators know.
func (a SigningAlgorithm) String() string {
	switch a {
	case SigningHMACSHA256:
		return "HMAC-SHA256"
	case SigningAESCMAC:
		return "AES-128-CMAC"
	case SigningAESGMAC:
		return "AES-128-GMAC"
	}
	return fmt.Sprintf("signing algorithm %d", uint16(a))
}

// DefaultSigning is the algorithm of dialect d where no signing context chose
// another (3.1.4.1).
func DefaultSigning(d Dialect) SigningAlgorithm {
	if d.Is3x() {
		return SigningAESCMAC
	}
	return SigningHMACSHA256
}

const signatureSize = 16

// Signer signs and verifies the operations of one session (3.1.4.1, 3.1.5.1)
// without allocating. It serves one goroutine at a time and takes about 620
// bytes, 850 with AES-GMAC.
type Signer struct {
	mac macer
	out [signatureSize]byte
}

// macer computes the code of a message whose signature is zero.
type macer interface {
	tag(out *[signatureSize]byte, msg []byte)
}

// NewSigner returns a signer with the session's signing key of 16 bytes, which
// is copied. The error wraps ErrKeySize or ErrAlgorithm.
func NewSigner(alg SigningAlgorithm, key []byte) (*Signer, error) {
	if len(key) != sessionKeySize {
		return nil, fmt.Errorf("%w: %s needs %d bytes, has %d", ErrKeySize, alg, sessionKeySize, len(key))
	}
	switch alg {
	case SigningHMACSHA256:
		return &Signer{mac: &hmacTag{h: hmac.New(sha256.New, key)}}, nil
	case SigningAESCMAC:
		return &Signer{mac: newCMAC(newAES(key))}, nil
	case SigningAESGMAC:
		return &Signer{mac: &gmacTag{aead: newGCM(newAES(key))}}, nil
	}
	return nil, fmt.Errorf("%w: %s", ErrAlgorithm, alg)
}

// Sign sets FlagSigned in the header of msg and fills its signature. msg is one
// whole operation with the padding that follows it in a compound (see
// [LinkNext]).
//
// With AES-GMAC the message id is the nonce: what is signed twice under one id
// must be the same bytes. Interim responses are therefore never signed
// (3.3.4.1.1).
func (s *Signer) Sign(msg []byte) {
	AddFlags(msg, FlagSigned)
	sig := msg[offSignature:HeaderSize]
	clear(sig)
	s.mac.tag(&s.out, msg)
	copy(sig, s.out[:])
}

// Verify reports whether the signature of msg is right, in time that does not
// depend on the answer. It does not look at FlagSigned. While it runs the
// signature in msg is zero; it is restored before the return.
func (s *Signer) Verify(msg []byte) bool {
	if len(msg) < HeaderSize {
		return false
	}
	sig := msg[offSignature:HeaderSize]
	got := [signatureSize]byte(sig)
	clear(sig)
	s.mac.tag(&s.out, msg)
	copy(sig, got[:])
	return subtle.ConstantTimeCompare(got[:], s.out[:]) == 1
}

// hmacTag is HMAC-SHA256, cut to 16 bytes.
type hmacTag struct {
	h   hash.Hash
	sum [sha256.Size]byte
}

func (t *hmacTag) tag(out *[signatureSize]byte, msg []byte) {
	t.h.Reset()
	t.h.Write(msg)
	t.h.Sum(t.sum[:0])
	copy(out[:], t.sum[:])
}

// gmacTag is AES-GMAC: AES-GCM over additional data alone. The nonce is the
// message id and a word of two bits, whether a server sent it and whether it is
// a CANCEL.
type gmacTag struct {
	aead  cipher.AEAD
	nonce [12]byte
	sum   [signatureSize]byte
}

func (t *gmacTag) tag(out *[signatureSize]byte, msg []byte) {
	copy(t.nonce[:8], msg[offMessageID:])
	t.nonce[8] = 0
	if Flags(le.Uint32(msg[offFlags:])).Has(FlagServerToRedir) {
		t.nonce[8] |= 1
	}
	if Command(le.Uint16(msg[offCommand:])) == CommandCancel {
		t.nonce[8] |= 2
	}
	t.aead.Seal(t.sum[:0], t.nonce[:], nil, msg)
	*out = t.sum
}

// newAES expands a key whose length has been checked.
func newAES(key []byte) cipher.Block {
	block, err := aes.NewCipher(key)
	if err != nil {
		panic("smb2: " + err.Error())
	}
	return block
}

// newGCM returns AES-GCM with a nonce of 12 bytes and a tag of 16.
func newGCM(block cipher.Block) cipher.AEAD {
	aead, err := cipher.NewGCM(block)
	if err != nil {
		panic("smb2: " + err.Error())
	}
	return aead
}
