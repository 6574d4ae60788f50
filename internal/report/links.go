package report

import (
	"cmp"
	"math"
	"slices"
	"strings"

	"dfsd/internal/quantity"
	"dfsd/replication/status"
)

// link is one connection of one folder, out of the words of both its ends.
type link struct {
	status.Connection
	folder string  // GROUP/FOLDER
	age    float64 // seconds, of the word that is told
	fresh  bool
}

// asOf says how old the word is, when it is old.
func (l *link) asOf() string {
	if l.fresh {
		return ""
	}
	return " (as of " + quantity.Span(l.age) + " ago)"
}

// connections returns every connection once, in order of folder, from and to.
// Both ends tell of it; where both words are fresh the worse figures count,
// and where one is stale the fresher word does. since is the age of f.
func connections(f *Facts, since float64) []link {
	type key struct{ folder, from, to string }
	known := map[key]int{}
	var links []link
	for i := range f.Members {
		m := &f.Members[i]
		age := since
		if !m.Self {
			age += max(0, m.HeardSeconds)
		}
		fresh := m.Self || (m.HeardSeconds >= 0 && age <= memberSilent)
		for k := range m.Folders {
			name := folderName(m.Folders[k])
			for _, c := range m.Folders[k].Connections {
				l := link{Connection: c, folder: name, age: age, fresh: fresh}
				at := key{strings.ToLower(name), strings.ToLower(c.From), strings.ToLower(c.To)}
				if n, ok := known[at]; ok {
					links[n] = joined(links[n], l)
					continue
				}
				known[at] = len(links)
				links = append(links, l)
			}
		}
	}
	slices.SortStableFunc(links, func(a, b link) int {
		return cmp.Or(cmp.Compare(a.folder, b.folder), cmp.Compare(a.From, b.From), cmp.Compare(a.To, b.To))
	})
	return links
}

// joined is what two words about one connection come to.
func joined(a, b link) link {
	if a.fresh != b.fresh {
		if b.fresh {
			return b
		}
		return a
	}
	if !a.fresh && b.age < a.age {
		return b
	}
	if !a.fresh {
		return a
	}
	if stateWeight(b.State) > stateWeight(a.State) {
		a.State = b.State
	}
	a.BacklogFiles, a.BacklogBytes = max(a.BacklogFiles, b.BacklogFiles), max(a.BacklogBytes, b.BacklogBytes)
	a.OldestSeconds = max(a.OldestSeconds, b.OldestSeconds)
	a.SentBytes, a.ReceivedBytes = max(a.SentBytes, b.SentBytes), max(a.ReceivedBytes, b.ReceivedBytes)
	a.LastError = cmp.Or(a.LastError, b.LastError)
	a.age = max(a.age, b.age)
	return a
}

// plus adds what members tell, which may be anything, without overflow.
func plus(a, b int64) int64 {
	a, b = max(0, a), max(0, b)
	if a > math.MaxInt64-b {
		return math.MaxInt64
	}
	return a + b
}

// stateWeight says which of two words counts. A pause or a closed schedule
// that one end knows of explains why the other end is not connected.
func stateWeight(s status.ConnectionState) int {
	switch s {
	case status.Connected:
		return 0
	case status.ClosedBySchedule:
		return 2
	case status.ConnectionPaused:
		return 3
	}
	return 1
}
