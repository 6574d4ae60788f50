package reconcile

import (
	"iter"

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
//
// Entries are values: nobody changes what a pointer or a slice in one refers to,
// so a store may keep and hand out the same again.
type Store interface {
	// Entry returns the entry of id, and whether there is one.
	Entry(id replication.FileID) (Entry, bool, error)
	// Children returns, ascending by ID, the entries that stand in dir (live,
	// At.Parent), that belong there (Known not deleted, Known.Parent), and those
	// with Known.Displaced and Known.Into == dir. Tombstones of what is gone are
	// otherwise left out.
	Children(dir replication.FileID) ([]Entry, error)
	// At returns the live entries that stand at p, ascending by ID.
	At(p Place) ([]Entry, error)
	// Wanted yields the work list ascending by ID, as it was when the iteration
	// began. Only New reads it, and a Told.
	Wanted() iter.Seq2[Entry, error]
	// Foreign yields the entries marked so ascending by ID, as they were when the
	// iteration began. Callers stop early.
	Foreign() iter.Seq2[Entry, error]
	// Newer yields the Disk records whose stamps v lacks, foreign ones left out,
	// ascending by stamp.
	Newer(v version.Vector) iter.Seq2[replication.Record, error]
	// Put sets the entry of e.ID.
	Put(e Entry) error
	// Drop removes the entry of id.
	Drop(id replication.FileID) error
	// Meta returns what PutMeta set last, the zero Meta in a new store.
	Meta() (Meta, error)
	PutMeta(m Meta) error
	// Commit makes all puts and drops since the last one durable together.
	Commit() error
}
