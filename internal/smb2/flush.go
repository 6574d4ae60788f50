package smb2

// FlushRequest asks that what was written to an open be kept (2.2.17):
//
//	0 StructureSize 24   2 Reserved   8 FileId
type FlushRequest struct{ FileID FileID }

// ParseFlushRequest reads the body behind the header of msg.
func ParseFlushRequest(msg []byte) (FlushRequest, error) {
	r := readBody(msg, "flush request", 24)
	r.skip(6)
	return FlushRequest{FileID: r.fileID()}, r.err
}

// AppendBody appends the body; see [Body].
func (q FlushRequest) AppendBody(b []byte) []byte {
	w := writer{b}
	w.u16(24)
	w.zero(6)
	w.fileID(q.FileID)
	return w.b
}

// FlushResponse says that it is kept (2.2.18).
type FlushResponse struct{}

// ParseFlushResponse checks the body behind the header of msg.
func ParseFlushResponse(msg []byte) (FlushResponse, error) {
	return FlushResponse{}, parseBare(msg, "flush response")
}

// AppendBody appends the body; see [Body].
func (FlushResponse) AppendBody(b []byte) []byte { return appendBare(b) }
