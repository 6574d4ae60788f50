package engine

import (
	"os"
	"path/filepath"
	"testing"
)

// TestMemoIsWholeOrEmpty: a memo with any byte changed counts as lost.
func TestMemoIsWholeOrEmpty(t *testing.T) {
	dir := t.TempDir()
	if m, err := readMemo(dir); err != nil || m != (memo{}) {
		t.Fatalf("readMemo of nothing = %+v, %v", m, err)
	}
	want := memo{Group: "g", Folder: "f", Path: "/srv/f", Marker: "abc", Paused: true}
	must(t, want.write(dir))
	if m, err := readMemo(dir); err != nil || m != want {
		t.Fatalf("readMemo = %+v, %v, want %+v", m, err, want)
	}
	name := filepath.Join(dir, memoFile)
	good, err := os.ReadFile(name)
	must(t, err)
	for i := range good[:len(good)-1] {
		bad := append([]byte(nil), good...)
		bad[i] ^= 1
		must(t, os.WriteFile(name, bad, 0o600))
		if m, err := readMemo(dir); err != nil || m != (memo{}) {
			t.Errorf("with byte %d changed: %+v, %v", i, m, err)
		}
	}
}
