package smb2

import (
	"fmt"
	"math"
	"slices"
)

// TransformHeaderSize is the length of the header before an encrypted frame.
const TransformHeaderSize = 52

// transformID opens a transform header: FD 'SMB'.
const transformID = 0x424D53FD

// transformEncrypted is the only value of the transform header's flags: in
// 3.1.1 "encrypted", before it the algorithm AES-128-CCM.
const transformEncrypted = 1

// Offsets within a transform header. The additional data of the AEAD is all
// behind the signature.
const (
	offTransformTag   = 4
	offTransformNonce = 20
)

// TransformHeader stands before an encrypted frame (2.2.41):
//
//	0 FD 'SMB'   4 Signature   20 Nonce   36 OriginalMessageSize   40 Reserved   42 Flags   44 SessionId
type TransformHeader struct {
	Signature [signatureSize]byte
	// Nonce is used as far as the cipher's nonces go; peers leave garbage in
	// the rest, which is authenticated all the same.
	Nonce        [16]byte
	OriginalSize uint32
	Flags        uint16
	SessionID    uint64
}

// ParseTransformHeader reads the header of an encrypted frame and checks that
// what follows it has the length that it says. The error wraps ErrMalformed.
func ParseTransformHeader(packet []byte) (TransformHeader, error) {
	r := readBytes(packet, "transform header")
	if id := r.u32("protocol id"); r.err == nil && id != transformID {
		r.fault("not a transform header")
	}
	h := TransformHeader{
		Signature:    r.guid("signature"),
		Nonce:        r.guid("nonce"),
		OriginalSize: r.u32("original message size"),
	}
	r.skip(2)
	h.Flags = r.u16("flags")
	h.SessionID = r.u64("session id")
	if h.Flags != transformEncrypted {
		r.fault("flags are 0x%04X, want 0x%04X", h.Flags, transformEncrypted)
	}
	if left := len(packet) - r.off; uint64(left) != uint64(h.OriginalSize) {
		r.fault("original message size is %d, %d bytes follow", h.OriginalSize, left)
	}
	if r.err != nil {
		return TransformHeader{}, r.err
	}
	return h, nil
}

// Append appends the header.
func (h TransformHeader) Append(b []byte) []byte {
	w := writer{b}
	w.u32(transformID)
	w.bytes(h.Signature[:])
	w.bytes(h.Nonce[:])
	w.u32(h.OriginalSize)
	w.u16(0)
	w.u16(h.Flags)
	w.u64(h.SessionID)
	return w.b
}

// Sealer encrypts the frames that one side of one session sends (3.1.4.3). It
// serves one goroutine at a time. It takes 80 bytes, 850 once it has been used:
// 10,000 sessions that encrypt both ways take 17 MB.
//
// Nonces count up from zero, so there must never be a second Sealer for a key.
type Sealer struct {
	key   cipherKey
	next  uint64 // the next nonce; never used at its maximum
	nonce [16]byte
}

// NewSealer returns a sealer with a key of the cipher's size, which is copied.
// The error wraps ErrKeySize or ErrAlgorithm.
func NewSealer(c Cipher, key []byte) (*Sealer, error) {
	k, err := newCipherKey(c, key)
	if err != nil {
		return nil, err
	}
	return &Sealer{key: k}, nil
}

// Seal appends the transform header and the encrypted plain to dst, without
// allocating where dst has room for len(plain) + TransformHeaderSize + 16 more
// bytes. plain may lie where its ciphertext will, TransformHeaderSize bytes
// behind the end of dst, and is then encrypted in place; otherwise it must not
// overlap that room. The error is ErrNonceExhausted; dst is unchanged then.
func (s *Sealer) Seal(dst, plain []byte, sessionID uint64) ([]byte, error) {
	if s.next == math.MaxUint64 {
		return dst, ErrNonceExhausted
	}
	le.PutUint64(s.nonce[:], s.next)
	s.next++
	return s.sealNonce(dst, plain, sessionID), nil
}

// sealNonce is Seal under the nonce in s.
func (s *Sealer) sealNonce(dst, plain []byte, sessionID uint64) []byte {
	if uint64(len(plain)) > math.MaxUint32 {
		panic(fmt.Sprintf("smb2: frame of %d bytes does not fit its 32-bit length", len(plain)))
	}
	start := len(dst)
	dst = TransformHeader{
		Nonce:        s.nonce,
		OriginalSize: uint32(len(plain)),
		Flags:        transformEncrypted,
		SessionID:    sessionID,
	}.Append(dst)
	aead := s.key.expanded()
	aad := dst[start+offTransformNonce:]
	dst = aead.Seal(dst, s.nonce[:aead.NonceSize()], plain, aad)
	end := len(dst) - tagSize
	copy(dst[start+offTransformTag:], dst[end:])
	return dst[:end]
}

// Opener decrypts the frames that the other side of one session sends
// (3.2.5.1.1.1, 3.3.5.2.1.1). It serves one goroutine at a time and takes as
// much memory as a Sealer.
type Opener struct{ key cipherKey }

// NewOpener returns an opener with a key of the cipher's size, which is copied.
// The error wraps ErrKeySize or ErrAlgorithm.
func NewOpener(c Cipher, key []byte) (*Opener, error) {
	k, err := newCipherKey(c, key)
	if err != nil {
		return nil, err
	}
	return &Opener{key: k}, nil
}

// Open appends the plaintext of the encrypted frame packet to dst, without
// allocating where dst has room for len(packet) more bytes; that room must not
// overlap packet. The error wraps ErrMalformed or is ErrDecrypt; dst is
// unchanged then and the room behind it is zero. Whether the session id is the
// one whose key this is, the caller has checked.
func (o *Opener) Open(dst, packet []byte) ([]byte, error) {
	if _, err := ParseTransformHeader(packet); err != nil {
		return dst, err
	}
	start := len(dst)
	sealed := slices.Grow(dst, len(packet)-TransformHeaderSize+tagSize)
	sealed = append(sealed, packet[TransformHeaderSize:]...)
	sealed = append(sealed, packet[offTransformTag:offTransformNonce]...)
	aead := o.key.expanded()
	nonce := packet[offTransformNonce:][:aead.NonceSize()]
	aad := packet[offTransformNonce:TransformHeaderSize]
	plain, err := aead.Open(sealed[:start], nonce, sealed[start:], aad)
	if err != nil {
		clear(sealed[start:])
		return dst, ErrDecrypt
	}
	return plain, nil
}
