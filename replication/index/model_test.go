package index

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"maps"
	"slices"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"pgregory.net/rapid"

	"dfsd/replication"
	"dfsd/replication/version"
)

// model is what an index is to hold, in maps.
type model struct {
	records map[replication.FileID]replication.Record
	wanted  map[replication.FileID]replication.Record
	facts   map[replication.FileID]Facts
	peers   map[string]Peer
	lists   map[string][]byte // by grain and hash
	known   version.Vector
}

func newModel() *model {
	return &model{
		map[replication.FileID]replication.Record{},
		map[replication.FileID]replication.Record{},
		map[replication.FileID]Facts{},
		map[string]Peer{},
		map[string][]byte{},
		version.Vector{},
	}
}

func listName(g Grain, h replication.Hash) string { return fmt.Sprint(g, h) }

func (m *model) apply(c Change) {
	for _, id := range c.Forget {
		delete(m.records, id)
		delete(m.facts, id)
		delete(m.wanted, id)
	}
	for _, id := range c.Vanished {
		delete(m.facts, id)
	}
	for _, id := range c.Settled {
		delete(m.wanted, id)
	}
	for _, r := range c.Records {
		m.records[r.ID] = r
	}
	for _, f := range c.Facts {
		m.facts[f.ID] = f
	}
	for _, r := range c.Wanted {
		m.wanted[r.ID] = r
	}
	for _, p := range c.Peers {
		m.peers[p.Name] = p
	}
	for _, l := range c.Lists {
		m.lists[listName(l.Grain, l.Hash)] = l.Data
	}
	m.known = m.known.Merge(c.Knowledge)
}

// The worlds that changes are drawn from are small, so that they meet.
const (
	someFiles   = 8
	someOrigins = 3
	someHashes  = 4
)

var someNames = []string{"a", "A", "b", "ab", "\u00e9", "e\u0301", "\xff"}

func drawStamp(t *rapid.T) version.Stamp {
	return version.Stamp{
		Origin: originOf(rapid.IntRange(1, someOrigins).Draw(t, "origin")),
		Count:  uint64(rapid.IntRange(1, 9).Draw(t, "count")),
	}
}

func drawVector(t *rapid.T) version.Vector {
	var v version.Vector
	for range rapid.IntRange(0, 3).Draw(t, "stamps") {
		v = v.With(drawStamp(t))
	}
	return v
}

func drawID(t *rapid.T) replication.FileID {
	return fileID(rapid.IntRange(1, someFiles).Draw(t, "file"))
}

func drawRecord(t *rapid.T) replication.Record {
	stamp := drawStamp(t)
	r := replication.Record{
		ID: drawID(t), Name: rapid.SampledFrom(someNames).Draw(t, "name"), Kind: replication.Directory,
		Stamp: stamp, History: version.Vector{}.With(stamp), Created: 1, Clock: rapid.Int64Range(1, 99).Draw(t, "clock"),
	}
	if rapid.Bool().Draw(t, "in a directory") {
		r.Parent = fileID(someFiles + 1)
	}
	switch rapid.IntRange(0, 3).Draw(t, "kind") {
	case 0:
		r.Deleted = true
	case 1:
	default:
		r.Kind = replication.File
		r.Size = rapid.Int64Range(0, 1e6).Draw(t, "size")
		r.Hash = hashOf(rapid.IntRange(1, someHashes).Draw(t, "hash"))
	}
	return r
}

func drawFacts(t *rapid.T) Facts {
	return Facts{
		ID: drawID(t), Dev: 1, Inode: uint64(rapid.IntRange(1, 4).Draw(t, "inode")),
		Birth: rapid.Int64().Draw(t, "birth"), Changed: rapid.Int64().Draw(t, "changed"),
		Modified: rapid.Int64().Draw(t, "modified"), Size: rapid.Int64Range(0, 1e9).Draw(t, "size"),
	}
}

func draw[T any](t *rapid.T, one func(*rapid.T) T) (out []T) {
	for range rapid.IntRange(0, 3).Draw(t, "number") {
		out = append(out, one(t))
	}
	return out
}

func drawChange(t *rapid.T) Change {
	return Change{
		Forget: draw(t, drawID), Vanished: draw(t, drawID), Settled: draw(t, drawID),
		Records: draw(t, drawRecord), Facts: draw(t, drawFacts), Wanted: draw(t, drawRecord),
		Knowledge: drawVector(t),
		Peers: draw(t, func(t *rapid.T) Peer {
			return Peer{
				Name:      rapid.SampledFrom([]string{"ber", "par"}).Draw(t, "peer"),
				Knowledge: drawVector(t), Heard: rapid.Int64().Draw(t, "heard"),
			}
		}),
		Lists: draw(t, func(t *rapid.T) List {
			return List{
				Hash:  hashOf(rapid.IntRange(1, someHashes).Draw(t, "hash")),
				Grain: rapid.SampledFrom([]Grain{Coarse, Fine}).Draw(t, "grain"),
				Data:  rapid.SliceOfN(rapid.Byte(), 1, 5).Draw(t, "list"),
			}
		}),
	}
}

func byID(a, b replication.Record) int { return bytes.Compare(a.ID[:], b.ID[:]) }

func sorted(m map[replication.FileID]replication.Record) []replication.Record {
	return slices.SortedFunc(maps.Values(m), byID)
}

