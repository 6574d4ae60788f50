package index

import (
	"bytes"
	"math/rand/v2"
	"sync"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"dfsd/replication"
	"dfsd/replication/reconcile"
	"dfsd/replication/version"
)

// TestCacheKeepsWhatIsUsed: an entry looked at between any two others stays,
// however many come.
func TestCacheKeepsWhatIsUsed(t *testing.T) {
	c := newCache()
	hot := settled(file(1, "hot", 1))
	c.put(hot.ID, &hot)
	for n := 2; n < 3*cacheEntries; n++ {
		c.put(fileID(n), nil)
		if e, ok := c.get(hot.ID); !ok || e != &hot {
			t.Fatalf("after %d others it is gone", n)
		}
	}
	if len(c.index) != cacheEntries || len(c.slots) != cacheEntries {
		t.Errorf("%d entries in %d slots, want %d", len(c.index), len(c.slots), cacheEntries)
	}
	if _, ok := c.get(fileID(2)); ok {
		t.Error("what was never looked at is still there")
	}
}

// TestCacheIsBoundedInBytes: large entries drive out others, and what is counted
// is what is there.
func TestCacheIsBoundedInBytes(t *testing.T) {
	c := newCache()
	rng := rand.New(rand.NewPCG(1, 2))
	for range 3000 {
		r := file(rng.IntN(2000), "a", 1)
		r.Attr.Xattrs = []replication.Xattr{{Name: "user.a", Value: bytes.Repeat([]byte{1}, rng.IntN(64*1024))}}
		e := settled(r)
		if c.put(e.ID, &e); c.bytes > cacheBytes {
			t.Fatalf("%d bytes, want at most %d", c.bytes, cacheBytes)
		}
		if got, ok := c.get(e.ID); !ok || got != &e {
			t.Fatal("what was put last is not there")
		}
	}
	total := 0
	for id, i := range c.index {
		if c.slots[i].id != id || c.slots[i].bytes != weigh(c.slots[i].entry) {
			t.Fatalf("slot %d is of %v and %d bytes", i, c.slots[i].id, c.slots[i].bytes)
		}
		total += c.slots[i].bytes
	}
	if total != c.bytes || total < cacheBytes/4 {
		t.Errorf("%d bytes are counted, %d are there", c.bytes, total)
	}
}

// TestStoreReadsBeyondItsCache writes more entries than the cache holds and
// reads them all back, before and after the commit.
func TestStoreReadsBeyondItsCache(t *testing.T) {
	x := mustOpen(t, vfs.NewMem())
	defer x.Close()
	s := x.Store()
	const files = cacheEntries + 1000
	check := func() {
		t.Helper()
		for n := range files {
			e, ok, err := s.Entry(fileID(n))
			if !ok || err != nil || e.Disk.Size != int64(100*n) {
				t.Fatalf("entry %d: %d, %v, %v", n, e.Disk.Size, ok, err)
			}
		}
	}
	for n := range files {
		r := file(n, "a", uint64(n+1))
		r.Parent = fileID(files + n)
		if err := s.Put(settled(r)); err != nil {
			t.Fatal(err)
		}
	}
	check()
	mustCommit(t, s)
	check()
}

// TestReadersBesideTheWriter: whatever a reader of the live index asks while the
// writer moves, replaces and drops, it never meets half of it.
func TestReadersBesideTheWriter(t *testing.T) {
	x := mustOpen(t, vfs.NewMem())
	defer x.Close()
	s := x.Store()
	const files = 40
	round := func(n int) {
		for k := range files {
			r := file(k, string(rune('A'+(k+n)%files)), uint64(n*files+k+1))
			e := settled(r)
			e.Wanted = (k+n)%3 == 0
			if err := s.Put(e); err != nil {
				t.Fatal(err)
			}
			s.PutFacts(Facts{ID: r.ID, Dev: 1, Inode: uint64((k + n) % 7)})
		}
		if extra := fileID(1000 + n); n%2 == 0 {
			r := file(1000+n, "extra", uint64(1e6+n))
			r.ID = extra
			if err := s.Put(settled(r)); err != nil {
				t.Fatal(err)
			}
		} else if err := s.Drop(fileID(1000 + n - 1)); err != nil {
			t.Fatal(err)
		}
		mustCommit(t, s)
	}
	round(0)
	done := make(chan struct{})
	var readers sync.WaitGroup
	for range 2 {
		readers.Go(func() {
			for {
				select {
				case <-done:
					return
				default:
					readBeside(t, x, files)
				}
			}
		})
	}
	for n := 1; n <= 100; n++ {
		round(n)
	}
	close(done)
	readers.Wait()
}

// readBeside reads an index of that many files and perhaps one more.
func readBeside(t *testing.T, x *Index, files int) {
	count := func(what string, n int) {
		if n < files || n > files+1 {
			t.Errorf("%s has %d files, want %d or one more", what, n, files)
		}
	}
	n, last := 0, ""
	for s, err := range x.Standing(replication.RootID) {
		if err != nil || s.Name <= last || s.Entry.At.Name != s.Name {
			t.Errorf("Standing after %q: %+v, %v", last, s, err)
			return
		}
		n, last = n+1, s.Name
	}
	count("Standing", n)
	n = 0
	for _, err := range x.Newer(version.Vector{}) {
		if err != nil {
			t.Errorf("Newer: %v", err)
			return
		}
		n++
	}
	count("Newer", n)
	totals, err := x.Totals()
	if count("Totals", int(totals.Files)); err != nil {
		t.Errorf("Totals: %v", err)
	}
	for e, err := range x.Wanted() {
		if err != nil || !e.Wanted {
			t.Errorf("Wanted: %+v, %v", e, err)
			return
		}
	}
	if there, err := x.StandingAt(reconcile.Place{Name: "A"}); err != nil || len(there) != 1 {
		t.Errorf("StandingAt: %d, %v", len(there), err)
	}
	if _, err := x.Bound(1, 1); err != nil {
		t.Errorf("Bound: %v", err)
	}
}
