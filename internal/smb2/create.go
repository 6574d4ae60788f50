package smb2

// CreateRequest opens a file, folder or pipe (2.2.13):
//
//	 0 StructureSize 57    2 SecurityFlags   3 OplockLevel    4 Impersonation
//	 8 SmbCreateFlags     16 Reserved       24 DesiredAccess 28 FileAttributes
//	32 ShareAccess        36 Disposition    40 Options       44 NameOffset  46 NameLength
//	48 ContextsOffset     52 ContextsLength 56 Buffer: name, contexts
type CreateRequest struct {
	OplockLevel   OplockLevel
	Impersonation Impersonation
	DesiredAccess Access
	// FileAttributes are those of [MS-FSCC] 2.6.
	FileAttributes uint32
	ShareAccess    ShareAccess
	Disposition    Disposition
	Options        CreateOptions
	// Name is relative to the share, or begins with `host\share` where the
	// header has FlagDFS. Empty means the root of the share.
	Name string
	// Contexts alias the message.
	Contexts []CreateContext
}

const createRequestFixed = HeaderSize + 56

// ParseCreateRequest reads the body behind the header of msg. The error may
// wrap ErrBadName.
func ParseCreateRequest(msg []byte) (CreateRequest, error) {
	r := readBody(msg, "create request", 57)
	r.skip(1)
	q := CreateRequest{
		OplockLevel:   OplockLevel(r.u8("oplock level")),
		Impersonation: Impersonation(r.u32("impersonation level")),
	}
	r.skip(16)
	q.DesiredAccess = Access(r.u32("desired access"))
	q.FileAttributes = r.u32("file attributes")
	q.ShareAccess = ShareAccess(r.u32("share access"))
	q.Disposition = Disposition(r.u32("disposition"))
	q.Options = CreateOptions(r.u32("options"))
	nameOff, nameLen := r.u16("name offset"), r.u16("name length")
	ctxOff, ctxLen := r.u32("contexts offset"), r.u32("contexts length")
	q.Name = r.name(uint32(nameOff), uint32(nameLen), "name")
	q.Contexts = r.createContexts(ctxOff, ctxLen)
	return q, r.err
}

// AppendBody appends the body; see [Body].
func (q CreateRequest) AppendBody(b []byte) []byte {
	start := len(b) - HeaderSize
	w := writer{b}
	w.u16(57)
	w.u8(0)
	w.u8(uint8(q.OplockLevel))
	w.u32(uint32(q.Impersonation))
	w.zero(16)
	w.u32(uint32(q.DesiredAccess))
	w.u32(q.FileAttributes)
	w.u32(uint32(q.ShareAccess))
	w.u32(uint32(q.Disposition))
	w.u32(uint32(q.Options))
	w.u16(createRequestFixed)
	w.len16(sizeUTF16(q.Name), "name")
	place := len(w.b)
	w.zero(8)
	w.name(q.Name)
	w.createContexts(q.Contexts, start, place)
	return w.b
}

// CreateResponse describes the open (2.2.14):
//
//	 0 StructureSize 89    2 OplockLevel      3 Flags          4 CreateAction
//	 8 Creation           16 LastAccess      24 LastWrite     32 Change
//	40 AllocationSize     48 EndOfFile       56 Attributes    60 Reserved
//	64 FileId             80 ContextsOffset  84 ContextsLength 88 Buffer
type CreateResponse struct {
	OplockLevel    OplockLevel
	Flags          uint8
	Action         CreateAction
	Creation       Filetime
	LastAccess     Filetime
	LastWrite      Filetime
	Change         Filetime
	AllocationSize uint64
	EndOfFile      uint64
	FileAttributes uint32
	FileID         FileID
	// Contexts alias the message.
	Contexts []CreateContext
}

// ParseCreateResponse reads the body behind the header of msg.
func ParseCreateResponse(msg []byte) (CreateResponse, error) {
	r := readBody(msg, "create response", 89)
	p := CreateResponse{
		OplockLevel:    OplockLevel(r.u8("oplock level")),
		Flags:          r.u8("flags"),
		Action:         CreateAction(r.u32("create action")),
		Creation:       Filetime(r.u64("creation time")),
		LastAccess:     Filetime(r.u64("last access time")),
		LastWrite:      Filetime(r.u64("last write time")),
		Change:         Filetime(r.u64("change time")),
		AllocationSize: r.u64("allocation size"),
		EndOfFile:      r.u64("end of file"),
		FileAttributes: r.u32("file attributes"),
	}
	r.skip(4)
	p.FileID = r.fileID()
	ctxOff, ctxLen := r.u32("contexts offset"), r.u32("contexts length")
	p.Contexts = r.createContexts(ctxOff, ctxLen)
	return p, r.err
}

// AppendBody appends the body; see [Body].
func (p CreateResponse) AppendBody(b []byte) []byte {
	start := len(b) - HeaderSize
	w := writer{b}
	w.u16(89)
	w.u8(uint8(p.OplockLevel))
	w.u8(p.Flags)
	w.u32(uint32(p.Action))
	w.u64(uint64(p.Creation))
	w.u64(uint64(p.LastAccess))
	w.u64(uint64(p.LastWrite))
	w.u64(uint64(p.Change))
	w.u64(p.AllocationSize)
	w.u64(p.EndOfFile)
	w.u32(p.FileAttributes)
	w.u32(0)
	w.fileID(p.FileID)
	place := len(w.b)
	w.zero(8)
	w.createContexts(p.Contexts, start, place)
	return w.b
}
