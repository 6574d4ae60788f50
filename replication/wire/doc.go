// Package wire holds the bytes of the protocol between replication members:
// frames, and one message a file, from and to the nouns of replication.
//
// It runs within TLS 1.3, which proves the peer and keeps bytes whole and in
// order, so frames carry no checksum. A frame is a header of 16 bytes and a
// body of at most MaxBody:
//
//	0  type      uint8   which message the body is
//	1  flags     uint8   FlagRequest, FlagAnswer, FlagMore
//	2  reserved  uint16  zero
//	4  length    uint32  of the body
//	8  request   uint64  which question this asks or answers; 0: none
//
// Header fields are big-endian. Bodies are made of single bytes, fixed arrays,
// uvarints in their shortest form, and byte strings behind their uvarint
// length. Each message says its layout at its Append.
//
// Whatever a peer announces is held against a bound, and against the bytes
// that are really there, before memory is taken for it; what is compressed
// expands at most maxRatio-fold. Parse never panics, and refuses with
// ErrMalformed every body that is cut, carries more than its message, or names
// what no honest member would send. Parsed messages may alias the body that
// they were parsed from.
package wire
