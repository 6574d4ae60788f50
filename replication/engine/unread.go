package engine

import (
	"cmp"
	"slices"
	"sync"
	"time"

	"dfsd/replication/status"
	"dfsd/replication/survey"
)

// shownUnread is how many paths that cannot be read a status lists.
const shownUnread = 10

// unread is a path that could not be read.
type unread struct {
	since time.Time
	err   error
}

// unreads are the paths that could not be read when they were surveyed last,
// such as a file that a program has open for writing. It is safe for concurrent
// use.
type unreads struct {
	mu    sync.Mutex
	paths map[string]unread
}

// note takes in what a survey of areas said; later are all that it could not
// read. One that cannot be read again keeps the time since when.
func (u *unreads) note(areas []survey.Area, later map[string]error, now time.Time) {
	u.mu.Lock()
	defer u.mu.Unlock()
	for path := range u.paths {
		if _, again := later[path]; !again && covered(areas, path) {
			delete(u.paths, path)
		}
	}
	for path, err := range later {
		was, again := u.paths[path]
		if !again {
			if len(u.paths) >= maxPaths {
				continue
			}
			was.since = now
		}
		was.err = err
		if u.paths == nil {
			u.paths = map[string]unread{}
		}
		u.paths[path] = was
	}
}

// status lists those that have waited longest, and says how many there are.
func (u *unreads) status(now time.Time) (list []status.Unread, all int64) {
	u.mu.Lock()
	defer u.mu.Unlock()
	for path, w := range u.paths {
		list = append(list, status.Unread{Path: path, Error: w.err.Error(), Seconds: now.Sub(w.since).Seconds()})
	}
	slices.SortFunc(list, func(a, b status.Unread) int {
		return cmp.Or(-cmp.Compare(a.Seconds, b.Seconds), cmp.Compare(a.Path, b.Path))
	})
	return list[:min(len(list), shownUnread)], int64(len(u.paths))
}
