package main

import (
	"os"
	"sync"
	"time"
)

// justWritten is how long after its time a file may be written again without a
// change of its stamp: file systems keep times by the tick.
const justWritten = 2 * time.Second

// reread keeps what a file says in memory and notices that the file changed. One
// that has become unreadable leaves the last good reading in force, and is tried
// again at every look. Any goroutine may use it.
type reread[T any] struct {
	path string
	load func(path string) (T, error)

	mu    sync.Mutex // guards the rest
	value T
	seen  stamp  // of the last good reading; zero: read it anew
	told  string // the fault that latest returned last
}

// stamp tells one writing of a file from another.
type stamp struct {
	size     int64
	modified time.Time
}

// latest returns what the file says. A fault comes with the reading before it,
// and once, until there is another fault or none.
func (r *reread[T]) latest() (T, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	err := r.refresh()
	if err == nil {
		r.told = ""
		return r.value, nil
	}
	if err.Error() == r.told {
		return r.value, nil
	}
	r.told = err.Error()
	return r.value, err
}

// forget has the next look read the file, whatever its stamp.
func (r *reread[T]) forget() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.seen = stamp{}
}

// refresh reads the file where its stamp is another.
func (r *reread[T]) refresh() error {
	st, err := os.Stat(r.path)
	if err != nil {
		return err
	}
	now := stamp{size: st.Size(), modified: st.ModTime()}
	if now == r.seen && time.Since(now.modified) > justWritten {
		return nil
	}
	value, err := r.load(r.path)
	if err != nil {
		return err
	}
	r.seen, r.value = now, value
	return nil
}
