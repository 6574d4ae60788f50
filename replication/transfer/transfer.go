package transfer

import (
	"context"
	"time"

	"go.uber.org/zap"

	"dfsd/internal/fsx"
	"dfsd/replication"
	"dfsd/replication/chunk"
	"dfsd/replication/version"
	"dfsd/replication/wire"
)

// Local is what this member can read of one folder. It is safe for concurrent
// use.
type Local interface {
	// Open opens the content want.Hash: of the object want.ID if that has it, of
	// any other live or preserved file otherwise; wire.ErrNotFound if none has.
	// The caller closes f. still, called after reading, tells whether the file
	// is the version that was opened (nil) or not (wire.ErrChanged).
	Open(want wire.Want) (f fsx.File, size int64, still func() error, err error)
	// List returns the chunks of a content whose list is known here, even if
	// its bytes are no longer held.
	List(h replication.Hash) (chunk.List, bool)
	// Similar returns contents held here that are likely to share chunks with
	// one of traits t, the likeliest first.
	Similar(t chunk.Traits) []replication.Hash
	// KeepList is told of lists that were computed on the way. The chunks are
	// the callee's, which must not change them.
	KeepList(l chunk.List)
}

// Partner is one member that can be asked; *peer.Session is one. Messages that
// are given to each may alias each other and are each's to keep.
type Partner interface {
	Call(ctx context.Context, lane wire.Lane, m wire.Message) (wire.Message, error)
	Stream(ctx context.Context, lane wire.Lane, m wire.Message, each func(wire.Message) error) error
}

// Source is a partner that is connected.
type Source struct {
	Host    string // names it in Progress and in logs
	Partner Partner
	// Holds tells whether the partner has the content of a version; nil: ask it
	// for any. It may be called concurrently.
	Holds func(version.Stamp) bool
}

// Job is one content wanted.
type Job struct {
	Record  replication.Record // of a file; ID, Stamp, Size and Hash count
	Base    replication.Hash   // the content on disk of the same object
	HasBase bool
	// AskAll asks all sources where none of those has it that claim to hold the
	// version.
	AskAll bool
}

// Result is what became of one job. Without Err the content is in Bytes or in
// Staged.
type Result struct {
	ID     replication.FileID
	Hash   replication.Hash
	Bytes  []byte      // of a small file; the receiver's to keep
	Staged string      // of a large one: a complete temporary in staging, which is the receiver's from now on
	List   *chunk.List // of a large one: its chunks, which nobody may change
	// Err wraps wire.ErrNotFound when every source that could be asked says
	// that the content is not there, fsx.ErrNoSpace when there is no room for
	// it, chunk.ErrMismatch or wire.ErrProtocol when sources sent wrong things.
	Err  error
	Gone bool // all connected sources were asked, and none has it
	// Unclaimed: no source claims to hold the version either.
	Unclaimed bool
}

// Options is what a Fetcher works with.
type Options struct {
	Folder  wire.FolderKey
	Local   Local
	Staging fsx.Dir // of temporaries; stays the caller's. Names that begin with "dfsd-" are left alone.
	// Quota is how many bytes large contents may have in staging together,
	// from their first byte until the receiver of the result has used them up;
	// 0: no bound. A content larger than that goes alone.
	Quota int64
	// Partners returns who can be asked now, the best first. It may be called
	// concurrently.
	Partners func() []Source
	Now      func() time.Time // nil: time.Now
	Log      *zap.Logger      // nil: nobody hears
}

// Progress sums up the work of a Fetcher. Bytes are those of contents.
type Progress struct {
	Queued      int   // jobs that have no result yet, those under way included
	QueuedBytes int64 // of those
	Done        int64 // contents delivered
	DoneBytes   int64
	Failed      int64            // results with an error
	Received    map[string]int64 // bytes of content that came from each host
}
