package smb2

// SessionFlags describe a session that was set up.
type SessionFlags uint16

// The session flags.
const (
	SessionGuest       SessionFlags = 1
	SessionNull        SessionFlags = 2
	SessionEncryptData SessionFlags = 4
)

// SessionSetupBinding is the flag of a request that binds its connection to a
// session of another one.
const SessionSetupBinding uint8 = 1

// SessionSetupRequest carries one leg of an authentication (2.2.5):
//
//	0 StructureSize 25   2 Flags       3 SecurityMode   4 Capabilities
//	8 Channel           12 BufOffset  14 BufLength     16 PreviousSessionId  24 Buffer
type SessionSetupRequest struct {
	Flags             uint8
	SecurityMode      SecurityMode // its low 8 bits are on the wire
	Capabilities      Capabilities
	Channel           uint32
	PreviousSessionID uint64
	// Token is a GSS token, raw NTLMSSP or SPNEGO. It aliases the message.
	Token []byte
}

// ParseSessionSetupRequest reads the body behind the header of msg.
func ParseSessionSetupRequest(msg []byte) (SessionSetupRequest, error) {
	r := readBody(msg, "session setup request", 25)
	q := SessionSetupRequest{
		Flags:        r.u8("flags"),
		SecurityMode: SecurityMode(r.u8("security mode")),
		Capabilities: Capabilities(r.u32("capabilities")),
		Channel:      r.u32("channel"),
	}
	off, n := r.u16("token offset"), r.u16("token length")
	q.PreviousSessionID = r.u64("previous session id")
	q.Token = r.section(uint32(off), uint32(n), "token")
	return q, r.err
}

// AppendBody appends the body; see [Body].
func (q SessionSetupRequest) AppendBody(b []byte) []byte {
	w := writer{b}
	w.u16(25)
	w.u8(q.Flags)
	w.u8(uint8(q.SecurityMode))
	w.u32(uint32(q.Capabilities))
	w.u32(q.Channel)
	w.u16(HeaderSize + 24)
	w.len16(len(q.Token), "token")
	w.u64(q.PreviousSessionID)
	w.tail(q.Token)
	return w.b
}

// SessionSetupResponse answers one leg (2.2.6). It stands behind
// STATUS_MORE_PROCESSING_REQUIRED as behind success:
//
//	0 StructureSize 9   2 SessionFlags   4 BufOffset   6 BufLength   8 Buffer
type SessionSetupResponse struct {
	Flags SessionFlags
	// Token aliases the message.
	Token []byte
}

// ParseSessionSetupResponse reads the body behind the header of msg.
func ParseSessionSetupResponse(msg []byte) (SessionSetupResponse, error) {
	r := readBody(msg, "session setup response", 9)
	p := SessionSetupResponse{Flags: SessionFlags(r.u16("session flags"))}
	off, n := r.u16("token offset"), r.u16("token length")
	p.Token = r.section(uint32(off), uint32(n), "token")
	return p, r.err
}

// AppendBody appends the body; see [Body].
func (p SessionSetupResponse) AppendBody(b []byte) []byte {
	w := writer{b}
	w.u16(9)
	w.u16(uint16(p.Flags))
	w.u16(HeaderSize + 8)
	w.len16(len(p.Token), "token")
	w.bytes(p.Token)
	return w.b
}
