package smb2

// ShareType says what a share holds.
type ShareType uint8

// The share types.
const (
	ShareDisk    ShareType = 1
	SharePipe    ShareType = 2
	SharePrinter ShareType = 3
)

// ShareFlags are the properties of a share (2.2.10).
type ShareFlags uint32

// The share flags. The caching mask 0x30 holds one of the four Cache values.
const (
	ShareFlagDFS             ShareFlags = 0x00000001
	ShareFlagDFSRoot         ShareFlags = 0x00000002
	ShareFlagManualCaching   ShareFlags = 0x00000000
	ShareFlagAutoCaching     ShareFlags = 0x00000010
	ShareFlagVDOCaching      ShareFlags = 0x00000020
	ShareFlagNoCaching       ShareFlags = 0x00000030
	ShareFlagAccessBasedEnum ShareFlags = 0x00000800
	ShareFlagEncryptData     ShareFlags = 0x00008000
)

// ShareCapabilities are what a share can do.
type ShareCapabilities uint32

// ShareCapDFS marks a share of a DFS namespace. Clients differ in whether they
// look here or at ShareFlagDFS, so servers set both.
const ShareCapDFS ShareCapabilities = 0x00000008

// TreeConnectRequest names a share (2.2.9):
//
//	0 StructureSize 9   2 Flags   4 PathOffset   6 PathLength   8 Buffer
type TreeConnectRequest struct {
	Flags uint16
	// Path is `\\host\share`.
	Path string
}

// ParseTreeConnectRequest reads the body behind the header of msg. The error
// may wrap ErrBadName.
func ParseTreeConnectRequest(msg []byte) (TreeConnectRequest, error) {
	r := readBody(msg, "tree connect request", 9)
	q := TreeConnectRequest{Flags: r.u16("flags")}
	off, n := r.u16("path offset"), r.u16("path length")
	q.Path = r.name(uint32(off), uint32(n), "path")
	return q, r.err
}

// AppendBody appends the body; see [Body].
func (q TreeConnectRequest) AppendBody(b []byte) []byte {
	w := writer{b}
	w.u16(9)
	w.u16(q.Flags)
	w.u16(HeaderSize + 8)
	w.len16(sizeUTF16(q.Path), "path")
	w.name(q.Path)
	return w.b
}

// TreeConnectResponse describes the share (2.2.10):
//
//	0 StructureSize 16   2 ShareType   3 Reserved   4 ShareFlags
//	8 Capabilities      12 MaximalAccess
type TreeConnectResponse struct {
	Type          ShareType
	Flags         ShareFlags
	Capabilities  ShareCapabilities
	MaximalAccess Access
}

// ParseTreeConnectResponse reads the body behind the header of msg.
func ParseTreeConnectResponse(msg []byte) (TreeConnectResponse, error) {
	r := readBody(msg, "tree connect response", 16)
	p := TreeConnectResponse{Type: ShareType(r.u8("share type"))}
	r.skip(1)
	p.Flags = ShareFlags(r.u32("share flags"))
	p.Capabilities = ShareCapabilities(r.u32("capabilities"))
	p.MaximalAccess = Access(r.u32("maximal access"))
	return p, r.err
}

// AppendBody appends the body; see [Body].
func (p TreeConnectResponse) AppendBody(b []byte) []byte {
	w := writer{b}
	w.u16(16)
	w.u8(uint8(p.Type))
	w.u8(0)
	w.u32(uint32(p.Flags))
	w.u32(uint32(p.Capabilities))
	w.u32(uint32(p.MaximalAccess))
	return w.b
}
