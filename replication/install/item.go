package install

import (
	"dfsd/internal/fsx"
	"dfsd/replication"
)

// Op is what an item does.
type Op uint8

// The operations.
const (
	// Put brings the object of Item.Record to Item.Path: a file with its
	// content, an empty directory, or a symbolic link.
	Put Op = iota + 1
	// SetAttr changes owner, mode, times and attributes of what is at Path.
	// A file with several names gets a copy of its own at Path, so that the
	// other names keep what they have.
	SetAttr
	// Move renames what is at Path to To, which must be free. Moves that
	// stand side by side in a batch are one: they come in any order, may trade
	// names in a cycle, and their Path is that of before, their To that of
	// after all of them.
	Move
	// Remove takes the object at Path away; a directory only when empty.
	Remove
)

// String returns the operation as logs show it.
func (o Op) String() string {
	switch o {
	case Put:
		return "put"
	case SetAttr:
		return "setattr"
	case Move:
		return "move"
	case Remove:
		return "remove"
	}
	return "unknown"
}

// Item is one change of a batch. Paths go from the root of the folder with
// "/" between components, and are those at the item's turn.
type Item struct {
	Op     Op
	Path   string
	To     string              // of a Move
	Expect Identity            // what is at Path; zero: nothing is
	Record *replication.Record // of Put and SetAttr: what shall be there

	// Content of a file that is Put: the name of a complete temporary in
	// staging, or if that is empty the bytes themselves. A temporary is used
	// up when the item is done and stays otherwise.
	Staged string
	Bytes  []byte

	// Preserve says what becomes of the file that Put replaces or Remove takes
	// away.
	Preserve Preserve
}

// Reason is why a file is preserved.
type Reason string

// The reasons. The empty one: the file is superseded and need not be kept. By
// them Options.Quota says what goes first: what was Replaced, then what was
// Deleted, and all others last.
const (
	Superseded  Reason = ""
	Conflicting Reason = "conflict"
	Deleted     Reason = "deleted"
	Replaced    Reason = "replaced"
	PreExisting Reason = "pre-existing"
	Recovered   Reason = "recovered" // found after a crash without a line of its own
)

// Preserve describes the file that makes way.
type Preserve struct {
	Why    Reason
	By     string              // the member whose version won
	Record *replication.Record // of the file that makes way; nil when unknown
}

// Outcome is what became of an item.
type Outcome uint8

// The outcomes.
const (
	// Done: it is on disk, durable and visible.
	Done Outcome = iota + 1
	// Conflict: the disk is not what the caller expected; nothing was changed.
	Conflict
	// NoSpace: no room for content, names or quota.
	NoSpace
	// Denied: no permission, or a read-only file system.
	Denied
	// NameImpossible: this file system cannot hold the name, or it is ours.
	NameImpossible
	// Failed: anything else; Result.Err has it.
	Failed
)

// String returns the outcome as logs show it.
func (o Outcome) String() string {
	switch o {
	case Done:
		return "done"
	case Conflict:
		return "conflict"
	case NoSpace:
		return "no space"
	case Denied:
		return "denied"
	case NameImpossible:
		return "name impossible"
	case Failed:
		return "failed"
	}
	return "unknown"
}

// Result is what became of one item.
type Result struct {
	Outcome   Outcome
	Identity  Identity   // Done: of what is at the path now, by which our own write is recognised; zero after Remove
	Preserved string     // the entry that holds what made way; empty when nothing was kept
	Degraded  []Degraded // Done: what this file system did not take
	Err       error      // nil when Done
}

// Degraded is one piece of metadata that a file system did not take. The
// caller keeps the record as it is and shows the file as degraded here.
type Degraded struct {
	Facet string // "owner", "mode", or the name of an extended attribute
	Err   error
}

// Identity is how a file looks on disk. A file that looks the same again has
// not been changed. The zero value is no file.
type Identity struct {
	Dev   uint64   `json:"dev"`
	Inode uint64   `json:"ino"`
	Kind  fsx.Kind `json:"kind"`
	Size  int64    `json:"size"`
	MTime int64    `json:"mtime"`           // Unix nanoseconds
	CTime int64    `json:"ctime"`           // Unix nanoseconds; 0 in an identity that no file has
	BTime int64    `json:"btime,omitempty"` // when it was made, Unix nanoseconds; 0 where unknown
}

// IdentityOf returns how the file of i looks.
func IdentityOf(i fsx.Info) Identity {
	return Identity{Dev: i.Dev, Inode: i.Inode, Kind: i.Kind, Size: i.Size, MTime: i.MTime, CTime: i.CTime, BTime: i.BTime}
}

// IsZero tells whether id is that of no file.
func (id Identity) IsZero() bool { return id == Identity{} }

// unchanged tells whether id is still that of the file of i. A directory's
// stamps change with its entries, so only itself counts.
func (id Identity) unchanged(i fsx.Info) bool {
	return id.sameFile(i) && (id.Kind == fsx.Directory || id == IdentityOf(i))
}

// moved is unchanged after a rename of our own, which sets a new CTime.
func (id Identity) moved(i fsx.Info) bool {
	id.CTime = i.CTime
	return id.unchanged(i)
}

// at is id as it was noted before the volume of i was mounted anew, perhaps under
// another number.
func (id Identity) at(i fsx.Info) Identity {
	id.Dev = i.Dev
	return id
}

func (id Identity) sameFile(i fsx.Info) bool {
	return id.Dev == i.Dev && id.Inode == i.Inode && id.Kind == i.Kind
}
