package index

import (
	"encoding/binary"
	"errors"
	"fmt"
	"iter"
	"reflect"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"dfsd/replication"
	"dfsd/replication/version"
)

func fileID(n int) (id replication.FileID) {
	binary.BigEndian.PutUint64(id[:], uint64(n))
	id[15] = 1 // none is the root
	return id
}

func bytesOf(id replication.FileID) []byte { return id[:] }

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

func mustApply(tb testing.TB, x *Index, c Change) {
	tb.Helper()
	if err := x.Apply(c); err != nil {
		tb.Fatal(err)
	}
}

func mustClose(tb testing.TB, x *Index) {
	tb.Helper()
	if err := x.Close(); err != nil {
		tb.Fatal(err)
	}
}

// all collects a sequence, failing at its error.
func all[T any](tb interface {
	Helper()
	Fatalf(string, ...any)
}, seq iter.Seq2[T, error],
) (out []T) {
	tb.Helper()
	for v, err := range seq {
		if err != nil {
			tb.Fatalf("%v", err)
		}
		out = append(out, v)
	}
	return out
}

// names returns what differs between records for a reader of test output.
func names(records []replication.Record) (out []string) {
	for _, r := range records {
		out = append(out, fmt.Sprintf("%s@%v", r.Name, r.Stamp))
	}
	return out
}

func TestNewIndexIsEmptyAndFresh(t *testing.T) {
	x := mustOpen(t, vfs.NewMem())
	defer x.Close()
	if got, want := x.Opening(), (Opening{Fresh: true}); got != want {
		t.Errorf("Opening() = %+v, want %+v", got, want)
	}
	if x.Origin() == (version.Origin{}) {
		t.Error("Origin() is zero")
	}
	if _, err := x.Records.Get(fileID(1)); !errors.Is(err, ErrNotFound) {
		t.Errorf("Get of nothing = %v, want ErrNotFound", err)
	}
	if v, err := x.Knowledge(); err != nil || v.Len() != 0 {
		t.Errorf("Knowledge() = %v, %v, want none", v, err)
	}
}

