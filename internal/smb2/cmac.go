package smb2

import (
	"crypto/aes"
	"crypto/cipher"
)

const blockSize = aes.BlockSize

// cmac is AES-CMAC (RFC 4493). The running block lives in the struct so that
// nothing escapes to the heap; one goroutine at a time.
type cmac struct {
	block  cipher.Block
	k1, k2 [blockSize]byte
	x      [blockSize]byte
}

func newCMAC(block cipher.Block) *cmac {
	c := &cmac{block: block}
	block.Encrypt(c.x[:], c.x[:])
	c.k1 = double(c.x)
	c.k2 = double(c.k1)
	return c
}

// double multiplies by x in GF(2^128), without a branch on the secret.
func double(in [blockSize]byte) (out [blockSize]byte) {
	carry := byte(0)
	for i := blockSize - 1; i >= 0; i-- {
		out[i] = in[i]<<1 | carry
		carry = in[i] >> 7
	}
	out[blockSize-1] ^= 0x87 & -carry
	return out
}

// tag writes the code of msg to out.
func (c *cmac) tag(out *[blockSize]byte, msg []byte) {
	c.x = [blockSize]byte{}
	for len(msg) > blockSize {
		xorBlock(&c.x, msg)
		c.block.Encrypt(c.x[:], c.x[:])
		msg = msg[blockSize:]
	}
	if len(msg) == blockSize {
		xorBlock(&c.x, msg)
		xorBlock(&c.x, c.k1[:])
	} else {
		xorPart(&c.x, msg)
		c.x[len(msg)] ^= 0x80
		xorBlock(&c.x, c.k2[:])
	}
	c.block.Encrypt(out[:], c.x[:])
}

// xorBlock adds the first 16 bytes of b to x.
func xorBlock(x *[blockSize]byte, b []byte) {
	le.PutUint64(x[:8], le.Uint64(x[:8])^le.Uint64(b))
	le.PutUint64(x[8:], le.Uint64(x[8:])^le.Uint64(b[8:]))
}

// xorPart adds b, at most 16 bytes, to the start of x.
func xorPart(x *[blockSize]byte, b []byte) {
	for i, v := range b {
		x[i] ^= v
	}
}
