package install

import (
	"bytes"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"

	"dfsd/internal/fsx"
	"dfsd/replication"
	"dfsd/replication/version"
)

// lose preserves one file and returns its entry's name.
func (f *folder) lose(path, content string, why Reason, r *replication.Record) string {
	f.t.Helper()
	id := f.write(path, content)
	return f.one(Item{Op: Remove, Path: path, Expect: id, Preserve: Preserve{Why: why, By: "paris", Record: r}}, Done).Preserved
}

func TestPreservedEntriesTellAll(t *testing.T) {
	onBoth(t, func(t *testing.T, f *folder) {
		stamp := version.Stamp{Origin: version.Origin{1}, Count: 7}
		record := file("lost")
		record.ID, record.Name, record.Stamp, record.History = replication.FileID{9}, "a\xff%", stamp, version.Vector{}.With(stamp)
		id := f.lose("a\xff%", "lost", Conflicting, record)
		check := func(in *Installer) {
			t.Helper()
			list := in.Preserved()
			if len(list) != 1 {
				t.Fatalf("preserved %v", list)
			}
			e := list[0]
			if e.ID != id || !e.When.Equal(now()) || e.Why != Conflicting || e.By != "paris" || e.Path != "a\xff%" || e.Size != 4 || e.Kind != fsx.Regular {
				t.Errorf("entry %+v", e)
			}
			if e.Record == nil || e.Record.ID != record.ID || e.Record.Stamp != stamp || e.Record.Name != record.Name {
				t.Errorf("record %+v", e.Record)
			}
			if got := in.PreservedBytes(); got < 4 {
				t.Errorf("PreservedBytes = %d", got)
			}
		}
		check(f.in)
		again, err := Open(Options{FS: f.in.o.FS, Path: f.in.o.Path, Now: now, Marker: f.in.Marker()})
		ok(t, err)
		defer again.Close()
		check(again)
	})
}

func TestRestoreOverwritesNothing(t *testing.T) {
	onBoth(t, func(t *testing.T, f *folder) {
		var ids []string
		for i := range 4 {
			ids = append(ids, f.lose("a.tar.gz", fmt.Sprint("lost ", i), Deleted, nil))
		}
		f.write("a.tar.gz", "live")
		for i, want := range []string{"a.tar (restored).gz", "a.tar (restored 2).gz"} {
			if got, err := f.in.Restore(ids[i], ""); got != want || err != nil {
				t.Errorf("Restore = %q, %v, want %q", got, err, want)
			}
		}
		if got, err := f.in.Restore(ids[2], "new/dir/.rc"); got != "new/dir/.rc" || err != nil {
			t.Errorf("Restore = %q, %v", got, err)
		}
		for _, path := range []string{".dfsd/x", "../x", "/x"} {
			if got, err := f.in.Restore(ids[3], path); err == nil {
				t.Errorf("Restore to %q made %q", path, got)
			}
		}
		ok(t, f.in.Discard(ids[3]))
		for _, id := range append(ids, "x") {
			if _, err := f.in.Restore(id, ""); !errors.Is(err, ErrNotPreserved) {
				t.Errorf("Restore(%s) again: %v, want %v", id, err, ErrNotPreserved)
			}
		}
		f.want(map[string]string{
			"a.tar.gz": "live", "a.tar (restored).gz": "lost 0", "a.tar (restored 2).gz": "lost 1",
			"new": "/", "new/dir": "/", "new/dir/.rc": "lost 2",
		})
		if got := f.in.PreservedBytes(); got != 0 {
			t.Errorf("PreservedBytes = %d with nothing in the store", got)
		}
	})
}

// TestQuota: above 90 hundredths the oldest go until 60 are left, but none of
// the batch that is being installed.
func TestQuota(t *testing.T) {
	f := memoryFolder(t)
	f.in.o.Quota = 100 << 12 // pages
	block := strings.Repeat("x", 10<<12)
	for i := range 9 {
		f.lose(fmt.Sprint(i), block, Deleted, nil)
	}
	if got := len(f.in.Preserved()); got != 9 {
		t.Errorf("%d entries at the high mark, want 9", got)
	}
	f.lose("9", block, Deleted, nil)
	list := f.in.Preserved()
	if len(list) != 6 || list[0].Path != "4" || f.in.PreservedBytes() != 60<<12 {
		t.Errorf("%d entries, %d bytes, from %v", len(list), f.in.PreservedBytes(), list)
	}
	f.in.o.Quota = 1
	id := f.lose("last", block, Deleted, nil)
	if list := f.in.Preserved(); len(list) != 1 || list[0].ID != id {
		t.Errorf("entries %v, want only %s", list, id)
	}
}

