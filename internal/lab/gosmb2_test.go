//go:build integration

package lab_test

import (
	"errors"
	"net"
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/hirochachacha/go-smb2"

	"dfsd/internal/lab"
)

// statusPathNotCovered is what a server says of a path that leaves it.
const statusPathNotCovered = 0xC0000257

// dial opens a session with go-smb2, an independent client written in Go.
func dial(t *testing.T, host netip.Addr, as lab.Account) *smb2.Session {
	t.Helper()
	conn, err := net.DialTimeout("tcp", netip.AddrPortFrom(host, 445).String(), 5*time.Second)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() }) // a log-off may have closed it
	d := smb2.Dialer{Initiator: &smb2.NTLMInitiator{User: as.User, Password: as.Password}}
	session, err := d.DialContext(t.Context(), conn)
	if err != nil {
		t.Fatalf("log on as %s: %v", as.User, err)
	}
	return session
}

// names lists a folder of a mounted share.
func names(t *testing.T, share *smb2.Share, dir string) []string {
	t.Helper()
	entries, err := share.ReadDir(dir)
	if err != nil {
		t.Fatalf("read %q: %v", dir, err)
	}
	var found []string
	for _, e := range entries {
		found = append(found, e.Name())
	}
	slices.Sort(found)
	return found
}

// TestGoClient: a client that knows nothing of DFS lists the namespace and is
// told, by a status of its own, where the namespace ends.
func TestGoClient(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, l *lab.Lab, serve servant) {
		host := serve(l, []lab.Folder{
			{Path: "projects", Targets: []string{lab.UNC(l.Address(), "data")}},
			{Path: `dept\it\tools`, Targets: []string{lab.UNC(l.Address(), "data")}},
		})
		session := dial(t, host, lab.Alice)
		shares, err := session.ListSharenames()
		if err != nil || !slices.Contains(shares, "public") || !slices.Contains(shares, "IPC$") {
			t.Errorf("list the shares = %q, %v, want public and IPC$", shares, err)
		}
		share, err := session.Mount("public")
		if err != nil {
			t.Fatal(err)
		}
		if got, want := names(t, share, ""), []string{"dept", "projects"}; !slices.Equal(got, want) {
			t.Errorf("the namespace holds %q, want %q", got, want)
		}
		if got, want := names(t, share, `dept\it`), []string{"tools"}; !slices.Equal(got, want) {
			t.Errorf(`dept\it holds %q, want %q`, got, want)
		}
		for _, path := range []string{"projects", `projects\sub\deep.txt`, `dept\it\tools`, `dept\it\tools\x`} {
			_, err := share.ReadDir(path)
			var refused *smb2.ResponseError
			if !errors.As(err, &refused) || refused.Code != statusPathNotCovered {
				t.Errorf("read %q: %v, want STATUS_PATH_NOT_COVERED", path, err)
			}
		}
		if err := share.Umount(); err != nil {
			t.Error(err)
		}
		if err := session.Logoff(); err != nil {
			t.Error(err)
		}
	})
}
