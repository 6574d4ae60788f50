package survey

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"golang.org/x/sys/unix"
)

// grow fills the folder with n files of size bytes, so many in each directory.
func (h *house) grow(n, each, size int) {
	h.t.Helper()
	content := make([]byte, size)
	for i := range n {
		dir := h.abs(fmt.Sprintf("dir%05d", i/each))
		if i%each == 0 {
			ok(h.t, os.Mkdir(dir, 0o755))
		}
		copy(content, fmt.Sprint(i))
		ok(h.t, os.WriteFile(filepath.Join(dir, fmt.Sprintf("file%07d.txt", i)), content, 0o644))
	}
}

// nothing is a sink that forgets.
type nothing struct{}

func (nothing) Found(Found) error     { return nil }
func (nothing) Missing(Missing) error { return nil }
func (nothing) Later(Later) error     { return nil }

func BenchmarkUnchanged(b *testing.B) {
	for _, each := range []int{20, 60_000} {
		b.Run(fmt.Sprint(each, "each"), func(b *testing.B) {
			h := newHouse(b)
			h.grow(60_000, each, 0)
			h.learn()
			benchmark(b, h, func(r Result) int64 { return r.Unchanged })
		})
	}
}

func BenchmarkFirst(b *testing.B) {
	for _, size := range []int{0, 4 << 10, 64 << 10} {
		b.Run(fmt.Sprint(size, "bytes"), func(b *testing.B) {
			h := newHouse(b)
			h.grow(20_000, 100, size)
			h.o.Lists = 1 << 20
			h.o.Workers = 2
			benchmark(b, h, func(r Result) int64 { return r.Hashed })
		})
	}
}

func benchmark(b *testing.B, h *house, count func(Result) int64) {
	var n int64
	run := func() {
		result, err := Run(context.Background(), h.o, whole, nothing{})
		ok(b, err)
		n += count(result)
	}
	run()
	n = 0
	runtime.GC()
	b.ReportAllocs()
	began := cpu(b)
	for b.Loop() {
		run()
	}
	b.ReportMetric(float64(n)/b.Elapsed().Seconds(), "files/s")
	b.ReportMetric(float64(cpu(b)-began)/float64(n), "cpu-ns/file")
}

// cpu is what this process has used of processors, which does not depend on
// what else runs on the machine.
func cpu(b *testing.B) int64 {
	var u unix.Rusage
	ok(b, unix.Getrusage(unix.RUSAGE_SELF, &u))
	return u.Utime.Nano() + u.Stime.Nano()
}
