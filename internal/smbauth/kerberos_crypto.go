package smbauth

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hmac"
	"crypto/md5"
	"crypto/subtle"
	"encoding/binary"
	"errors"
	"hash"
	"io"
	"slices"
)

// What a key is used for (RFC 4120 7.5.1, RFC 4121 2).
const (
	usageTicket        = 2
	usageAuthenticator = 11
	usageReply         = 12 // the sealed part of an AP-REP
	usageMICRC4        = 15 // RFC 4757 7.2
	usageAcceptorSign  = 23
	usageInitiatorSign = 25
)

// The last octet of a derived key's constant (RFC 3961 5.3, RFC 8009 5).
const (
	deriveChecksum  = 0x99
	deriveEncrypt   = 0xAA
	deriveIntegrity = 0x55
)

// errDecrypt is a ciphertext that the key did not make.
var errDecrypt = errors.New("wrong key or changed ciphertext")

// decrypt returns the plaintext of a message whose integrity holds. It keeps
// none of ciphertext.
func (k kerberosKey) decrypt(ciphertext []byte, usage uint32) ([]byte, error) {
	p, ok := k.etype.profile()
	if !ok || len(k.value) != p.keySize || len(ciphertext) < p.confounder+p.sumSize {
		return nil, errDecrypt
	}
	var plain []byte
	if k.etype == etypeRC4 {
		plain, ok = k.openRC4(ciphertext, usage)
	} else {
		plain, ok = k.openAES(p, ciphertext, usage)
	}
	if !ok {
		return nil, errDecrypt
	}
	return plain[p.confounder:], nil
}

// encrypt seals plain behind a confounder drawn from rand. The key is one that
// usable has let through.
func (k kerberosKey) encrypt(rand io.Reader, plain []byte, usage uint32) ([]byte, error) {
	p, _ := k.etype.profile()
	b := make([]byte, p.confounder, p.confounder+len(plain))
	if _, err := io.ReadFull(rand, b); err != nil {
		return nil, err
	}
	b = append(b, plain...)
	if k.etype == etypeRC4 {
		return k.sealRC4(b, usage), nil
	}
	return k.sealAES(p, b, usage), nil
}

// sealAES and openAES work as RFC 3962 6 does, which sums the plaintext, and
// as RFC 8009 5 does, which sums the initial vector and the ciphertext.
func (k kerberosKey) sealAES(p etypeProfile, plain []byte, usage uint32) []byte {
	sealed := ctsEncrypt(k.derive(p, usage, deriveEncrypt), plain)
	return append(sealed, k.sumAES(p, plain, sealed, usage)...)
}

func (k kerberosKey) openAES(p etypeProfile, b []byte, usage uint32) ([]byte, bool) {
	sealed, sum := b[:len(b)-p.sumSize], b[len(b)-p.sumSize:]
	plain := ctsDecrypt(k.derive(p, usage, deriveEncrypt), sealed)
	return plain, hmac.Equal(sum, k.sumAES(p, plain, sealed, usage))
}

func (k kerberosKey) sumAES(p etypeProfile, plain, sealed []byte, usage uint32) []byte {
	key := k.derive(p, usage, deriveIntegrity)
	if p.sumsPlain {
		return keyed(p.hash, key, plain)[:p.sumSize]
	}
	return keyed(p.hash, key, make([]byte, aes.BlockSize), sealed)[:p.sumSize]
}

// sealRC4 and openRC4 are RFC 4757 5. The message types in use here have the
// numbers of their key usages.
func (k kerberosKey) sealRC4(plain []byte, usage uint32) []byte {
	base := keyed(md5.New, k.value, littleEndian(usage))
	sum := keyed(md5.New, base, plain)
	return append(sum, rc4Crypt(keyed(md5.New, base, sum), plain)...)
}

func (k kerberosKey) openRC4(b []byte, usage uint32) ([]byte, bool) {
	base := keyed(md5.New, k.value, littleEndian(usage))
	sum := b[:md5.Size]
	plain := rc4Crypt(keyed(md5.New, base, sum), b[md5.Size:])
	return plain, hmac.Equal(sum, keyed(md5.New, base, plain))
}

// checksum is the keyed checksum of an AES type.
func (k kerberosKey) checksum(usage uint32, parts ...[]byte) []byte {
	p, _ := k.etype.profile()
	return keyed(p.hash, k.derive(p, usage, deriveChecksum), parts...)[:p.sumSize]
}

