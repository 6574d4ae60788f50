package engine

import (
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
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
		initialSync(b, 1, func(root string) { must(b, os.WriteFile(filepath.Join(root, "large"), noise(1, 1<<30), 0o644)) })
		b.SetBytes(1 << 30)
	})
}

func initialSync(b *testing.B, files int64, fill func(root string)) {
	for b.Loop() {
		b.StopTimer()
		g := newGroup(b, 2, replication.TopologyConfig{})
		fill(g.members[0].root)
		g.own = os.Getpid() // from now on nobody else changes anything, as in a daemon
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

// BenchmarkEdit changes a little of a file and prints the bytes on the wire, both
// ways, of all that it takes until the other member has it.
func BenchmarkEdit(b *testing.B) {
	const document = 2 << 20
	for _, tt := range []struct {
		name string
		size int64
		edit func(path string)
	}{
		{"overwrite-800B-of-2MiB", document, func(path string) {
			rewrite(b, path, func(old []byte) []byte { return splice(old, 700_001, 800, noise(2, 800)) })
		}},
		{"insert-777B-into-2MiB", document, func(path string) {
			rewrite(b, path, func(old []byte) []byte { return splice(old, 700_001, 0, noise(2, 777)) })
		}},
		{"overwrite-60KB-of-2MiB", document, func(path string) {
			rewrite(b, path, func(old []byte) []byte { return splice(old, 700_001, 60_000, noise(2, 60_000)) })
		}},
		{"append-60KB-to-2MiB", document, func(path string) {
			rewrite(b, path, func(old []byte) []byte { return append(old, noise(2, 60_000)...) })
		}},
		{"move-256KiB-within-2MiB", document, func(path string) {
			rewrite(b, path, func(old []byte) []byte {
				block := old[300_000 : 300_000+256<<10]
				return splice(splice(old, 1_500_000, 0, block), 300_000, len(block), nil)
			})
		}},
		{"insert-1B-before-64MiB", 64 << 20, func(path string) { rewrite(b, path, func(old []byte) []byte { return splice(old, 0, 0, []byte{1}) }) }},
		{"near-copy-of-2MiB", document, func(path string) {
			must(b, os.WriteFile(path+" of yesterday", splice(noise(1, document), 700_001, 60_000, noise(2, 60_000)), 0o644))
		}},
		{"exact-copy-of-2MiB", document, func(path string) { must(b, os.WriteFile(path+" of yesterday", noise(1, document), 0o644)) }},
	} {
		b.Run(tt.name, func(b *testing.B) {
			for b.Loop() {
				g := newGroup(b, 2, replication.TopologyConfig{})
				must(b, os.WriteFile(g.members[0].path("file"), noise(1, tt.size), 0o644))
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

// BenchmarkPreseeded joins two members that hold the same 20,000 files and prints
// the bytes on the wire for each.
func BenchmarkPreseeded(b *testing.B) {
	const files = 20_000
	for b.Loop() {
		g := newGroup(b, 2, replication.TopologyConfig{})
		stamp := time.Now().Add(-time.Hour)
		for i := range files {
			for _, m := range g.members {
				path := m.path(fmt.Sprintf("d%d/file%d", i/100, i))
				m.write(fmt.Sprintf("d%d/file%d", i/100, i), fmt.Sprint("content of ", i))
				must(b, os.Chtimes(path, stamp, stamp))
			}
		}
		g.start()
		g.eventually("the members have not met", func() (bool, string) {
			s, _ := g.members[1].engine.Status(b.Context())
			c := s.Folders[0].Connections[0]
			return s.Folders[0].State == "normal" && s.Folders[0].Files == files && c.BacklogFiles == 0, g.members[1].status()
		})
		b.ReportMetric(float64(g.wire())/files, "wire-B/file")
		for _, m := range g.members {
			m.stop()
		}
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

// noise returns bytes that nothing compresses, equal for equal seeds.
func noise(seed byte, size int64) []byte {
	b := make([]byte, size)
	_, _ = rand.NewChaCha8([32]byte{seed}).Read(b)
	return b
}

// splice returns b with n bytes at at replaced.
func splice(b []byte, at, n int, by []byte) []byte {
	return slices.Concat(b[:at], by, b[at+n:])
}

// rewrite saves a changed file as programs do: beside the old, and then over it.
func rewrite(t testing.TB, path string, change func([]byte) []byte) {
	t.Helper()
	old, err := os.ReadFile(path)
	must(t, err)
	must(t, os.WriteFile(path+".new", change(old), 0o644))
	must(t, os.Rename(path+".new", path))
}
