package wire

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"dfsd/replication"
	"dfsd/replication/version"
)

func origin(n byte) (o version.Origin) {
	for i := range o {
		o[i] = n
	}
	return o
}

func vector(counts ...uint64) version.Vector {
	var v version.Vector
	for i, n := range counts {
		v = v.With(version.Stamp{Origin: origin(byte(i + 1)), Count: n})
	}
	return v
}

func id(n byte) replication.FileID { return replication.FileID{0: 0x1d, 15: n} }

func hash(n byte) (h replication.Hash) {
	copy(h[:], bytes.Repeat([]byte{n}, len(h)))
	return h
}

var projects = KeyOf("branch", "projects")

// sample is one message of each type, by the name of its golden bytes.
type sample struct {
	name string
	m    Message
}

func samples() []sample {
	want := Want{id(7), hash(9)}
	return []sample{
		{"hello", Hello{Versions{1, 2}, "fs1.example.com", "dfsd 1.0", []Offer{{"branch", "projects", false}, {"branch", "archive", true}}}},
		{"join", Join{1, Bulk, Nonce{1, 2, 3}}},
		{"credit", Credit{65536}},
		{"ping", Ping{300}},
		{"pong", Pong{300}},
		{"cancel", Cancel{}},
		{"goodbye", Goodbye{CodeOf(ErrShuttingDown), "member is shutting down"}},
		{"error", Error{CodeOf(ErrNotFound), "no such content"}},
		{"done", Done{}},
		{"knowledge", Knowledge{projects, origin(1), vector(1, 300), vector(1)}},
		{"records", Records{Folder: projects, Known: vector(4), Fence: 300, Synced: true, Records: sampleRecords()}},
		{"records-none", Records{Folder: projects, Known: vector(4)}},
		{"want-records", WantRecords{projects, vector(2, 2)}},
		{"want-files", WantFiles{projects, []Want{want, {id(8), hash(10)}}}},
		{"pack", Pack{projects, []Packed{{ID: id(7), Hash: hash(9), Data: []byte("hello, world\n")}, {ID: id(8), Hash: hash(10), Code: CodeOf(ErrChanged), Data: []byte{}}}, true}},
		{"want-range", WantRange{projects, want, 1 << 33, 1 << 20}},
		{"data", Data{Offset: 1 << 33, Bytes: []byte("0123456789")}},
		{"data-squeezed", Data{Offset: 3, Bytes: bytes.Repeat([]byte("abc"), 100), Squeezed: true}},
		{"data-hole", Data{Offset: 1 << 20, Bytes: []byte{}, Zeros: 1 << 40}},
		{"want-chunk-list", WantChunkList{projects, want, CutRanges, 4096, 0, []Range{{300, 70000}, {80000, 1}}}},
		{"want-outline", WantChunkList{Folder: projects, Want: want, Mode: WholeList, Level: 1}},
		{"chunk-list", ChunkList{hash(9), []byte("opaque list")}},
		{"want-recipe", WantRecipe{projects, want, hash(8)}},
		{"recipe", Recipe{4096, true, []byte("opaque steps")}},
		{"want-chunks", WantChunks{projects, want, []Range{{0, 5}, {5, 5}, {1 << 40, 1}}}},
		{"chunks", Chunks{[]byte("chunk one, chunk two")}},
	}
}

