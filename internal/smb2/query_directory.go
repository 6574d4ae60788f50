package smb2

// The flags of QUERY_DIRECTORY.
const (
	QueryRestartScans      uint8 = 0x01
	QueryReturnSingleEntry uint8 = 0x02
	QueryIndexSpecified    uint8 = 0x04
	QueryReopen            uint8 = 0x10
)

// QueryDirectoryRequest lists a folder (2.2.33):
//
//	0 StructureSize 33   2 Class   3 Flags   4 FileIndex   8 FileId
//	24 NameOffset   26 NameLength   28 OutputBufferLength   32 Buffer
type QueryDirectoryRequest struct {
	// Class is a file information class of [MS-FSCC] 2.4.
	Class     uint8
	Flags     uint8
	FileIndex uint32
	FileID    FileID
	// Pattern may hold wildcards.
	Pattern string
	// OutputLength is how many bytes the client takes.
	OutputLength uint32
}

// ParseQueryDirectoryRequest reads the body behind the header of msg. The error
// may wrap ErrBadName.
func ParseQueryDirectoryRequest(msg []byte) (QueryDirectoryRequest, error) {
	r := readBody(msg, "query directory request", 33)
	q := QueryDirectoryRequest{
		Class:     r.u8("class"),
		Flags:     r.u8("flags"),
		FileIndex: r.u32("file index"),
		FileID:    r.fileID(),
	}
	off, n := r.u16("pattern offset"), r.u16("pattern length")
	q.OutputLength = r.u32("output length")
	q.Pattern = r.name(uint32(off), uint32(n), "pattern")
	return q, r.err
}

// AppendBody appends the body; see [Body].
func (q QueryDirectoryRequest) AppendBody(b []byte) []byte {
	w := writer{b}
	w.u16(33)
	w.u8(q.Class)
	w.u8(q.Flags)
	w.u32(q.FileIndex)
	w.fileID(q.FileID)
	w.u16(HeaderSize + 32)
	w.len16(sizeUTF16(q.Pattern), "pattern")
	w.u32(q.OutputLength)
	w.name(q.Pattern)
	return w.b
}

// QueryDirectoryResponse carries entries of the class asked for (2.2.34).
type QueryDirectoryResponse struct {
	// Output aliases the message.
	Output []byte
}

// ParseQueryDirectoryResponse reads the body behind the header of msg.
func ParseQueryDirectoryResponse(msg []byte) (QueryDirectoryResponse, error) {
	out, err := parseOutput(msg, "query directory response")
	return QueryDirectoryResponse{Output: out}, err
}

// AppendBody appends the body; see [Body].
func (p QueryDirectoryResponse) AppendBody(b []byte) []byte { return appendOutput(b, p.Output) }
