package dcerpc

import (
	"encoding/binary"
	"errors"
	"fmt"
)

// ErrMalformed is a PDU or stub that breaks the protocol. It ends the
// association.
var ErrMalformed = errors.New("malformed RPC message")

// pduType is the PTYPE of [C706] 12.6.3.
type pduType uint8

const (
	pduRequest      pduType = 0
	pduResponse     pduType = 2
	pduFault        pduType = 3
	pduBind         pduType = 11
	pduBindAck      pduType = 12
	pduBindNak      pduType = 13
	pduAlter        pduType = 14
	pduAlterResp    pduType = 15
	pduCoCancel     pduType = 18
	pduOrphaned     pduType = 19
	headerSize              = 16
	flagFirst               = 0x01
	flagLast                = 0x02
	flagObjectUUID          = 0x80
	littleEndianASC         = 0x10 // drep[0]: little-endian integers, ASCII
)

// header is the 16 bytes that every PDU begins with:
//
//	0 version 5 | 1 minor | 2 type | 3 flags | 4 data representation (4) |
//	8 fragment length u16 | 10 authentication length u16 | 12 call id u32
type header struct {
	typ        pduType
	flags      uint8
	fragLength int
	authLength int
	callID     uint32
}

// parseHeader reads the header of the PDU that b begins with. Big-endian
// senders are refused: no client of these pipes is one.
func parseHeader(b []byte) (header, error) {
	if len(b) < headerSize {
		return header{}, fmt.Errorf("%w: header needs %d bytes, %d left", ErrMalformed, headerSize, len(b))
	}
	if b[0] != 5 || b[1] > 1 {
		return header{}, fmt.Errorf("%w: version %d.%d", ErrMalformed, b[0], b[1])
	}
	if b[4] != littleEndianASC {
		return header{}, fmt.Errorf("%w: data representation %#x", ErrMalformed, b[4])
	}
	h := header{
		typ:        pduType(b[2]),
		flags:      b[3],
		fragLength: int(binary.LittleEndian.Uint16(b[8:])),
		authLength: int(binary.LittleEndian.Uint16(b[10:])),
		callID:     binary.LittleEndian.Uint32(b[12:]),
	}
	if h.fragLength < headerSize || h.fragLength > len(b) {
		return header{}, fmt.Errorf("%w: fragment of %d bytes, %d left", ErrMalformed, h.fragLength, len(b))
	}
	return h, nil
}

// append writes the header with its fragment length open; seal fills it.
func (h header) append(b []byte) []byte {
	b = append(b, 5, 0, byte(h.typ), h.flags, littleEndianASC, 0, 0, 0, 0, 0, 0, 0)
	return binary.LittleEndian.AppendUint32(b, h.callID)
}

// seal fills the fragment length of the PDU that is all of b.
func seal(b []byte) []byte {
	binary.LittleEndian.PutUint16(b[8:], uint16(len(b)))
	return b
}
