package reconcile

import (
	"dfsd/replication"
	"dfsd/replication/version"
)

// Place is where an object stands: a directory and a name in it.
type Place struct {
	Parent replication.FileID
	Name   string
}

// HoldID stands for the private directory where an object waits when another
// needs its name before its own new one is free.
var HoldID = replication.FileID{0: 0xff, 15: 0xff}

// Entry is all that a member knows of one object. A tree that is settled has
// Known and Disk equal in every entry.
type Entry struct {
	ID replication.FileID

	// Known is the greatest version heard of, by [replication.Record.Beats].
	Known replication.Record
	// Pending tells that Known is not on disk. Since is what had been seen when
	// that began: of what was seen later, some may be versions of this object
	// that Known made superfluous and the disk does not hold. Own is the first
	// count given out here for a version that is pending, 0 for none.
	Pending bool
	Since   version.Vector
	Own     uint64

	// OnRecord tells whether Disk is set: the version that the disk holds, a
	// tombstone included. It only ever rises in the total order.
	OnRecord bool
	Disk     replication.Record
	// At is where the object stands while Disk is no tombstone.
	At Place

	// Doing is the version that an install was begun for; what a crash leaves
	// half done is recognised by it.
	Doing *replication.Record

	// Foreign marks an object that stood here before the initial sync: its Disk
	// has no stamp, and it is not spoken of to anyone.
	Foreign bool
	// Wanted marks an entry that is not settled: the work list.
	Wanted bool
}

// Live tells whether the object is on this member's disk.
func (e *Entry) Live() bool { return e.OnRecord && !e.Disk.Deleted }

// Phase is how far a member is with its initial sync.
type Phase uint8

// The phases, in order.
const (
	Scanning Phase = iota // the disk is being looked through for the first time
	Joining               // waiting for what the others hold
	Merging               // all of it is heard of, not all is installed
	Normal
)

// Meta is what a member knows beside its entries.
type Meta struct {
	Phase   Phase
	Primary bool
	Origin  version.Origin
	Count   uint64         // of the last stamp given out
	Fence   uint32         // the highest heard of
	Seen    version.Vector // every stamp in it: Known is that version or a greater one
	Held    version.Vector // every stamp in it: Disk is that version or a greater one
}

// Store keeps the entries and the Meta of one member. What was put is seen by
// later reads at once and is durable when Commit returned nil; after a crash
// all or nothing since the last Commit is there. A State uses it alone.
type Store interface {
	Entry(id replication.FileID) (Entry, bool, error)
	// Children returns the entries that have dir as the parent of Known, as the
	// parent of At, or as Into, in ascending order of ID.
	Children(dir replication.FileID) ([]Entry, error)
	// At returns the live entries that stand at p, in ascending order of ID.
	At(p Place) ([]Entry, error)
	// Wanted returns the entries of the work list, in ascending order of ID.
	Wanted() ([]Entry, error)
	// Foreign returns the entries marked so, in ascending order of ID.
	Foreign() ([]Entry, error)
	// Newer returns the Disk records whose stamps v lacks, foreign ones left
	// out, in ascending order of stamp.
	Newer(v version.Vector) ([]replication.Record, error)
	Put(e Entry) error
	Drop(id replication.FileID) error
	Meta() (Meta, error)
	PutMeta(m Meta) error
	Commit() error
}
