package wire

import (
	"encoding/binary"

	"dfsd/replication"
	"dfsd/replication/version"
)

// MaxFailures is how many failures one acknowledgement holds.
const MaxFailures = 1 << 12

// Failure is one version that a member could not install.
type Failure struct {
	ID    replication.FileID
	Stamp version.Stamp
	Code  Code
	Text  string // for people; at most 1 KiB
}

// Ack tells how far a member has come with one folder.
type Ack struct {
	Folder   FolderKey
	Held     version.Vector // versions whose content it has
	Failures []Failure      // at most MaxFailures
}

// Type is TypeAck.
func (Ack) Type() Type { return TypeAck }

// Append writes folder, Held, the number of failures, and of each the file's
// id, stamp, code and text.
func (a Ack) Append(b []byte) []byte {
	b = a.Held.Append(append(b, a.Folder[:]...))
	b = binary.AppendUvarint(b, uint64(len(a.Failures)))
	for _, f := range a.Failures {
		b = appendStamp(append(b, f.ID[:]...), f.Stamp)
		b = appendBytes(binary.AppendUvarint(b, uint64(f.Code)), clip(f.Text, maxText))
	}
	return b
}

func parseAck(r *reader) Message {
	a := Ack{Folder: r.folder(), Held: r.vector("held")}
	if n := r.count(MaxFailures, 35, "failures"); n > 0 {
		a.Failures = make([]Failure, n)
	}
	for i := range a.Failures {
		a.Failures[i] = Failure{r.id("id"), r.stamp("stamp"), Code(r.uint32("code")), r.text(maxText, "text")}
	}
	return a
}
