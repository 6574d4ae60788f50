package smb2

// IoctlIsFSCTL is the flag of every IOCTL that servers accept.
const IoctlIsFSCTL uint32 = 1

// The control codes that clients of a namespace send (2.2.31).
const (
	FSCTLDFSGetReferrals           = 0x00060194
	FSCTLDFSGetReferralsEx         = 0x000601B0
	FSCTLGetObjectID               = 0x0009009C
	FSCTLGetReparsePoint           = 0x000900A8
	FSCTLCreateOrGetObjectID       = 0x000900C0
	FSCTLPipePeek                  = 0x0011400C
	FSCTLPipeWait                  = 0x00110018
	FSCTLPipeTransceive            = 0x0011C017
	FSCTLSrvRequestResumeKey       = 0x00140078
	FSCTLQueryNetworkInterfaceInfo = 0x001401FC
	FSCTLValidateNegotiateInfo     = 0x00140204
	FSCTLSrvEnumerateSnapshots     = 0x00144064
)

// IoctlRequest asks for a control operation (2.2.31):
//
//	 0 StructureSize 57    2 Reserved       4 CtlCode             8 FileId
//	24 InputOffset        28 InputCount    32 MaxInputResponse   36 OutputOffset
//	40 OutputCount        44 MaxOutput     48 Flags              52 Reserved   56 Buffer
type IoctlRequest struct {
	CtlCode           uint32
	FileID            FileID
	MaxInputResponse  uint32
	MaxOutputResponse uint32
	Flags             uint32
	// OutputCount is what the client claims to send as output. It counts
	// towards the credit charge; the bytes themselves are neither read nor
	// written.
	OutputCount uint32
	// Input aliases the message.
	Input []byte
}

const ioctlRequestInput = HeaderSize + 56

// ParseIoctlRequest reads the body behind the header of msg. Input that begins
// before offset 120 or not at a multiple of 8 is refused (3.3.5.15).
func ParseIoctlRequest(msg []byte) (IoctlRequest, error) {
	r := readBody(msg, "ioctl request", 57)
	r.skip(2)
	q := IoctlRequest{CtlCode: r.u32("control code"), FileID: r.fileID()}
	off, n := r.u32("input offset"), r.u32("input count")
	q.MaxInputResponse = r.u32("max input response")
	r.skip(4)
	q.OutputCount = r.u32("output count")
	q.MaxOutputResponse = r.u32("max output response")
	q.Flags = r.u32("flags")
	r.aligned(off, n, "input")
	q.Input = r.section(off, n, "input")
	return q, r.err
}

// AppendBody appends the body; see [Body].
func (q IoctlRequest) AppendBody(b []byte) []byte {
	w := writer{b}
	w.u16(57)
	w.u16(0)
	w.u32(q.CtlCode)
	w.fileID(q.FileID)
	offset := uint32(offsetOf(ioctlRequestInput, len(q.Input)))
	w.u32(offset)
	w.len32(len(q.Input), "input")
	w.u32(q.MaxInputResponse)
	w.u32(offset)
	w.u32(q.OutputCount)
	w.u32(q.MaxOutputResponse)
	w.u32(q.Flags)
	w.u32(0)
	w.tail(q.Input)
	return w.b
}

// IoctlResponse carries the result (2.2.32):
//
//	 0 StructureSize 49   2 Reserved       4 CtlCode       8 FileId
//	24 InputOffset       28 InputCount    32 OutputOffset 36 OutputCount
//	40 Flags             44 Reserved      48 Buffer
type IoctlResponse struct {
	CtlCode uint32
	FileID  FileID
	// Output aliases the message.
	Output []byte
}

// IoctlOutputOffset is where the output of an IOCTL response stands in its
// message: a server may build the output there and hand it to
// [AppendIoctlHead].
const IoctlOutputOffset = HeaderSize + 48

// ParseIoctlResponse reads the body behind the header of msg.
func ParseIoctlResponse(msg []byte) (IoctlResponse, error) {
	r := readBody(msg, "ioctl response", 49)
	r.skip(2)
	p := IoctlResponse{CtlCode: r.u32("control code"), FileID: r.fileID()}
	r.skip(8)
	off, n := r.u32("output offset"), r.u32("output count")
	p.Output = r.section(off, n, "output")
	return p, r.err
}

// AppendBody appends the body; see [Body].
func (p IoctlResponse) AppendBody(b []byte) []byte {
	w := writer{AppendIoctlHead(b, p.CtlCode, p.FileID)}
	PutIoctlOutput(w.b[len(w.b)-IoctlOutputOffset:], len(p.Output))
	w.bytes(p.Output)
	return w.b
}

// AppendIoctlHead appends the fixed part of an IOCTL response behind the header
// that ends b. The output follows it directly; once it has been appended,
// PutIoctlOutput writes its length. So a referral is encoded where it is sent
// from, without a copy.
func AppendIoctlHead(b []byte, ctlCode uint32, id FileID) []byte {
	w := writer{b}
	w.u16(49)
	w.u16(0)
	w.u32(ctlCode)
	w.fileID(id)
	w.u32(IoctlOutputOffset)
	w.u32(0)
	w.u32(IoctlOutputOffset)
	w.zero(12)
	return w.b
}

// PutIoctlOutput writes the length of the output, n bytes, into the IOCTL
// response msg that AppendIoctlHead began.
func PutIoctlOutput(msg []byte, n int) {
	le.PutUint32(msg[HeaderSize+36:], uint32(n))
}
