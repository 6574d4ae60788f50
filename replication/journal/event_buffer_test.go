package journal

import (
	"encoding/binary"
	"encoding/hex"
	"errors"
	"reflect"
	"slices"
	"strings"
	"testing"
)

// The golden buffers were written by Linux 6.18 on ext4, little-endian; the
// overflow is put together by fanotify(7).
const (
	// "golden-file" was made, written and closed.
	goldenFanFile = "40000000" + "03001800" + "0a01000000000000" + "ffffffff" + "08720000" +
		"02002800" + "1c2f5191e8421e50" + "08000000" + "01000000" + "2842980033b63ca4" + "676f6c64656e2d66696c6500"
	// The directory "golden-old" became "golden-new" in another directory.
	goldenFanRename = "68000000" + "03001800" + "0000005000000000" + "ffffffff" + "08720000" +
		"0a002800" + "1c2f5191e8421e50" + "08000000" + "01000000" + "2842980033b63ca4" + "676f6c64656e2d6f6c640000" +
		"0c002800" + "1c2f5191e8421e50" + "08000000" + "01000000" + "29429800ad0ba505" + "676f6c64656e2d6e65770000"
	goldenFanOverflow = "18000000" + "03001800" + "0040000000000000" + "ffffffff" + "00000000"

	goldenInFile = "02000000" + "00010000" + "00000000" + "10000000" + "676f6c64656e2d66696c650000000000"
	goldenInMove = "02000000" + "40000040" + "db381c00" + "10000000" + "676f6c64656e2d6f6c64000000000000" +
		"03000000" + "80000040" + "db381c00" + "10000000" + "676f6c64656e2d6e6577000000000000"
	goldenInSelf = "03000000" + "00040000" + "00000000" + "00000000" + "03000000" + "00800000" + "00000000" + "00000000"
)

