package reconcile

import (
	"dfsd/replication"
	"dfsd/replication/version"
)

// Action is something that the caller does after Step has returned: by then
// the store holds all that the action rests on.
type Action interface{ action() }

// Identified tells which object an Observed was.
type Identified struct{ ID replication.FileID }

// Want asks for the content of Record; Fetched answers it. The content is kept
// until an install took it or another version is wanted. It may be wanted again
// after it was fetched: Limits bound what is wanted or kept at once, and a
// content that cannot be installed yet makes room for one that can.
type Want struct{ Record replication.Record }

// Refuse tells that a batch broke the protocol and was left out. The peer
// should be cut off.
type Refuse struct {
	From string
	Err  error // wraps ErrProtocol
}

// Claim tells that the member now holds more than before.
type Claim struct{ Held version.Vector }

// Install asks for one change of the tree; Installed answers it.
type Install struct{ Plan Plan }

// Op is what a plan does to the tree.
type Op uint8

// The operations. Each is one atomic step on disk, after what it preserves has
// been preserved durably.
const (
	Create  Op = iota + 1 // put a new file, link or directory at To
	Replace               // put other content or attributes in the place of the object
	Move                  // from From to To, in the tree or in or out of the holding directory
	Adopt                 // give the Occupant the identity ID and the attributes of Record
	Delete                // remove the file or link at From
	Rmdir                 // remove the empty directory at From
)

// String returns the name of o.
func (o Op) String() string {
	return [...]string{"nothing", "create", "replace", "move", "adopt", "delete", "rmdir"}[o]
}

// Reason says why an object is preserved.
type Reason uint8

// The reasons.
const (
	Conflict    Reason = iota + 1 // it lost against a version that did not know it
	Deleted                       // it was deleted elsewhere
	PreExisting                   // it stood here before the initial sync
)

// Loser is an object that a plan preserves before it goes.
type Loser struct {
	Record replication.Record // as it is on disk
	Reason Reason
}

// Plan is one change of the tree, with all that must hold for it. The caller
// answers Changed, and does nothing, unless the object is as Expect says at
// From, To is empty or taken by just the Occupant as it is described, and the
// directory that Rmdir removes is empty.
type Plan struct {
	ID     replication.FileID
	Op     Op
	Record replication.Record // what the object shall be

	From   Place
	Expect *replication.Record // nil: the object is not on disk
	To     Place

	Occupant *replication.Record // nil: To is free
	Preserve *Loser              // nil: nothing is lost
}

func (Identified) action() {}
func (Want) action()       {}
func (Refuse) action()     {}
func (Claim) action()      {}
func (Install) action()    {}
