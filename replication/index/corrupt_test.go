package index

import (
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"dfsd/replication"
	"dfsd/replication/reconcile"
	"dfsd/replication/version"
)

// damage rewrites a file of the store.
func damage(t *testing.T, fs vfs.FS, name string, change func([]byte) []byte) {
	t.Helper()
	path := fs.PathJoin("index", nameStore, name)
	f, err := fs.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	b, err := io.ReadAll(f)
	if err := errors.Join(err, f.Close()); err != nil {
		t.Fatal(err)
	}
	w, err := fs.Create(path, vfs.WriteCategoryUnspecified)
	if err != nil {
		t.Fatal(err)
	}
	_, err = w.Write(change(b))
	if err := errors.Join(err, w.Sync(), w.Close()); err != nil {
		t.Fatal(err)
	}
}

// filled returns the disk of a closed index with tables, a log and a manifest,
// and its records.
func filled(t *testing.T) (*vfs.MemFS, map[replication.FileID]string) {
	t.Helper()
	mem := vfs.NewCrashableMem()
	x := mustOpen(t, mem)
	want := map[replication.FileID]string{}
	s := x.Store()
	if err := s.PutMeta(reconcile.Meta{Origin: originOf(5), Count: 300}); err != nil {
		t.Fatal(err)
	}
	for n := range 300 {
		e := settled(file(n, fmt.Sprintf("name %d", n), uint64(n+1)))
		want[e.ID] = show(e)
		mustPut(t, s, e)
		if n == 200 {
			if err := x.db.Flush(); err != nil {
				t.Fatal(err)
			}
		}
	}
	mustClose(t, x)
	return mem, want
}

// TestFlippedBits flips one bit at 200 places of the store. What the index then
// says is right or ErrCorrupt, and once it has said that, the next Open starts
// anew.
func TestFlippedBits(t *testing.T) {
	disk, want := filled(t)
	files, err := disk.List(disk.PathJoin("index", nameStore))
	if err != nil {
		t.Fatal(err)
	}
	rng := rand.New(rand.NewPCG(7, 8))
	outcomes := map[string]int{}
	rounds := 200
	if underRace {
		rounds = 40
	}
	for range rounds {
		mem := disk.CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: 100, RNG: rng})
		name := files[rng.IntN(len(files))]
		damage(t, mem, name, func(b []byte) []byte {
			if len(b) > 0 {
				b[rng.IntN(len(b))] ^= 1 << rng.IntN(8)
			}
			return b
		})
		outcomes[readDamaged(t, mem, name, want)]++
	}
	t.Logf("%v", outcomes)
	if outcomes["seen at opening"] == 0 || outcomes["seen at reading"] == 0 {
		t.Errorf("outcomes %v: want damage seen at opening and at reading", outcomes)
	}
}

// readDamaged opens and reads an index of which one file is damaged.
func readDamaged(t *testing.T, mem *vfs.MemFS, name string, want map[replication.FileID]string) string {
	t.Helper()
	x := mustOpen(t, mem)
	if o := x.Opening(); o.Cause != nil {
		if !errors.Is(o.Cause, ErrCorrupt) || !o.Fresh || o.Aside == "" || o.Clean {
			t.Fatalf("%s: Opening() = %+v", name, o)
		}
		mustClose(t, x)
		return "seen at opening"
	}
	read := 0
	var fault error
	for s, err := range x.Standing(replication.RootID) {
		if err != nil {
			fault = err
			break
		}
		if got := show(s.Entry); got != want[s.Entry.ID] {
			t.Fatalf("%s: an entry reads as %s, want %s", name, got, want[s.Entry.ID])
		}
		read++
	}
	if fault == nil {
		mustClose(t, x)
		if read == len(want) {
			return "harmless"
		}
		if !strings.HasSuffix(name, ".log") {
			t.Fatalf("%s: %d of %d entries and no error", name, read, len(want))
		}
		return "end of the log lost"
	}
	if !errors.Is(fault, ErrCorrupt) {
		t.Fatalf("%s: reading = %v, want ErrCorrupt", name, fault)
	}
	if err := write(x.Store(), 1); !errors.Is(err, ErrCorrupt) {
		t.Fatalf("%s: Commit to a corrupt index = %v, want ErrCorrupt", name, err)
	}
	_ = x.Close() // may report the damage again
	x = mustOpen(t, mem)
	defer x.Close()
	if o := x.Opening(); o.Cause == nil || !o.Fresh {
		t.Fatalf("%s: after ErrCorrupt, Opening() = %+v, want a fresh index", name, o)
	}
	return "seen at reading"
}

