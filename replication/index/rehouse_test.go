package index

import (
	"fmt"
	"testing"

	"dfsd/replication"
	"dfsd/replication/reconcile"
)

// TestChildrenMoveWithinOneCommit: directories whose children change hands one
// after the other, before anything is committed, keep all of them.
func TestChildrenMoveWithinOneCommit(t *testing.T) {
	x, err := Open(t.TempDir(), Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer x.Close()
	s := x.Store()
	id := func(kind, dir, n int) replication.FileID {
		return replication.FileID{0: byte(kind), 1: byte(dir), 2: byte(n), 3: byte(n >> 8), 15: 1}
	}
	const dirs, files = 10, 100
	foreign := func(id, parent replication.FileID, name string, kind replication.Kind) reconcile.Entry {
		r := replication.Record{ID: id, Parent: parent, Name: name, Kind: kind}
		return reconcile.Entry{ID: id, Known: r, Disk: r, OnRecord: true, Foreign: true, At: reconcile.Place{Parent: parent, Name: name}}
	}
	put := func(e reconcile.Entry) {
		t.Helper()
		if err := s.Put(e); err != nil {
			t.Fatal(err)
		}
	}
	for d := range dirs {
		put(foreign(id(1, d, 0), replication.RootID, fmt.Sprint(d), replication.Directory))
		for f := range files {
			put(foreign(id(2, d, f), id(1, d, 0), fmt.Sprint("file ", f), replication.File))
		}
	}
	if err := s.Commit(); err != nil {
		t.Fatal(err)
	}
	for d := range dirs {
		children, err := s.Children(id(1, d, 0))
		if err != nil || len(children) != files {
			t.Fatalf("directory %d has %d children, %v, want %d", d, len(children), err, files)
		}
		for _, c := range children {
			c, ok, err := s.Entry(c.ID)
			if err != nil || !ok {
				t.Fatal(err, ok)
			}
			c.At.Parent, c.Known.Parent, c.Disk.Parent = id(3, d, 0), id(3, d, 0), id(3, d, 0)
			put(c)
		}
	}
	for d := range dirs {
		children, err := s.Children(id(3, d, 0))
		if err != nil || len(children) != files {
			t.Errorf("directory %d has handed over %d children, %v, want %d", d, len(children), err, files)
		}
		for f := range files {
			at, err := s.At(reconcile.Place{Parent: id(3, d, 0), Name: fmt.Sprint("file ", f)})
			if err != nil || len(at) != 1 {
				t.Fatalf("%d entries at %d/%d, %v", len(at), d, f, err)
			}
		}
	}
}
