package transfer

import (
	"fmt"
	"io"
	"math/rand/v2"
	"testing"

	"dfsd/replication/chunk"
)

// BenchmarkSmallFiles reports files a second through two ends that share this
// process, without disk and TLS.
func BenchmarkSmallFiles(b *testing.B) {
	for _, kind := range []string{"noise", "text"} {
		b.Run(kind, func(b *testing.B) {
			const n = 20_000
			there := newShelf()
			jobs := make([]Job, n)
			rng := rand.New(rand.NewPCG(1, 2))
			for i := range jobs {
				content := noise(byte(i), 4096)
				if kind == "text" {
					content = content[:0]
					for len(content) < 4000 {
						content = fmt.Appendf(content, "line %d of what people write ", rng.IntN(1000))
					}
				}
				content[0], content[1], content[2] = byte(i), byte(i>>8), byte(i>>16)
				there.add(content)
				jobs[i] = Job{Record: recordOf(i, content)}
			}
			b.ReportAllocs()
			for b.Loop() {
				x := start(b, Options{}, linkTo(there))
				for _, j := range jobs {
					x.Want(j)
				}
				x.await(b, n)
				x.stop()
			}
			b.ReportMetric(float64(n)*float64(b.N)/b.Elapsed().Seconds(), "files/s")
		})
	}
}

// BenchmarkLargeFiles reports the rate of large files, between directories of
// the operating system.
func BenchmarkLargeFiles(b *testing.B) {
	const size = 256 << 20
	for _, files := range []int{1, 3} {
		b.Run(fmt.Sprint(files), func(b *testing.B) {
			dir := osDir(b)
			there := newShelf()
			var jobs []Job
			for i := range files {
				f, err := dir.Create(fmt.Sprint(i), 0o600)
				if err != nil {
					b.Fatal(err)
				}
				sum := chunk.NewSummer(chunk.AverageOf(size))
				if _, err := io.CopyBuffer(io.MultiWriter(sum, io.NewOffsetWriter(f, 0)), io.LimitReader(rand.NewChaCha8([32]byte{byte(i)}), size), make([]byte, 1<<20)); err != nil {
					b.Fatal(err)
				}
				_ = f.Close()
				r := recordOf(i, nil)
				r.Hash, r.Size = sum.List().Sum, size
				there.addFile(dir, fmt.Sprint(i), r.Hash, size)
				jobs = append(jobs, Job{Record: r})
			}
			staging := osDir(b)
			b.SetBytes(int64(files) * size)
			for b.Loop() {
				x := start(b, Options{Staging: staging}, linkTo(there))
				for _, j := range jobs {
					x.Want(j)
				}
				for _, r := range x.await(b, files) {
					if r.Err != nil {
						b.Fatal(r.Err)
					}
					_ = x.staging.Remove(r.Staged)
				}
				x.stop()
			}
		})
	}
}
