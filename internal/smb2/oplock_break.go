package smb2

// The notification of a server, the acknowledgment of the client and the answer
// to it have one form (2.2.23.1, 2.2.24.1, 2.2.25.1):
//
//	0 StructureSize 24   2 OplockLevel   3 Reserved   4 Reserved   8 FileId
//
// Lease breaks have another StructureSize and are refused as malformed, since
// no lease is granted here.

// OplockBreakRequest acknowledges that a caching promise is over.
type OplockBreakRequest struct {
	Level  OplockLevel
	FileID FileID
}

// ParseOplockBreakRequest reads the body behind the header of msg.
func ParseOplockBreakRequest(msg []byte) (OplockBreakRequest, error) {
	level, id, err := parseOplockBreak(msg, "oplock break request")
	return OplockBreakRequest{Level: level, FileID: id}, err
}

// AppendBody appends the body; see [Body].
func (q OplockBreakRequest) AppendBody(b []byte) []byte {
	return appendOplockBreak(b, q.Level, q.FileID)
}

// OplockBreakResponse is the notification, whose message id is all ones, or the
// answer to an acknowledgment.
type OplockBreakResponse struct {
	Level  OplockLevel
	FileID FileID
}

// ParseOplockBreakResponse reads the body behind the header of msg.
func ParseOplockBreakResponse(msg []byte) (OplockBreakResponse, error) {
	level, id, err := parseOplockBreak(msg, "oplock break response")
	return OplockBreakResponse{Level: level, FileID: id}, err
}

// AppendBody appends the body; see [Body].
func (p OplockBreakResponse) AppendBody(b []byte) []byte {
	return appendOplockBreak(b, p.Level, p.FileID)
}

func parseOplockBreak(msg []byte, kind string) (OplockLevel, FileID, error) {
	r := readBody(msg, kind, 24)
	level := OplockLevel(r.u8("oplock level"))
	r.skip(5)
	return level, r.fileID(), r.err
}

func appendOplockBreak(b []byte, level OplockLevel, id FileID) []byte {
	w := writer{b}
	w.u16(24)
	w.u8(uint8(level))
	w.zero(5)
	w.fileID(id)
	return w.b
}
