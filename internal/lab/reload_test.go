//go:build integration

package lab_test

import (
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"

	"dfsd/internal/lab"
)

// TestReload: a bad file changes nothing and the log says why; a good one
// changes the answers at once, and a client that is connected notices nothing
// but the new folders.
func TestReload(t *testing.T) {
	t.Parallel()
	l := lab.New(t)
	before := []lab.Folder{{Path: "projects", Targets: []string{`\\fs1\projects`}}}
	after := []lab.Folder{{Path: "projects", Targets: []string{`\\fs2\projects`}}, {Path: "sales", Targets: []string{`\\fs1\sales`}}}
	d := l.Dfsd(lab.DfsdSetup{Rest: namespaceYAML(before)})
	client := l.Station("10.99.1.5")
	target := func() []string {
		t.Helper()
		return ask(t, client, d.Addr, lab.Question{Dialect: "3.0", Path: lab.UNC(d.Addr, "public", "projects")[1:], Level: 3}).Targets()
	}
	share, err := dial(t, d.Addr, lab.Alice).Mount("public")
	if err != nil {
		t.Fatal(err)
	}
	if got, want := names(t, share, ""), []string{"projects"}; !slices.Equal(got, want) {
		t.Fatalf("the namespace holds %q, want %q", got, want)
	}

	for _, bad := range []struct{ name, text, why string }{
		{"an unknown key", strings.Replace(namespaceYAML(after), "folders:", "foldres:", 1), "foldres"},
		{"a wrong value", namespaceYAML(after) + "    ttl: soon\n", "ttl"},
		{"no YAML", "namespaces: [\n", "dfsd.yaml:"},
		{"a link below a link", namespaceYAML(append(after, lab.Folder{Path: `sales\north`, Targets: []string{`\\fs1\x`}})), `north`},
	} {
		mark := len(d.Log())
		d.Configure(bad.text)
		d.Reload()
		d.AwaitLog(mark, bad.why, "dfsd.yaml:")
		if got, want := names(t, share, ""), []string{"projects"}; !slices.Equal(got, want) {
			t.Errorf("after a reload with %s the namespace holds %q, want %q", bad.name, got, want)
		}
		if got, want := target(), []string{`\\fs1\projects`}; !reflect.DeepEqual(got, want) {
			t.Errorf("after a reload with %s the targets are %q, want %q", bad.name, got, want)
		}
	}

	d.Configure(namespaceYAML(after))
	d.Reload()
	l.Await("the new folders on the old connection", func() error {
		if got, want := names(t, share, ""), []string{"projects", "sales"}; !slices.Equal(got, want) {
			return fmt.Errorf("the namespace holds %q, want %q", got, want)
		}
		return nil
	})
	if got, want := target(), []string{`\\fs2\projects`}; !reflect.DeepEqual(got, want) {
		t.Errorf("after a good reload the targets are %q, want %q", got, want)
	}
}

// TestNewUser: a user made while the daemon runs can log on after a reload, and
// a changed password counts from then on.
func TestNewUser(t *testing.T) {
	t.Parallel()
	l := lab.New(t)
	d := l.Dfsd(lab.DfsdSetup{Rest: namespaceYAML([]lab.Folder{{Path: "projects", Targets: []string{`\\fs1\projects`}}})})
	client := l.Station("10.99.1.5")
	bob := lab.Account{User: "bob", Password: "Straße-9"}
	d.SetUser(bob)
	d.Reload()
	l.Await("bob to be let in", func() error {
		if out := client.Smbclient(lab.UNC(d.Addr, "public"), bob, "ls"); !out.OK() {
			return errors.New(out.String())
		}
		return nil
	})
	old := lab.Alice
	d.SetUser(lab.Account{User: old.User, Password: "another-1"})
	d.Reload()
	l.Await("the old password to be refused", func() error {
		if out := client.Smbclient(lab.UNC(d.Addr, "public"), old, "ls"); lacks(out.All(), "NT_STATUS_LOGON_FAILURE") != nil {
			return errors.New(out.String())
		}
		return nil
	})
}
