package index

import (
	"encoding/binary"
	"errors"
	"fmt"
	"iter"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"dfsd/replication"
	"dfsd/replication/reconcile"
	"dfsd/replication/version"
)

func fileID(n int) (id replication.FileID) {
	binary.BigEndian.PutUint64(id[:], uint64(n))
	id[15] = 1 // none is the root
	return id
}

func originOf(n int) (o version.Origin) {
	o[0], o[15] = byte(n), 7
	return o
}

func hashOf(n int) (h replication.Hash) {
	binary.LittleEndian.PutUint64(h[:], uint64(n)*0x9e3779b97f4a7c15)
	return h
}

// file returns a record of file n in the root, version count of origin 1.
func file(n int, name string, count uint64) replication.Record {
	stamp := version.Stamp{Origin: originOf(1), Count: count}
	return replication.Record{
		ID: fileID(n), Name: name, Kind: replication.File,
		Stamp: stamp, History: version.Vector{}.With(stamp),
		Created: 1e18, Clock: 1e18 + int64(count), Size: int64(100 * n), Hash: hashOf(n),
		Attr: replication.Attr{Mode: 0o640, UID: 1000, GID: 1000, MTime: 1e18 + int64(n)},
	}
}

// settled returns the entry of an object of which nothing is to be done.
func settled(r replication.Record) reconcile.Entry {
	return reconcile.Entry{ID: r.ID, Known: r, OnRecord: true, Disk: r, At: placeOf(&r)}
}

func vector(stamps ...version.Stamp) (v version.Vector) {
	for _, s := range stamps {
		v = v.With(s)
	}
	return v
}

func mustOpen(tb testing.TB, fs vfs.FS) *Index {
	tb.Helper()
	x, err := Open("index", Options{FS: fs, Cache: 1 << 20, Boot: "boot"})
	if err != nil {
		tb.Fatal(err)
	}
	return x
}

// mustPut puts entries and commits them.
func mustPut(tb testing.TB, s *Store, entries ...reconcile.Entry) {
	tb.Helper()
	for _, e := range entries {
		if err := s.Put(e); err != nil {
			tb.Fatal(err)
		}
	}
	mustCommit(tb, s)
}

func mustCommit(tb testing.TB, s *Store) {
	tb.Helper()
	if err := s.Commit(); err != nil {
		tb.Fatal(err)
	}
}

func mustClose(tb testing.TB, x *Index) {
	tb.Helper()
	if err := x.Close(); err != nil {
		tb.Fatal(err)
	}
}

type fataler interface {
	Helper()
	Fatalf(string, ...any)
}

// all collects a sequence, failing at its error.
func all[T any](tb fataler, seq iter.Seq2[T, error]) (out []T) {
	tb.Helper()
	for v, err := range seq {
		if err != nil {
			tb.Fatalf("%v", err)
		}
		out = append(out, v)
	}
	return out
}

func TestNewIndexIsEmptyAndFresh(t *testing.T) {
	x := mustOpen(t, vfs.NewMem())
	defer x.Close()
	if got, want := x.Opening(), (Opening{Fresh: true}); got != want {
		t.Errorf("Opening() = %+v, want %+v", got, want)
	}
	if _, err := x.Entry(fileID(1)); !errors.Is(err, ErrNotFound) {
		t.Errorf("Entry of nothing = %v, want ErrNotFound", err)
	}
	if m, err := x.Meta(); err != nil || !reflect.DeepEqual(m, reconcile.Meta{}) {
		t.Errorf("Meta() = %+v, %v, want none", m, err)
	}
	if n, err := x.Totals(); err != nil || n != (Totals{}) {
		t.Errorf("Totals() = %+v, %v, want none", n, err)
	}
}

