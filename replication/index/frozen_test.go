package index

import (
	"iter"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"dfsd/replication/reconcile"
	"dfsd/replication/version"
)

// TestIterationsStandStill: what is put, dropped and committed during an
// iteration does not show in it, whether what it yields was committed before or
// only put.
func TestIterationsStandStill(t *testing.T) {
	for name, c := range map[string]struct{ before, during bool }{
		"put":                     {false, false},
		"put, then committed":     {false, true},
		"committed":               {true, false},
		"committed, and so later": {true, true},
	} {
		for what, of := range map[string]func(*Store) iter.Seq2[reconcile.Entry, error]{
			"Wanted":  (*Store).Wanted,
			"Foreign": (*Store).Foreign,
			"Newer":   func(s *Store) iter.Seq2[reconcile.Entry, error] { return disks(s.Newer(version.Vector{})) },
		} {
			x := mustOpen(t, vfs.NewMem())
			s := x.Store()
			var want []reconcile.Entry
			put := func(n int, name string, count uint64, marked bool) reconcile.Entry {
				e := settled(file(n, name, count))
				e.Wanted, e.Foreign = marked && what == "Wanted", marked && what == "Foreign"
				if err := s.Put(e); err != nil {
					t.Fatal(err)
				}
				return e
			}
			for n := 10; n < 20; n++ {
				e := put(n, "old", uint64(n), true)
				if what == "Newer" {
					e = reconcile.Entry{Disk: e.Disk}
				}
				want = append(want, e)
			}
			if c.before {
				mustCommit(t, s)
			}
			var got []reconcile.Entry
			for e, err := range of(s) {
				if err != nil {
					t.Fatal(err)
				}
				if got = append(got, e); len(got) > 1 {
					continue
				}
				for n := 5; n < 25; n++ { // twice, so that older versions have older ones
					put(n, "new", uint64(100+n), n%2 == 0)
					put(n, "newer", uint64(200+n), n%3 == 0)
				}
				if err := s.Drop(fileID(15)); err != nil {
					t.Fatal(err)
				}
				if c.during {
					mustCommit(t, s)
					put(16, "newest", 300, false)
				}
			}
			if g, w := show(got), show(want); g != w {
				t.Errorf("%s, %s yields\n%s, want\n%s", name, what, g, w)
			}
			mustClose(t, x)
		}
	}
}
