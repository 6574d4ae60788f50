package install

import (
	"fmt"
	"testing"

	"dfsd/internal/fsx"
	"dfsd/replication"
)

const benchSize = 4 << 10

// BenchmarkCommit installs files of 4 KiB in batches of several sizes; the
// figure is files/s, each durable when Commit returns. TMPDIR chooses the
// disk.
func BenchmarkCommit(b *testing.B) {
	for _, size := range []int{1, 4, 64, 256, 1024} {
		b.Run(fmt.Sprint(size), func(b *testing.B) {
			f := openFolder(b, fsx.OS(), b.TempDir())
			ok(b, f.root.Mkdir("d", 0o755))
			r := benchRecord()
			content := benchContent()
			for n := 0; b.Loop(); n++ {
				items := make([]Item, size)
				for i := range items {
					items[i] = Item{Op: Put, Path: fmt.Sprintf("d/%d-%d", n, i), Record: r, Bytes: content}
				}
				results, err := f.in.Commit(b.Context(), items)
				ok(b, err)
				for _, r := range results {
					ok(b, r.Err)
				}
			}
			b.ReportMetric(float64(size)*float64(b.N)/b.Elapsed().Seconds(), "files/s")
		})
	}
}

// BenchmarkReplace installs over files that are there.
func BenchmarkReplace(b *testing.B) {
	const size = 256
	f := openFolder(b, fsx.OS(), b.TempDir())
	content := benchContent()
	items := make([]Item, size)
	for i := range items {
		items[i] = Item{Op: Put, Path: fmt.Sprint(i), Record: benchRecord(), Bytes: content}
	}
	for b.Loop() {
		results, err := f.in.Commit(b.Context(), items)
		ok(b, err)
		for i, r := range results {
			ok(b, r.Err)
			items[i].Expect = r.Identity
		}
	}
	b.ReportMetric(float64(size)*float64(b.N)/b.Elapsed().Seconds(), "files/s")
}

// BenchmarkFdatasyncEach is what Commit is measured against: write, fdatasync
// and rename, one file after the other, without metadata or checks.
func BenchmarkFdatasyncEach(b *testing.B) {
	d, err := fsx.OS().OpenRoot(b.TempDir())
	ok(b, err)
	defer d.Close()
	content := benchContent()
	for n := 0; b.Loop(); n++ {
		f, err := d.Create("temp", 0o600)
		ok(b, err)
		_, err = f.WriteAt(content, 0)
		ok(b, err)
		ok(b, f.SyncData())
		ok(b, f.Close())
		ok(b, d.Rename("temp", d, fmt.Sprint(n), fsx.NoReplace))
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "files/s")
}

func benchRecord() *replication.Record {
	return &replication.Record{Kind: replication.File, Size: benchSize, Attr: replication.Attr{Mode: 0o640, MTime: 1}}
}

func benchContent() []byte {
	b := make([]byte, benchSize)
	for i := range b {
		b[i] = byte(i)%255 + 1
	}
	return b
}