func TestEverythingSurvivesReopening(t *testing.T) {
	mem := vfs.NewMem()
	x := mustOpen(t, mem)
	e, f := settled(file(1, "a", 1)), Facts{ID: fileID(1), Dev: 3, Inode: 4, Birth: -5, Changed: 6, Modified: 7, Size: 8}
	m := reconcile.Meta{
		Phase: reconcile.Normal, Primary: true, Origin: originOf(4), Count: 9, Fence: 2,
		Seen: vector(version.Stamp{Origin: originOf(1), Count: 2}), Held: vector(version.Stamp{Origin: originOf(1), Count: 1}),
	}
	p := Peer{Name: "par", Knowledge: vector(version.Stamp{Origin: originOf(2), Count: 7}), Heard: 11}
	s := x.Store()
	s.PutFacts(f)
	s.PutPeer(p)
	s.PutList(List{Hash: hashOf(1), Grain: Fine, Data: []byte("fine")})
	s.PutList(List{Hash: hashOf(1), Grain: Coarse})
	if err := s.PutMeta(m); err != nil {
		t.Fatal(err)
	}
	mustPut(t, s, e)
	mustClose(t, x)
	x = mustOpen(t, mem)
	defer x.Close()
	if got, want := x.Opening(), (Opening{Clean: true, SameBoot: true}); got != want {
		t.Errorf("Opening() = %+v, want %+v", got, want)
	}
	if got, err := x.Entry(e.ID); err != nil || !reflect.DeepEqual(got, e) {
		t.Errorf("Entry = %+v, %v, want %+v", got, err, e)
	}
	if got, err := x.Facts(e.ID); err != nil || got != f {
		t.Errorf("Facts = %+v, %v, want %+v", got, err, f)
	}
	if got, err := x.Meta(); err != nil || !reflect.DeepEqual(got, m) {
		t.Errorf("Meta = %+v, %v, want %+v", got, err, m)
	}
	if got, err := x.Peers.Get("par"); err != nil || !reflect.DeepEqual(got, p) {
		t.Errorf("Peers.Get = %+v, %v, want %+v", got, err, p)
	}
	if got, err := x.Lists.Get(Fine, hashOf(1)); err != nil || string(got) != "fine" {
		t.Errorf("Lists.Get = %q, %v, want %q", got, err, "fine")
	}
	if got, err := x.Totals(); err != nil || got != (Totals{Files: 1, Bytes: 100}) {
		t.Errorf("Totals = %+v, %v, want one file of 100 bytes", got, err)
	}
}

func TestOpeningTellsHowItWasClosed(t *testing.T) {
	mem := vfs.NewCrashableMem()
	mustClose(t, mustOpen(t, mem))
	x, err := Open("index", Options{FS: mem, Boot: "another boot"})
	if err != nil {
		t.Fatal(err)
	}
	if got, want := x.Opening(), (Opening{Clean: true}); got != want {
		t.Errorf("after a restart of the system, Opening() = %+v, want %+v", got, want)
	}
	killed := mem.CrashClone(vfs.CrashCloneCfg{})
	mustClose(t, x)
	x = mustOpen(t, killed)
	defer x.Close()
	if got, want := x.Opening(), (Opening{}); got != want {
		t.Errorf("after a crash, Opening() = %+v, want %+v", got, want)
	}
}

func TestOpenExcludesOthers(t *testing.T) {
	mem := vfs.NewMem()
	x := mustOpen(t, mem)
	defer x.Close()
	if other, err := Open("index", Options{FS: mem}); err == nil {
		_ = other.Close()
		t.Error("Open of an open index succeeded")
	}
}

// TestOlderFormatIsPutAside: an index of another layout is not read.
func TestOlderFormatIsPutAside(t *testing.T) {
	mem := vfs.NewMem()
	x := mustOpen(t, mem)
	e := x.edit()
	e.put(keyIdentity, []byte{indexFormat - 1})
	if err := e.commit(); err != nil {
		t.Fatal(err)
	}
	mustClose(t, x)
	x = mustOpen(t, mem)
	defer x.Close()
	if o := x.Opening(); !o.Fresh || o.Aside == "" || !errors.Is(o.Cause, ErrCorrupt) {
		t.Errorf("Opening() = %+v, want a fresh index", o)
	}
}

func TestSnapshotDoesNotMove(t *testing.T) {
	x := mustOpen(t, vfs.NewMem())
	defer x.Close()
	s := x.Store()
	mustPut(t, s, settled(file(1, "a", 1)))
	snap, err := x.Snapshot()
	if err != nil {
		t.Fatal(err)
	}
	defer snap.Close()
	mustPut(t, s, settled(file(1, "b", 2)))
	for name, want := range map[string]int{"a": 1, "b": 0} {
		got, err := snap.StandingAt(reconcile.Place{Name: name})
		if err != nil || len(got) != want {
			t.Errorf("StandingAt(%s) of the snapshot = %d, %v, want %d", name, len(got), err, want)
		}
	}
}

