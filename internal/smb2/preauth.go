package smb2

import "crypto/sha512"

// PreauthHash is the pre-authentication integrity hash of 3.1.1 (3.1.4.4.1). It
// begins as 64 zero bytes, which is its zero value. A connection's takes in the
// NEGOTIATE request and response; each session set-up goes on from a copy.
type PreauthHash [64]byte

// Update takes in one message, from its SMB2 header on.
func (h *PreauthHash) Update(msg []byte) {
	d := sha512.New()
	d.Write(h[:])
	d.Write(msg)
	d.Sum(h[:0])
}
