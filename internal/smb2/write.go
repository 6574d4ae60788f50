package smb2

// WriteRequest writes to an open (2.2.21):
//
//	 0 StructureSize 49    2 DataOffset   4 Length               8 Offset              16 FileId
//	32 Channel            36 Remaining   40 ChannelInfoOffset   42 ChannelInfoLength   44 Flags   48 Buffer
//
// The channel belongs to RDMA and is not read.
type WriteRequest struct {
	Offset uint64
	FileID FileID
	Flags  uint32
	// Data aliases the message.
	Data []byte
}

// ParseWriteRequest reads the body behind the header of msg.
func ParseWriteRequest(msg []byte) (WriteRequest, error) {
	r := readBody(msg, "write request", 49)
	off, n := r.u16("data offset"), r.u32("length")
	q := WriteRequest{Offset: r.u64("offset"), FileID: r.fileID()}
	r.skip(12)
	q.Flags = r.u32("flags")
	q.Data = r.section(uint32(off), n, "data")
	return q, r.err
}

// AppendBody appends the body; see [Body].
func (q WriteRequest) AppendBody(b []byte) []byte {
	w := writer{b}
	w.u16(49)
	w.u16(HeaderSize + 48)
	w.len32(len(q.Data), "data")
	w.u64(q.Offset)
	w.fileID(q.FileID)
	w.zero(12)
	w.u32(q.Flags)
	w.tail(q.Data)
	return w.b
}

// WriteResponse says how much was written (2.2.22):
//
//	0 StructureSize 17   2 Reserved   4 Count   8 Remaining   12 ChannelInfoOffset   14 ChannelInfoLength
type WriteResponse struct{ Count uint32 }

// ParseWriteResponse reads the body behind the header of msg.
func ParseWriteResponse(msg []byte) (WriteResponse, error) {
	r := readBody(msg, "write response", 17)
	r.skip(2)
	return WriteResponse{Count: r.u32("count")}, r.err
}

// AppendBody appends the body; see [Body].
func (p WriteResponse) AppendBody(b []byte) []byte {
	w := writer{b}
	w.u16(17)
	w.u16(0)
	w.u32(p.Count)
	w.zero(8)
	return w.b
}
