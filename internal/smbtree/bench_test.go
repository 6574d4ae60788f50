package smbtree

import (
	"errors"
	"fmt"
	"testing"

	"dfsd/internal/fscc"
	"dfsd/internal/smb2"
	"dfsd/namespace"
)

// manyFolders is a namespace with n links in its root.
func manyFolders(tb testing.TB, n int) *Tree {
	tb.Helper()
	c := namespace.Config{Name: "many", TTL: 300e9, Folders: make([]namespace.FolderConfig, n)}
	for i := range c.Folders {
		c.Folders[i] = link(fmt.Sprintf("folder-%07d", i))
	}
	s := snapshot(tb, c)
	return connect(tb, forestOf(&s), "many", Client{})
}

// TestListingOfManyCopiesNothing: what one answer costs does not depend on how
// many entries the folder has.
func TestListingOfManyCopiesNothing(t *testing.T) {
	cost := func(n int) float64 {
		o := openDir(t, manyFolders(t, n), "")
		return testing.AllocsPerRun(20, func() {
			if list, err := query(o, fscc.Names, smb2.QueryRestartScans, "*", 64); err != nil || len(list) != 2 {
				t.Fatalf("query = %v, %v", list, err)
			}
		})
	}
	if few, many := cost(10), cost(20000); many > few {
		t.Errorf("an answer takes %v allocations among 20000 entries, %v among 10", many, few)
	}
}

// BenchmarkListing lists a million links in buffers of 64 KiB.
func BenchmarkListing(b *testing.B) {
	const folders = 1_000_000
	tree := manyFolders(b, folders)
	patterns := map[string]int{"*": folders + 2, "*-0999999": 1, "folder-0500000": 1}
	for pattern, want := range patterns {
		b.Run(pattern, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if got := countEntries(b, openDir(b, tree, ""), pattern); got != want {
					b.Fatalf("%d entries, want %d", got, want)
				}
			}
		})
	}
}

// countEntries lists all that matches pattern.
func countEntries(b *testing.B, o *Open, pattern string) int {
	b.Helper()
	for n := 0; ; {
		part, err := o.QueryDirectory(&smb2.QueryDirectoryRequest{
			Class: uint8(fscc.IDBothDirectory), Pattern: pattern, OutputLength: 64 << 10,
		})
		if errors.Is(err, smb2.StatusNoMoreFiles) {
			return n
		}
		if err != nil {
			b.Fatal(err)
		}
		n++
		for at := 0; le.Uint32(part[at:]) != 0; n++ {
			at += int(le.Uint32(part[at:]))
		}
	}
}
