package wire

import (
	"encoding/binary"
	"fmt"
	"io"
	"slices"
)

const (
	// HeaderSize is the length of a frame's header, in bytes.
	HeaderSize = 16
	// MaxBody is the length of the longest body of any frame, in bytes.
	MaxBody = 4 << 20
)

// Flags say what a frame is to the question that its request id names.
type Flags uint8

// The flags of a frame. A frame with neither FlagRequest nor FlagAnswer is a
// notice and has no request id.
const (
	FlagRequest Flags = 1 << iota // asks question Request
	FlagAnswer                    // answers question Request
	FlagMore                      // with FlagAnswer: further parts follow

	allFlags = FlagRequest | FlagAnswer | FlagMore
)

// Header is what stands before the body of a frame.
type Header struct {
	Type    Type
	Flags   Flags
	Length  int // of the body, in bytes
	Request uint64
}

// append writes the 16 bytes of the header.
func (h Header) append(b []byte) []byte {
	b = append(b, byte(h.Type), byte(h.Flags), 0, 0)
	b = binary.BigEndian.AppendUint32(b, uint32(h.Length))
	return binary.BigEndian.AppendUint64(b, h.Request)
}

// ParseHeader reads the first HeaderSize bytes of b and refuses unknown types,
// flags that contradict each other, and bodies longer than their type may be.
func ParseHeader(b []byte) (Header, error) {
	if len(b) < HeaderSize {
		return Header{}, fmt.Errorf("%w: a frame header of %d bytes", ErrMalformed, len(b))
	}
	length := binary.BigEndian.Uint32(b[4:])
	h := Header{Type: Type(b[0]), Flags: Flags(b[1]), Length: int(length), Request: binary.BigEndian.Uint64(b[8:])}
	bound := h.Type.maxBody()
	switch {
	case bound < 0:
		return Header{}, fmt.Errorf("%w: frame type %d", ErrMalformed, b[0])
	case b[2] != 0 || b[3] != 0 || h.Flags&^allFlags != 0:
		return Header{}, fmt.Errorf("%w: frame flags %#02x %#02x %#02x", ErrMalformed, b[1], b[2], b[3])
	case uint64(length) > uint64(bound):
		return Header{}, fmt.Errorf("%w: a body of %d bytes for %v, which has at most %d", ErrTooLarge, length, h.Type, bound)
	}
	return h, h.check()
}

// check holds flags and request id against each other.
func (h Header) check() error {
	asks, answers := h.Flags&FlagRequest != 0, h.Flags&FlagAnswer != 0
	switch {
	case asks && answers, h.Flags&FlagMore != 0 && !answers:
		return fmt.Errorf("%w: flags %#02x contradict each other", ErrMalformed, uint8(h.Flags))
	case h.Type == TypeCancel:
		if asks || answers || h.Request == 0 {
			return fmt.Errorf("%w: a cancel of request %d with flags %#02x", ErrMalformed, h.Request, uint8(h.Flags))
		}
	case (asks || answers) != (h.Request != 0):
		return fmt.Errorf("%w: flags %#02x with request id %d", ErrMalformed, uint8(h.Flags), h.Request)
	}
	return nil
}

// AppendFrame appends the frame of m to b. Length and Type of h are those of
// m, whatever h says. A body longer than its type may be is ErrTooLarge, and b
// comes back as it was.
func AppendFrame(b []byte, h Header, m Message) ([]byte, error) {
	start := len(b)
	h.Type, h.Length = m.Type(), 0
	b = m.Append(h.append(b))
	h.Length = len(b) - start - HeaderSize
	if h.Length > h.Type.maxBody() {
		return b[:start], fmt.Errorf("%w: a body of %d bytes for %v, which has at most %d", ErrTooLarge, h.Length, h.Type, h.Type.maxBody())
	}
	binary.BigEndian.PutUint32(b[start+4:], uint32(h.Length))
	return b, h.check()
}

const (
	firstPiece = 64 << 10 // memory that a header alone is worth
	foresight  = 15       // and that each byte of a body which has come is worth
)

// ReadFrame reads one frame. The body is the caller's. It takes memory in
// proportion to the bytes that have come, whatever the header announces. An
// end between two frames is io.EOF, within one io.ErrUnexpectedEOF. began, if
// not nil, is told each header before its body is awaited, and may answer with
// memory that the body may take if it is large enough.
func ReadFrame(r io.Reader, began func(Header) []byte) (Header, []byte, error) {
	var head [HeaderSize]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		return Header{}, nil, err
	}
	h, err := ParseHeader(head[:])
	if err != nil {
		return Header{}, nil, err
	}
	var spare []byte
	if began != nil {
		spare = began(h)
	}
	body, err := readBody(r, h.Length, spare)
	return h, body, err
}

func readBody(r io.Reader, length int, body []byte) ([]byte, error) {
	if body = body[:0]; cap(body) < length || body == nil {
		body = make([]byte, 0, min(length, firstPiece))
	}
	for len(body) < length {
		piece := min(length-len(body), max(foresight*len(body), firstPiece, cap(body)-len(body)))
		body = slices.Grow(body, piece)
		n, err := io.ReadFull(r, body[len(body):len(body)+piece])
		body = body[:len(body)+n]
		if err != nil {
			if err == io.EOF {
				err = io.ErrUnexpectedEOF
			}
			return nil, err
		}
	}
	return body, nil
}
