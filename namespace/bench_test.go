package namespace

import (
	"errors"
	"fmt"
	"runtime"
	"testing"
	"unsafe"
)

// largeConfig returns a namespace of n links with two targets each, in folders of
// at most a thousand, not in the order of the tree.
func largeConfig(n int) []Config {
	c := Config{Name: "public"}
	c.SetDefaults()
	c.Folders = make([]FolderConfig, n)
	for i := range c.Folders {
		path := largePath(i, n)
		f := &c.Folders[i]
		f.SetDefaults()
		f.Path = path
		f.Comment = "Project files"
		f.Targets = []TargetConfig{
			{Path: UNC(fmt.Sprintf(`\\fs%02d.nyc.corp.example.com\data\%s`, i%50, path)), Site: "NewYork"},
			{Path: UNC(fmt.Sprintf(`\\fs%02d.lon.corp.example.com\data\%s`, i%50, path)), Site: "London"},
		}
	}
	return []Config{c}
}

func largePath(i, n int) string {
	return fmt.Sprintf(`dept%03d\project-%07d`, i%(n/1000), i)
}

// largeRequests returns what clients ask about links of largeConfig, in another
// case, and below the links.
func largeRequests(n int) []string {
	requests := make([]string, 1<<16)
	for i := range requests {
		path := largePath((i*7919*13)%n, n)
		requests[i] = fmt.Sprintf(`\files.corp.example.com\Public\Dept%s\sub\file.txt`, path[len("dept"):])
	}
	return requests
}

var largeSizes = []int{1_000, 50_000, 1_000_000}

func BenchmarkMatch(b *testing.B) {
	for _, n := range largeSizes {
		s := newSnapshot(b, largeConfig(n)...)
		requests := largeRequests(n)
		runtime.GC()
		b.Run(fmt.Sprintf("links=%d", n), func(b *testing.B) {
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				path := requests[i%len(requests)]
				if m := s.Match(path); m.Link.IsZero() {
					b.Fatalf("Match(%q) = no link", path)
				}
			}
		})
	}
}

func BenchmarkWalk(b *testing.B) {
	for _, n := range largeSizes {
		root := newSnapshot(b, largeConfig(n)...).Roots()[0]
		paths := make([]string, 1<<16)
		for i := range paths {
			paths[i] = largePath((i*7919*13)%n, n)
		}
		runtime.GC()
		b.Run(fmt.Sprintf("links=%d", n), func(b *testing.B) {
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				path := paths[i%len(paths)]
				if _, err := root.Walk(path); !errors.Is(err, ErrCovered) {
					b.Fatalf("Walk(%q) = %v, want %v", path, err, ErrCovered)
				}
			}
		})
	}
}

// BenchmarkNew reports beside the time how much heap a snapshot holds once the
// configuration is gone.
func BenchmarkNew(b *testing.B) {
	for _, n := range largeSizes {
		b.Run(fmt.Sprintf("links=%d", n), func(b *testing.B) {
			cfgs := largeConfig(n)
			before := liveHeap()
			var s *Snapshot
			for b.Loop() {
				s = newSnapshot(b, cfgs...)
			}
			b.ReportMetric(float64(liveHeap()-before), "live-B")
			b.ReportMetric(float64(liveHeap()-before)/float64(n), "live-B/link")
			runtime.KeepAlive(s)
			runtime.KeepAlive(cfgs)
		})
	}
}

func liveHeap() int64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

// TestSizes holds what a snapshot of a million links is reckoned with.
func TestSizes(t *testing.T) {
	tests := []struct {
		name      string
		got, want uintptr
	}{
		{name: "node", got: unsafe.Sizeof(node{}), want: 16},
		{name: "folder", got: unsafe.Sizeof(folder{}), want: 16},
		{name: "target", got: unsafe.Sizeof(target{}), want: 12},
		{name: "slot", got: unsafe.Sizeof(slot{}), want: 32},
		{name: "Link", got: unsafe.Sizeof(Link{}), want: 16},
	}
	for _, tt := range tests {
		if tt.got != tt.want {
			t.Errorf("a %s takes %d bytes, want %d", tt.name, tt.got, tt.want)
		}
	}
}

// TestLiveHeap holds the promise of 200 MB for a million links at a size that
// every run can afford: what a link takes does not grow with their number.
func TestLiveHeap(t *testing.T) {
	const links, perLink = 100_000, 200
	cfgs := largeConfig(links)
	before := liveHeap()
	s := newSnapshot(t, cfgs...)
	held := liveHeap() - before
	runtime.KeepAlive(s)
	runtime.KeepAlive(cfgs)
	if held > links*perLink {
		t.Errorf("New(%d links) holds %d bytes, want at most %d", links, held, links*perLink)
	}
}
