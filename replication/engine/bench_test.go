package engine

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"dfsd/replication"
)

// BenchmarkInitialSync brings a folder of small files from one member to an
// empty one, both in this process, over loopback with TLS and durably. It prints
// files a second from the start of both to equal trees.
func BenchmarkInitialSync(b *testing.B) {
	const files, size = 20_000, 12 << 10
	for b.Loop() {
		b.StopTimer()
		g := newGroup(b, 2, replication.TopologyConfig{})
		content := make([]byte, size)
		for i := range files {
			dir := g.members[0].path(fmt.Sprintf("d%d", i/100))
			if i%100 == 0 {
				if err := os.Mkdir(dir, 0o755); err != nil {
					b.Fatal(err)
				}
			}
			copy(content, fmt.Sprint(i))
			if err := os.WriteFile(filepath.Join(dir, fmt.Sprint("file", i)), content, 0o644); err != nil {
				b.Fatal(err)
			}
		}
		b.StartTimer()
		began := time.Now()
		g.start()
		g.eventually("not all files arrived", func() (bool, string) {
			s, _ := g.members[1].engine.Status(b.Context())
			return s.Folders[0].Files == files && s.Folders[0].State == "normal", g.members[1].status()
		})
		b.ReportMetric(files/time.Since(began).Seconds(), "files/s")
		b.StopTimer()
		for _, m := range g.members {
			m.stop()
		}
		b.StartTimer()
	}
}
