package install

import (
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"dfsd/internal/fsx"
	"dfsd/replication"
)

// spent is what work has cost: time, and this process's processor time. What
// the kernel's own threads do for it, writing and the journal, is in wall only.
type spent struct{ wall, cpu time.Duration }

func (s *spent) on(tb testing.TB, work func()) {
	tb.Helper()
	usage := func() time.Duration {
		var r unix.Rusage
		ok(tb, unix.Getrusage(unix.RUSAGE_SELF, &r))
		return time.Duration(r.Utime.Nano() + r.Stime.Nano())
	}
	wall, cpu := time.Now(), usage()
	work()
	s.wall += time.Since(wall)
	s.cpu += usage() - cpu
}

// BenchmarkCommitInitial is an initial sync: new files of 4 to 30 KiB, 64 to a
// directory. Beside Commit, in turns with it, runs the least that the bare
// system calls can do: create and write all, syncfs, rename all; and after that
// one more syncfs, by which the names are as durable as Commit's. files/s is
// Commit's; of-plain and of-durable are its pace as a share of either; cpu is
// processor time for each file. TMPDIR chooses the disk.
func BenchmarkCommitInitial(b *testing.B) {
	for _, size := range []int{256, 512} {
		b.Run(fmt.Sprint(size), func(b *testing.B) {
			base := b.TempDir()
			f := openFolder(b, fsx.OS(), base)
			staging, err := unix.Open(filepath.Join(base, Private, stagingDir), unix.O_RDONLY|unix.O_DIRECTORY, 0)
			ok(b, err)
			defer func() { _ = unix.Close(staging) }()
			content := make([]byte, 30<<10)
			for i := range content {
				content[i] = byte(i)%255 + 1
			}
			var ours, plain, settle spent
			for n := 0; b.Loop(); n++ {
				items := initialItems(b, f, n, size, content)
				ours.on(b, func() {
					results, err := f.in.Commit(b.Context(), items)
					ok(b, err)
					for _, r := range results {
						ok(b, r.Err)
					}
				})
				items = initialItems(b, f, -n-1, size, content)
				plain.on(b, func() { plainly(b, staging, base, items) })
				settle.on(b, func() { ok(b, unix.Syncfs(staging)) })
			}
			files := time.Duration(size * b.N)
			b.ReportMetric(float64(files)/ours.wall.Seconds(), "files/s")
			b.ReportMetric(float64(plain.wall)/float64(ours.wall), "of-plain")
			b.ReportMetric(float64(plain.wall+settle.wall)/float64(ours.wall), "of-durable")
			b.ReportMetric(float64((ours.cpu/files).Nanoseconds())/1e3, "cpu-µs/file")
			b.ReportMetric(float64((plain.cpu/files).Nanoseconds())/1e3, "plain-cpu-µs/file")
		})
	}
}

func initialItems(b *testing.B, f *folder, n, size int, content []byte) (items []Item) {
	for i := range size {
		const each = 64
		dir := fmt.Sprintf("d%d-%d", n, i/each)
		if i%each == 0 {
			ok(b, f.root.Mkdir(dir, 0o755))
		}
		text := content[:4<<10+i*7919%(26<<10)]
		items = append(items, Item{Op: Put, Path: fmt.Sprintf("%s/file-%d", dir, i), Bytes: text, Record: &replication.Record{
			Kind: replication.File, Size: int64(len(text)), Attr: replication.Attr{Mode: 0o644, MTime: 1_600_000_000_000_000_001},
		}})
	}
	return items
}

// plainly installs items by bare system calls, with neither metadata nor
// checks.
func plainly(b *testing.B, staging int, base string, items []Item) {
	for i, it := range items {
		fd, err := unix.Openat(staging, fmt.Sprint(i), unix.O_RDWR|unix.O_CREAT|unix.O_EXCL|unix.O_CLOEXEC, 0o644)
		ok(b, err)
		_, err = unix.Pwrite(fd, it.Bytes, 0)
		ok(b, err)
		ok(b, unix.Close(fd))
	}
	ok(b, unix.Syncfs(staging))
	open, dir := "", -1
	for i, it := range items {
		parent, name := fsx.Split(it.Path)
		if parent != open {
			_ = unix.Close(dir)
			var err error
			dir, err = unix.Open(filepath.Join(base, parent), unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
			ok(b, err)
			open = parent
		}
		ok(b, unix.Renameat(staging, fmt.Sprint(i), dir, name))
	}
	ok(b, unix.Close(dir))
}
