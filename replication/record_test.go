package replication

import (
	"bytes"
	"errors"
	"reflect"
	"slices"
	"strings"
	"testing"

	"dfsd/replication/version"

	"pgregory.net/rapid"
)

func anOrigin(b byte) version.Origin { return version.Origin{15: b} }

// aFile is a small valid record; each call returns a new one.
func aFile() Record {
	s := version.Stamp{Origin: anOrigin(1), Count: 2}
	return Record{
		ID: FileID{0: 1}, Parent: FileID{0: 2}, Name: "a", Kind: File,
		Stamp: s, History: version.Vector{}.With(s), Fence: 1, Created: 3, Clock: -4,
		Size: 5, Hash: Hash{31: 6},
		Attr: Attr{Mode: 0o644, UID: 7, GID: 8, MTime: 9, Xattrs: []Xattr{{Name: "user.x", Value: []byte("y")}}},
	}
}

// goldenFile is worked out by hand from the layout in the comment of Append.
var goldenFile = slices.Concat(
	[]byte{1, 0, 1},
	[]byte{1}, make([]byte, 15), []byte{2}, make([]byte, 15),
	[]byte{1, 'a'},
	make([]byte, 15), []byte{1, 2}, // stamp
	[]byte{1, 1}, make([]byte, 15), []byte{1, 2}, // history
	[]byte{1, 6, 7, 5},          // fence, created, clock, size
	make([]byte, 31), []byte{6}, // hash
	[]byte{0xa4, 0x03, 7, 8, 18}, // mode, uid, gid, mtime
	[]byte{1, 6}, []byte("user.x"), []byte{1, 'y'},
)

func TestRecordGolden(t *testing.T) {
	r := aFile()
	if got := r.Append(nil); !bytes.Equal(got, goldenFile) {
		t.Errorf("Append = %x, want %x", got, goldenFile)
	}
	got, rest, err := ParseRecord(append(slices.Clone(goldenFile), 7))
	if err != nil || !reflect.DeepEqual(got, r) || !bytes.Equal(rest, []byte{7}) {
		t.Errorf("ParseRecord = %+v, %x, %v, want %+v", got, rest, err, r)
	}
	for n := range goldenFile {
		if _, _, err := ParseRecord(goldenFile[:n:n]); !errors.Is(err, ErrMalformed) {
			t.Errorf("ParseRecord of the first %d bytes = %v, want %v", n, err, ErrMalformed)
		}
	}
}

func TestRecordRoundTrip(t *testing.T) {
	link := aFile()
	link.Kind, link.Size, link.Hash, link.Target = Symlink, 0, Hash{}, "../b"
	dir := aFile()
	dir.Kind, dir.Size, dir.Hash, dir.Attr.Xattrs = Directory, 0, Hash{}, nil
	gone := dir.Tombstone()
	displaced := gone
	displaced.Displaced, displaced.Into = true, FileID{5: 5}
	file := aFile()
	goneFile, goneLink := file.Tombstone(), link.Tombstone()
	for name, r := range map[string]Record{
		"file": file, "link": link, "directory": dir, "tombstone": gone, "displaced": displaced,
		"deleted file": goneFile, "deleted link": goneLink,
	} {
		if err := r.Validate(); err != nil {
			t.Errorf("%s: Validate = %v", name, err)
		}
		b := r.Append(nil)
		got, rest, err := ParseRecord(slices.Clip(b))
		if err != nil || len(rest) > 0 || !reflect.DeepEqual(got, r) {
			t.Errorf("%s: ParseRecord(Append) = %+v, %x, %v, want %+v", name, got, rest, err, r)
		}
		for n := range b {
			if _, _, err := ParseRecord(b[:n:n]); err == nil {
				t.Errorf("%s: ParseRecord took the first %d of %d bytes", name, n, len(b))
			}
		}
	}
}

func FuzzParseRecord(f *testing.F) {
	f.Add(goldenFile)
	file := aFile()
	gone := file.Tombstone()
	f.Add(gone.Append(nil))
	f.Fuzz(func(t *testing.T, b []byte) {
		r, rest, err := ParseRecord(slices.Clip(b))
		if err != nil {
			return
		}
		if again := append(r.Append(nil), rest...); !bytes.Equal(again, b) {
			t.Fatalf("ParseRecord(%x) is appended as %x", b, again)
		}
		_ = r.Validate()
	})
}

