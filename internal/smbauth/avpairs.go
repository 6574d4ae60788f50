package smbauth

import (
	"encoding/binary"
	"iter"
	"time"
)

// avID names an attribute of a target (MS-NLMP 2.2.2.1).
type avID uint16

const (
	avEnd         avID = 0
	avNetBIOSName avID = 1
	avNetBIOSDom  avID = 2
	avDNSName     avID = 3
	avDNSDom      avID = 4
	avFlags       avID = 6
	avTimestamp   avID = 7
	avTargetName  avID = 9
)

// avFlagMIC in avFlags says that the message holds a MIC.
const avFlagMIC = 2

// avPairs is a list of {id u16, length u16, data} that ends with id 0 and was
// found whole. Nil is an empty list.
type avPairs []byte

// parseAVPairs returns the list that b begins with, up to and with its end. It
// aliases b. An empty b is an empty list.
func parseAVPairs(b []byte) (avPairs, error) {
	if len(b) == 0 {
		return nil, nil
	}
	for off := 0; ; {
		if len(b)-off < 4 {
			return nil, malformed("NTLM attribute list without an end")
		}
		id, n := avHead(b[off:])
		if off += 4; n > len(b)-off {
			return nil, malformed("NTLM attribute %d of %d bytes, %d left", id, n, len(b)-off)
		}
		off += n
		switch {
		case id == avEnd && n == 0:
			return avPairs(b[:off:off]), nil
		case id == avEnd, id == avFlags && n != 4, id == avTimestamp && n != 8:
			return nil, malformed("NTLM attribute %d of %d bytes", id, n)
		}
	}
}

func avHead(b []byte) (avID, int) {
	return avID(binary.LittleEndian.Uint16(b)), int(binary.LittleEndian.Uint16(b[2:]))
}

// all yields the pairs, without the end. Values alias the list.
func (p avPairs) all() iter.Seq2[avID, []byte] {
	return func(yield func(avID, []byte) bool) {
		for rest := p; len(rest) > 0; {
			id, n := avHead(rest)
			if id == avEnd || !yield(id, rest[4:4+n:4+n]) {
				return
			}
			rest = rest[4+n:]
		}
	}
}

// find returns the first value of id; nil: there is none.
func (p avPairs) find(id avID) []byte {
	for have, value := range p.all() {
		if have == id {
			return value
		}
	}
	return nil
}

// hasMIC tells whether the list promises a MIC.
func (p avPairs) hasMIC() bool {
	v := p.find(avFlags)
	return v != nil && binary.LittleEndian.Uint32(v)&avFlagMIC != 0
}

// appendAV appends one pair to a list without an end.
func appendAV(b []byte, id avID, value []byte) []byte {
	b = binary.LittleEndian.AppendUint16(b, uint16(id))
	b = binary.LittleEndian.AppendUint16(b, uint16(len(value)))
	return append(b, value...)
}

// fileTime is t in 100 ns since 1601 (MS-DTYP 2.3.3), little-endian.
func fileTime(t time.Time) []byte {
	const epoch = 11644473600 // seconds from 1601 to 1970
	ticks := (t.Unix()+epoch)*1e7 + int64(t.Nanosecond())/100
	return binary.LittleEndian.AppendUint64(nil, uint64(ticks))
}
