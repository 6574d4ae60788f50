package dfsc

import "errors"

var (
	// ErrMalformed means that bytes are no referral message.
	ErrMalformed = errors.New("malformed DFS referral message")
	// ErrIllegalCharacter means that a string is not valid UTF-16.
	ErrIllegalCharacter = errors.New("illegal character in DFS referral message")
	// ErrBufferOverflow means that not one entry of a response fits.
	ErrBufferOverflow = errors.New("buffer too small for a DFS referral")
)