// sampleRecords has a record of each kind and every optional field.
func sampleRecords() []replication.Record {
	stamp := func(n byte, count uint64) version.Stamp { return version.Stamp{Origin: origin(n), Count: count} }
	const t = 1_700_000_000_123_456_789
	attr := replication.Attr{Mode: 0o755, UID: 1000, GID: 1000, MTime: t}
	return []replication.Record{
		{ID: id(1), Name: "plans", Kind: replication.Directory, Stamp: stamp(1, 1), History: vector(1), Created: t, Clock: t, Attr: attr},
		{
			ID: id(2), Parent: id(1), Name: "plan-a.txt", Kind: replication.File, Stamp: stamp(1, 2), History: vector(2), Created: t, Clock: t + 5,
			Size: 4096, Hash: hash(3), Attr: replication.Attr{Mode: 0o644, UID: 1000, GID: 1000, MTime: 1_600_000_000_000_000_000},
		},
		{
			ID: id(3), Parent: id(1), Name: "plan-b.txt", Kind: replication.File, Stamp: stamp(2, 9), History: vector(2, 9), Fence: 1, Created: t, Clock: t + 9,
			Size: 1 << 40, Hash: hash(4), Attr: replication.Attr{Mode: 0o644, MTime: -1, Xattrs: []replication.Xattr{{Name: "user.color", Value: []byte("red")}}},
		},
		{
			ID: id(4), Parent: id(1), Name: "latest", Kind: replication.Symlink, Stamp: stamp(1, 3), History: vector(3), Created: t, Clock: t + 7,
			Target: "plan-b.txt", Attr: attr,
		},
		{ID: id(5), Parent: id(90), Name: "gone", Kind: replication.File, Deleted: true, Stamp: stamp(2, 8), History: vector(1, 8), Created: t, Clock: t + 8},
		{ID: id(6), Parent: id(90), Name: "lost", Kind: replication.Directory, Deleted: true, Displaced: true, Into: id(1), Stamp: stamp(2, 7), History: vector(1, 7), Created: t, Clock: t + 8},
	}
}

// seeded are the records that a first scan of a share of office files makes:
// ids in the order of their making, random hashes, one directory after the
// other, names in order. idBytes says how many of an id's bytes are random.
func seeded(n, idBytes int) []replication.Record {
	rnd := rand.New(rand.NewPCG(1, 2))
	words := []string{"budget", "report", "invoice", "minutes", "draft", "plan", "offer", "contract", "photo", "letter", "summary", "notes"}
	extensions := []string{".docx", ".xlsx", ".pdf", ".pptx", ".jpg", ".txt"}
	const year = int64(365 * 24 * time.Hour)
	now := int64(1_790_000_000) * 1e9
	var records []replication.Record
	newID := func() (id replication.FileID) {
		copy(id[:], "\x01\x9b\x00\x00\x00\x00\x77\x31\x4c\x9e")
		for i := range 6 {
			id[10+i] = byte(len(records) >> (8 * (5 - i)))
		}
		for i := range idBytes {
			id[15-i] = byte(rnd.Uint32())
		}
		return id
	}
	add := func(r replication.Record) replication.FileID {
		now += int64(rnd.IntN(200_000))
		r.ID = newID()
		r.Stamp = version.Stamp{Origin: origin(1), Count: uint64(len(records) + 1)}
		r.History = version.Vector{}.With(r.Stamp)
		r.Created, r.Clock = now, now
		records = append(records, r)
		return r.ID
	}
	for d := 0; len(records) < n; d++ {
		written := now - rnd.Int64N(8*year)
		parent := add(replication.Record{
			Name: fmt.Sprintf("%s %d", words[rnd.IntN(len(words))], 2000+d%27), Kind: replication.Directory,
			Attr: replication.Attr{Mode: 0o775, UID: 1000, GID: 100, MTime: written},
		})
		names := make([]string, 5+rnd.IntN(40))
		for i := range names {
			names[i] = fmt.Sprintf("%s-%s-%04d%s", words[rnd.IntN(len(words))], words[rnd.IntN(len(words))], rnd.IntN(10_000), extensions[rnd.IntN(len(extensions))])
		}
		slices.Sort(names)
		for _, name := range names {
			r := replication.Record{
				Parent: parent, Kind: replication.File, Size: int64(rnd.ExpFloat64() * 200_000), Name: name,
				Attr: replication.Attr{Mode: 0o664, UID: 1000, GID: 100, MTime: written + rnd.Int64N(year/52)},
			}
			for i := range r.Hash {
				r.Hash[i] = byte(rnd.Uint32())
			}
			add(r)
		}
	}
	return records[:n]
}
