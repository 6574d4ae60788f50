package fsx

import "io"

// FS opens the directories below which all else happens.
type FS interface {
	// OpenRoot opens the directory at path, a path of the operating system.
	// Symbolic links on the way to it are followed: they belong to the
	// administrator, what is below it to the users.
	OpenRoot(path string) (Dir, error)
}

// A Handle holds one file, directory or symbolic link and reads or changes
// its metadata.
type Handle interface {
	// Info describes what the handle holds, whatever its name is now.
	Info() (Info, error)
	// Chmod sets the permission bits with setuid, setgid and sticky.
	Chmod(mode uint32) error
	Chown(uid, gid uint32) error
	// SetMTime sets the time of the last change of content, in Unix
	// nanoseconds, and leaves the access time.
	SetMTime(ns int64) error
	// Xattrs lists the names of the extended attributes, sorted.
	Xattrs() ([]string, error)
	// Xattr returns a value, or ErrNoXattr.
	Xattr(name string) ([]byte, error)
	SetXattr(name string, value []byte) error
	RemoveXattr(name string) error
	// Sync makes content and metadata durable; of a directory, its entries.
	Sync() error
	Close() error
}

// A File is an open regular file. ReadAt, WriteAt and CopyFrom follow the
// contracts of io.ReaderAt and io.WriterAt.
type File interface {
	Handle
	io.ReaderAt
	io.WriterAt
	// SyncData makes the content durable, and of the metadata only what is
	// needed to read it.
	SyncData() error
	Truncate(size int64) error
	// PunchHole makes n bytes at off read as zero and gives their space back.
	PunchHole(off, n int64) error
	// Allocate reserves space for n bytes at off; the size stays.
	Allocate(off, n int64) error
	// SeekData returns where the first data at or after off begins, and
	// io.EOF when there is none. SeekHole does it for holes; the end of the
	// file is a hole.
	SeekData(off int64) (int64, error)
	SeekHole(off int64) (int64, error)
	// CopyFrom copies n bytes at srcOff of src to off without bringing them
	// through this process, and returns how many it copied: fewer only at the
	// end of src or with an error. ErrUnsupported means: read and write them.
	CopyFrom(src File, srcOff, off, n int64) (int64, error)
	// Clone shares all content of src, where the file system can.
	Clone(src File) error
}

// A Dir is an open directory. It is wider than an interface should be: its
// methods are the system calls of a replicated folder, each of which must be
// able to fail alone.
type Dir interface {
	Handle
	// OpenDir opens a directory below this one; "." opens it again.
	OpenDir(path string) (Dir, error)
	// ReadDir calls yield for each entry, in no order, until it returns false.
	ReadDir(yield func(Entry) bool) error
	// Stat describes a name without following it; "." is the directory.
	Stat(path string) (Info, error)
	// Open opens a regular file; anything else is ErrNotRegular.
	Open(path string, access Access) (File, error)
	// OpenLink holds a symbolic link itself, for Info, Chown and SetMTime.
	OpenLink(path string) (Handle, error)
	// Create makes a file that did not exist, for reading and writing.
	Create(path string, mode uint32) (File, error)
	// CreateUnnamed makes a file for reading and writing that has no name, on
	// this directory's file system. It goes with its handle, or with the power,
	// unless LinkUnnamed has given it one. ErrUnsupported: not to be had here.
	CreateUnnamed(mode uint32) (File, error)
	Mkdir(path string, mode uint32) error
	// Symlink makes path a symbolic link to target, which is not looked at.
	Symlink(target, path string) error
	Readlink(path string) (string, error)
	// Link gives the file at path a second name in another directory.
	Link(path string, to Dir, newPath string) error
	// LinkUnnamed gives a file of CreateUnnamed, of the same back end, the name
	// path in one step; ErrExist when that is taken. A directory's Sync need
	// not make it durable, since the file has changed too: SyncFS does, or Sync
	// of both.
	LinkUnnamed(f File, path string) error
	// Rename moves path to newPath below to, a Dir of the same back end.
	// ErrUnsupported: the file system cannot do it in this mode, or a
	// directory would end up inside itself.
	Rename(path string, to Dir, newPath string, how RenameMode) error
	// Remove removes a name that is not a directory.
	Remove(path string) error
	// RemoveDir removes an empty directory.
	RemoveDir(path string) error
	// SyncFS makes everything durable that was done on this file system.
	SyncFS() error
	Space() (Space, error)
}

// Access is what a file is opened for.
type Access uint8

// What a file can be opened for.
const (
	ReadOnly Access = iota
	ReadWrite
)

// RenameMode is what a rename does when the new name is taken.
type RenameMode uint8

const (
	// Replace replaces it.
	Replace RenameMode = iota
	// NoReplace fails with ErrExist.
	NoReplace
	// Exchange swaps the two names in one step; both must exist.
	Exchange
)

// String returns the mode as traces show it.
func (m RenameMode) String() string {
	switch m {
	case NoReplace:
		return "noreplace"
	case Exchange:
		return "exchange"
	}
	return "replace"
}
