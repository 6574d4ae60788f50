package smb2

// ReadRequest reads from an open (2.2.19):
//
//	 0 StructureSize 49   2 Padding        3 Flags    4 Length             8 Offset
//	16 FileId            32 MinimumCount  36 Channel 40 RemainingBytes    44 ChannelInfoOffset
//	46 ChannelInfoLength 48 Buffer
//
// The channel belongs to RDMA and is not read.
type ReadRequest struct {
	Flags uint8
	// Length is how many bytes the client wants at most, MinimumCount how
	// few it takes.
	Length       uint32
	Offset       uint64
	FileID       FileID
	MinimumCount uint32
}

// ParseReadRequest reads the body behind the header of msg.
func ParseReadRequest(msg []byte) (ReadRequest, error) {
	r := readBody(msg, "read request", 49)
	r.skip(1)
	q := ReadRequest{
		Flags:        r.u8("flags"),
		Length:       r.u32("length"),
		Offset:       r.u64("offset"),
		FileID:       r.fileID(),
		MinimumCount: r.u32("minimum count"),
	}
	return q, r.err
}

// AppendBody appends the body; see [Body].
func (q ReadRequest) AppendBody(b []byte) []byte {
	w := writer{b}
	w.u16(49)
	w.u8(readResponseOffset)
	w.u8(q.Flags)
	w.u32(q.Length)
	w.u64(q.Offset)
	w.fileID(q.FileID)
	w.u32(q.MinimumCount)
	w.zero(12)
	w.tail(nil)
	return w.b
}

// readResponseOffset is where the data of a READ response stands, and where
// clients ask for it.
const readResponseOffset = HeaderSize + 16

// ReadResponse carries what was read (2.2.20):
//
//	0 StructureSize 17   2 DataOffset u8   3 Reserved   4 DataLength   8 DataRemaining   12 Reserved   16 Buffer
type ReadResponse struct {
	// Data aliases the message.
	Data      []byte
	Remaining uint32
}

// ParseReadResponse reads the body behind the header of msg.
func ParseReadResponse(msg []byte) (ReadResponse, error) {
	r := readBody(msg, "read response", 17)
	off := r.u8("data offset")
	r.skip(1)
	n := r.u32("data length")
	p := ReadResponse{Remaining: r.u32("remaining")}
	p.Data = r.section(uint32(off), n, "data")
	return p, r.err
}

// AppendBody appends the body; see [Body].
func (p ReadResponse) AppendBody(b []byte) []byte {
	w := writer{b}
	w.u16(17)
	w.u8(readResponseOffset)
	w.u8(0)
	w.len32(len(p.Data), "data")
	w.u32(p.Remaining)
	w.u32(0)
	w.bytes(p.Data)
	return w.b
}
