package fsx

// Kind is what a name stands for.
type Kind uint8

// The kinds of files. Other is a device, a pipe or a socket.
const (
	Regular Kind = iota + 1
	Directory
	Symlink
	Other
)

// String returns the kind in words.
func (k Kind) String() string {
	switch k {
	case Regular:
		return "file"
	case Directory:
		return "directory"
	case Symlink:
		return "symlink"
	case Other:
		return "special file"
	}
	return "unknown"
}

// Info describes a file at one instant. Times are Unix nanoseconds.
type Info struct {
	Dev, Mount, Inode uint64 // zero where the platform does not tell
	Kind              Kind
	Mode              uint32 // permission bits with setuid, setgid and sticky
	Links             uint32
	UID, GID          uint32
	Size              int64
	Allocated         int64 // bytes on disk; less than Size where there are holes
	MTime, CTime      int64
	BTime             int64 // when it was made; 0 where unknown
}

// Entry is one name of a directory.
type Entry struct {
	Name  string
	Kind  Kind
	Inode uint64 // zero where the platform does not tell
}

// Space is the room on a file system, in bytes and files.
type Space struct {
	Free, Total int64 // Free is what an ordinary user may still write
	FreeInodes  int64 // -1 where there is no limit
}
