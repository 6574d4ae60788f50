package smb2

// Access is an access mask (2.2.13.1).
type Access uint32

// The access rights. The first name of a bit is for files, the second for
// directories.
const (
	AccessReadData        Access = 0x00000001
	AccessListDirectory   Access = 0x00000001
	AccessWriteData       Access = 0x00000002
	AccessAddFile         Access = 0x00000002
	AccessAppendData      Access = 0x00000004
	AccessAddSubdirectory Access = 0x00000004
	AccessReadEA          Access = 0x00000008
	AccessWriteEA         Access = 0x00000010
	AccessExecute         Access = 0x00000020
	AccessTraverse        Access = 0x00000020
	AccessDeleteChild     Access = 0x00000040
	AccessReadAttributes  Access = 0x00000080
	AccessWriteAttributes Access = 0x00000100
	AccessDelete          Access = 0x00010000
	AccessReadControl     Access = 0x00020000
	AccessWriteDAC        Access = 0x00040000
	AccessWriteOwner      Access = 0x00080000
	AccessSynchronize     Access = 0x00100000
	AccessSystemSecurity  Access = 0x01000000
	AccessMaximumAllowed  Access = 0x02000000
	AccessGenericAll      Access = 0x10000000
	AccessGenericExecute  Access = 0x20000000
	AccessGenericWrite    Access = 0x40000000
	AccessGenericRead     Access = 0x80000000
)

// Has reports whether every bit of x is set.
func (a Access) Has(x Access) bool { return a&x == x }

// ShareAccess says what others may do to a file while it is open.
type ShareAccess uint32

// The share access bits.
const (
	ShareRead   ShareAccess = 1
	ShareWrite  ShareAccess = 2
	ShareDelete ShareAccess = 4
)

// Disposition says what CREATE does about a file that exists or does not.
type Disposition uint32

// The dispositions.
const (
	DispositionSupersede Disposition = iota
	DispositionOpen
	DispositionCreate
	DispositionOpenIf
	DispositionOverwrite
	DispositionOverwriteIf
)

// CreateOptions refine CREATE.
type CreateOptions uint32

// The create options that mean something to a server of virtual folders.
const (
	OptionDirectoryFile    CreateOptions = 0x00000001
	OptionNonDirectoryFile CreateOptions = 0x00000040
	OptionDeleteOnClose    CreateOptions = 0x00001000
	OptionOpenByFileID     CreateOptions = 0x00002000
	OptionOpenReparsePoint CreateOptions = 0x00200000
)

// Has reports whether every bit of x is set.
func (o CreateOptions) Has(x CreateOptions) bool { return o&x == x }

// CreateAction says what CREATE did.
type CreateAction uint32

// The create actions.
const (
	ActionSuperseded CreateAction = iota
	ActionOpened
	ActionCreated
	ActionOverwritten
)

// Impersonation says how far the server may act as the client.
type Impersonation uint32

// The impersonation levels.
const (
	ImpersonationAnonymous Impersonation = iota
	ImpersonationIdentification
	ImpersonationImpersonation
	ImpersonationDelegate
)

// OplockLevel is a caching promise on an open.
type OplockLevel uint8

// The oplock levels.
const (
	OplockNone      OplockLevel = 0x00
	OplockII        OplockLevel = 0x01
	OplockExclusive OplockLevel = 0x08
	OplockBatch     OplockLevel = 0x09
	OplockLease     OplockLevel = 0xFF
)
