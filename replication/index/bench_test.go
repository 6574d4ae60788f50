package index

import (
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"dfsd/replication"
	"dfsd/replication/reconcile"
	"dfsd/replication/version"
)

// randomID returns an ID as new objects get it: in no order.
func randomID(n int) (id replication.FileID) {
	h := hashOf(n + 1)
	copy(id[:8], h[:8])
	binary.LittleEndian.PutUint64(id[8:], uint64(n)*0xbf58476d1ce4e5b9+1)
	return id
}

// scanned returns the entry and the facts of a file that a scan found: 40 to a
// directory, with names of usual length.
func scanned(n int) (reconcile.Entry, Facts) {
	r := file(n, fmt.Sprintf("quarterly report %06d.xlsx", n%40), uint64(n+1))
	r.ID, r.Parent = randomID(n), randomID(1e9+n/40)
	f := Facts{ID: r.ID, Dev: 65025, Inode: uint64(n), Birth: r.Created, Changed: r.Clock, Modified: r.Clock, Size: r.Size}
	return settled(r), f
}

// inOrder gives an object an ID by the time of its making, as a caller may that
// cares for speed.
func inOrder(n int) (id replication.FileID) {
	id = randomID(n)
	binary.BigEndian.PutUint64(id[:8], uint64(n))
	return id
}

// fill commits files in batches, asking first as the core does.
func fill(tb testing.TB, s *Store, first, files, batch int, id func(int) replication.FileID) {
	tb.Helper()
	for n := first; n < first+files; n++ {
		e, f := scanned(n)
		e.ID, e.Known.ID, f.ID = id(n), id(n), id(n)
		e = settled(e.Known)
		if _, ok, err := s.Entry(e.ID); ok || err != nil {
			tb.Fatal(ok, err)
		}
		if there, err := s.At(e.At); len(there) > 0 || err != nil {
			tb.Fatal(there, err)
		}
		if err := s.Put(e); err != nil {
			tb.Fatal(err)
		}
		s.PutFacts(f)
		if (n-first)%batch == batch-1 {
			if err := s.PutMeta(reconcile.Meta{Origin: originOf(1), Count: uint64(n + 1)}); err != nil {
				tb.Fatal(err)
			}
			mustCommit(tb, s)
		}
	}
	mustCommit(tb, s)
}

// BenchmarkCommit puts new entries with facts and reports how many a second;
// on a disk whose fsync takes long, that is most of it.
func BenchmarkCommit(b *testing.B) {
	for _, c := range []struct {
		size int
		ids  string
		id   func(int) replication.FileID
	}{{1, "random", randomID}, {256, "random", randomID}, {256, "in_order", inOrder}, {4096, "random", randomID}} {
		size := c.size
		b.Run(fmt.Sprintf("%d_%s", size, c.ids), func(b *testing.B) {
			x, err := Open(b.TempDir(), Options{})
			if err != nil {
				b.Fatal(err)
			}
			defer x.Close()
			s, n := x.Store(), 0
			b.ReportAllocs()
			for b.Loop() {
				fill(b, s, n, size, size, c.id)
				n += size
			}
			b.ReportMetric(float64(n)/b.Elapsed().Seconds(), "files/s")
		})
	}
}

// BenchmarkLargeIndex writes 200,000 settled files with facts and reports what
// they take on disk, and how long opening and readings take.
func BenchmarkLargeIndex(b *testing.B) {
	const files = 200000
	dir := b.TempDir()
	x, err := Open(dir, Options{})
	if err != nil {
		b.Fatal(err)
	}
	fill(b, x.Store(), 0, files, 1000, randomID)
	if err := x.db.Flush(); err != nil {
		b.Fatal(err)
	}
	if err := x.db.Compact(b.Context(), []byte{0}, []byte{0xff}, false); err != nil {
		b.Fatal(err)
	}
	perFile := float64(diskUse(b, dir)) / files
	mustClose(b, x)
	b.Run("reopen", func(b *testing.B) {
		for b.Loop() {
			x, err := Open(dir, Options{})
			if err != nil {
				b.Fatal(err)
			}
			mustClose(b, x)
		}
		b.ReportMetric(perFile, "B/file")
	})
	if x, err = Open(dir, Options{}); err != nil {
		b.Fatal(err)
	}
	defer x.Close()
	benchReads(b, x, files)
}

func benchReads(b *testing.B, x *Index, files int) {
	s := x.Store()
	get := func(name string, step, among int) {
		b.Run(name, func(b *testing.B) {
			n := 0
			for b.Loop() {
				n = (n + step) % among
				if _, ok, err := s.Entry(randomID(n)); !ok || err != nil {
					b.Fatal(ok, err)
				}
			}
		})
	}
	get("entry_cold", 7919, files)
	get("entry_warm", 1, 1000)
	b.Run("at", func(b *testing.B) {
		n := 0
		for b.Loop() {
			n = (n + 7919) % files
			e, _ := scanned(n)
			if there, err := s.At(e.At); len(there) != 1 || err != nil {
				b.Fatal(there, err)
			}
		}
	})
	b.Run("put_unchanged", func(b *testing.B) {
		e, _ := scanned(5)
		for b.Loop() {
			if err := s.Put(e); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("newer", func(b *testing.B) {
		n := 0
		for b.Loop() {
			for _, err := range x.Newer(version.Vector{}) {
				if err != nil {
					b.Fatal(err)
				}
				n++
			}
		}
		b.ReportMetric(float64(n)/b.Elapsed().Seconds(), "records/s")
	})
}

// BenchmarkStanding lists a directory of 100,000 files.
func BenchmarkStanding(b *testing.B) {
	const files = 100000
	x, err := Open(b.TempDir(), Options{})
	if err != nil {
		b.Fatal(err)
	}
	defer x.Close()
	s := x.Store()
	for n := range files {
		e, f := scanned(n)
		e.Known.Parent, e.Known.Name = replication.RootID, fmt.Sprintf("IMG_%06d.jpeg", n)
		s.PutFacts(f)
		if err := s.Put(settled(e.Known)); err != nil {
			b.Fatal(err)
		}
		if n%1000 == 999 {
			mustCommit(b, s)
		}
	}
	n := 0
	for b.Loop() {
		for _, err := range x.Standing(replication.RootID) {
			if err != nil {
				b.Fatal(err)
			}
			n++
		}
	}
	b.ReportMetric(float64(n)/b.Elapsed().Seconds(), "files/s")
}

// diskUse adds up the tables below dir; the log and what is obsolete are not
// part of what a file costs.
func diskUse(b *testing.B, dir string) (total int64) {
	b.Helper()
	tables, err := filepath.Glob(filepath.Join(dir, nameStore, "*.sst"))
	if err != nil {
		b.Fatal(err)
	}
	for _, t := range tables {
		if info, err := os.Stat(t); err == nil {
			total += info.Size()
		}
	}
	return total
}
