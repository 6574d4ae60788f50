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
	for n := range 300 {
		r := file(n, fmt.Sprintf("name %d", n), uint64(n+1))
		want[r.ID] = fmt.Sprintf("%+v", r)
		mustApply(t, x, Change{Records: []replication.Record{r}})
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
	for range 200 {
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
	for r, err := range x.Records.All() {
		if err != nil {
			fault = err
			break
		}
		if got := fmt.Sprintf("%+v", r); got != want[r.ID] {
			t.Fatalf("%s: a record reads as %s, want %s", name, got, want[r.ID])
		}
		read++
	}
	if fault == nil {
		mustClose(t, x)
		if read == len(want) {
			return "harmless"
		}
		if !strings.HasSuffix(name, ".log") {
			t.Fatalf("%s: %d of %d records and no error", name, read, len(want))
		}
		return "end of the log lost"
	}
	if !errors.Is(fault, ErrCorrupt) {
		t.Fatalf("%s: reading = %v, want ErrCorrupt", name, fault)
	}
	if err := x.Apply(Change{}); !errors.Is(err, ErrCorrupt) {
		t.Fatalf("%s: Apply to a corrupt index = %v, want ErrCorrupt", name, err)
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
	before := mustOpen(t, disk)
	origin := before.Origin()
	mustClose(t, before)
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
		for _, err := range x.Records.All() {
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
		if x.Origin() == origin {
			t.Errorf("without %s the origin is the old one", name)
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
	for name, change := range map[string]func(x *Index, key []byte, r replication.Record) error{
		"bits": func(x *Index, key []byte, _ replication.Record) error {
			value, closer, err := x.db.Get(key)
			if err != nil {
				return err
			}
			bad := append([]byte(nil), value...)
			bad[5] ^= 1
			return errors.Join(closer.Close(), x.db.Set(key, bad, nil))
		},
		"strayed": func(x *Index, key []byte, r replication.Record) error {
			return x.db.Set(key, seal(nil, fileKey(tableRecord, fileID(9)), r.Append(nil)), nil)
		},
		"another file's": func(x *Index, key []byte, r replication.Record) error {
			r.ID = fileID(9)
			return x.db.Set(key, seal(nil, key, r.Append(nil)), nil)
		},
		"longer": func(x *Index, key []byte, r replication.Record) error {
			return x.db.Set(key, seal(nil, key, append(r.Append(nil), 0)), nil)
		},
		"gone": func(x *Index, key []byte, _ replication.Record) error { return x.db.Delete(key, nil) },
	} {
		mem := vfs.NewMem()
		x := mustOpen(t, mem)
		r := file(1, "a", 1)
		mustApply(t, x, Change{Records: []replication.Record{r}})
		if err := change(x, fileKey(tableRecord, r.ID), r); err != nil {
			t.Fatal(err)
		}
		if _, err := x.Records.Child(replication.RootID, "a"); !errors.Is(err, ErrCorrupt) {
			t.Errorf("%s: Child = %v, want ErrCorrupt", name, err)
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
