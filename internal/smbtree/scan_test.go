package smbtree

import (
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"unicode/utf16"

	"pgregory.net/rapid"

	"dfsd/internal/fscc"
	"dfsd/internal/smb2"
	"dfsd/namespace"
)

var le = binary.LittleEndian

// listed is one entry of a listing as a client reads it.
type listed struct {
	name       string
	index      uint32
	created    uint64
	attributes uint32
	eaSize     uint32
	tag        uint32
	id         uint64
}

// decodeListing reads the entries of one answer by the layouts of [MS-FSCC] 2.4,
// written anew for the test. The name of the last may be cut short.
func decodeListing(class fscc.DirectoryClass, b []byte) ([]listed, error) {
	var list []listed
	for at := 0; ; {
		e, next, err := decodeEntry(class, b[at:])
		if err != nil {
			return nil, fmt.Errorf("entry %d at %d: %w", len(list), at, err)
		}
		list = append(list, e)
		if next == 0 {
			return list, nil
		}
		if next%8 != 0 || at+next >= len(b) {
			return nil, fmt.Errorf("entry %d at %d: next at %d of %d bytes", len(list), at, next, len(b))
		}
		at += next
	}
}

func decodeEntry(class fscc.DirectoryClass, b []byte) (e listed, next int, err error) {
	offsets := map[fscc.DirectoryClass]struct{ name, id, tag int }{
		0x01: {64, 0, 0},
		0x02: {68, 0, 0},
		0x03: {94, 0, 0},
		0x0C: {12, 0, 0},
		0x25: {104, 96, 0},
		0x26: {80, 72, 0},
		0x3C: {88, 72, 68},
		0x4E: {80, 72, 68},
		0x4F: {106, 72, 68},
		0x50: {96, 72, 68},
		0x51: {122, 72, 68},
	}
	at := offsets[class]
	if len(b) < at.name {
		return e, 0, fmt.Errorf("%d bytes, want %d", len(b), at.name)
	}
	next, e.index = int(le.Uint32(b)), le.Uint32(b[4:])
	size := le.Uint32(b[8:])
	if class != fscc.Names {
		size = le.Uint32(b[60:])
		e.created, e.attributes = le.Uint64(b[8:]), le.Uint32(b[56:])
	}
	if at.name > 64 {
		e.eaSize = le.Uint32(b[64:])
	}
	if at.id > 0 {
		e.id = le.Uint64(b[at.id:])
	}
	if at.tag > 0 {
		e.tag = le.Uint32(b[at.tag:])
	}
	if next > 0 && int(size) > next-at.name {
		return e, 0, fmt.Errorf("name of %d bytes, next at %d", size, next)
	}
	text := b[at.name:min(at.name+int(size), len(b))]
	units := make([]uint16, len(text)/2)
	for i := range units {
		units[i] = le.Uint16(text[2*i:])
	}
	e.name = string(utf16.Decode(units))
	return e, next, nil
}

// query asks o for entries of a class.
func query(o *Open, class fscc.DirectoryClass, flags uint8, pattern string, limit uint32) ([]listed, error) {
	b, err := o.QueryDirectory(&smb2.QueryDirectoryRequest{
		Class: uint8(class), Flags: flags, Pattern: pattern, OutputLength: limit,
	})
	if uint64(len(b)) > uint64(limit) {
		return nil, fmt.Errorf("%d bytes, limit %d", len(b), limit)
	}
	if len(b) == 0 {
		return nil, err
	}
	list, fault := decodeListing(class, b)
	if fault != nil {
		return nil, fault
	}
	return list, err
}

// listAll asks until there is no more, from the start.
func listAll(o *Open, class fscc.DirectoryClass, pattern string, limit uint32) ([]listed, error) {
	var all []listed
	flags := smb2.QueryReopen
	for {
		part, err := query(o, class, flags, pattern, limit)
		all = append(all, part...)
		if errors.Is(err, smb2.StatusNoMoreFiles) || errors.Is(err, smb2.StatusNoSuchFile) {
			return all, nil
		}
		if err != nil {
			return all, err
		}
		flags = 0
	}
}

func names(list []listed) []string {
	out := make([]string, len(list))
	for i, e := range list {
		out[i] = e.name
	}
	return out
}

func listNames(t testing.TB, o *Open, pattern string) []string {
	t.Helper()
	all, err := listAll(o, fscc.IDBothDirectory, pattern, 4096)
	if err != nil {
		t.Fatalf("listing %q = %v", pattern, err)
	}
	return names(all)
}

