package summary

import (
	"encoding/binary"
	"slices"
	"time"

	"dfsd/internal/field"
	"dfsd/replication/status"
)

// The numbers of states on the wire are their places counted from 1; entries
// are only ever added at the end. A state that is not here is 0.
var (
	folderStates     = [...]status.State{status.InitialSync, status.Normal, status.Paused, status.Recovering, status.Failed}
	connectionStates = [...]status.ConnectionState{status.Connected, status.Connecting, status.ClosedBySchedule, status.ConnectionPaused}
)

// unknownState is the name of a state that this version does not know.
const unknownState = "unknown"

func codeOf[S comparable](states []S, s S) byte { return byte(slices.Index(states, s) + 1) }

func stateOf[S ~string](states []S, code byte) S {
	if code == 0 || int(code) > len(states) {
		return unknownState
	}
	return states[code-1]
}

// Least lengths, so that a count is held against the bytes behind it.
const (
	leastFolder     = 12
	leastConnection = 6
)

// folderWriter writes folders, and collects the names that they refer to.
type folderWriter struct {
	now   time.Time
	body  []byte
	names []string
	place map[string]int
	named int // bytes of names
}

// size is the length of what was written, with the names.
func (w *folderWriter) size() int { return len(w.body) + w.named }

// add writes a folder:
//
//	group, folder: text
//	state: uint8
//	error: text
//	files, bytes, preserved files, unread files: uvarint each
//	progress: uint8, 0 or 1; with 1: phase: text; files done and in all, bytes
//	  done and in all: uvarint each
//	count, and for each connection:
//	  from, to: uvarint, places among the names
//	  state: uint8
//	  backlog files, backlog bytes: uvarint
//	  oldest: uvarint, age in milliseconds; 0: nothing waits
func (w *folderWriter) add(f *folder) {
	s := &f.status
	b := field.AppendBytes(w.body, s.Group)
	b = field.AppendBytes(b, s.Folder)
	b = append(b, codeOf(folderStates[:], s.State))
	b = field.AppendBytes(b, s.Error)
	for _, v := range []int64{s.Files, s.Bytes, int64(s.Preserved.Files), s.UnreadFiles} {
		b = appendAmount(b, v)
	}
	b = field.AppendBool(b, s.Progress != nil)
	if p := s.Progress; p != nil {
		b = field.AppendBytes(b, p.Phase)
		for _, v := range []int64{p.FilesDone, p.FilesTotal, p.BytesDone, p.BytesTotal} {
			b = appendAmount(b, v)
		}
	}
	b = appendNumber(b, uint64(len(s.Connections)))
	for i, c := range s.Connections {
		b = appendNumber(b, uint64(w.name(c.From)))
		b = appendNumber(b, uint64(w.name(c.To)))
		b = append(b, codeOf(connectionStates[:], c.State))
		b = appendAmount(appendAmount(b, c.BacklogFiles), c.BacklogBytes)
		var oldest time.Duration
		if since := f.oldest[i]; !since.IsZero() {
			oldest = max(time.Millisecond, w.now.Sub(since))
		}
		b = appendDuration(b, oldest)
	}
	w.body = b
}

// name returns the place of a name.
func (w *folderWriter) name(s string) int {
	place, ok := w.place[s]
	if !ok {
		if w.place == nil {
			w.place = map[string]int{}
		}
		place = len(w.names)
		w.place[s] = place
		w.names = append(w.names, s)
		w.named += len(s) + binary.MaxVarintLen16
	}
	return place
}

// folder takes what folderWriter.add writes.
func (r *reader) folder(names []string) *folder {
	s := status.Folder{
		Group: r.name("group"), Folder: r.name("folder"), State: stateOf(folderStates[:], r.Byte("state")),
		Error: r.text(maxError, "error"), Files: r.Amount("files"), Bytes: r.Amount("bytes"),
	}
	preserved := r.Amount("preserved files")
	if s.Preserved.Files = int(preserved); int64(s.Preserved.Files) != preserved {
		r.Fail("%d preserved files", preserved)
	}
	s.UnreadFiles = r.Amount("unread files")
	if r.Bool("progress") {
		s.Progress = &status.Progress{
			Phase: r.text(maxPhase, "phase"), FilesDone: r.Amount("files done"), FilesTotal: r.Amount("files in all"),
			BytesDone: r.Amount("bytes done"), BytesTotal: r.Amount("bytes in all"), SecondsLeft: -1,
		}
	}
	n := r.Count(MaxConnections, leastConnection, "connections")
	s.Connections = make([]status.Connection, n)
	f := &folder{oldest: make([]time.Time, n)}
	for i := range n {
		s.Connections[i] = status.Connection{
			From: r.place(names), To: r.place(names), State: stateOf(connectionStates[:], r.Byte("state")),
			BacklogFiles: r.Amount("backlog files"), BacklogBytes: r.Amount("backlog bytes"),
		}
		if oldest := r.duration("oldest"); oldest > 0 {
			f.oldest[i] = r.now.Add(-oldest)
		}
	}
	f.status = s
	f.cost = f.footprint()
	return f
}

// place takes the place of a name.
func (r *reader) place(names []string) string {
	v := r.Uvarint("name")
	if v >= uint64(len(names)) {
		r.Fail("name %d of %d", v, len(names))
		return ""
	}
	return names[v]
}