func TestLostFilesStartANewLife(t *testing.T) {
	disk, want := filled(t)
	files, err := disk.List(disk.PathJoin("index", nameStore))
	if err != nil {
		t.Fatal(err)
	}
	seen := 0
	for _, name := range files {
		if !strings.HasSuffix(name, ".sst") && !strings.HasPrefix(name, "MANIFEST") {
			continue
		}
		mem := disk.CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: 100, RNG: rand.New(rand.NewPCG(1, 1))})
		if err := mem.Remove(mem.PathJoin("index", nameStore, name)); err != nil {
			t.Fatal(err)
		}
		x := mustOpen(t, mem)
		read := 0
		for _, err := range x.Standing(replication.RootID) {
			if err != nil && !errors.Is(err, ErrCorrupt) {
				t.Fatalf("without %s: %v", name, err)
			}
			if err == nil {
				read++
			}
		}
		_ = x.Close() // may report the damage again
		if read == len(want) {
			continue // an obsolete file
		}
		x = mustOpen(t, mem)
		if m, err := x.Meta(); err != nil || m.Origin == originOf(5) {
			t.Errorf("without %s, Meta = %+v, %v: want none of the old life", name, m, err)
		}
		mustClose(t, x)
		seen++
	}
	if seen == 0 {
		t.Fatal("nothing was removed")
	}
}

// TestDamagedValues: what the store hands back intact may still be no value of
// ours.
func TestDamagedValues(t *testing.T) {
	entry := fileKey(tableEntry, fileID(1))
	place := placeKey(reconcile.Place{Name: "a"})
	node := table{}.inodeKey(inode{1, 1})
	overwrite := func(key []byte, payload []byte) func(*Index) error {
		return func(x *Index) error { return x.db.Set(key, seal(nil, key, payload), nil) }
	}
	other := settled(file(9, "a", 1))
	for name, change := range map[string]func(x *Index) error{
		"bits": func(x *Index) error {
			value, closer, err := x.db.Get(entry)
			if err != nil {
				return err
			}
			bad := append([]byte(nil), value...)
			bad[5] ^= 1
			return errors.Join(closer.Close(), x.db.Set(entry, bad, nil))
		},
		"strayed": func(x *Index) error {
			return x.db.Set(entry, seal(nil, fileKey(tableEntry, fileID(9)), appendEntry(nil, &other)), nil)
		},
		"another file's":   overwrite(entry, appendEntry(nil, &other)),
		"empty":            func(x *Index) error { return x.db.Set(entry, nil, nil) },
		"gone":             func(x *Index) error { return x.db.Delete(entry, nil) },
		"place of no file": overwrite(place, nil),
		"place unsealed":   func(x *Index) error { return x.db.Set(place, nil, nil) },
		"place of twins":   overwrite(place, appendIDs(nil, []replication.FileID{fileID(1), fileID(1)})),
		"place of another": overwrite(place, appendIDs(nil, []replication.FileID{fileID(9)})),
		"facts cut short":  overwrite(fileKey(tableFacts, fileID(1)), []byte{1}),
		"inode cut short":  overwrite(node, make([]byte, 15)),
		"stamp":            func(x *Index) error { return x.db.Set(append(stampKey(stampOf(7)), bytesOf(fileID(1))...), nil, nil) },
		"stamp of another": overwrite(append(stampKey(stampOf(7)), bytesOf(fileID(1))...), stamped{}.append(nil)),
		"meta":             overwrite(keyCore, []byte{9}),
		"totals":           overwrite(keyTotals, []byte{9}),
		"wanted":           func(x *Index) error { return x.db.Set(fileKey(tableWanted, fileID(9)), nil, nil) },
		"trait":            overwrite(append(traitKey(0, 0), make([]byte, 8)...), []byte{1}),
	} {
		mem := vfs.NewMem()
		x := mustOpen(t, mem)
		s := x.Store()
		s.PutFacts(Facts{ID: fileID(1), Dev: 1, Inode: 1})
		mustPut(t, s, settled(file(1, "a", 1)))
		if err := readAll(x); err != nil {
			t.Fatal(err)
		}
		if err := change(x); err != nil {
			t.Fatal(err)
		}
		if err := readAll(x); !errors.Is(err, ErrCorrupt) {
			t.Errorf("%s: reading = %v, want ErrCorrupt", name, err)
		}
		if err := x.Close(); err != nil {
			t.Errorf("%s: Close = %v", name, err)
		}
		x = mustOpen(t, mem)
		if o := x.Opening(); !errors.Is(o.Cause, ErrCorrupt) || !o.Fresh {
			t.Errorf("%s: Opening() = %+v, want a fresh index", name, o)
		}
		mustClose(t, x)
	}
}

