package engine

import (
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"dfsd/replication"
)

// BenchmarkInitialSync brings a folder from one member to an empty one, both in
// this process, over loopback with TLS, durably and verified. It prints files or
// bytes a second from the start of both until nothing is owed, and the time as a
// multiple of that of `rsync -a` from directory to directory, which syncs,
// encrypts and verifies nothing, where rsync is installed.
func BenchmarkInitialSync(b *testing.B) {
	b.Run("small", func(b *testing.B) {
		const files, size = 20_000, 12 << 10
		initialSync(b, files, func(root string) {
			random := rand.NewChaCha8([32]byte{})
			content := make([]byte, size)
			for i := range files {
				if i%100 == 0 {
					must(b, os.Mkdir(filepath.Join(root, fmt.Sprint("d", i/100)), 0o755))
				}
				_, _ = random.Read(content)
				must(b, os.WriteFile(filepath.Join(root, fmt.Sprint("d", i/100), fmt.Sprint("file", i)), content, 0o644))
			}
		})
	})
	b.Run("large", func(b *testing.B) {
		initialSync(b, 1, func(root string) { writeNoise(b, filepath.Join(root, "large"), 1<<30) })
		b.SetBytes(1 << 30)
	})
}

func initialSync(b *testing.B, files int64, fill func(root string)) {
	for b.Loop() {
		b.StopTimer()
		g := newGroup(b, 2, replication.TopologyConfig{})
		fill(g.members[0].root)
		peer := rsync(b, g.members[0].root)
		b.StartTimer()
		began := time.Now()
		g.start()
		g.eventually("not all files arrived", func() (bool, string) {
			s, _ := g.members[1].engine.Status(b.Context())
			return s.Folders[0].Files == files && s.Folders[0].State == "normal", g.members[1].status()
		})
		took := time.Since(began)
		b.StopTimer()
		b.ReportMetric(float64(files)/took.Seconds(), "files/s")
		if peer > 0 {
			b.ReportMetric(took.Seconds()/peer.Seconds(), "x-rsync")
		}
		for _, m := range g.members {
			m.stop()
		}
		b.StartTimer()
	}
}

// rsync copies a folder with rsync, and returns how long that took; 0 where there
// is none.
func rsync(b *testing.B, root string) time.Duration {
	path, err := exec.LookPath("rsync")
	if err != nil {
		return 0
	}
	began := time.Now()
	must(b, exec.Command(path, "-a", "--whole-file", root+"/", b.TempDir()+"/").Run())
	return time.Since(began)
}

// BenchmarkEdit changes a little of a large file and prints the bytes on the
// wire, both ways, of all that it takes until the other member has it.
func BenchmarkEdit(b *testing.B) {
	for _, tt := range []struct {
		name string
		size int64
		edit func(path string)
	}{
		{"800B of 2MiB", 2 << 20, func(path string) { overwrite(b, path, 1<<20, 800) }},
		{"1B before 64MiB", 64 << 20, func(path string) { prepend(b, path) }},
	} {
		b.Run(strings.ReplaceAll(tt.name, " ", "-"), func(b *testing.B) {
			for b.Loop() {
				g := newGroup(b, 2, replication.TopologyConfig{})
				writeNoise(b, g.members[0].path("file"), tt.size)
				g.start()
				g.level()
				before := g.wire()
				tt.edit(g.members[0].path("file"))
				g.level()
				b.ReportMetric(float64(g.wire()-before), "wire-B")
				for _, m := range g.members {
					m.stop()
				}
			}
		})
	}
}

// wire returns the bytes of all sessions.
func (g *group) wire() uint64 {
	s, err := g.members[0].engine.Status(g.t.Context())
	if err != nil {
		g.t.Fatal(err)
	}
	c := s.Folders[0].Connections[0]
	return c.SentBytes + c.ReceivedBytes
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func writeNoise(t testing.TB, path string, size int64) {
	t.Helper()
	f, err := os.Create(path)
	must(t, err)
	random := rand.NewChaCha8([32]byte{1})
	block := make([]byte, 1<<20)
	for ; size > 0; size -= int64(len(block)) {
		_, _ = random.Read(block)
		_, err := f.Write(block[:min(size, int64(len(block)))])
		must(t, err)
	}
	must(t, f.Close())
}

func overwrite(t testing.TB, path string, at int64, n int) {
	t.Helper()
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	must(t, err)
	_, err = f.WriteAt([]byte(strings.Repeat("x", n)), at)
	must(t, err)
	must(t, f.Close())
}

func prepend(t testing.TB, path string) {
	t.Helper()
	old, err := os.ReadFile(path)
	must(t, err)
	must(t, os.WriteFile(path+".new", append([]byte{'x'}, old...), 0o644))
	must(t, os.Rename(path+".new", path))
}
