package dcerpc

// Host is what the pipes tell about this server. It is copied into each Pipe;
// Shares is called once per call that lists shares.
type Host struct {
	// Name and Domain are as NetBIOS would have them, without backslashes.
	Name, Domain string
	Comment      string
	// Shares returns the shares in the order to list them. The caller does
	// not change what it returns.
	Shares func() []Share
}

// Share is one share as [MS-SRVS] describes it.
type Share struct {
	Name    string
	Comment string
	Type    ShareType
	// DFSRoot marks the root of a namespace (SHI1005_FLAGS_DFS_ROOT).
	DFSRoot bool
}

// ShareType is the type of a share ([MS-SRVS] 2.2.2.4).
type ShareType uint32

// The share types that a namespace server has.
const (
	Disktree ShareType = 0x00000000
	IPC      ShareType = 0x80000003 // STYPE_IPC with STYPE_SPECIAL: hidden from browsing
)

// What both interfaces tell as the version: Windows 10's, whose behaviour the
// front door follows.
const (
	platformNT   = 500 // PLATFORM_ID_NT
	versionMajor = 10
	versionMinor = 0
)

// Status codes of [MS-ERREF] 2.2 that the operations return.
const (
	statusSuccess      = 0
	statusMoreData     = 234
	statusInvalidLevel = 124
	statusNetName      = 2310 // NERR_NetNameNotFound
)
