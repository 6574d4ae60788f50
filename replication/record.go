package replication

import (
	"encoding/hex"

	"dfsd/replication/version"
)

// FileID names one file, directory or symbolic link for life: it survives
// edits, renames and moves, and is never used again.
type FileID [16]byte

// RootID is the root of the replicated folder. It has no record.
var RootID FileID

// String returns id in hexadecimal.
func (id FileID) String() string { return hex.EncodeToString(id[:]) }

// Hash is the BLAKE3-256 of a file's content.
type Hash [32]byte

// Kind says what an object is. It never changes during the life of a FileID.
type Kind uint8

// The kinds of objects that replicate.
const (
	File Kind = iota + 1
	Directory
	Symlink
)

// String returns the name of k.
func (k Kind) String() string {
	switch k {
	case File:
		return "file"
	case Directory:
		return "directory"
	case Symlink:
		return "symlink"
	default:
		return "unknown"
	}
}

// Xattr is one extended attribute.
type Xattr struct {
	Name  string
	Value []byte
}

// Attr is what an object carries beside its content.
type Attr struct {
	Mode     uint32 // permission bits, set-user-ID, set-group-ID, sticky; no type bits
	UID, GID uint32
	MTime    int64   // Unix nanoseconds
	Xattrs   []Xattr // ascending by name: user.*, system.posix_acl_access, system.posix_acl_default
}

// Record is one version of one object. Of each object a member keeps the
// greatest version that it heard of ([Record.Beats]). Records are values;
// what they point to is not changed once they are made.
type Record struct {
	ID, Parent FileID
	Name       string // one component, bytes as the file system has them
	Kind       Kind

	Deleted   bool   // a tombstone: no content, no attributes
	Displaced bool   // a tombstone for good, because another object took the name
	Into      FileID // of a displaced directory: the one that took its name and now holds its children

	Stamp   version.Stamp  // who made this version
	History version.Vector // every version of this object that the maker built on, Stamp included
	Fence   uint32         // higher wins; raised by the primary at the initial sync
	Created int64          // Unix nanoseconds of the object's first version; the same for life
	Clock   int64          // Unix nanoseconds, logical: greater than that of every version in History

	Size   int64  // bytes of content; 0 for all but files
	Hash   Hash   // of the content; zero for all but files
	Target string // of a symbolic link
	Attr   Attr
}

// Tombstone returns the record that follows r when its object is deleted; the
// caller sets Stamp, History, Fence and Clock as for any version.
func (r *Record) Tombstone() Record {
	return Record{
		ID: r.ID, Parent: r.Parent, Name: r.Name, Kind: r.Kind, Deleted: true,
		Stamp: r.Stamp, History: r.History, Fence: r.Fence, Created: r.Created, Clock: r.Clock,
	}
}

// SameContent tells whether r and o hold the same bytes: two files of one size
// and hash, two symbolic links to one target, two directories. A tombstone
// holds none and is the same as none.
func (r *Record) SameContent(o *Record) bool {
	return !r.Deleted && !o.Deleted && r.Kind == o.Kind && r.Size == o.Size && r.Hash == o.Hash && r.Target == o.Target
}
