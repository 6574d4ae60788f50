package wire

import (
	"encoding/binary"
	"fmt"
	"time"
)

// State is that of one folder on one member.
type State uint8

// The states of a folder, as `replication status` prints them.
const (
	InitialSync State = iota
	Normal
	Paused
	Recovering
	Failed
	states
)

var stateNames = [states]string{"initial-sync", "normal", "paused", "recovering", "error"}

func (s State) String() string {
	if s < states {
		return stateNames[s]
	}
	return fmt.Sprintf("state %d", uint8(s))
}

// Status sums up one folder on the member that sends it.
type Status struct {
	Folder       FolderKey
	State        State
	Files, Bytes int64         // in the folder
	BacklogFiles int64         // not yet here, of what the receiver of this message has
	BacklogBytes int64         // of content
	Oldest       time.Duration // age of the oldest of them; whole seconds travel
	Free         int64         // bytes of room on the folder's volume
}

// Type is TypeStatus.
func (Status) Type() Type { return TypeStatus }

// Append writes folder, state, files, bytes, backlog in files and bytes, age in
// seconds, and free bytes.
func (s Status) Append(b []byte) []byte {
	b = append(append(b, s.Folder[:]...), byte(s.State))
	for _, v := range [...]int64{s.Files, s.Bytes, s.BacklogFiles, s.BacklogBytes, int64(s.Oldest / time.Second), s.Free} {
		b = binary.AppendUvarint(b, uint64(max(0, v)))
	}
	return b
}

func parseStatus(r *reader) Message {
	s := Status{Folder: r.folder(), State: State(r.byte("state"))}
	if s.State >= states {
		r.fail("%v", s.State)
	}
	s.Files, s.Bytes = r.amount("files"), r.amount("bytes")
	s.BacklogFiles, s.BacklogBytes = r.amount("backlog files"), r.amount("backlog bytes")
	seconds := r.uint32("age") // 136 years
	s.Oldest = time.Duration(seconds) * time.Second
	s.Free = r.amount("free")
	return s
}
