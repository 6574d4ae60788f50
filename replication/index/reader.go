package index

import (
	"errors"

	"github.com/cockroachdb/pebble/v2"

	"dfsd/replication/version"
)

// Reader reads an index, noun by noun. It is safe for concurrent use. Errors
// other than ErrNotFound are ErrCorrupt or those of the disk.
type Reader struct {
	Records Records
	Disk    Disk
	Wanted  Wanted
	Peers   Peers
	Lists   Lists

	t table
}

func newReader(r pebble.Reader, h *health) Reader {
	t := table{r: r, h: h}
	return Reader{Records: Records{t}, Disk: Disk{t}, Wanted: Wanted{t}, Peers: Peers{t}, Lists: Lists{t}, t: t}
}

// Knowledge returns the versions that this member knows of: empty for a new
// index.
func (r Reader) Knowledge() (version.Vector, error) {
	payload, err := r.t.get(keyKnowledge)
	if errors.Is(err, ErrNotFound) {
		return version.Vector{}, nil
	}
	if err != nil {
		return version.Vector{}, err
	}
	known, rest, err := version.ParseVector(payload)
	if err == nil && len(rest) > 0 {
		err = errMalformed
	}
	if err != nil {
		return version.Vector{}, r.t.damaged(keyKnowledge, err)
	}
	return known, nil
}

// Snapshot is a Reader of the index as it was at one instant. Close it soon:
// while it is open, what it sees stays on disk.
type Snapshot struct {
	Reader
	s *pebble.Snapshot
}

// Close ends the snapshot. No read of it may be under way or follow.
func (s *Snapshot) Close() error { return s.s.Close() }
