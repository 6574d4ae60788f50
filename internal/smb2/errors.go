package smb2

import (
	"errors"
	"fmt"
)

// What callers branch on. Every error of a parse function wraps ErrMalformed
// or ErrBadName; the more exact ones below wrap ErrMalformed too.
var (
	// ErrMalformed is a message whose lengths, offsets or fixed values are
	// wrong. Servers answer STATUS_INVALID_PARAMETER.
	ErrMalformed = errors.New("malformed SMB message")
	// ErrBadName is a name with unpaired surrogates.
	ErrBadName = errors.New("name is not valid UTF-16")
	errOddName = fmt.Errorf("%w: odd length of a UTF-16 name", ErrMalformed)
	// ErrProtocol is a header that does not begin with FE 'SMB'.
	ErrProtocol = fmt.Errorf("%w: not an SMB2 header", ErrMalformed)
	// ErrMisaligned is a NextCommand that is no multiple of 8, points into its
	// own header or past the frame. Servers disconnect.
	ErrMisaligned = fmt.Errorf("%w: compound offset", ErrMalformed)
	// ErrNoDialects is a NEGOTIATE request with DialectCount 0.
	ErrNoDialects = fmt.Errorf("%w: no dialects", ErrMalformed)
	// ErrContextDuplicate is a second negotiate context of a type that may
	// stand once (3.3.5.4).
	ErrContextDuplicate = fmt.Errorf("%w: duplicate negotiate context", ErrMalformed)
	// ErrContextEmpty is a compression, RDMA or signing context that lists
	// nothing (3.3.5.4).
	ErrContextEmpty = fmt.Errorf("%w: negotiate context lists nothing", ErrMalformed)
	// ErrContextShort is a negotiate context whose data is shorter than its
	// own counts say (3.3.5.4).
	ErrContextShort = fmt.Errorf("%w: negotiate context too short", ErrMalformed)
	// ErrContextMissing is an offer or choice of dialect 3.1.1 without the
	// pre-authentication integrity context (3.3.5.4).
	ErrContextMissing = fmt.Errorf("%w: no pre-authentication integrity context", ErrMalformed)
	// ErrTooMany is a list longer than this package accepts.
	ErrTooMany = fmt.Errorf("%w: too many elements", ErrMalformed)

	// ErrFrameTooLarge is a frame longer than the reader's bound, or than the
	// 24-bit length can say.
	ErrFrameTooLarge = errors.New("SMB frame too large")
	// ErrFrameType is a transport header other than a session message.
	ErrFrameType = errors.New("not an SMB session message")

	// ErrKeySize is a key whose length does not fit its algorithm.
	ErrKeySize = errors.New("wrong key size")
	// ErrAlgorithm is a signing algorithm or cipher that this package lacks.
	ErrAlgorithm = errors.New("unknown algorithm")
	// ErrDecrypt is an encrypted message that is not authentic: other key,
	// changed bytes. It never says which.
	ErrDecrypt = errors.New("message does not decrypt")
	// ErrNonceExhausted is returned once every nonce of a key has been used.
	ErrNonceExhausted = errors.New("no nonce left for this key")
)

// Bounds on lists that a peer fills.
const (
	// MaxDialects is the longest dialect list accepted in NEGOTIATE and
	// VALIDATE_NEGOTIATE_INFO; clients send five or six.
	MaxDialects = 64
	// MaxContexts is the longest list of negotiate, create or error contexts
	// accepted; clients send fewer than ten.
	MaxContexts = 64
	// MaxNameBytes is the longest name in UTF-16 that a 16-bit length can say.
	MaxNameBytes = 65534
)