// TestListing: the patterns as Windows and others send them.
func TestListing(t *testing.T) {
	tests := []struct {
		path, pattern string
		want          string
	}{
		{"", "*", ".|..|Empty|Projects|Team"},
		{"", "", ".|..|Empty|Projects|Team"},
		{"Team", "*", ".|..|Berlin|Old|Ünïted"},
		{"Empty", "*", ".|.."},
		{"", "*.*", ".|.."},
		{"", `<"*`, ".|..|Empty|Projects|Team"},
		{"", "e*", "Empty"},
		{"", "*E*", "Empty|Projects|Team"},
		{"", "????", "Team"},
		{"", ">>>>>>", "Empty|Team"},
		{"", "projects", "Projects"},
		{"Team", "ÜNÏTED", "Ünïted"},
		{"", ".", "."},
		{"", "..", ".."},
		{"", "missing", ""},
		{"", "x*", ""},
	}
	tree := public(t)
	for _, tt := range tests {
		t.Run(tt.path+" "+tt.pattern, func(t *testing.T) {
			got := strings.Join(listNames(t, openDir(t, tree, tt.path), tt.pattern), "|")
			if got != tt.want {
				t.Errorf("listing of %q in %q = %s, want %s", tt.pattern, tt.path, got, tt.want)
			}
		})
	}
}

// TestListingEntries: what an entry says beside its name, in every class. A link
// is a directory and a reparse point; its tag stands in EaSize where the class
// has no place for it.
func TestListingEntries(t *testing.T) {
	tree := public(t)
	team, err := tree.forest.o.Snapshot().Roots()[0].Walk("Team")
	if err != nil {
		t.Fatal(err)
	}
	berlin, _ := team.Child("Berlin")
	old, _ := team.Child("Old")
	top, _ := team.Parent()
	for _, class := range allClasses {
		t.Run(fmt.Sprintf("%#x", uint8(class)), func(t *testing.T) {
			all, err := listAll(openDir(t, tree, "Team"), class, "*", 4096)
			if err != nil || len(all) != 5 {
				t.Fatalf("listing = %v, %v", all, err)
			}
			hasHead := class != fscc.Names
			hasSize := class != fscc.Names && class != fscc.Directory
			hasTag := class >= fscc.IDExtdDirectory
			hasID := class >= fscc.IDBothDirectory
			want := []listed{
				{name: ".", attributes: 0x10, id: team.ID()},
				{name: "..", index: 1, attributes: 0x10, id: top.ID()},
				{name: "Berlin", index: 2, attributes: 0x410, eaSize: 0x8000000A, tag: 0x8000000A, id: berlin.ID()},
				{name: "Old", index: 3, attributes: 0x10, id: old.ID()},
			}
			for i, w := range want {
				if w.created = startTime; !hasHead {
					w.created, w.attributes = 0, 0
				}
				if !hasSize || hasTag {
					w.eaSize = 0
				}
				if !hasTag {
					w.tag = 0
				}
				if !hasID {
					w.id = 0
				}
				if all[i] != w {
					t.Errorf("entry %d = %+v, want %+v", i, all[i], w)
				}
			}
		})
	}
}

func TestListingRootIsItsOwnParent(t *testing.T) {
	all, err := listAll(openDir(t, public(t), ""), fscc.IDFullDirectory, "*", 4096)
	if err != nil {
		t.Fatal(err)
	}
	if all[0].id == 0 || all[0].id != all[1].id {
		t.Errorf("ids of . and .. = %#x, %#x, want one that is not 0", all[0].id, all[1].id)
	}
}

