package summary

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"dfsd/replication/status"
)

// folder is a replicated folder as a summary has it. It is immutable, but for
// seq before it is in a book.
type folder struct {
	// status is trimmed; its OldestSeconds are zero.
	status status.Folder
	// oldest is since when the oldest change of each connection waits; zero:
	// nothing does.
	oldest []time.Time
	// seq is that of the host's word that changed the folder last.
	seq uint64
	// cost is the memory of the folder in bytes, about.
	cost int
}

// trim returns what a summary has of s, as of now.
func trim(s status.Folder, now time.Time) (f *folder, cut bool) {
	t := status.Folder{
		Group: clip(s.Group, maxText), Folder: clip(s.Folder, maxText), State: s.State, Error: clip(s.Error, maxError),
		Files: max(0, s.Files), Bytes: max(0, s.Bytes), UnreadFiles: max(0, s.UnreadFiles),
		Preserved: status.Preserved{Files: max(0, s.Preserved.Files)},
	}
	if p := s.Progress; p != nil {
		t.Progress = &status.Progress{
			Phase: clip(p.Phase, maxPhase), SecondsLeft: -1,
			FilesDone: max(0, p.FilesDone), FilesTotal: max(0, p.FilesTotal), BytesDone: max(0, p.BytesDone), BytesTotal: max(0, p.BytesTotal),
		}
	}
	connections := s.Connections
	if cut = len(connections) > MaxConnections; cut {
		connections = connections[:MaxConnections]
	}
	t.Connections = make([]status.Connection, len(connections))
	f = &folder{oldest: make([]time.Time, len(connections))}
	for i, c := range connections {
		t.Connections[i] = status.Connection{
			From: clip(c.From, maxText), To: clip(c.To, maxText), State: c.State,
			BacklogFiles: max(0, c.BacklogFiles), BacklogBytes: max(0, c.BacklogBytes),
		}
		if c.OldestSeconds > 0 {
			f.oldest[i] = now.Add(-time.Duration(min(c.OldestSeconds, maxDuration.Seconds()) * float64(time.Second)))
		}
	}
	f.status = t
	f.cost = f.footprint()
	return f, cut
}

// trimAll returns what a summary has of folders, sorted, each once.
func trimAll(all []status.Folder, now time.Time) (folders []*folder, cut bool) {
	for _, s := range all {
		f, less := trim(s, now)
		cut = cut || less
		if f.status.Group == "" || f.status.Folder == "" {
			continue
		}
		folders = append(folders, f)
	}
	slices.SortStableFunc(folders, (*folder).compare)
	folders = slices.CompactFunc(folders, func(a, b *folder) bool { return a.compare(b) == 0 })
	if len(folders) > MaxFolders {
		folders, cut = folders[:MaxFolders], true
	}
	cost := 0
	for i, f := range folders {
		if cost += f.cost; cost > maxCost {
			return folders[:i], true
		}
	}
	return folders, cut
}

func (f *folder) compare(g *folder) int {
	return cmp.Or(strings.Compare(f.status.Group, g.status.Group), strings.Compare(f.status.Folder, g.status.Folder))
}

// footprint is the memory of f in bytes, about: that of its nouns and of all
// its texts, whether others share them or not.
func (f *folder) footprint() int {
	n := 400 + len(f.status.Group) + len(f.status.Folder) + len(f.status.Error)
	for _, c := range f.status.Connections {
		n += 160 + len(c.From) + len(c.To)
	}
	return n
}

// ageing is by how much the time since when a change waits may seem to move
// without being another's: it is worked out from an age each time.
const ageing = 2 * time.Second

// same tells whether f and g say the same, apart from what time alone does.
func (f *folder) same(g *folder) bool {
	a, b := &f.status, &g.status
	if a.Group != b.Group || a.Folder != b.Folder || a.State != b.State || a.Error != b.Error || a.Files != b.Files ||
		a.Bytes != b.Bytes || a.UnreadFiles != b.UnreadFiles || a.Preserved != b.Preserved ||
		(a.Progress == nil) != (b.Progress == nil) || a.Progress != nil && *a.Progress != *b.Progress ||
		!slices.Equal(a.Connections, b.Connections) {
		return false
	}
	return slices.EqualFunc(f.oldest, g.oldest, func(s, t time.Time) bool {
		return s.IsZero() == t.IsZero() && s.Sub(t).Abs() <= ageing
	})
}

// view is f as it was at a time, and whether it differs at another.
func (f *folder) view(at time.Time) (s status.Folder, ages bool) {
	s = f.status
	for i, since := range f.oldest {
		if since.IsZero() {
			continue
		}
		if !ages {
			s.Connections, ages = slices.Clone(s.Connections), true
		}
		s.Connections[i].OldestSeconds = max(0, at.Sub(since).Seconds())
	}
	return s, ages
}
