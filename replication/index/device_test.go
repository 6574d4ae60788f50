package index

import (
	"slices"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"dfsd/replication/reconcile"
)

// TestDeviceChanges: an index whose folder is mounted under another number knows its
// files all the same, beside those of a file system mounted below it that has taken
// the number of before.
func TestDeviceChanges(t *testing.T) {
	mem := vfs.NewMem()
	open := func(device uint64) *Index {
		t.Helper()
		x, err := Open("index", Options{FS: mem, Device: device})
		if err != nil {
			t.Fatal(err)
		}
		return x
	}
	expect := func(x *Index, n uint64, dev, inode uint64) {
		t.Helper()
		id := fileID(int(n))
		s := x.Store()
		for what, get := range map[string]func() ([]Facts, error){
			"store":  func() ([]Facts, error) { return s.Bound(dev, inode) },
			"reader": func() ([]Facts, error) { return x.Bound(dev, inode) },
		} {
			if got, err := get(); err != nil || len(got) != 1 || got[0].ID != id || got[0].Dev != dev {
				t.Errorf("%s: bound to %d/%d = %+v, %v; want %v", what, dev, inode, got, err, id)
			}
		}
		f, err := x.Facts(id)
		all, standErr := x.StandingAt(reconcile.Place{Name: string(rune('a' + n))})
		if err != nil || standErr != nil || f.Dev != dev || len(all) != 1 || all[0].Facts != f {
			t.Errorf("facts of %v = %+v, %v; standing %+v, %v; want device %d", id, f, err, all, standErr, dev)
		}
	}
	put := func(x *Index, n uint64, dev, inode uint64) {
		t.Helper()
		s := x.Store()
		s.PutFacts(Facts{ID: fileID(int(n)), Dev: dev, Inode: inode})
		mustPut(t, s, settled(file(int(n), string(rune('a'+n)), n)))
	}

	x := open(0) // of a version that did not ask
	put(x, 1, 8, 100)
	mustClose(t, x)
	x = open(8)
	put(x, 2, 8, 200)
	put(x, 3, 9, 100) // mounted below
	expect(x, 1, 8, 100)
	mustClose(t, x)
	for _, now := range []uint64{9, 7, 8, 9} {
		x = open(now)
		expect(x, 1, now, 100)
		expect(x, 2, now, 200)
		if now == 9 {
			expect(x, 3, 8, 100) // kept apart
			snap, err := x.Snapshot()
			if err != nil {
				t.Fatal(err)
			}
			if got, err := snap.Bound(9, 200); err != nil || len(got) != 1 {
				t.Errorf("a snapshot has %v, %v", got, err)
			}
			if err := snap.Close(); err != nil {
				t.Fatal(err)
			}
		}
		put(x, 4, now, 300+now)
		expect(x, 4, now, 300+now)
		mustClose(t, x)
	}
}

// TestSwap: what goes in comes out, and no two numbers become one.
func TestSwap(t *testing.T) {
	for _, d := range []devices{{}, {8, 8}, {8, 9}, {9, 8}} {
		var all []uint64
		for n := range uint64(12) {
			if got := d.swap(d.swap(n)); got != n {
				t.Errorf("%+v: %d comes out as %d", d, n, got)
			}
			all = append(all, d.swap(n))
		}
		slices.Sort(all)
		if len(slices.Compact(all)) != 12 {
			t.Errorf("%+v: two numbers become one: %v", d, all)
		}
	}
}