// check compares every way of reading with the maps.
func (m *model) check(t *rapid.T, r Reader) {
	t.Helper()
	same := func(what string, got, want any) {
		t.Helper()
		if g, w := fmt.Sprintf("%+v", got), fmt.Sprintf("%+v", want); g != w {
			t.Fatalf("%s = %s, want %s", what, g, w)
		}
	}
	same("Records.All", all(t, r.Records.All()), sorted(m.records))
	same("Wanted.All", all(t, r.Wanted.All()), sorted(m.wanted))
	same("Peers.All", all(t, r.Peers.All()), slices.SortedFunc(maps.Values(m.peers), func(a, b Peer) int { return cmp.Compare(a.Name, b.Name) }))
	known, err := r.Knowledge()
	same("Knowledge", fmt.Sprint(known, err), fmt.Sprint(m.known, nil))
	m.checkDerived(t, r, same)
	m.checkSince(t, r, same)
	for n := 1; n <= someFiles; n++ {
		got, err := r.Disk.Get(fileID(n))
		want, ok := m.facts[fileID(n)]
		if got != want || ok != (err == nil) || err != nil && !errors.Is(err, ErrNotFound) {
			t.Fatalf("Disk.Get(%d) = %+v, %v, want %+v, %v", n, got, err, want, ok)
		}
	}
	for _, g := range []Grain{Coarse, Fine} {
		for n := 1; n <= someHashes; n++ {
			got, err := r.Lists.Get(g, hashOf(n))
			want, ok := m.lists[listName(g, hashOf(n))]
			if !bytes.Equal(got, want) || ok != (err == nil) {
				t.Fatalf("Lists.Get(%d, %d) = %x, %v, want %x, %v", g, n, got, err, want, ok)
			}
		}
	}
}

// checkDerived compares the tables that are kept beside records and facts.
func (m *model) checkDerived(t *rapid.T, r Reader, same func(string, any, any)) {
	for _, parent := range []replication.FileID{replication.RootID, fileID(someFiles + 1)} {
		var want []Entry
		for _, f := range sorted(m.records) {
			if !f.Deleted && f.Parent == parent {
				want = append(want, Entry{f.Name, f.ID})
			}
		}
		slices.SortStableFunc(want, func(a, b Entry) int { return cmp.Compare(fold(a.Name), fold(b.Name)) })
		same("Children", all(t, r.Records.Children(parent)), want)
		for _, name := range someNames {
			i := slices.IndexFunc(want, func(e Entry) bool { return e.Name == name })
			got, err := r.Records.Child(parent, name)
			if i < 0 != errors.Is(err, ErrNotFound) || i >= 0 && got.ID != want[i].ID {
				t.Fatalf("Child(%q) = %v, %v, want entry %d of %v", name, got.ID, err, i, want)
			}
		}
	}
	for n := 1; n <= someHashes; n++ {
		var want []replication.FileID
		for _, f := range sorted(m.records) {
			if !f.Deleted && f.Kind == replication.File && f.Hash == hashOf(n) {
				want = append(want, f.ID)
			}
		}
		same("Holders", all(t, r.Records.Holders(hashOf(n))), want)
	}
	for inode := uint64(1); inode <= 4; inode++ {
		var want []replication.FileID
		for n := 1; n <= someFiles; n++ {
			if f, ok := m.facts[fileID(n)]; ok && f.Inode == inode {
				want = append(want, f.ID)
			}
		}
		same("Disk.At", all(t, r.Disk.At(1, inode)), want)
	}
}

// checkSince compares the subtraction with the plain one.
func (m *model) checkSince(t *rapid.T, r Reader, same func(string, any, any)) {
	known := drawVector(t)
	var want []replication.Record
	var backlog Backlog
	for _, f := range sorted(m.records) {
		if known.Covers(f.Stamp) {
			continue
		}
		want = append(want, f)
		if backlog.Files == 0 || f.Clock < backlog.Oldest {
			backlog.Oldest = f.Clock
		}
		backlog.Files++
		backlog.Bytes += f.Size
	}
	slices.SortStableFunc(want, func(a, b replication.Record) int { return a.Stamp.Compare(b.Stamp) })
	same("Since", all(t, r.Records.Since(known)), want)
	got, err := r.Records.Backlog(known)
	same("Backlog", fmt.Sprint(got, err), fmt.Sprint(backlog, nil))
}

// TestIndexIsItsModel applies random changes, reopens, crashes and looks.
func TestIndexIsItsModel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		mem := vfs.NewCrashableMem()
		open := func() *Index {
			x, err := Open("index", Options{FS: mem, Cache: 1 << 20})
			if err != nil {
				t.Fatal(err)
			}
			return x
		}
		x := open()
		defer func() { _ = x.Close() }()
		m := newModel()
		for range rapid.IntRange(1, 12).Draw(t, "steps") {
			switch rapid.IntRange(0, 9).Draw(t, "step") {
			case 0:
				if err := x.Close(); err != nil {
					t.Fatal(err)
				}
				x = open()
			case 1:
				if err := x.db.Flush(); err != nil {
					t.Fatal(err)
				}
			case 2:
				crashed := mem.CrashClone(vfs.CrashCloneCfg{})
				_ = x.Close()
				mem = crashed
				x = open()
			default:
				c := drawChange(t)
				if err := x.Apply(c); err != nil {
					t.Fatalf("Apply: %v", err)
				}
				m.apply(c)
			}
			m.check(t, x.Reader)
		}
		s := x.Snapshot()
		defer s.Close()
		if err := x.Apply(drawChange(t)); err != nil {
			t.Fatal(err)
		}
		m.check(t, s.Reader)
	})
}
