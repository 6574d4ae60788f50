package wire

import (
	"errors"
	"reflect"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"dfsd/replication"
	"dfsd/replication/version"
)

// drawRecord draws any record that is valid.
func drawRecord(t *rapid.T) replication.Record {
	short := func(label string) byte { return rapid.ByteRange(1, 4).Draw(t, label) }
	r := replication.Record{
		ID: replication.FileID(rapid.SliceOfN(rapid.ByteRange(1, 3), 16, 16).Draw(t, "id")), Parent: id(short("parent") + 100),
		Name: rapid.StringMatching(`[a-c]{1,3}[^/\x00]{1,20}`).Draw(t, "name"), Kind: replication.Kind(rapid.IntRange(1, 3).Draw(t, "kind")),
		Deleted: rapid.Bool().Draw(t, "deleted"), Fence: rapid.Uint32().Draw(t, "fence"),
		Stamp:   version.Stamp{Origin: origin(short("origin")), Count: rapid.Uint64Min(1).Draw(t, "count")},
		Created: rapid.Int64().Draw(t, "created"), Clock: rapid.Int64().Draw(t, "clock"),
	}
	r.History = version.Vector{}.With(r.Stamp)
	if rapid.Bool().Draw(t, "has history") {
		r.History = r.History.With(version.Stamp{Origin: origin(9), Count: rapid.Uint64Min(1).Draw(t, "older")})
	}
	if r.Deleted {
		r.Displaced = rapid.Bool().Draw(t, "displaced")
		if r.Displaced && r.Kind == replication.Directory && rapid.Bool().Draw(t, "has into") {
			r.Into = id(short("into") + 50)
		}
		return r
	}
	switch r.Kind {
	case replication.File:
		r.Size = rapid.Int64Min(0).Draw(t, "size")
		if r.Size > 0 {
			r.Hash = hash(short("hash"))
		}
	case replication.Symlink:
		r.Target = rapid.StringMatching(`[^\x00]{1,9}`).Draw(t, "target")
	}
	r.Attr = replication.Attr{
		Mode: rapid.Uint32Range(0, 0o7777).Draw(t, "mode"), UID: rapid.Uint32().Draw(t, "uid"), GID: uint32(short("gid")),
		MTime: rapid.Int64Range(-9e18, 9e18).Draw(t, "mtime"),
	}
	if rapid.Bool().Draw(t, "has xattrs") {
		r.Attr.Xattrs = []replication.Xattr{{Name: "user.a", Value: rapid.SliceOfN(rapid.Byte(), 1, 9).Draw(t, "value")}}
	}
	return r
}

func TestRecordsRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m := Records{Folder: projects, Known: vector(3), Fence: rapid.Uint32().Draw(t, "fence"), Synced: rapid.Bool().Draw(t, "synced"), Records: rapid.SliceOfN(rapid.Custom(drawRecord), 1, 20).Draw(t, "records")}
		got, err := Parse(TypeRecords, slices.Clip(m.Append(nil)))
		if err != nil || !reflect.DeepEqual(got, m) {
			t.Fatalf("Parse(Append(%+v)) = %+v, %v", m, got, err)
		}
	})
}

// TestHostileRecordsAreRefused at the door, whatever encoding they come in.
func TestHostileRecordsAreRefused(t *testing.T) {
	tests := []struct {
		name string
		bend func(*replication.Record)
	}{
		{"..", func(r *replication.Record) { r.Name = ".." }},
		{"path", func(r *replication.Record) { r.Name = "../../etc/passwd" }},
		{"no name", func(r *replication.Record) { r.Name = "" }},
		{"NUL", func(r *replication.Record) { r.Name = "a\x00b" }},
		{"long name", func(r *replication.Record) { r.Name = string(make([]byte, 256)) }},
		{"root", func(r *replication.Record) { r.ID = replication.RootID }},
		{"kind", func(r *replication.Record) { r.Kind = 9 }},
		{"size", func(r *replication.Record) { r.Size = -1 }},
		{"setting of types", func(r *replication.Record) { r.Attr.Mode = 0o100644 }},
		{"no stamp", func(r *replication.Record) { r.Stamp = version.Stamp{} }},
		{"foreign attribute", func(r *replication.Record) {
			r.Attr.Xattrs = []replication.Xattr{{Name: "security.capability", Value: []byte{1}}}
		}},
	}
	for _, tt := range tests {
		m := Records{Records: sampleRecords()}
		tt.bend(&m.Records[1])
		if _, err := Parse(TypeRecords, slices.Clip(m.Append(nil))); !errors.Is(err, ErrMalformed) {
			t.Errorf("%s: Parse = %v, want %v", tt.name, err, ErrMalformed)
		}
	}
}