// derive makes the key of one usage from an AES key: by folding and encrypting
// (RFC 3961 5.1), or by SP800-108 in counter mode (RFC 8009 3).
func (k kerberosKey) derive(p etypeProfile, usage uint32, purpose byte) []byte {
	constant := append(binary.BigEndian.AppendUint32(nil, usage), purpose)
	if p.sumsPlain {
		return deriveByFolding(k.value, constant)
	}
	size := p.keySize
	if purpose != deriveEncrypt {
		size = p.sumSize
	}
	bits := binary.BigEndian.AppendUint32(nil, uint32(8*size))
	return keyed(p.hash, k.value, []byte{0, 0, 0, 1}, constant, []byte{0}, bits)[:size]
}

func deriveByFolding(key, constant []byte) []byte {
	block := mustAES(key)
	out := nfold(constant, aes.BlockSize)
	block.Encrypt(out, out)
	for len(out) < len(key) {
		next := make([]byte, aes.BlockSize)
		block.Encrypt(next, out[len(out)-aes.BlockSize:])
		out = append(out, next...)
	}
	return out[:len(key)]
}

// nfold stretches or shrinks in to size bytes (RFC 3961 5.1): copies of it,
// each turned right by 13 bits more than the one before, until they fill a
// whole number of outputs, which are added in ones' complement.
func nfold(in []byte, size int) []byte {
	var long []byte
	for turned := in; len(long) == 0 || len(long)%size != 0; turned = turnRight13(turned) {
		long = append(long, turned...)
	}
	sum := make([]byte, size)
	for part := range slices.Chunk(long, size) {
		carry := 0
		for i := size - 1; i >= 0; i-- {
			carry += int(sum[i]) + int(part[i])
			sum[i], carry = byte(carry), carry>>8
		}
		for i := size - 1; carry > 0; i = (i + size - 1) % size {
			carry += int(sum[i])
			sum[i], carry = byte(carry), carry>>8
		}
	}
	return sum
}

func turnRight13(b []byte) []byte {
	out, n := make([]byte, len(b)), len(b)*8
	for i := range n {
		if from := (i + n - 13%n) % n; b[from/8]>>(7-from%8)&1 == 1 {
			out[i/8] |= 1 << (7 - i%8)
		}
	}
	return out
}

// ctsEncrypt is AES in CBC mode from a zero vector, with the last two blocks
// swapped and the last one cut (RFC 3962 5). b is a block or more.
func ctsEncrypt(key, b []byte) []byte {
	const size = aes.BlockSize
	out := append(bytes.Clone(b), make([]byte, (size-len(b)%size)%size)...)
	cipher.NewCBCEncrypter(mustAES(key), make([]byte, size)).CryptBlocks(out, out)
	if n := len(out); n > size {
		last := bytes.Clone(out[n-size:])
		copy(out[n-size:], out[n-2*size:n-size])
		copy(out[n-2*size:], last)
	}
	return out[:len(b)]
}

func ctsDecrypt(key, b []byte) []byte {
	const size = aes.BlockSize
	block, out := mustAES(key), make([]byte, len(b))
	if len(b) == size {
		block.Decrypt(out, b)
		return out
	}
	head := (len(b)-1)/size*size - size // where the last whole block begins
	previous := make([]byte, size)
	if head > 0 {
		cipher.NewCBCDecrypter(block, previous).CryptBlocks(out[:head], b[:head])
		previous = b[head-size : head]
	}
	var last [size]byte
	block.Decrypt(last[:], b[head:head+size])
	tail := len(b) - head - size
	subtle.XORBytes(out[head+size:], last[:tail], b[head+size:])
	copy(last[:tail], b[head+size:])
	block.Decrypt(last[:], last[:])
	subtle.XORBytes(out[head:head+size], last[:], previous)
	return out
}

// mustAES takes a key of 16 or 32 bytes, which all callers have checked.
func mustAES(key []byte) cipher.Block {
	block, err := aes.NewCipher(key)
	if err != nil {
		panic(err)
	}
	return block
}

func keyed(h func() hash.Hash, key []byte, parts ...[]byte) []byte {
	mac := hmac.New(h, key)
	for _, part := range parts {
		mac.Write(part)
	}
	return mac.Sum(nil)
}

func littleEndian(n uint32) []byte { return binary.LittleEndian.AppendUint32(nil, n) }