func bytesOf(id replication.FileID) []byte { return id[:] }

func stampOf(count uint64) version.Stamp { return version.Stamp{Origin: originOf(1), Count: count} }

// readAll reads an index with one file in every way and returns the first error.
func readAll(x *Index) error {
	var errs []error
	for _, err := range x.Standing(replication.RootID) {
		errs = append(errs, err)
	}
	for _, err := range x.Newer(version.Vector{}) {
		errs = append(errs, err)
	}
	for _, err := range x.Wanted() {
		errs = append(errs, err)
	}
	_, err := x.Entry(fileID(1))
	errs = append(errs, err)
	_, err = x.StandingAt(reconcile.Place{Name: "a"})
	errs = append(errs, err)
	_, err = x.Bound(1, 1)
	errs = append(errs, err)
	_, err = x.Backlog(version.Vector{})
	errs = append(errs, err)
	_, err = x.Meta()
	errs = append(errs, err)
	_, err = x.Totals()
	errs = append(errs, err)
	_, err = x.Lists.Similar([traitCount]uint16{})
	return errors.Join(append(errs, err)...)
}

// TestStoreSeesDamage: the writer's own reads, with nothing cached, know damage
// too.
func TestStoreSeesDamage(t *testing.T) {
	for name, read := range map[string]func(s *Store) error{
		"Entry":    func(s *Store) error { _, _, err := s.Entry(fileID(1)); return err },
		"At":       func(s *Store) error { _, err := s.At(reconcile.Place{Name: "a"}); return err },
		"Children": func(s *Store) error { _, err := s.Children(replication.RootID); return err },
		"Put":      func(s *Store) error { return s.Put(settled(file(1, "b", 2))) },
		"Drop":     func(s *Store) error { return s.Drop(fileID(1)) },
		"Wanted": func(s *Store) (err error) {
			for _, err = range s.Wanted() {
			}
			return err
		},
		"Newer": func(s *Store) (err error) {
			for _, err = range s.Newer(version.Vector{}) {
			}
			return err
		},
	} {
		x := mustOpen(t, vfs.NewMem())
		e := settled(file(1, "a", 1))
		e.Wanted = true
		mustPut(t, x.Store(), e)
		if err := x.db.Set(fileKey(tableEntry, e.ID), []byte("nonsense"), nil); err != nil {
			t.Fatal(err)
		}
		if err := read(x.Store()); !errors.Is(err, ErrCorrupt) {
			t.Errorf("%s = %v, want ErrCorrupt", name, err)
		}
		mustClose(t, x)
	}
}