// TestQueryDirectoryStatuses: [MS-SMB2] 3.3.5.18 row by row.
func TestQueryDirectoryStatuses(t *testing.T) {
	const full = fscc.FullDirectory // names at 68
	tests := []struct {
		name    string
		access  smb2.Access
		class   fscc.DirectoryClass
		pattern string
		limit   uint32
		want    smb2.Status
		names   string
	}{
		{"entries", smb2.AccessGenericRead, full, "*", 4096, smb2.StatusSuccess, ".|..|Empty|Projects|Team"},
		{"no right to list", smb2.AccessReadAttributes, full, "*", 4096, smb2.StatusAccessDenied, ""},
		{"class 0", smb2.AccessGenericRead, 0, "*", 4096, smb2.StatusInvalidInfoClass, ""},
		{"file class", smb2.AccessGenericRead, 4, "*", 4096, smb2.StatusInvalidInfoClass, ""},
		{"class 0x3F", smb2.AccessGenericRead, 0x3F, "*", 4096, smb2.StatusInvalidInfoClass, ""},
		{"no buffer", smb2.AccessGenericRead, full, "*", 0, smb2.StatusInfoLengthMismatch, ""},
		{"buffer below the fixed part", smb2.AccessGenericRead, full, "*", 67, smb2.StatusInfoLengthMismatch, ""},
		{"fixed part alone", smb2.AccessGenericRead, full, "*", 68, smb2.StatusBufferOverflow, ""},
		{"half a name", smb2.AccessGenericRead, full, "P*", 75, smb2.StatusBufferOverflow, "Pro"},
		{"first entry exactly", smb2.AccessGenericRead, full, "P*", 84, smb2.StatusSuccess, "Projects"},
		{"second entry waits", smb2.AccessGenericRead, full, "*", 72 + 71, smb2.StatusSuccess, "."},
		{"two entries exactly", smb2.AccessGenericRead, full, "*", 72 + 72, smb2.StatusSuccess, ".|.."},
		{"no match", smb2.AccessGenericRead, full, "x*", 4096, smb2.StatusNoSuchFile, ""},
		{"pattern with a backslash", smb2.AccessGenericRead, full, `a\*`, 4096, smb2.StatusObjectNameInvalid, ""},
		{"pattern with a bar", smb2.AccessGenericRead, full, `a|`, 4096, smb2.StatusObjectNameInvalid, ""},
		{"pattern too long", smb2.AccessGenericRead, full, strings.Repeat("*", 256), 4096, smb2.StatusObjectNameInvalid, ""},
	}
	tree := public(t)
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			o := mustOpen(t, tree, with("", func(r *smb2.CreateRequest) { r.DesiredAccess = tt.access }))
			list, err := query(o, tt.class, 0, tt.pattern, tt.limit)
			checkStatus(t, "QueryDirectory", err, tt.want)
			if got := strings.Join(names(list), "|"); got != tt.names {
				t.Errorf("QueryDirectory = %s, want %s", got, tt.names)
			}
		})
	}
}

