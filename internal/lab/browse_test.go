//go:build integration

package lab_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"dfsd/internal/lab"
)

// browsed is the namespace of the browsing tests.
func browsed(l *lab.Lab) []lab.Folder {
	target := []string{lab.UNC(fileServer(l), "data")}
	return []lab.Folder{
		{Path: "projects", Targets: target},
		{Path: `dept\it\tools`, Targets: target},
		{Path: `Übersicht Straße`, Targets: target},
		{Path: `部門`, Targets: target},
	}
}

func TestBrowse(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, l *lab.Lab, serve servant) {
		host := serve(l, browsed(l))
		client := l.Station("10.99.1.5")
		out := client.ListShares(host, lab.Alice)
		if missing := lacks(out.Stdout, "public", "Disk", "IPC$"); !out.OK() || missing != nil {
			t.Errorf("missing %q in the list of shares:\n%s", missing, out)
		}
		for _, tt := range []struct {
			name     string
			unc      string
			commands string
			want     []string
		}{
			{"list the root", lab.UNC(host, "public"), "ls", []string{"projects", "dept", "Übersicht Straße", "部門", "blocks of size"}},
			{"list by a pattern", lab.UNC(host, "public"), "ls d*", []string{"dept"}},
			{"list a folder that only holds folders", lab.UNC(host, "public"), `ls dept\it\*`, []string{"tools"}},
			{"enter it", lab.UNC(host, "public"), `cd dept\it; ls`, []string{"tools"}},
			{"free space", lab.UNC(host, "public"), "du", []string{"blocks of size", "Total number of bytes: 0"}},
			{"share in capitals", lab.UNC(host, "PUBLIC"), "ls", []string{"projects"}},
			{"folder in capitals", lab.UNC(host, "public"), `cd PROJECTS; get HELLO.TXT -`, []string{"hello from the target"}},
			{"nested folder in capitals", lab.UNC(host, "Public"), `cd DEPT\It\tOOls; get hello.txt -`, []string{"hello from the target"}},
			{"umlauts in capitals", lab.UNC(host, "public"), `cd "ÜBERSICHT STRAßE"; get hello.txt -`, []string{"hello from the target"}},
			{"ideographs", lab.UNC(host, "public"), `cd 部門; get hello.txt -`, []string{"hello from the target"}},
		} {
			t.Run(tt.name, func(t *testing.T) {
				out := client.Smbclient(tt.unc, lab.Alice, tt.commands)
				if missing := lacks(out.All(), tt.want...); !out.OK() || missing != nil {
					t.Errorf("missing %q in the answer:\n%s", missing, out)
				}
			})
		}
	})
}

func TestRefused(t *testing.T) {
	t.Parallel()
	mallory := lab.Account{User: lab.Alice.User, Password: "wrong"}
	stranger := lab.Account{User: "nobody-knows-me", Password: "x"}
	onEach(t, func(t *testing.T, l *lab.Lab, serve servant) {
		host := serve(l, browsed(l))
		client := l.Station("10.99.1.5")
		for _, tt := range []struct {
			name     string
			unc      string
			as       lab.Account
			commands string
			want     string
		}{
			{"wrong password", lab.UNC(host, "public"), mallory, "ls", "NT_STATUS_LOGON_FAILURE"},
			{"unknown user", lab.UNC(host, "public"), stranger, "ls", "NT_STATUS_LOGON_FAILURE"},
			{"guest", lab.UNC(host, "public"), lab.Account{User: "guest"}, "ls", "NT_STATUS_LOGON_FAILURE"},
			{"anonymous", lab.UNC(host, "public"), lab.Account{}, "ls", "NT_STATUS_"},
			{"unknown share", lab.UNC(host, "none"), lab.Alice, "ls", "NT_STATUS_BAD_NETWORK_NAME"},
			{"unknown folder", lab.UNC(host, "public"), lab.Alice, "cd none", "NT_STATUS_OBJECT_NAME_NOT_FOUND"},
			{"below an unknown folder", lab.UNC(host, "public"), lab.Alice, `cd none\deeper`, "NT_STATUS_OBJECT_PATH_NOT_FOUND"},
			{"make a folder", lab.UNC(host, "public"), lab.Alice, "mkdir new", "NT_STATUS_"},
			{"write a file", lab.UNC(host, "public"), lab.Alice, "put /etc/hostname new", "NT_STATUS_"},
			{"remove a folder", lab.UNC(host, "public"), lab.Alice, "rmdir dept", "NT_STATUS_"},
			{"rename a folder", lab.UNC(host, "public"), lab.Alice, "rename dept department", "NT_STATUS_"},
		} {
			t.Run(tt.name, func(t *testing.T) {
				out := client.Smbclient(tt.unc, tt.as, tt.commands)
				if lacks(out.All(), tt.want) != nil {
					t.Errorf("want a refusal with %s:\n%s", tt.want, out)
				}
			})
		}
		if out := client.Smbclient(lab.UNC(host, "public"), lab.Alice, "ls"); lacks(out.All(), "projects", "dept") != nil {
			t.Errorf("after the refusals the namespace is not as before:\n%s", out)
		}
	})
}

