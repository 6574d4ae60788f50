// Package smb2 holds the bytes of SMB2 and SMB3 ([MS-SMB2]): messages in both
// directions, framing, compounds, signing, encryption, key derivation and
// pre-authentication integrity. It decides nothing: who may do what, and which
// status answers which case, is the caller's.
//
// # Messages
//
// A message, called msg throughout, is one operation from the first byte of
// its header; offsets inside it count from there:
//
//	0                              64                        64+fixed
//	+------------------------------+-------------------------+-----------+
//	| header (header.go)           | fixed part of the body  | buffer    |
//	+------------------------------+-------------------------+-----------+
//
// ParseXxxRequest and ParseXxxResponse check that all they return lies inside
// msg. Byte slices in the result alias msg and live as long as it; names are
// decoded into strings of their own. An error wraps [ErrMalformed] and says
// which field needed how many bytes where, or wraps [ErrBadName] for a name
// that is not UTF-16. Bytes behind the message are ignored, since operations of
// a compound carry padding. Reserved fields are ignored and written as zero.
//
// AppendBody is the inverse: it appends the body to a slice that already ends
// with the 64 bytes of the header. [AppendMessage] does both. A length that
// does not fit its field is a fault of the caller and panics; names are at most
// [MaxNameBytes] long in UTF-16, buffers with 16-bit lengths likewise.
//
// # Ownership and concurrency
//
// Values are plain and may be copied. [Signer], [Sealer] and [Opener] hold
// scratch space and serve one goroutine at a time. Nothing here starts a
// goroutine, reads a clock or keeps a slice that it was given, keys excepted,
// which are copied.
package smb2
