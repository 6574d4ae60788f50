package smb2

// InfoType says what QUERY_INFO and SET_INFO are about.
type InfoType uint8

// The info types.
const (
	InfoFile       InfoType = 1
	InfoFileSystem InfoType = 2
	InfoSecurity   InfoType = 3
	InfoQuota      InfoType = 4
)

// QueryInfoRequest asks about an open (2.2.37):
//
//	 0 StructureSize 41      2 InfoType            3 Class    4 OutputBufferLength
//	 8 InputOffset          10 Reserved           12 InputLength
//	16 AdditionalInformation 20 Flags             24 FileId  40 Buffer
type QueryInfoRequest struct {
	Type InfoType
	// Class is an information class of [MS-FSCC] 2.4 or 2.5.
	Class uint8
	// OutputLength is how many bytes the client takes.
	OutputLength uint32
	// Additional says which parts of a security descriptor are wanted.
	Additional uint32
	Flags      uint32
	FileID     FileID
	// Input aliases the message.
	Input []byte
}

// ParseQueryInfoRequest reads the body behind the header of msg.
func ParseQueryInfoRequest(msg []byte) (QueryInfoRequest, error) {
	r := readBody(msg, "query info request", 41)
	q := QueryInfoRequest{
		Type:         InfoType(r.u8("info type")),
		Class:        r.u8("class"),
		OutputLength: r.u32("output length"),
	}
	off := r.u16("input offset")
	r.skip(2)
	n := r.u32("input length")
	q.Additional = r.u32("additional information")
	q.Flags = r.u32("flags")
	q.FileID = r.fileID()
	q.Input = r.section(uint32(off), n, "input")
	return q, r.err
}

// AppendBody appends the body; see [Body].
func (q QueryInfoRequest) AppendBody(b []byte) []byte {
	w := writer{b}
	w.u16(41)
	w.u8(uint8(q.Type))
	w.u8(q.Class)
	w.u32(q.OutputLength)
	w.u16(offsetOf(HeaderSize+40, len(q.Input)))
	w.u16(0)
	w.len32(len(q.Input), "input")
	w.u32(q.Additional)
	w.u32(q.Flags)
	w.fileID(q.FileID)
	w.tail(q.Input)
	return w.b
}

// QueryInfoResponse carries the class asked for (2.2.38).
type QueryInfoResponse struct {
	// Output aliases the message.
	Output []byte
}

// ParseQueryInfoResponse reads the body behind the header of msg.
func ParseQueryInfoResponse(msg []byte) (QueryInfoResponse, error) {
	out, err := parseOutput(msg, "query info response")
	return QueryInfoResponse{Output: out}, err
}

// AppendBody appends the body; see [Body].
func (p QueryInfoResponse) AppendBody(b []byte) []byte { return appendOutput(b, p.Output) }
