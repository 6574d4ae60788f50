package admin

import (
	"context"

	"dfsd/replication/status"
)

// ErrNoReplication says that the host replicates nothing: its configuration
// puts it in no replication group. It is an ErrNotFound.
var ErrNoReplication error = &narrowError{ErrNotFound, "this host replicates nothing: its configuration puts it in no replication group"}

// ErrUnknownFolder says that the host replicates no such folder. It is an
// ErrNotFound; wrap it with the name that was asked for.
var ErrUnknownFolder error = &narrowError{ErrNotFound, "no such replicated folder on this host"}

// narrowError is a sentinel that is another sentinel too, in words of its own.
type narrowError struct {
	of   error
	text string
}

func (e *narrowError) Error() string { return e.text }
func (e *narrowError) Unwrap() error { return e.of }

// Limits of what one question may ask for.
const (
	// DefaultBacklog is how many files a backlog lists in each direction where
	// the question names no limit.
	DefaultBacklog = 20
	// MaxBacklog is the most; larger limits are lowered to it.
	MaxBacklog = 100_000
)

// Replicas answers for the replicated folders of one host, and steers them. It
// is safe for concurrent use. Folders are named "group/folder"; "" means all.
// The engine implements it; ReplicasClient is the same over the socket.
//
// Errors that wrap ErrNotFound, ErrUnknownFolder, ErrNoReplication,
// ErrBadRequest or context.DeadlineExceeded keep that meaning over the socket;
// all others keep their words alone.
type Replicas interface {
	// Status answers all folders of this host.
	Status(ctx context.Context) (status.Replication, error)
	// Backlog answers each direction between this host and member, or all its
	// partners where member is "", with at most limit files in each; 0 asks for
	// the totals alone.
	Backlog(ctx context.Context, folder, member string, limit int) ([]status.Backlog, error)
	// Pause stops a folder, also over restarts, until Resume. Pausing a paused
	// folder is no error.
	Pause(ctx context.Context, folder string) error
	// Resume ends what Pause began.
	Resume(ctx context.Context, folder string) error
	// Sync has the folder compared with the disk and asks all partners anew. It
	// returns when that was begun, or with wait when nothing is owed in either
	// direction; the end of ctx ends the waiting, not the work.
	Sync(ctx context.Context, folder string, wait bool) error
	// Inspect answers what is known of one path: an absolute one of this host,
	// or group/folder/path.
	Inspect(ctx context.Context, path string) (status.File, error)
	// Preserved lists what the preserved store holds, oldest first.
	Preserved(ctx context.Context, folder string) ([]status.PreservedFile, error)
	// Restore takes a file out of the preserved store and answers where it
	// stands now, as an absolute path of this host. It goes to where it was, or
	// to the path to, relative to the folder or absolute below it. Nothing is
	// overwritten: a taken name gets a suffix. The folder is never "".
	Restore(ctx context.Context, folder, id, to string) (string, error)
}

// RestoreAnswer says where a restored file stands now.
type RestoreAnswer struct {
	Folder string `json:"folder"` // group/folder
	ID     string `json:"id"`
	Path   string `json:"path"`
}

// Change is the answer to a change of replication that has no result but its
// success.
type Change struct {
	Folder string `json:"folder"` // group/folder, "" for all of the host
	Did    string `json:"did"`    // paused, resumed, started, finished
}
