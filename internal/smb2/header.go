package smb2

import "fmt"

// HeaderSize is the length of the header before every SMB2 body.
const HeaderSize = 64

// Offsets of header fields that are patched in place.
const (
	offStatus      = 8
	offCommand     = 12
	offCredits     = 14
	offFlags       = 16
	offNextCommand = 20
	offMessageID   = 24
	offTreeID      = 36
	offSessionID   = 40
	offSignature   = 48
)

// protocolID opens every SMB2 header: FE 'SMB'.
const protocolID = 0x424D53FE

// Flags are the bits of the header (2.2.1).
type Flags uint32

// The header flags.
const (
	FlagServerToRedir Flags = 0x00000001 // a response
	FlagAsync         Flags = 0x00000002
	FlagRelated       Flags = 0x00000004
	FlagSigned        Flags = 0x00000008
	FlagPriorityMask  Flags = 0x00000070 // 3.1.1
	FlagDFS           Flags = 0x10000000
	FlagReplay        Flags = 0x20000000
)

// Has reports whether every bit of f is set.
func (fl Flags) Has(f Flags) bool { return fl&f == f }

// FileID names an open. Volatile alone is unique within a server that grants
// no durable opens.
type FileID struct{ Persistent, Volatile uint64 }

// AnyFileID stands where an operation has no open, and in related operations
// for the open of the one before.
var AnyFileID = FileID{Persistent: ^uint64(0), Volatile: ^uint64(0)}

func (id FileID) String() string { return fmt.Sprintf("%016x:%016x", id.Persistent, id.Volatile) }

// Header stands before every operation ([MS-SMB2] 2.2.1):
//
//	 0 FE 'SMB'   4 StructureSize 64   6 CreditCharge   8 Status / ChannelSequence
//	12 Command   14 Credits           16 Flags         20 NextCommand
//	24 MessageId 32 ProcessId, 36 TreeId; or 32 AsyncId 40 SessionId 48 Signature
type Header struct {
	CreditCharge uint16
	// Status is the result in a response. In requests of 3.x the low 16 bits
	// are the ChannelSequence.
	Status  Status
	Command Command
	// Credits is what a request asks for or a response grants.
	Credits uint16
	Flags   Flags
	// NextCommand is the distance to the next header of the compound, 0 in
	// the last.
	NextCommand uint32
	MessageID   uint64
	// AsyncID stands on the wire where Flags has FlagAsync, ProcessID and
	// TreeID where it has not.
	AsyncID           uint64
	ProcessID, TreeID uint32
	SessionID         uint64
	Signature         [16]byte
}

// ParseHeader reads the header at the start of b; b may be longer. The error
// is ErrProtocol for another protocol, otherwise it wraps ErrMalformed.
func ParseHeader(b []byte) (Header, error) {
	if len(b) < HeaderSize {
		return Header{}, fmt.Errorf("%w: header at offset 0 needs %d bytes, %d left", ErrMalformed, HeaderSize, len(b))
	}
	if le.Uint32(b) != protocolID {
		return Header{}, ErrProtocol
	}
	if size := le.Uint16(b[4:]); size != HeaderSize {
		return Header{}, fmt.Errorf("%w: header: structure size is %d, want %d", ErrMalformed, size, HeaderSize)
	}
	h := Header{
		CreditCharge: le.Uint16(b[6:]),
		Status:       Status(le.Uint32(b[offStatus:])),
		Command:      Command(le.Uint16(b[offCommand:])),
		Credits:      le.Uint16(b[offCredits:]),
		Flags:        Flags(le.Uint32(b[offFlags:])),
		NextCommand:  le.Uint32(b[offNextCommand:]),
		MessageID:    le.Uint64(b[offMessageID:]),
		SessionID:    le.Uint64(b[offSessionID:]),
		Signature:    [16]byte(b[offSignature:]),
	}
	if h.Flags.Has(FlagAsync) {
		h.AsyncID = le.Uint64(b[32:])
	} else {
		h.ProcessID = le.Uint32(b[32:])
		h.TreeID = le.Uint32(b[offTreeID:])
	}
	return h, nil
}

// Append appends the 64 bytes of the header.
func (h Header) Append(b []byte) []byte {
	w := writer{b}
	w.u32(protocolID)
	w.u16(HeaderSize)
	w.u16(h.CreditCharge)
	w.u32(uint32(h.Status))
	w.u16(uint16(h.Command))
	w.u16(h.Credits)
	w.u32(uint32(h.Flags))
	w.u32(h.NextCommand)
	w.u64(h.MessageID)
	if h.Flags.Has(FlagAsync) {
		w.u64(h.AsyncID)
	} else {
		w.u32(h.ProcessID)
		w.u32(h.TreeID)
	}
	w.u64(h.SessionID)
	w.bytes(h.Signature[:])
	return w.b
}

// IsResponse reports whether a server sent it.
func (h Header) IsResponse() bool { return h.Flags.Has(FlagServerToRedir) }

// Response returns the header that answers the request h with status s and
// credits granted: same ids, same credit charge, nothing of the request's flags
// but FlagRelated and the priority.
func (h Header) Response(s Status, credits uint16) Header {
	return Header{
		CreditCharge: h.CreditCharge,
		Status:       s,
		Command:      h.Command,
		Credits:      credits,
		Flags:        FlagServerToRedir | h.Flags&(FlagRelated|FlagPriorityMask),
		MessageID:    h.MessageID,
		ProcessID:    h.ProcessID,
		TreeID:       h.TreeID,
		SessionID:    h.SessionID,
	}
}