func TestGuest(t *testing.T) {
	t.Parallel()
	for name, start := range map[string]func(*lab.Lab, []lab.Folder) string{
		"samba": func(l *lab.Lab, folders []lab.Folder) string {
			return lab.UNC(l.Samba(lab.SambaSetup{
				Global: []string{"map to guest = Bad User"},
				Shares: []lab.Share{{Name: "public", Folders: folders, Options: []string{"guest ok = yes"}}},
			}).Addr, "public")
		},
		"dfsd": func(l *lab.Lab, folders []lab.Folder) string {
			return lab.UNC(l.Dfsd(lab.DfsdSetup{
				SMB:  []string{"guest: true"},
				Rest: namespaceYAML(folders),
			}).Addr, "public")
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := lab.New(t)
			public := start(l, []lab.Folder{{Path: "projects", Targets: []string{lab.UNC(l.Address(), "data")}}})
			// A guest has no key to sign with, and smbclient demands signatures of IPC$ unless told otherwise.
			out := l.Station("10.99.1.5").Smbclient(public, lab.Account{User: "guest"}, "ls",
				"--option=client ipc signing=auto", "--client-protection=off")
			if missing := lacks(out.Stdout, "projects"); !out.OK() || missing != nil {
				t.Errorf("a guest is not let in where guests are allowed:\n%s", out)
			}
			wrong := lab.Account{User: lab.Alice.User, Password: "wrong"}
			out = l.Station("10.99.1.5").Smbclient(public, wrong, "ls")
			if missing := lacks(out.All(), "NT_STATUS_LOGON_FAILURE"); out.OK() || missing != nil {
				t.Errorf("a known user with a wrong password became a guest:\n%s", out)
			}
		})
	}
}

// TestManyFolders lists a namespace that fills many answers: each folder comes
// once.
func TestManyFolders(t *testing.T) {
	t.Parallel()
	const n = 5000
	l := lab.New(t)
	folders := make([]lab.Folder, n)
	want := make([]string, n)
	for i := range folders {
		want[i] = fmt.Sprintf("folder %04d of a company with many projects", i)
		folders[i] = lab.Folder{Path: want[i], Targets: []string{`\\fs1\projects`}}
	}
	d := l.Dfsd(lab.DfsdSetup{Rest: namespaceYAML(folders)})
	out := l.Station("10.99.1.5").Smbclient(lab.UNC(d.Addr, "public"), lab.Alice, "ls")
	if got := strings.Count(out.Stdout, " of a company"); !out.OK() || got != n {
		t.Errorf("smbclient lists %d folders, want %d: exit code %d, %s", got, n, out.Code, out.Stderr)
	}
	share, err := dial(t, d.Addr, lab.Alice).Mount("public")
	if err != nil {
		t.Fatal(err)
	}
	if got := names(t, share, ""); !slices.Equal(got, want) {
		t.Errorf("go-smb2 lists %d folders, want each of %d once", len(got), n)
	}
}