func TestEverythingSurvivesReopening(t *testing.T) {
	mem := vfs.NewMem()
	x := mustOpen(t, mem)
	origin := x.Origin()
	change := Change{
		Records:   []replication.Record{file(1, "a", 1), file(2, "b", 2)},
		Facts:     []Facts{{ID: fileID(1), Dev: 3, Inode: 4, Birth: -5, Changed: 6, Modified: 7, Size: 8}},
		Wanted:    []replication.Record{file(2, "b", 9)},
		Knowledge: vector(version.Stamp{Origin: originOf(1), Count: 2}),
		Peers:     []Peer{{Name: "par", Knowledge: vector(version.Stamp{Origin: originOf(2), Count: 7}), Heard: 11}},
		Lists:     []List{{Hash: hashOf(1), Grain: Fine, Data: []byte("fine")}, {Hash: hashOf(1), Grain: Coarse, Data: nil}},
	}
	mustApply(t, x, change)
	mustClose(t, x)
	x = mustOpen(t, mem)
	defer x.Close()
	if got, want := x.Opening(), (Opening{Clean: true, SameBoot: true}); got != want {
		t.Errorf("Opening() = %+v, want %+v", got, want)
	}
	if x.Origin() != origin {
		t.Errorf("Origin() = %v, want %v", x.Origin(), origin)
	}
	if got := all(t, x.Records.All()); !reflect.DeepEqual(got, change.Records) {
		t.Errorf("Records = %v, want %v", names(got), names(change.Records))
	}
	if got, err := x.Disk.Get(fileID(1)); err != nil || got != change.Facts[0] {
		t.Errorf("Disk.Get = %+v, %v, want %+v", got, err, change.Facts[0])
	}
	if got, err := x.Wanted.Get(fileID(2)); err != nil || !reflect.DeepEqual(got, change.Wanted[0]) {
		t.Errorf("Wanted.Get = %+v, %v, want %+v", got, err, change.Wanted[0])
	}
	if got, err := x.Knowledge(); err != nil || got.Compare(change.Knowledge) != version.Equal {
		t.Errorf("Knowledge = %v, %v, want %v", got, err, change.Knowledge)
	}
	if got, err := x.Peers.Get("par"); err != nil || !reflect.DeepEqual(got, change.Peers[0]) {
		t.Errorf("Peers.Get = %+v, %v, want %+v", got, err, change.Peers[0])
	}
	if got, err := x.Lists.Get(Fine, hashOf(1)); err != nil || string(got) != "fine" {
		t.Errorf("Lists.Get = %q, %v, want %q", got, err, "fine")
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

func TestRenewChangesTheOriginForGood(t *testing.T) {
	mem := vfs.NewMem()
	x := mustOpen(t, mem)
	before := x.Origin()
	mustApply(t, x, Change{Records: []replication.Record{file(1, "a", 1)}})
	if err := x.Renew(); err != nil {
		t.Fatal(err)
	}
	now := x.Origin()
	mustClose(t, x)
	x = mustOpen(t, mem)
	defer x.Close()
	if now == before || x.Origin() != now {
		t.Errorf("origins %v, %v, %v: want the last two equal and new", before, now, x.Origin())
	}
	if _, err := x.Records.Get(fileID(1)); err != nil {
		t.Errorf("Get after Renew = %v", err)
	}
}

func TestSnapshotDoesNotMove(t *testing.T) {
	x := mustOpen(t, vfs.NewMem())
	defer x.Close()
	mustApply(t, x, Change{Records: []replication.Record{file(1, "a", 1)}})
	s := x.Snapshot()
	defer s.Close()
	mustApply(t, x, Change{Records: []replication.Record{file(1, "b", 2)}})
	if _, err := s.Records.Child(replication.RootID, "a"); err != nil {
		t.Errorf("Child(a) of the snapshot = %v", err)
	}
	if _, err := s.Records.Child(replication.RootID, "b"); !errors.Is(err, ErrNotFound) {
		t.Errorf("Child(b) of the snapshot = %v, want ErrNotFound", err)
	}
}

// TestExchangeOfNames: two files change names within one change, in either
// order of the records.
func TestExchangeOfNames(t *testing.T) {
	for _, order := range [][2]int{{1, 2}, {2, 1}} {
		x := mustOpen(t, vfs.NewMem())
		mustApply(t, x, Change{Records: []replication.Record{file(1, "a", 1), file(2, "b", 2)}})
		swapped := map[int]replication.Record{1: file(1, "b", 3), 2: file(2, "a", 4)}
		mustApply(t, x, Change{Records: []replication.Record{swapped[order[0]], swapped[order[1]]}})
		got := all(t, x.Records.Children(replication.RootID))
		if want := []Entry{{"a", fileID(2)}, {"b", fileID(1)}}; !reflect.DeepEqual(got, want) {
			t.Errorf("order %v: Children = %v, want %v", order, got, want)
		}
		mustClose(t, x)
	}
}

func TestSpellingsFindNamesThatCollide(t *testing.T) {
	x := mustOpen(t, vfs.NewMem())
	defer x.Close()
	mustApply(t, x, Change{Records: []replication.Record{
		file(1, "Plan.TXT", 1), file(2, "plan.txt", 2), file(3, "plan", 3),
		file(4, "caf\u00e9", 4), file(5, "CAFE\u0301", 5), file(6, "\xff\xfe", 6), file(7, "\u212a", 7),
	}})
	for name, want := range map[string][]replication.FileID{
		"PLAN.txt":   {fileID(1), fileID(2)},
		"plan":       {fileID(3)},
		"pla":        nil,
		"Cafe\u0301": {fileID(4), fileID(5)},
		"\xff\xfe":   {fileID(6)},
		"\xff":       nil,
		"k":          {fileID(7)},
	} {
		var got []replication.FileID
		for _, e := range all(t, x.Records.Spellings(replication.RootID, name)) {
			got = append(got, e.ID)
		}
		if !reflect.DeepEqual(got, want) {
			t.Errorf("Spellings(%q) = %v, want %v", name, got, want)
		}
	}
	if r, err := x.Records.Child(replication.RootID, "plan.txt"); err != nil || r.ID != fileID(2) {
		t.Errorf("Child(plan.txt) = %v, %v, want file 2", r.ID, err)
	}
	if _, err := x.Records.Child(replication.RootID, "PLAN.TXT"); !errors.Is(err, ErrNotFound) {
		t.Errorf("Child(PLAN.TXT) = %v, want ErrNotFound", err)
	}
}

// TestOldFoldingIsRewritten: an index whose names were folded by other tables
// answers by today's.
func TestOldFoldingIsRewritten(t *testing.T) {
	mem := vfs.NewMem()
	x := mustOpen(t, mem)
	mustApply(t, x, Change{Records: []replication.Record{file(1, "Plan", 1)}})
	e := x.edit()
	e.delete(append(spellingsKey(replication.RootID, fold("Plan")), bytesOf(fileID(1))...))
	e.put(append(spellingsKey(replication.RootID, "old folding"), bytesOf(fileID(1))...), func(b []byte) []byte { return append(b, "Plan"...) })
	e.put(keyIdentity, identity{origin: x.Origin(), folds: "older"}.append)
	if err := e.commit(); err != nil {
		t.Fatal(err)
	}
	origin := x.Origin()
	mustClose(t, x)
	for range 2 {
		x = mustOpen(t, mem)
		if _, err := x.Records.Child(replication.RootID, "Plan"); err != nil {
			t.Errorf("Child(Plan) = %v", err)
		}
		if n := len(all(t, x.Records.Children(replication.RootID))); n != 1 {
			t.Errorf("%d children, want 1", n)
		}
		if x.Origin() != origin || x.identity.folds != foldVersion {
			t.Errorf("identity %+v, want origin %v and folds %s", x.identity, origin, foldVersion)
		}
		mustClose(t, x)
	}
}

func TestApplyRefusesWhatItCouldNotRead(t *testing.T) {
	x := mustOpen(t, vfs.NewMem())
	defer x.Close()
	bad := file(1, "a/b", 1)
	for name, c := range map[string]Change{
		"record": {Records: []replication.Record{file(2, "ok", 2), bad}},
		"wanted": {Records: []replication.Record{file(2, "ok", 2)}, Wanted: []replication.Record{bad}},
	} {
		if err := x.Apply(c); err == nil {
			t.Errorf("%s: Apply of an invalid record succeeded", name)
		}
	}
	if n := len(all(t, x.Records.All())); n != 0 {
		t.Errorf("%d records after refused changes, want 0", n)
	}
}

func TestTrimListsKeepsTheLatestAndTheNeeded(t *testing.T) {
	mem := vfs.NewMem()
	x := mustOpen(t, mem)
	mustApply(t, x, Change{Records: []replication.Record{file(1, "a", 1)}})
	data := make([]byte, 100)
	for n := 1; n <= 5; n++ {
		mustApply(t, x, Change{Lists: []List{{hashOf(n), Fine, data}, {hashOf(n), Coarse, data}}})
	}
	mustClose(t, x)
	x = mustOpen(t, mem) // the order of age goes on
	defer x.Close()
	mustApply(t, x, Change{Lists: []List{{hashOf(2), Fine, data}, {hashOf(2), Fine, data}}})
	for _, g := range []Grain{Fine, Coarse} {
		if err := x.TrimLists(g, 250); err != nil {
			t.Fatal(err)
		}
	}
	for g, want := range map[Grain][]int{Fine: {2, 5}, Coarse: {1, 4, 5}} {
		var got []int
		for n := 1; n <= 5; n++ {
			if _, err := x.Lists.Get(g, hashOf(n)); err == nil {
				got = append(got, n)
			} else if !errors.Is(err, ErrNotFound) {
				t.Fatal(err)
			}
		}
		if !reflect.DeepEqual(got, want) {
			t.Errorf("grain %d keeps %v, want %v", g, got, want)
		}
		if n := len(all(t, x.t.prefix([]byte{tableAge, byte(g)}))); n != len(want) {
			t.Errorf("grain %d has %d entries by age, want %d", g, n, len(want))
		}
	}
}