func golden(t testing.TB, text string) []byte {
	t.Helper()
	if binary.NativeEndian.Uint16([]byte{1, 0}) != 1 {
		t.Skip("the golden buffers are little-endian")
	}
	b, err := hex.DecodeString(text)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestParseFanotify(t *testing.T) {
	dir, dir2 := handle("\x01\x00\x00\x00\x28\x42\x98\x00\x33\xb6\x3c\xa4"), handle("\x01\x00\x00\x00\x29\x42\x98\x00\xad\x0b\xa5\x05")
	const made = fanCreate | fanModify | fanCloseWrite
	create := fanEvent{mask: made, pid: 0x7208, at: dirName{dir, "golden-file"}}
	rename := fanEvent{mask: fanRename | fanOnDir, pid: 0x7208, at: dirName{dir2, "golden-new"}, old: dirName{dir, "golden-old"}}
	overflow := fanEvent{mask: fanOverflow}
	tests := []struct {
		name, in string
		want     []fanEvent
	}{
		{"nothing", "", nil},
		{"create", goldenFanFile, []fanEvent{create}},
		{"rename", goldenFanRename, []fanEvent{rename}},
		{"overflow", goldenFanOverflow, []fanEvent{overflow}},
		{"three", goldenFanRename + goldenFanOverflow + goldenFanFile, []fanEvent{rename, overflow, create}},
		{"a record of another type", strings.Replace(goldenFanFile, "02002800", "04002800", 1), []fanEvent{{mask: made, pid: 0x7208}}},
		{"a directory without a name", strings.Replace(goldenFanFile, "02002800", "03002800", 1), []fanEvent{{mask: made, pid: 0x7208, at: dirName{dir, "."}}}},
	}
	for _, tt := range tests {
		got, err := parseFanotify(golden(t, tt.in))
		if err != nil || !reflect.DeepEqual(got, tt.want) {
			t.Errorf("%s: parseFanotify = %+v, %v, want %+v", tt.name, got, err, tt.want)
		}
	}
}

func TestParseFanotifyRefuses(t *testing.T) {
	tests := []struct{ name, from, to string }{
		{"another version", "4000000003", "4000000002"},
		{"an event longer than the buffer", "40000000", "41000000"},
		{"an event of nothing", "40000000", "00000000"},
		{"a head longer than the event", "03001800", "03004100"},
		{"a short head", "03001800", "03001700"},
		{"a record longer than the event", "02002800", "02002900"},
		{"an empty record", "02002800", "02000000"},
		{"a record without a handle", "02002800", "02001000"},
		{"a handle longer than the record", "0800000001000000", "4000000001000000"},
		{"a handle as long as the record", "0800000001000000", "1800000001000000"},
		{"an empty record of another type", "02002800", "04000000"},
		{"a handle longer than any", "0800000001000000", "ffffffff01000000"},
		{"a name without end", "66696c6500", "66696c6566"},
		{"no name", "676f6c64", "006f6c64"},
		{"a name with a slash", "676f6c64", "676f6c2f"},
		{"the directory above", "676f6c64", "2e2e0064"},
	}
	for _, tt := range tests {
		text := strings.Replace(goldenFanFile, tt.from, tt.to, 1)
		if text == goldenFanFile {
			t.Fatalf("%s: nothing replaced", tt.name)
		}
		if got, err := parseFanotify(golden(t, text)); !errors.Is(err, errMalformed) {
			t.Errorf("%s: parseFanotify = %+v, %v, want errMalformed", tt.name, got, err)
		}
	}
}

func TestParseInotify(t *testing.T) {
	file := inEvent{watch: 2, mask: inCreate, name: "golden-file"}
	tests := []struct {
		name, in string
		want     []inEvent
	}{
		{"nothing", "", nil},
		{"create", goldenInFile, []inEvent{file}},
		{"move", goldenInMove, []inEvent{
			{watch: 2, mask: inMovedFrom | inIsDir, cookie: 0x1c38db, name: "golden-old"},
			{watch: 3, mask: inMovedTo | inIsDir, cookie: 0x1c38db, name: "golden-new"},
		}},
		{"self", goldenInSelf + goldenInFile, []inEvent{{watch: 3, mask: inDeleteSelf}, {watch: 3, mask: inIgnored}, file}},
	}
	for _, tt := range tests {
		got, err := parseInotify(golden(t, tt.in))
		if err != nil || !reflect.DeepEqual(got, tt.want) {
			t.Errorf("%s: parseInotify = %+v, %v, want %+v", tt.name, got, err, tt.want)
		}
	}
	const head = "020000000001000000000000"
	for _, bad := range []string{
		strings.Replace(goldenInFile, head+"10000000", head+"11000000", 1),
		strings.Replace(goldenInFile, head+"10000000", head+"ffffffff", 1),
		strings.Replace(goldenInFile, head+"10000000", head+"04000000", 1),
		strings.Replace(goldenInFile, "676f6c64", "672f6c64", 1),
		strings.Replace(goldenInFile, "676f6c64", "2e2e0000", 1),
	} {
		if got, err := parseInotify(golden(t, bad)); !errors.Is(err, errMalformed) {
			t.Errorf("parseInotify(%s) = %+v, %v, want errMalformed", bad, got, err)
		}
	}
}

func TestEveryPrefixIsRefused(t *testing.T) {
	for _, text := range []string{goldenFanFile, goldenFanRename, goldenFanOverflow} {
		whole := golden(t, text)
		for n := 1; n < len(whole); n++ {
			if got, err := parseFanotify(whole[:n:n]); !errors.Is(err, errMalformed) {
				t.Errorf("parseFanotify of %d bytes of %s = %+v, %v", n, text, got, err)
			}
		}
	}
	for _, text := range []string{goldenInFile, goldenInMove, goldenInSelf} {
		whole := golden(t, text)
		for n := 1; n < len(whole); n++ {
			if n == len(whole)/2 && text != goldenInFile {
				continue // a whole event
			}
			if got, err := parseInotify(whole[:n:n]); !errors.Is(err, errMalformed) {
				t.Errorf("parseInotify of %d bytes of %s = %+v, %v", n, text, got, err)
			}
		}
	}
}

func FuzzParseFanotify(f *testing.F) {
	for _, text := range []string{goldenFanFile, goldenFanRename, goldenFanOverflow, goldenFanFile + goldenFanRename} {
		f.Add(golden(f, text))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		events, err := parseFanotify(slices.Clip(b))
		if err == nil && len(events) > len(b)/fanHeaderLen {
			t.Errorf("%d events in %d bytes", len(events), len(b))
		}
		for _, e := range events {
			for _, d := range []dirName{e.at, e.old} {
				if strings.ContainsAny(d.name, "/\x00") || d.name == ".." || d.dir != "" && (len(d.dir) < 4 || d.name == "") {
					t.Errorf("name %q, handle %q", d.name, d.dir)
				}
			}
		}
	})
}

func FuzzParseInotify(f *testing.F) {
	for _, text := range []string{goldenInFile, goldenInSelf, goldenInMove + goldenInSelf} {
		f.Add(golden(f, text))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		events, err := parseInotify(slices.Clip(b))
		if err == nil && len(events) > len(b)/inHeaderLen {
			t.Errorf("%d events in %d bytes", len(events), len(b))
		}
		for _, e := range events {
			if strings.ContainsAny(e.name, "/\x00") || e.name == ".." || e.name == "." {
				t.Errorf("name %q", e.name)
			}
		}
	})
}
