package index

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"dfsd/replication"
)

// batchOf returns n records with their facts, from file first on: 40 to a
// directory, with names of usual length.
func batchOf(first, n int) (c Change) {
	for k := first; k < first+n; k++ {
		r := file(k, fmt.Sprintf("quarterly report %06d.xlsx", k%40), uint64(k+1))
		r.Parent = fileID(1e9 + k/40)
		c.Records = append(c.Records, r)
		c.Facts = append(c.Facts, Facts{ID: r.ID, Dev: 65025, Inode: uint64(k), Birth: r.Created, Changed: r.Clock, Modified: r.Clock, Size: r.Size})
	}
	return c
}

func BenchmarkApply(b *testing.B) {
	for _, size := range []int{1, 256, 1000} {
		b.Run(fmt.Sprint(size), func(b *testing.B) {
			x, err := Open(b.TempDir(), Options{})
			if err != nil {
				b.Fatal(err)
			}
			defer x.Close()
			n := 0
			for b.Loop() {
				mustApply(b, x, batchOf(n, size))
				n += size
			}
			b.ReportMetric(float64(n)/b.Elapsed().Seconds(), "records/s")
		})
	}
}

// BenchmarkLargeIndex writes 200,000 records with facts and reports what they
// take on disk, and how long opening, one reading and a whole scan take.
func BenchmarkLargeIndex(b *testing.B) {
	const records = 200000
	dir := b.TempDir()
	x, err := Open(dir, Options{})
	if err != nil {
		b.Fatal(err)
	}
	for n := 0; n < records; n += 1000 {
		mustApply(b, x, batchOf(n, 1000))
	}
	if err := x.db.Flush(); err != nil {
		b.Fatal(err)
	}
	if err := x.db.Compact(b.Context(), []byte{0}, []byte{0xff}, false); err != nil {
		b.Fatal(err)
	}
	perRecord := float64(diskUse(b, dir)) / records
	mustClose(b, x)
	b.Run("reopen", func(b *testing.B) {
		for b.Loop() {
			x, err := Open(dir, Options{})
			if err != nil {
				b.Fatal(err)
			}
			mustClose(b, x)
		}
		b.ReportMetric(perRecord, "B/record")
	})
	if x, err = Open(dir, Options{}); err != nil {
		b.Fatal(err)
	}
	defer x.Close()
	b.Run("get", func(b *testing.B) {
		n := 0
		for b.Loop() {
			n = (n + 7919) % records
			if _, err := x.Records.Get(fileID(n)); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("child", func(b *testing.B) {
		want := file(123456, "", 1)
		parent, name := fileID(1e9+123456/40), fmt.Sprintf("quarterly report %06d.xlsx", 123456%40)
		for b.Loop() {
			if r, err := x.Records.Child(parent, name); err != nil || r.ID != want.ID {
				b.Fatal(r.ID, err)
			}
		}
	})
	b.Run("scan", func(b *testing.B) {
		var r replication.Record
		for b.Loop() {
			for r, err = range x.Records.All() {
				if err != nil {
					b.Fatal(err)
				}
			}
		}
		_ = r
		b.ReportMetric(float64(records*b.N)/b.Elapsed().Seconds(), "records/s")
	})
}

// diskUse adds up the tables below dir; the log and what is obsolete are not
// part of what a record costs.
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