// TestStoreWithoutManifest: files that no line speaks of are kept and listed.
func TestStoreWithoutManifest(t *testing.T) {
	for name, ruin := range map[string]func(b []byte) []byte{
		"lost":      func([]byte) []byte { return nil },
		"truncated": func(b []byte) []byte { return b[:len(b)/3] },
		"rotten":    func(b []byte) []byte { return bytes.ReplaceAll(b, []byte("deleted"), []byte("DELETED")) },
		"zeros":     func(b []byte) []byte { return make([]byte, len(b)) },
	} {
		t.Run(name, func(t *testing.T) {
			m := fsx.NewMemory(fsx.MemoryOptions{})
			f := openFolder(t, m, "/")
			f.lose("a", "A", Deleted, nil)
			f.lose("b", "B", Deleted, nil)
			ok(t, f.in.Close())
			b, err := readAll(f.root, ".dfsd/manifest")
			ok(t, err)
			h, err := f.root.Open(".dfsd/manifest", fsx.ReadWrite)
			ok(t, err)
			b = ruin(b)
			ok(t, h.Truncate(int64(len(b))))
			_, err = h.WriteAt(b, 0)
			ok(t, err)
			ok(t, h.Close())
			again := openFolder(t, m, "/")
			var got []string
			for _, p := range preserved(t, again.in) {
				got = append(got, p[strings.LastIndex(p, " ")+1:])
			}
			if want := []string{"A", "B"}; !reflect.DeepEqual(got, want) {
				t.Errorf("contents %v, want %v", got, want)
			}
		})
	}
}

func TestManifestLines(t *testing.T) {
	l := &line{V: 1, State: intended, ID: 17, When: now(), Why: Deleted, By: "paris", Path: "a/\xffb%", Slot: "dfsd-3", New: 4, Record: []byte{1}}
	l.Old = Identity{Dev: 1, Inode: 2, Kind: fsx.Regular, Size: 3, MTime: 4, CTime: 5}
	b, err := l.appendTo(nil)
	ok(t, err)
	const want = `{"v":1,"state":"intent","id":17,"when":"2026-11-22T10:00:00Z","why":"deleted","by":"paris","path":"a/%FFb%25","slot":"dfsd-3",` +
		`"old":{"dev":1,"ino":2,"kind":1,"size":3,"mtime":4,"ctime":5},"new":4,"record":"AQ=="}` + "\n"
	if string(b[9:]) != want {
		t.Errorf("line %s want %s", b[9:], want)
	}
	text := b[:len(b)-1]
	l.written = true
	if got, fine := parseLine(text); !fine || !reflect.DeepEqual(got, l) {
		t.Errorf("parseLine = %+v, %v, want %+v", got, fine, l)
	}
	for n := range text {
		if got, fine := parseLine(text[:n:n]); fine {
			t.Errorf("parseLine of %d bytes of %d = %+v", n, len(text), got)
		}
		for _, flip := range []byte{1, 0x20} {
			rotten := bytes.Clone(text)
			rotten[n] ^= flip
			if got, fine := parseLine(rotten); fine && !bytes.EqualFold(rotten[:8], text[:8]) {
				t.Errorf("parseLine with byte %d changed = %+v", n, got)
			}
		}
	}
}

func FuzzManifest(f *testing.F) {
	one, _ := (&line{V: 1, State: intended, ID: 1, When: now(), Path: "a", Slot: "dfsd-1"}).appendTo(nil)
	two, _ := (&line{V: 1, State: kept, ID: 1}).appendTo(slices.Clone(one))
	f.Add(one)
	f.Add(two)
	f.Add([]byte("00000000 {}\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		lines, whole := parseManifest(slices.Clip(b))
		var again []byte
		for _, l := range lines {
			var err error
			if again, err = l.appendTo(again); err != nil {
				t.Skip() // a time that JSON reads and does not write
			}
		}
		twice, intact := parseManifest(again)
		if !intact || len(twice) != len(lines) || whole && len(b) == 0 && len(lines) > 0 {
			t.Errorf("%d lines became %d", len(lines), len(twice))
		}
	})
}
