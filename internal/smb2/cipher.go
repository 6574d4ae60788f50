package smb2

import (
	"crypto/cipher"
	"fmt"
)

// Cipher is an encryption algorithm (2.2.3.1.2).
type Cipher uint16

// The ciphers. Dialects 3.0 and 3.0.2 know CipherAES128CCM only.
const (
	CipherNone      Cipher = 0
	CipherAES128CCM Cipher = 1
	CipherAES128GCM Cipher = 2
	CipherAES256CCM Cipher = 3
	CipherAES256GCM Cipher = 4
)

// String returns the name that administrators know.
func (c Cipher) String() string {
	switch c {
	case CipherNone:
		return "none"
	case CipherAES128CCM:
		return "AES-128-CCM"
	case CipherAES128GCM:
		return "AES-128-GCM"
	case CipherAES256CCM:
		return "AES-256-CCM"
	case CipherAES256GCM:
		return "AES-256-GCM"
	}
	return fmt.Sprintf("cipher %d", uint16(c))
}

// KeySize returns the length of its keys in bytes, 0 for CipherNone and unknown
// ones.
func (c Cipher) KeySize() int {
	switch c {
	case CipherAES128CCM, CipherAES128GCM:
		return 16
	case CipherAES256CCM, CipherAES256GCM:
		return 32
	}
	return 0
}

const (
	// ccmNonceSize is the part of the transform header's nonce that CCM uses.
	ccmNonceSize = 11
	tagSize      = 16
)

// cipherKey is a key that is expanded when it is first used: most sessions only
// sign, and an expanded key is ten times as large.
type cipherKey struct {
	aead   cipher.AEAD
	cipher Cipher
	key    [32]byte
}

func newCipherKey(c Cipher, key []byte) (cipherKey, error) {
	size := c.KeySize()
	if size == 0 {
		return cipherKey{}, fmt.Errorf("%w: %s", ErrAlgorithm, c)
	}
	if len(key) != size {
		return cipherKey{}, fmt.Errorf("%w: %s needs %d bytes, has %d", ErrKeySize, c, size, len(key))
	}
	k := cipherKey{cipher: c}
	copy(k.key[:], key)
	return k, nil
}

// expanded returns the AEAD of the key.
func (k *cipherKey) expanded() cipher.AEAD {
	if k.aead != nil {
		return k.aead
	}
	block := newAES(k.key[:k.cipher.KeySize()])
	switch k.cipher {
	case CipherAES128CCM, CipherAES256CCM:
		k.aead = newCCM(block, ccmNonceSize, tagSize)
	default:
		k.aead = newGCM(block)
	}
	return k.aead
}
