package smb2

// ClosePostQueryAttributes asks CLOSE to return the attributes.
const ClosePostQueryAttributes uint16 = 1

// CloseRequest gives an open back (2.2.15):
//
//	0 StructureSize 24   2 Flags   4 Reserved   8 FileId
type CloseRequest struct {
	Flags  uint16
	FileID FileID
}

// ParseCloseRequest reads the body behind the header of msg.
func ParseCloseRequest(msg []byte) (CloseRequest, error) {
	r := readBody(msg, "close request", 24)
	q := CloseRequest{Flags: r.u16("flags")}
	r.skip(4)
	q.FileID = r.fileID()
	return q, r.err
}

// AppendBody appends the body; see [Body].
func (q CloseRequest) AppendBody(b []byte) []byte {
	w := writer{b}
	w.u16(24)
	w.u16(q.Flags)
	w.u32(0)
	w.fileID(q.FileID)
	return w.b
}

// CloseResponse says that the open is gone (2.2.16). The fields behind Flags
// mean something where Flags has ClosePostQueryAttributes:
//
//	 0 StructureSize 60   2 Flags       4 Reserved    8 Creation        16 LastAccess
//	24 LastWrite         32 Change     40 AllocationSize 48 EndOfFile   56 Attributes
type CloseResponse struct {
	Flags          uint16
	Creation       Filetime
	LastAccess     Filetime
	LastWrite      Filetime
	Change         Filetime
	AllocationSize uint64
	EndOfFile      uint64
	FileAttributes uint32
}

// ParseCloseResponse reads the body behind the header of msg.
func ParseCloseResponse(msg []byte) (CloseResponse, error) {
	r := readBody(msg, "close response", 60)
	p := CloseResponse{Flags: r.u16("flags")}
	r.skip(4)
	p.Creation = Filetime(r.u64("creation time"))
	p.LastAccess = Filetime(r.u64("last access time"))
	p.LastWrite = Filetime(r.u64("last write time"))
	p.Change = Filetime(r.u64("change time"))
	p.AllocationSize = r.u64("allocation size")
	p.EndOfFile = r.u64("end of file")
	p.FileAttributes = r.u32("file attributes")
	return p, r.err
}

// AppendBody appends the body; see [Body].
func (p CloseResponse) AppendBody(b []byte) []byte {
	w := writer{b}
	w.u16(60)
	w.u16(p.Flags)
	w.u32(0)
	w.u64(uint64(p.Creation))
	w.u64(uint64(p.LastAccess))
	w.u64(uint64(p.LastWrite))
	w.u64(uint64(p.Change))
	w.u64(p.AllocationSize)
	w.u64(p.EndOfFile)
	w.u32(p.FileAttributes)
	return w.b
}