func TestBatches(t *testing.T) {
	records := seeded(10_000, 0)
	records[20].Attr.Xattrs = []replication.Xattr{{Name: "user.large", Value: make([]byte, replication.MaxXattrValue)}}
	var joined []replication.Record
	for batch := range Batches(records) {
		body := Records{Records: batch}.Append(nil)
		if len(batch) > MaxRecords || len(body) > MaxBody {
			t.Errorf("a batch has %d records in %d bytes", len(batch), len(body))
		}
		joined = append(joined, batch...)
	}
	if !reflect.DeepEqual(joined, records) {
		t.Error("the batches together are not the records")
	}
	for range Batches(nil) {
		t.Error("a batch of nothing")
	}
}

// size returns the bytes on the wire of all records, frames included.
func size(t testing.TB, records []replication.Record) int {
	n := 0
	for batch := range Batches(records) {
		n += len(frame(t, Header{Flags: FlagAnswer | FlagMore, Request: 1}, Records{Folder: projects, Known: vector(1), Records: batch}))
	}
	return n
}

// TestBytesPerRecord holds the promise of 48 bytes a file, 32 of which are the
// hash, for a tree whose ids were made one after the other.
func TestBytesPerRecord(t *testing.T) {
	const n = 10_000
	for _, tt := range []struct {
		name    string
		idBytes int
		most    float64
	}{{"ids in order", 0, 48}, {"ids with 8 random bytes", 8, 56}, {"ids all random", 16, 64}} {
		got := float64(size(t, seeded(n, tt.idBytes))) / n
		t.Logf("%s: %.1f bytes a record", tt.name, got)
		if got > tt.most {
			t.Errorf("%s: %.1f bytes a record, want at most %.0f", tt.name, got, tt.most)
		}
	}
}

func BenchmarkRecordsAppend(b *testing.B) {
	m := Records{Records: seeded(MaxRecords, 0)}
	var buf []byte
	for b.Loop() {
		buf = m.Append(buf[:0])
	}
	b.ReportMetric(float64(len(buf))/MaxRecords, "B/record")
	b.ReportMetric(MaxRecords*float64(b.N)/b.Elapsed().Seconds(), "records/s")
}

func BenchmarkRecordsParse(b *testing.B) {
	body := Records{Records: seeded(MaxRecords, 0)}.Append(nil)
	for b.Loop() {
		if _, err := Parse(TypeRecords, body); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(MaxRecords*float64(b.N)/b.Elapsed().Seconds(), "records/s")
}

// TestChildrenBeforeTheirDirectory: records come in the order in which they
// were made, and a directory that was adopted or renamed comes after what is in
// it.
func TestChildrenBeforeTheirDirectory(t *testing.T) {
	dir := func(n byte) replication.Record {
		r := sampleRecords()[0]
		r.ID, r.Parent, r.Kind, r.Name = id(n), replication.RootID, replication.Directory, "dir"
		r.Hash, r.Size, r.Target = replication.Hash{}, 0, ""
		return r
	}
	file := func(n, parent byte) replication.Record {
		r := dir(n)
		r.Parent, r.Kind, r.Name = id(parent), replication.File, "file"
		return r
	}
	records := []replication.Record{file(1, 10), file(2, 11), dir(10), dir(11), dir(12), file(3, 12), file(4, 10), file(5, 11), file(6, 12)}
	m, err := Parse(TypeRecords, Records{Folder: projects, Records: records}.Append(nil))
	if err != nil {
		t.Fatal(err)
	}
	for i, got := range m.(Records).Records {
		if got.Parent != records[i].Parent || got.ID != records[i].ID {
			t.Errorf("record %d is %v in %v, want %v in %v", i, got.ID, got.Parent, records[i].ID, records[i].Parent)
		}
	}
}
