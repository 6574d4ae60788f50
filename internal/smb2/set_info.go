package smb2

// SetInfoRequest changes what an open refers to (2.2.39):
//
//	0 StructureSize 33   2 InfoType   3 Class   4 BufferLength   8 BufferOffset
//	10 Reserved   12 AdditionalInformation   16 FileId   32 Buffer
type SetInfoRequest struct {
	Type InfoType
	// Class is an information class of [MS-FSCC] 2.4 or 2.5.
	Class uint8
	// Additional says which parts of a security descriptor are given.
	Additional uint32
	FileID     FileID
	// Input aliases the message.
	Input []byte
}

// ParseSetInfoRequest reads the body behind the header of msg.
func ParseSetInfoRequest(msg []byte) (SetInfoRequest, error) {
	r := readBody(msg, "set info request", 33)
	q := SetInfoRequest{Type: InfoType(r.u8("info type")), Class: r.u8("class")}
	n, off := r.u32("input length"), r.u16("input offset")
	r.skip(2)
	q.Additional = r.u32("additional information")
	q.FileID = r.fileID()
	q.Input = r.section(uint32(off), n, "input")
	return q, r.err
}

// AppendBody appends the body; see [Body].
func (q SetInfoRequest) AppendBody(b []byte) []byte {
	w := writer{b}
	w.u16(33)
	w.u8(uint8(q.Type))
	w.u8(q.Class)
	w.len32(len(q.Input), "input")
	w.u16(HeaderSize + 32)
	w.u16(0)
	w.u32(q.Additional)
	w.fileID(q.FileID)
	w.tail(q.Input)
	return w.b
}

// SetInfoResponse says that it is changed (2.2.40). Its body is the
// StructureSize alone.
type SetInfoResponse struct{}

// ParseSetInfoResponse checks the body behind the header of msg.
func ParseSetInfoResponse(msg []byte) (SetInfoResponse, error) {
	r := readBody(msg, "set info response", 2)
	return SetInfoResponse{}, r.err
}

// AppendBody appends the body; see [Body].
func (SetInfoResponse) AppendBody(b []byte) []byte { return append(b, 2, 0) }
