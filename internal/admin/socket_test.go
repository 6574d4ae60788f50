package admin

import (
	"errors"
	"net"
	"os"
	"path/filepath"
	"testing"
)

func TestSocketIsItsOwnersAlone(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a", "b", "admin.sock")
	l, err := ListenSocket(path)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	st, err := os.Stat(path)
	if err != nil || st.Mode().Perm() != 0o600 {
		t.Errorf("socket has mode %v, %v, want 0600", st.Mode(), err)
	}
	if dir, err := os.Stat(filepath.Dir(path)); err != nil || dir.Mode().Perm() != 0o700 {
		t.Errorf("new folder has mode %v, %v, want 0700", dir.Mode(), err)
	}
	if _, err := ListenSocket(path); !errors.Is(err, ErrSocketInUse) {
		t.Errorf("second daemon = %v, want %v", err, ErrSocketInUse)
	}
}

func TestDeadSocketIsReplaced(t *testing.T) {
	path := filepath.Join(t.TempDir(), "admin.sock")
	dead, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	dead.SetUnlinkOnClose(false)
	if err := dead.Close(); err != nil {
		t.Fatal(err)
	}
	l, err := ListenSocket(path)
	if err != nil {
		t.Fatalf("a socket that nobody listens on: %v", err)
	}
	if err := l.Close(); err != nil {
		t.Error(err)
	}
}

func TestFileInTheWayIsKept(t *testing.T) {
	path := filepath.Join(t.TempDir(), "admin.sock")
	if err := os.WriteFile(path, []byte("precious"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := ListenSocket(path); err == nil {
		t.Error("a file in the way was taken for a socket")
	}
	if b, err := os.ReadFile(path); err != nil || string(b) != "precious" {
		t.Errorf("the file holds %q, %v", b, err)
	}
}
