package smb2

import (
	"crypto/cipher"
	"crypto/subtle"
	"encoding/binary"
	"errors"
)

var errCCM = errors.New("ccm: message authentication failed")

// ccm is AES-CCM (RFC 3610), a [cipher.AEAD] for one goroutine at a time: its
// blocks live in the struct so that nothing escapes to the heap. Output may
// overlap input exactly or not at all.
type ccm struct {
	block     cipher.Block
	nonceSize int // 7..13
	tagSize   int // 4..16, even

	mac     [blockSize]byte // running CBC-MAC
	counter [blockSize]byte // running counter block
	stream  [blockSize]byte // key stream of the counter block before
}

func newCCM(block cipher.Block, nonceSize, tagSize int) *ccm {
	return &ccm{block: block, nonceSize: nonceSize, tagSize: tagSize}
}

// NonceSize is part of [cipher.AEAD].
func (c *ccm) NonceSize() int { return c.nonceSize }

// Overhead is part of [cipher.AEAD].
func (c *ccm) Overhead() int { return c.tagSize }

// Seal is part of [cipher.AEAD].
func (c *ccm) Seal(dst, nonce, plain, aad []byte) []byte {
	c.begin(nonce, len(plain), aad)
	dst, out := extend(dst, len(plain)+c.tagSize)
	for n := 0; n < len(plain); n += blockSize {
		end := min(n+blockSize, len(plain))
		c.absorb(plain[n:end])
		c.crypt(out[n:end], plain[n:end])
	}
	tag := c.finish(nonce)
	copy(out[len(plain):], tag[:c.tagSize])
	return dst
}

// Open is part of [cipher.AEAD].
func (c *ccm) Open(dst, nonce, sealed, aad []byte) ([]byte, error) {
	size := len(sealed) - c.tagSize
	if size < 0 {
		return nil, errCCM
	}
	c.begin(nonce, size, aad)
	dst, out := extend(dst, size)
	for n := 0; n < size; n += blockSize {
		end := min(n+blockSize, size)
		c.crypt(out[n:end], sealed[n:end])
		c.absorb(out[n:end])
	}
	tag := c.finish(nonce)
	if subtle.ConstantTimeCompare(tag[:c.tagSize], sealed[size:]) != 1 {
		clear(out)
		return nil, errCCM
	}
	return dst, nil
}

// begin takes in the first block, which tells the sizes, and the additional
// data, and sets the counter to 1.
func (c *ccm) begin(nonce []byte, size int, aad []byte) {
	lengthSize := blockSize - 1 - c.nonceSize
	if len(nonce) != c.nonceSize {
		panic("smb2: wrong nonce size for CCM")
	}
	if lengthSize < 8 && uint64(size)>>(8*lengthSize) != 0 {
		panic("smb2: message too long for CCM")
	}
	binary.BigEndian.PutUint64(c.mac[8:], uint64(size))
	copy(c.mac[1:], nonce)
	c.mac[0] = byte((c.tagSize-2)/2<<3 | (lengthSize - 1))
	if len(aad) > 0 {
		c.mac[0] |= 0x40
	}
	c.block.Encrypt(c.mac[:], c.mac[:])
	c.absorbAdditional(aad)
	c.setCounter(nonce, 1)
}

// absorbAdditional takes in the length of aad and aad.
func (c *ccm) absorbAdditional(aad []byte) {
	if len(aad) == 0 {
		return
	}
	var head [6]byte
	n := 2
	if len(aad) < 0xFF00 {
		binary.BigEndian.PutUint16(head[:], uint16(len(aad)))
	} else {
		n = 6
		binary.BigEndian.PutUint16(head[:], 0xFFFE)
		binary.BigEndian.PutUint32(head[2:], uint32(len(aad)))
	}
	xorPart(&c.mac, head[:n])
	first := min(len(aad), blockSize-n)
	for i, v := range aad[:first] {
		c.mac[n+i] ^= v
	}
	c.block.Encrypt(c.mac[:], c.mac[:])
	for aad = aad[first:]; len(aad) > 0; {
		end := min(len(aad), blockSize)
		c.absorb(aad[:end])
		aad = aad[end:]
	}
}

// absorb takes at most one block into the code.
func (c *ccm) absorb(b []byte) {
	if len(b) == blockSize {
		xorBlock(&c.mac, b)
	} else {
		xorPart(&c.mac, b)
	}
	c.block.Encrypt(c.mac[:], c.mac[:])
}

// crypt adds the next block of key stream to src, at most one block.
func (c *ccm) crypt(dst, src []byte) {
	c.block.Encrypt(c.stream[:], c.counter[:])
	binary.BigEndian.PutUint64(c.counter[8:], binary.BigEndian.Uint64(c.counter[8:])+1)
	if len(src) == blockSize {
		xorBlock(&c.stream, src)
	} else {
		xorPart(&c.stream, src)
	}
	copy(dst, c.stream[:len(src)])
}

// finish returns the code under the key stream of counter 0.
func (c *ccm) finish(nonce []byte) *[blockSize]byte {
	c.setCounter(nonce, 0)
	c.block.Encrypt(c.stream[:], c.counter[:])
	xorBlock(&c.mac, c.stream[:])
	return &c.mac
}

func (c *ccm) setCounter(nonce []byte, n byte) {
	c.counter = [blockSize]byte{0: byte(blockSize - 2 - c.nonceSize), blockSize - 1: n}
	copy(c.counter[1:], nonce)
}

// extend returns dst with room for n bytes more, and that room.
func extend(dst []byte, n int) (whole, room []byte) {
	start := len(dst)
	if cap(dst)-start < n {
		grown := make([]byte, start, start+n)
		copy(grown, dst)
		dst = grown
	}
	dst = dst[:start+n]
	return dst, dst[start:]
}