// TestExchangeOfNames: two files change names within one commit, in either
// order.
func TestExchangeOfNames(t *testing.T) {
	for _, order := range [][2]int{{1, 2}, {2, 1}} {
		x := mustOpen(t, vfs.NewMem())
		s := x.Store()
		mustPut(t, s, settled(file(1, "a", 1)), settled(file(2, "b", 2)))
		swapped := map[int]reconcile.Entry{1: settled(file(1, "b", 3)), 2: settled(file(2, "a", 4))}
		mustPut(t, s, swapped[order[0]], swapped[order[1]])
		var got []string
		for _, s := range all(t, x.Standing(replication.RootID)) {
			got = append(got, fmt.Sprint(s.Name, s.Entry.ID == fileID(2)))
		}
		if want := []string{"atrue", "bfalse"}; !slices.Equal(got, want) {
			t.Errorf("order %v: Standing = %v, want %v", order, got, want)
		}
		mustClose(t, x)
	}
}

func TestPutRefusesWhatItCouldNotRead(t *testing.T) {
	x := mustOpen(t, vfs.NewMem())
	defer x.Close()
	s := x.Store()
	long := strings.Repeat("x", 5000)
	for name, spoil := range map[string]func(e *reconcile.Entry){
		"name":                func(e *reconcile.Entry) { e.Known.Name = long },
		"name on disk":        func(e *reconcile.Entry) { e.Disk.Name = long },
		"place":               func(e *reconcile.Entry) { e.At.Name = long },
		"target":              func(e *reconcile.Entry) { e.Known.Kind, e.Known.Target = replication.Symlink, long },
		"target of a file":    func(e *reconcile.Entry) { e.Known.Target = "x" },
		"hash of a directory": func(e *reconcile.Entry) { e.Known.Kind = replication.Directory },
		"size":                func(e *reconcile.Entry) { e.Known.Size = -1 },
		"another file":        func(e *reconcile.Entry) { e.Known.ID = fileID(2) },
		"another doing":       func(e *reconcile.Entry) { e.Doing = &replication.Record{ID: fileID(2)} },
		"xattr name":          func(e *reconcile.Entry) { e.Known.Attr.Xattrs = []replication.Xattr{{Name: long}} },
		"xattr value": func(e *reconcile.Entry) {
			e.Known.Attr.Xattrs = []replication.Xattr{{Name: "user.a", Value: make([]byte, 1<<17)}}
		},
		"xattrs": func(e *reconcile.Entry) { e.Known.Attr.Xattrs = make([]replication.Xattr, 2000) },
	} {
		e := settled(file(1, "a", 1))
		spoil(&e)
		if err := s.Put(e); !errors.Is(err, replication.ErrInvalid) {
			t.Errorf("%s: Put = %v, want ErrInvalid", name, err)
		}
	}
	mustCommit(t, s)
	if _, err := x.Entry(fileID(1)); !errors.Is(err, ErrNotFound) {
		t.Errorf("Entry after refused puts = %v, want ErrNotFound", err)
	}
}

// TestNothingToSayWritesNothing: an unchanged entry, a change taken back, the
// same Meta and the same facts leave the store as it is.
func TestNothingToSayWritesNothing(t *testing.T) {
	x := mustOpen(t, vfs.NewMem())
	defer x.Close()
	s := x.Store()
	e, m, f := settled(file(1, "a", 1)), reconcile.Meta{Count: 1}, Facts{ID: fileID(1), Inode: 1}
	put := func(s *Store, entries ...reconcile.Entry) {
		t.Helper()
		s.PutFacts(f)
		if err := s.PutMeta(m); err != nil {
			t.Fatal(err)
		}
		mustPut(t, s, entries...)
	}
	put(s, e)
	written := x.db.Metrics().WAL.BytesIn
	for _, writer := range []func() *Store{func() *Store { return s }, x.Store} {
		s := writer()
		put(s, e)
		put(s, settled(file(1, "b", 2)), e)
		if err := s.Drop(fileID(2)); err != nil {
			t.Fatal(err)
		}
		mustPut(t, s)
	}
	if now := x.db.Metrics().WAL.BytesIn; now != written {
		t.Errorf("%d bytes were written", now-written)
	}
}

// TestNewStoreTakesOver: what another writer left is forgotten, and it can
// commit no more.
func TestNewStoreTakesOver(t *testing.T) {
	x := mustOpen(t, vfs.NewMem())
	defer x.Close()
	old := x.Store()
	if err := old.Put(settled(file(1, "a", 1))); err != nil {
		t.Fatal(err)
	}
	s := x.Store()
	if _, ok, err := s.Entry(fileID(1)); ok || err != nil {
		t.Errorf("Entry of another writer's = %v, %v", ok, err)
	}
	if err := old.Commit(); !errors.Is(err, ErrStale) {
		t.Errorf("Commit of an old writer = %v, want ErrStale", err)
	}
	mustPut(t, s, settled(file(2, "b", 2)))
}
