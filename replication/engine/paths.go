package engine

import (
	"errors"
	"sync"

	"dfsd/internal/fsx"
	"dfsd/replication"
	"dfsd/replication/index"
	"dfsd/replication/install"
	"dfsd/replication/reconcile"
)

// maxDepth bounds the walk from an object to the root: a tree that is deeper
// is damaged.
const maxDepth = 4096

// errNoPlace is returned for an object that stands nowhere in the tree.
var errNoPlace = errors.New("the object stands nowhere in the tree")

// atlas knows the paths of directories, by what an index says. It is safe for
// concurrent use.
type atlas struct {
	entry func(replication.FileID) (reconcile.Entry, bool, error)

	mu    sync.Mutex
	paths map[replication.FileID]string
}

const maxPaths = 1 << 16

func newAtlas(entry func(replication.FileID) (reconcile.Entry, bool, error)) *atlas {
	return &atlas{entry: entry, paths: map[replication.FileID]string{}}
}

// forget drops all paths: a directory has moved or gone.
func (a *atlas) forget() {
	a.mu.Lock()
	defer a.mu.Unlock()
	clear(a.paths)
}

// dir returns the path of a directory, "." for the root.
func (a *atlas) dir(id replication.FileID) (string, error) { return a.walk(id, 0) }

func (a *atlas) walk(id replication.FileID, depth int) (string, error) {
	switch {
	case id == replication.RootID:
		return ".", nil
	case id == reconcile.HoldID:
		return install.Hold, nil
	case depth > maxDepth:
		return "", errNoPlace
	}
	a.mu.Lock()
	path, ok := a.paths[id]
	a.mu.Unlock()
	if ok {
		return path, nil
	}
	e, ok, err := a.entry(id)
	if err != nil {
		return "", err
	}
	if !ok || !e.Live() {
		return "", errNoPlace
	}
	above, err := a.walk(e.At.Parent, depth+1)
	if err != nil {
		return "", err
	}
	path = fsx.Join(above, e.At.Name)
	a.mu.Lock()
	defer a.mu.Unlock()
	if len(a.paths) >= maxPaths {
		clear(a.paths)
	}
	a.paths[id] = path
	return path, nil
}

// of returns the path of a place.
func (a *atlas) of(p reconcile.Place) (string, error) {
	dir, err := a.dir(p.Parent)
	if err != nil {
		return "", err
	}
	return fsx.Join(dir, p.Name), nil
}

// committed reads entries of the index as it was last committed.
func committed(r index.Reader) func(replication.FileID) (reconcile.Entry, bool, error) {
	return func(id replication.FileID) (reconcile.Entry, bool, error) {
		e, err := r.Entry(id)
		if errors.Is(err, index.ErrNotFound) {
			return e, false, nil
		}
		return e, err == nil, err
	}
}