func TestValidateRefuses(t *testing.T) {
	for name, spoil := range map[string]func(*Record){
		"root":               func(r *Record) { r.ID = RootID },
		"own parent":         func(r *Record) { r.Parent = r.ID },
		"kind 0":             func(r *Record) { r.Kind = 0 },
		"kind 4":             func(r *Record) { r.Kind = 4 },
		"displaced alive":    func(r *Record) { r.Displaced = true },
		"heir of a file":     func(r *Record) { *r = r.Tombstone(); r.Displaced, r.Into = true, FileID{3} },
		"empty name":         func(r *Record) { r.Name = "" },
		"dot":                func(r *Record) { r.Name = "." },
		"dot dot":            func(r *Record) { r.Name = ".." },
		"slash":              func(r *Record) { r.Name = "a/b" },
		"NUL":                func(r *Record) { r.Name = "a\x00" },
		"long name":          func(r *Record) { r.Name = strings.Repeat("a", 256) },
		"no stamp":           func(r *Record) { r.Stamp = version.Stamp{} },
		"history lacks it":   func(r *Record) { r.History = version.Vector{} },
		"history beyond it":  func(r *Record) { r.Stamp.Count-- },
		"negative size":      func(r *Record) { r.Size = -1 },
		"directory content":  func(r *Record) { r.Kind = Directory },
		"link without":       func(r *Record) { r.Kind, r.Size, r.Hash = Symlink, 0, Hash{} },
		"file with target":   func(r *Record) { r.Target = "b" },
		"tombstone content":  func(r *Record) { r.Deleted, r.Attr = true, Attr{} },
		"tombstone attr":     func(r *Record) { r.Deleted, r.Size, r.Hash = true, 0, Hash{} },
		"type bits":          func(r *Record) { r.Attr.Mode = 0o100644 },
		"xattr namespace":    func(r *Record) { r.Attr.Xattrs[0].Name = "security.capability" },
		"xattr without name": func(r *Record) { r.Attr.Xattrs[0].Name = "user." },
		"xattr twice":        func(r *Record) { r.Attr.Xattrs = append(r.Attr.Xattrs, r.Attr.Xattrs[0]) },
	} {
		r := aFile()
		spoil(&r)
		if err := r.Validate(); !errors.Is(err, ErrInvalid) {
			t.Errorf("%s: Validate(%+v) = %v, want %v", name, r, err, ErrInvalid)
		}
	}
}

// TestBeats spoils one field at a time, in the order of [MS-FRS2] 3.3.4.6.2,
// with every later field pointing the other way.
func TestBeats(t *testing.T) {
	raise := []struct {
		name string
		do   func(r *Record, up bool)
	}{
		{"displaced", func(r *Record, up bool) { r.Displaced = up }},
		{"fence", func(r *Record, up bool) { r.Fence = pick[uint32](up, 2, 1) }},
		{"directory", func(r *Record, up bool) { r.Kind = pick(up, Directory, File) }},
		{"created", func(r *Record, up bool) { r.Created = pick[int64](up, 2, 1) }},
		{"clock", func(r *Record, up bool) { r.Clock = pick[int64](up, 2, 1) }},
		{"id", func(r *Record, up bool) { r.ID[0] = pick[byte](up, 2, 1) }},
		{"origin", func(r *Record, up bool) { r.Stamp.Origin[0] = pick[byte](up, 2, 1) }},
		{"count", func(r *Record, up bool) { r.Stamp.Count = pick[uint64](up, 2, 1) }},
	}
	for i, field := range raise {
		var x, y Record
		for j := i; j < len(raise); j++ {
			raise[j].do(&x, j == i)
			raise[j].do(&y, j != i)
		}
		if !x.Beats(&y) || y.Beats(&x) {
			t.Errorf("%s: Beats = %v and %v, want true and false", field.name, x.Beats(&y), y.Beats(&x))
		}
	}
}

func pick[T any](up bool, high, low T) T {
	if up {
		return high
	}
	return low
}

func TestBeatsIsATotalOrder(t *testing.T) {
	records := rapid.Custom(func(t *rapid.T) *Record {
		small := rapid.IntRange(0, 1)
		r := &Record{
			Displaced: rapid.Bool().Draw(t, "displaced"), Fence: uint32(small.Draw(t, "fence")),
			Kind: Kind(1 + small.Draw(t, "kind")), Created: int64(small.Draw(t, "created")), Clock: int64(small.Draw(t, "clock")),
		}
		r.ID[0] = byte(small.Draw(t, "id"))
		r.Stamp = version.Stamp{Origin: anOrigin(byte(small.Draw(t, "origin"))), Count: uint64(small.Draw(t, "count"))}
		return r
	})
	rapid.Check(t, func(t *rapid.T) {
		x, y, z := records.Draw(t, "x"), records.Draw(t, "y"), records.Draw(t, "z")
		if equal := reflect.DeepEqual(x, y); (x.Beats(y) || y.Beats(x)) == equal || x.Beats(y) && y.Beats(x) {
			t.Fatalf("%+v and %+v: Beats is %v and %v", x, y, x.Beats(y), y.Beats(x))
		}
		if x.Beats(y) && y.Beats(z) && !x.Beats(z) {
			t.Fatalf("Beats is not transitive on %+v, %+v, %+v", x, y, z)
		}
	})
}
