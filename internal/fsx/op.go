package fsx

// Op names a call of the seam.
type Op uint8

// The calls, in the order of the interfaces.
const (
	OpOpenRoot Op = iota + 1
	OpInfo
	OpChmod
	OpChown
	OpSetMTime
	OpXattrs
	OpXattr
	OpSetXattr
	OpRemoveXattr
	OpSync
	OpClose
	OpReadAt
	OpWriteAt
	OpSyncData
	OpTruncate
	OpPunchHole
	OpAllocate
	OpSeekData
	OpSeekHole
	OpCopyFrom
	OpClone
	OpOpenDir
	OpReadDir
	OpStat
	OpOpen
	OpOpenLink
	OpCreate
	OpCreateUnnamed
	OpMkdir
	OpSymlink
	OpReadlink
	OpLink
	OpLinkUnnamed
	OpRename
	OpRemove
	OpRemoveDir
	OpSyncFS
	OpSpace
)

var opNames = [...]string{
	"", "openroot", "info", "chmod", "chown", "setmtime", "xattrs", "xattr", "setxattr", "removexattr", "sync", "close",
	"read", "write", "syncdata", "truncate", "punchhole", "allocate", "seekdata", "seekhole", "copy", "clone",
	"opendir", "readdir", "stat", "open", "openlink", "create", "createunnamed", "mkdir", "symlink", "readlink",
	"link", "linkunnamed", "rename",
	"remove", "removedir", "syncfs", "space",
}

// String returns the call's name as traces and errors show it.
func (o Op) String() string {
	if int(o) < len(opNames) {
		return opNames[o]
	}
	return "unknown"
}

// Changes tells whether the call may change what is on disk.
func (o Op) Changes() bool {
	switch o {
	case OpChmod, OpChown, OpSetMTime, OpSetXattr, OpRemoveXattr, OpWriteAt, OpTruncate, OpPunchHole, OpAllocate,
		OpCopyFrom, OpClone, OpCreate, OpCreateUnnamed, OpMkdir, OpSymlink, OpLink,
		OpLinkUnnamed, OpRename, OpRemove, OpRemoveDir, OpSync, OpSyncData, OpSyncFS:
		return true
	}
	return false
}
