package summary

import (
	"encoding/binary"
	"fmt"
	"io"
	"slices"
)

// MaxBody is the length of the longest body of any frame, in bytes.
const MaxBody = 4 << 20

const (
	headerSize = 8
	// partSize is when an update is continued in another frame, in bytes, so
	// that a beat never waits long behind one.
	partSize = 256 << 10
	// maxHello is the length of the longest hello.
	maxHello = 4 << 10
	// firstPiece is the memory that a header alone is worth, in bytes.
	firstPiece = 64 << 10
)

// kind says which message a frame carries.
type kind uint8

const (
	kindHello kind = 1 + iota
	kindBeat
	kindUpdate
)

func (k kind) maxBody() int {
	switch k {
	case kindHello:
		return maxHello
	case kindBeat, kindUpdate:
		return MaxBody
	}
	return -1
}

// beginFrame appends a header whose length endFrame fills in.
func beginFrame(b []byte, k kind) []byte { return append(b, byte(k), 0, 0, 0, 0, 0, 0, 0) }

// endFrame completes the frame that starts at start.
func endFrame(b []byte, start int) []byte {
	binary.BigEndian.PutUint32(b[start+4:], uint32(len(b)-start-headerSize))
	return b
}

// parseHeader reads the first headerSize bytes of b.
func parseHeader(b []byte) (kind, int, error) {
	if len(b) < headerSize {
		return 0, 0, fmt.Errorf("%w: a frame header of %d bytes", ErrMalformed, len(b))
	}
	k, length := kind(b[0]), binary.BigEndian.Uint32(b[4:])
	switch bound := k.maxBody(); {
	case bound < 0 || b[1] != 0 || b[2] != 0 || b[3] != 0:
		return 0, 0, fmt.Errorf("%w: a frame that begins with % x", ErrMalformed, b[:4])
	case uint64(length) > uint64(bound):
		return 0, 0, fmt.Errorf("%w: a body of %d bytes, at most %d", ErrMalformed, length, bound)
	}
	return k, int(length), nil
}

// readFrame reads one frame into spare, which it may enlarge. It takes memory
// in proportion to the bytes that have come, whatever the header announces. An
// end between two frames is io.EOF, within one io.ErrUnexpectedEOF.
func readFrame(r io.Reader, spare []byte) (kind, []byte, error) {
	var head [headerSize]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		return 0, nil, err
	}
	k, length, err := parseHeader(head[:])
	if err != nil {
		return 0, nil, err
	}
	body := spare[:0]
	for len(body) < length {
		piece := min(length-len(body), max(firstPiece, len(body), cap(body)-len(body)))
		body = slices.Grow(body, piece)
		n, err := io.ReadFull(r, body[len(body):len(body)+piece])
		body = body[:len(body)+n]
		if err != nil {
			if err == io.EOF {
				err = io.ErrUnexpectedEOF
			}
			return 0, nil, err
		}
	}
	return k, body, nil
}