// TestQueryDirectoryFlags: conversations on one open; the pattern stays until a
// query that moves brings another.
func TestQueryDirectoryFlags(t *testing.T) {
	const (
		single  = smb2.QueryReturnSingleEntry
		restart = smb2.QueryRestartScans
		reopen  = smb2.QueryReopen
		index   = smb2.QueryIndexSpecified
	)
	type step struct {
		flags   uint8
		index   uint32
		pattern string
		want    string // names or a status
	}
	tests := []struct {
		name  string
		steps []step
	}{
		{"two queries end a listing", []step{{0, 0, "*", ".|..|Empty|Projects|Team"}, {0, 0, "*", "STATUS_NO_MORE_FILES"}, {0, 0, "*", "STATUS_NO_MORE_FILES"}}},
		{"one by one", []step{{single, 0, "*", "."}, {single, 0, "*", ".."}, {single, 0, "*", "Empty"}, {0, 0, "*", "Projects|Team"}}},
		{"the first pattern stays", []step{{single, 0, "*", "."}, {0, 0, "P*", "..|Empty|Projects|Team"}}},
		{"restart keeps the pattern", []step{{0, 0, "P*", "Projects"}, {restart, 0, "", "Projects"}, {0, 0, "", "STATUS_NO_MORE_FILES"}}},
		{"restart brings a pattern", []step{{0, 0, "P*", "Projects"}, {restart, 0, "T*", "Team"}, {0, 0, "", "STATUS_NO_MORE_FILES"}}},
		{"restart without a match", []step{{0, 0, "P*", "Projects"}, {restart, 0, "x*", "STATUS_NO_MORE_FILES"}}},
		{"reopen starts anew", []step{{0, 0, "P*", "Projects"}, {reopen, 0, "", ".|..|Empty|Projects|Team"}}},
		{"reopen without a match", []step{{0, 0, "P*", "Projects"}, {reopen, 0, "x*", "STATUS_NO_SUCH_FILE"}, {0, 0, "", "STATUS_NO_MORE_FILES"}}},
		{"no match, and again", []step{{0, 0, "x*", "STATUS_NO_SUCH_FILE"}, {0, 0, "x*", "STATUS_NO_MORE_FILES"}}},
		{"a name, and again", []step{{0, 0, "team", "Team"}, {0, 0, "team", "STATUS_NO_MORE_FILES"}, {restart, 0, "", "Team"}}},
		{"a name, one by one", []step{{single, 0, "team", "Team"}, {single, 0, "team", "STATUS_NO_MORE_FILES"}}},
		{"a missing name, and again", []step{{0, 0, "x", "STATUS_NO_SUCH_FILE"}, {0, 0, "x", "STATUS_NO_MORE_FILES"}}},
		{"index", []step{{index, 3, "*", "Projects|Team"}, {index, 1, "", "..|Empty|Projects|Team"}, {index, 2, "P*", "Projects"}}},
		{"index behind the end", []step{{index, 5, "*", "STATUS_NO_SUCH_FILE"}, {index, 0xFFFFFFFF, "", "STATUS_NO_MORE_FILES"}, {restart, 0, "", ".|..|Empty|Projects|Team"}}},
		{"a bad pattern changes nothing", []step{{single, 0, "*", "."}, {reopen, 0, `\`, "STATUS_OBJECT_NAME_INVALID"}, {restart, 0, `\`, "STATUS_OBJECT_NAME_INVALID"}, {single, 0, "", ".."}}},
	}
	tree := public(t)
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			o := openDir(t, tree, "")
			for i, s := range tt.steps {
				b, err := o.QueryDirectory(&smb2.QueryDirectoryRequest{
					Class: uint8(fscc.IDBothDirectory), Flags: s.flags, FileIndex: s.index, Pattern: s.pattern, OutputLength: 4096,
				})
				got := statusOf(err).String()
				if err == nil {
					list, fault := decodeListing(fscc.IDBothDirectory, b)
					if fault != nil {
						t.Fatal(fault)
					}
					got = strings.Join(names(list), "|")
				}
				if got != s.want {
					t.Errorf("query %d = %s, want %s", i, got, s.want)
				}
			}
		})
	}
}

// TestListingResumes: however small the buffer, a listing in parts is the
// listing as a whole, in every class; a buffer below the longest entry cuts its
// name and goes on behind it.
func TestListingResumes(t *testing.T) {
	folders := make([]namespace.FolderConfig, 300)
	want := []string{".", ".."}
	for i := range folders {
		name := fmt.Sprintf("folder %03d%s", i, strings.Repeat("é", i%40))
		folders[i] = link(name)
		want = append(want, name)
	}
	s := snapshot(t, namespace.Config{Name: "many", TTL: 300e9, Folders: folders})
	tree := connect(t, forestOf(&s), "many", Client{})
	rapid.Check(t, func(t *rapid.T) {
		class := rapid.SampledFrom(allClasses).Draw(t, "class")
		limit := class.NameOffset() + rapid.IntRange(2, 900).Draw(t, "more")
		o, _, err := tree.Create(openRequest(""), false)
		if err != nil {
			t.Fatal(err)
		}
		var got []listed
		for {
			part, err := query(o, class, 0, "*", uint32(limit))
			got = append(got, part...)
			if errors.Is(err, smb2.StatusNoMoreFiles) {
				break
			}
			if err != nil && (!errors.Is(err, smb2.StatusBufferOverflow) || len(part) != 1) {
				t.Fatalf("part %v: %v", part, err)
			}
		}
		if len(got) != len(want) {
			t.Fatalf("%d entries, want %d", len(got), len(want))
		}
		for i, e := range got {
			room := (limit - class.NameOffset()) / 2
			if units := utf16.Encode([]rune(want[i])); e.name != string(utf16.Decode(units[:min(room, len(units))])) {
				t.Fatalf("entry %d = %q, want %q within %d characters", i, e.name, want[i], room)
			}
		}
	})
}

// TestListingIDs: every id of a listing is there once and none is 0; clients use
// them as inode numbers.
func TestListingIDs(t *testing.T) {
	all, err := listAll(openDir(t, public(t), "Team"), fscc.IDFullDirectory, "*", 4096)
	if err != nil {
		t.Fatal(err)
	}
	seen := []uint64{0}
	for _, e := range all {
		if slices.Contains(seen, e.id) {
			t.Errorf("id %#x of %q is not its own", e.id, e.name)
		}
		seen = append(seen, e.id)
	}
}
