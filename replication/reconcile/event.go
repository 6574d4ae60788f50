package reconcile

import (
	"dfsd/replication"
	"dfsd/replication/version"
)

// Event is something that happened to one member.
type Event interface{ event() }

// Begin starts a member whose index is new: a first start, or one after the
// index was lost. A scan of the whole tree follows, then Scanned. After a crash
// in between, the caller scans again, as after any crash, and sends Scanned.
type Begin struct {
	Origin  version.Origin // random, never used before
	Primary bool           // this member's content wins at the initial sync
}

// Scanned ends the first scan of the tree. In a later phase it says nothing.
type Scanned struct{}

// Object is what was found on disk.
type Object struct {
	ID     replication.FileID // RootID: an object not met before
	At     Place
	Kind   replication.Kind
	Size   int64
	Hash   replication.Hash
	Target string
	Attr   replication.Attr
}

// Observed reports an object as it stands on disk, changed or not. Parents are
// reported before children.
type Observed struct {
	Object Object
	// Fresh is a random ID for an object that turns out to be new. Later events
	// of the same step may name it by that as the parent of others, whatever it
	// turned out to be.
	Fresh replication.FileID
	// Replaced is the object that had the place before and is gone, RootID if
	// none: programs save by writing a new file and renaming it over the old.
	Replaced replication.FileID
}

// Gone reports that an object is no longer anywhere in the tree. Children are
// reported before parents, and what was moved or replaced before what is gone.
type Gone struct{ ID replication.FileID }

// Batch is what one member tells another in one answer, or a part of it: an
// answer may be cut into several batches, of which all but the last have an
// empty Claim and no Synced. They must be reported in order and without a gap;
// when one is lost, the rest must be dropped.
type Batch struct {
	Records []replication.Record
	// Since is the vector that the answer was made for, Claim what the sender
	// holds: Records are all it has between the two.
	Since, Claim version.Vector
	// Fence is the highest that the sender has heard of.
	Fence uint32
	// Synced tells that the sender is past its initial sync.
	Synced bool
}

// Received reports a batch from another member. One that no honest member
// sends changes nothing and is answered by Refuse.
type Received struct {
	From string // the member, by any name that stays the same
	Batch
}

// Fetched reports how the fetching of a content ended.
type Fetched struct {
	ID   replication.FileID
	Hash replication.Hash
	OK   bool
}

// Unobtainable reports that a content that was wanted exists nowhere any more:
// every member was asked, and the one that made it has lost its index or has
// left. The version that needs it is given up for what is on disk.
type Unobtainable struct {
	ID   replication.FileID
	Hash replication.Hash
}

// Outcome is how an install ended.
type Outcome uint8

// The outcomes of an install. Only Done means that the disk was changed.
const (
	Done    Outcome = iota
	Changed         // something was not as the plan expects; it has been observed anew
	NoSpace
	BadName // this file system cannot hold the name
)

// Installed reports how the plan for ID ended. When it is Done, the change is
// durable.
type Installed struct {
	ID      replication.FileID
	Outcome Outcome
}

// Retry lets everything that failed be tried again.
type Retry struct{}

// Told reports that every member is connected and has told all that it holds, and
// that no answer is under way. What somebody heard of and never came to hold,
// because its maker lost its index, is told by nobody any more then: nothing
// waits for it.
type Told struct{}

func (Begin) event()        {}
func (Scanned) event()      {}
func (Observed) event()     {}
func (Gone) event()         {}
func (Received) event()     {}
func (Fetched) event()      {}
func (Unobtainable) event() {}
func (Installed) event()    {}
func (Retry) event()        {}
func (Told) event()         {}
