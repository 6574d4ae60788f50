package transfer

import (
	"bytes"
	"encoding/hex"
	"strings"
	"testing"

	"dfsd/internal/fsx"
	"dfsd/replication"
)

var noOptions fsx.MemoryOptions

func TestContentOf(t *testing.T) {
	t.Parallel()
	h := hashOf([]byte("content"))
	for _, name := range []string{partName(h), markName(h), wholeName(h, idOf(7))} {
		if got, ok := ContentOf(name); !ok || got != h || !KeepTemporary(name) {
			t.Errorf("ContentOf(%s) = %x, %v", name, got, ok)
		}
		for n := range name {
			if KeepTemporary(name[:n]) || KeepTemporary(name[n+1:]) {
				t.Errorf("a piece of %s is kept", name)
			}
		}
		if KeepTemporary(strings.ToUpper(name)) || KeepTemporary("dfsd-"+name) || KeepTemporary(name+".tmp") {
			t.Errorf("something like %s is kept", name)
		}
	}
}

// TestMarks holds the bytes of a mark file, and what of it counts.
func TestMarks(t *testing.T) {
	t.Parallel()
	first := mark{16 << 20, replication.Hash(bytes.Repeat([]byte{1}, 32))}
	second := mark{32 << 20, replication.Hash(bytes.Repeat([]byte{2}, 32))}
	b := second.append(first.append(nil))
	golden := "0000000001000000" + strings.Repeat("01", 32) + "0000000002000000" + strings.Repeat("02", 32)
	if got := hex.EncodeToString(b); got != golden {
		t.Errorf("marks are %s, want %s", got, golden)
	}
	for n := range len(b) + 1 {
		if got := parseMarks(b[:n], 40<<20); len(got) != n/markSize {
			t.Errorf("%d bytes have %d marks", n, len(got))
		}
	}
	for name, test := range map[string]struct {
		b    []byte
		size int64
		want int
	}{
		"both":            {b, 32 << 20, 2},
		"beyond the size": {b, 32<<20 - 1, 1},
		"falling":         {first.append(second.append(nil)), 40 << 20, 1},
		"twice":           {first.append(first.append(nil)), 40 << 20, 1},
		"at nothing":      {mark{}.append(nil), 40 << 20, 0},
		"negative":        {mark{at: -1}.append(nil), 40 << 20, 0},
	} {
		if got := parseMarks(test.b, test.size); len(got) != test.want {
			t.Errorf("%s: %d marks, want %d", name, len(got), test.want)
		}
	}
}

// FuzzMarks: any bytes give rising marks within the content, written as they
// were read.
func FuzzMarks(f *testing.F) {
	f.Add(mark{1, replication.Hash{}}.append(nil), int64(5))
	f.Add(mark{2, replication.Hash{1}}.append(mark{1, replication.Hash{}}.append(nil)), int64(5))
	f.Fuzz(func(t *testing.T, b []byte, size int64) {
		var again []byte
		last := int64(0)
		for _, m := range parseMarks(b, size) {
			if m.at <= last || m.at > size {
				t.Fatalf("mark at %d after %d of %d", m.at, last, size)
			}
			last = m.at
			again = m.append(again)
		}
		if !bytes.HasPrefix(b, again) {
			t.Fatalf("%x was read from %x", again, b)
		}
	})
}
