package smbd

import (
	"errors"
	"io/fs"
	"net"
	"os"
	"slices"
	"testing"

	gosmb2 "github.com/hirochachacha/go-smb2"

	"dfsd/internal/smb2"
)

// TestSecondClient drives the server with a client that somebody else wrote, and
// that knows nothing of DFS.
func TestSecondClient(t *testing.T) {
	h := listen(t, testOptions(t))
	session := dialSecondClient(t, h.dial(), testPassword)
	names, err := session.ListSharenames()
	if err != nil {
		t.Fatalf("list shares: %v", err)
	}
	if want := []string{"public", "IPC$"}; !slices.Equal(names, want) {
		t.Errorf("shares = %v, want %v", names, want)
	}
	share, err := session.Mount("public")
	if err != nil {
		t.Fatalf("mount: %v", err)
	}
	checkListing(t, share, ".", "closed", "docs", "other")
	checkListing(t, share, "docs", "projects")
	if fi, err := share.Stat("docs"); err != nil || !fi.IsDir() {
		t.Errorf("stat docs = %v, %v", fi, err)
	}
	var response *gosmb2.ResponseError
	if _, err := share.Stat(`docs\projects`); !errors.As(err, &response) || response.Code != uint32(smb2.StatusPathNotCovered) {
		t.Errorf("stat of a link = %v, want %v", err, smb2.StatusPathNotCovered)
	}
	if _, err := share.Stat("none"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("stat of nothing = %v, want %v", err, fs.ErrNotExist)
	}
	if err := share.Mkdir("new", 0o777); !errors.Is(err, os.ErrPermission) {
		t.Errorf("mkdir = %v, want %v", err, os.ErrPermission)
	}
	if err := share.Umount(); err != nil {
		t.Errorf("umount: %v", err)
	}
	if _, err := session.Mount("none"); !errors.As(err, &response) || response.Code != uint32(smb2.StatusBadNetworkName) {
		t.Errorf("mount of nothing = %v, want %v", err, smb2.StatusBadNetworkName)
	}
	if err := session.Logoff(); err != nil {
		t.Errorf("logoff: %v", err)
	}
}

func TestSecondClientWithAWrongPassword(t *testing.T) {
	h := listen(t, testOptions(t))
	d := &gosmb2.Dialer{Initiator: &gosmb2.NTLMInitiator{User: testUser, Password: "guess"}}
	var response *gosmb2.ResponseError
	if _, err := d.Dial(h.dial()); !errors.As(err, &response) || response.Code != uint32(smb2.StatusLogonFailure) {
		t.Errorf("log-on with a wrong password = %v, want %v", err, smb2.StatusLogonFailure)
	}
}

func dialSecondClient(t *testing.T, nc net.Conn, password string) *gosmb2.Session {
	t.Helper()
	d := &gosmb2.Dialer{Initiator: &gosmb2.NTLMInitiator{User: testUser, Password: password}}
	session, err := d.Dial(nc)
	if err != nil {
		t.Fatalf("log-on: %v", err)
	}
	t.Cleanup(func() { nc.Close() }) //nolint:errcheck // the session has been left
	return session
}

func checkListing(t *testing.T, share *gosmb2.Share, dir string, want ...string) {
	t.Helper()
	entries, err := share.ReadDir(dir)
	if err != nil {
		t.Fatalf("read %s: %v", dir, err)
	}
	var got []string
	for _, e := range entries {
		got = append(got, e.Name())
	}
	if !slices.Equal(got, want) {
		t.Errorf("%s holds %v, want %v", dir, got, want)
	}
}
