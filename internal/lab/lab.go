//go:build integration

package lab

import (
	"errors"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"dfsd/internal/lab/servers"
)

// Lab is one test's part of the laboratory. It fails its test when the plumbing
// does not work, and what it hands out is gone when the test has ended. Use it
// from the test's goroutine.
type Lab struct {
	t   testing.TB
	dir string
}

// New makes the Lab of a test.
func New(t testing.TB) *Lab {
	t.Helper()
	if os.Getenv(insideEnv) == "" {
		t.Fatal("outside the laboratory: the package's TestMain must call lab.Main")
	}
	// Paths of sockets may have 107 bytes: the name of the test is not in them.
	dir, err := os.MkdirTemp(labDir, "t") //nolint:usetesting // for that reason, and to be in the private /run
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(dir, 0o755); err != nil { // smbd enters it as the user who logs on
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := os.RemoveAll(dir); err != nil {
			t.Errorf("clean up: %v", err)
		}
	})
	return &Lab{t: t, dir: dir}
}

// Dir makes a folder that lasts as long as the test.
func (l *Lab) Dir(name string) string {
	l.t.Helper()
	path := filepath.Join(l.dir, name)
	if err := os.MkdirAll(path, 0o755); err != nil {
		l.t.Fatal(err)
	}
	return path
}

// WriteFile writes a file below a folder, making the folders in between.
func (l *Lab) WriteFile(dir, name, content string) string {
	l.t.Helper()
	path := filepath.Join(dir, filepath.FromSlash(name))
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		l.t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
		l.t.Fatal(err)
	}
	return path
}

// Address takes a fresh server address out of ServerSubnet. Nobody listens
// there until a server is told to, so it also serves as a target that is down.
func (l *Lab) Address() netip.Addr {
	l.t.Helper()
	return l.AddressIn(ServerSubnet)
}

// AddressIn takes a fresh server address out of a subnet of 10.99.0.0/16 or
// fd99::/64. The first nine addresses of each stay free for client machines.
func (l *Lab) AddressIn(p netip.Prefix) netip.Addr {
	l.t.Helper()
	a, err := serverAddress(l.t.Context(), p)
	if err != nil {
		l.t.Fatal(err)
	}
	return a
}

// Name gives an address a name, as a line of /etc/hosts that only this
// laboratory sees. Names are for all tests of the process: choose one that no
// other test uses.
func (l *Lab) Name(name string, a netip.Addr) {
	l.t.Helper()
	f, err := os.OpenFile(hostsFile, os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		l.t.Fatal(err)
	}
	_, err = fmt.Fprintf(f, "%s %s\n", a, name)
	if err := errors.Join(err, f.Close()); err != nil {
		l.t.Fatal(err)
	}
}

// Await polls until done reports nil, and fails the test when that takes longer
// than [servers.Patience].
func (l *Lab) Await(what string, done func() error) {
	l.t.Helper()
	if err := servers.Await(done); err != nil {
		l.t.Fatalf("waiting for %s: %v", what, err)
	}
}

// UNC writes `\\host\part\part`.
func UNC(host fmt.Stringer, parts ...string) string {
	return `\\` + strings.Join(append([]string{host.String()}, parts...), `\`)
}
