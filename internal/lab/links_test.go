//go:build integration

package lab_test

import (
	"testing"

	"dfsd/internal/lab"
)

// TestEveryDialect reads a file behind a link with each dialect and protection
// that smbclient can be held to.
func TestEveryDialect(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, l *lab.Lab, serve servant) {
		public := lab.UNC(serve(l, []lab.Folder{{Path: "projects", Targets: []string{lab.UNC(fileServer(l), "data")}}}), "public")
		client := l.Station("10.99.1.5")
		for _, tt := range []struct {
			dialect    string
			protection string // of smbclient's option --client-protection
		}{
			{"SMB2_02", "off"},
			{"SMB2_02", "sign"},
			{"SMB2_10", "sign"},
			{"SMB3_00", "sign"},
			{"SMB3_00", "encrypt"},
			{"SMB3_02", "sign"},
			{"SMB3_02", "encrypt"},
			{"SMB3_11", "off"},
			{"SMB3_11", "sign"},
			{"SMB3_11", "encrypt"},
		} {
			t.Run(tt.dialect+"/"+tt.protection, func(t *testing.T) {
				out := client.Smbclient(public, lab.Alice, "ls; cd projects; get hello.txt -; ls sub",
					"--option=client min protocol="+tt.dialect, "--max-protocol="+tt.dialect, "--client-protection="+tt.protection)
				if missing := lacks(out.Stdout, "projects", "hello from the target", "sub"); !out.OK() || missing != nil {
					t.Errorf("missing %q:\n%s", missing, out)
				}
			})
		}
	})
}

// TestEveryCipher reads through a link with each cipher and each signing
// algorithm of SMB 3.1.1.
func TestEveryCipher(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, l *lab.Lab, serve servant) {
		public := lab.UNC(serve(l, []lab.Folder{{Path: "projects", Targets: []string{lab.UNC(fileServer(l), "data")}}}), "public")
		client := l.Station("10.99.1.5")
		for _, tt := range []struct{ option, protection string }{
			{"client smb3 encryption algorithms=AES-128-CCM", "encrypt"},
			{"client smb3 encryption algorithms=AES-128-GCM", "encrypt"},
			{"client smb3 encryption algorithms=AES-256-CCM", "encrypt"},
			{"client smb3 encryption algorithms=AES-256-GCM", "encrypt"},
			{"client smb3 signing algorithms=HMAC-SHA256", "sign"},
			{"client smb3 signing algorithms=AES-128-CMAC", "sign"},
			{"client smb3 signing algorithms=AES-128-GMAC", "sign"},
		} {
			t.Run(tt.option, func(t *testing.T) {
				out := client.Smbclient(public, lab.Alice, "cd projects; get hello.txt -",
					"--option="+tt.option, "--client-protection="+tt.protection)
				if missing := lacks(out.Stdout, "hello from the target"); !out.OK() || missing != nil {
					t.Errorf("missing %q:\n%s", missing, out)
				}
			})
		}
	})
}

// TestLinks follows links of every shape.
func TestLinks(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, l *lab.Lab, serve servant) {
		files := fileServer(l)
		data, down := lab.UNC(files, "data"), lab.UNC(l.Address(), "data")
		public := lab.UNC(serve(l, []lab.Folder{
			{Path: "projects", Targets: []string{data}},
			{Path: `dept\it\tools`, Targets: []string{data}},
			{Path: "below", Targets: []string{data + `\sub`}},
			{Path: "second", Targets: []string{down, data}},
			{Path: "no-share", Targets: []string{lab.UNC(files, "no-such-share"), data}},
			{Path: "all-down", Targets: []string{down}},
		}), "public")
		client := l.Station("10.99.1.5")
		for _, tt := range []struct {
			name     string
			commands string
			want     string
			fails    bool
		}{
			{"enter and read", `cd projects; get hello.txt -`, "hello from the target", false},
			{"read by the whole path", `get projects\hello.txt -`, "hello from the target", false},
			{"list by the whole path", `ls projects\sub\*`, "deep.txt", false},
			{"back and again", `cd projects\sub; cd ..\..; cd projects; get sub\deep.txt -`, "deep below", false},
			{"a nested link", `cd dept\it\tools; get hello.txt -`, "hello from the target", false},
			{"through two folders into a link", `cd dept; cd it; get tools\sub\deep.txt -`, "deep below", false},
			{"a target below a share", `cd below; get deep.txt -`, "deep below", false},
			{"the first target is down", `cd second; get hello.txt -`, "hello from the target", false},
			{"the first target lacks the share", `cd no-share; get hello.txt -`, "hello from the target", false},
			{"all targets are down", `cd all-down`, "NT_STATUS_", true},
			{"a file that the target lacks", `get projects\none.txt -`, "NT_STATUS_OBJECT_NAME_NOT_FOUND", true},
		} {
			t.Run(tt.name, func(t *testing.T) {
				out := client.Smbclient(public, lab.Alice, tt.commands)
				if missing := lacks(out.All(), tt.want); out.OK() == tt.fails || missing != nil {
					t.Errorf("missing %q, exit code %d:\n%s", missing, out.Code, out)
				}
			})
		}
	})
}

// TestInterlink goes through a link whose target is a folder of another
// namespace, on another server.
func TestInterlink(t *testing.T) {
	t.Parallel()
	l := lab.New(t)
	far := l.Dfsd(lab.DfsdSetup{Rest: namespaceYAML([]lab.Folder{{Path: `dept\projects`, Targets: []string{lab.UNC(fileServer(l), "data")}}})})
	near := l.Dfsd(lab.DfsdSetup{Rest: `
namespaces:
  - name: public
    folders:
      - {path: whole, interlink: true, targets: [{path: '` + lab.UNC(far.Addr, "public") + `'}]}
      - {path: part, interlink: true, targets: [{path: '` + lab.UNC(far.Addr, "public", "dept", "projects") + `'}]}
`})
	for commands, want := range map[string]string{
		`cd whole; ls`: "dept",
		`cd whole\dept\projects; get hello.txt -`:  "hello from the target",
		`cd part; get sub\deep.txt -`:              "deep below",
		`cd whole; cd dept; ls; cd projects; ls *`: "hello.txt",
	} {
		out := l.Station("10.99.1.5").Smbclient(lab.UNC(near.Addr, "public"), lab.Alice, commands)
		if missing := lacks(out.Stdout, want); !out.OK() || missing != nil {
			t.Errorf("missing %q:\n%s", missing, out)
		}
	}
}

// TestEncryptionRequired: who cannot seal is refused, and whoever can shows
// nothing to a listener after the log-on.
func TestEncryptionRequired(t *testing.T) {
	t.Parallel()
	l := lab.New(t)
	d := l.Dfsd(lab.DfsdSetup{
		SMB:  []string{"encryption: required"},
		Rest: namespaceYAML([]lab.Folder{{Path: "projects", Targets: []string{lab.UNC(fileServer(l), "data")}}}),
	})
	client, public := l.Station("10.99.1.5"), lab.UNC(d.Addr, "public")
	capture := l.Capture(d.Addr)
	for _, dialect := range []string{"SMB3_00", "SMB3_02", "SMB3_11"} {
		out := client.Smbclient(public, lab.Alice, "ls; cd projects; get hello.txt -", "--max-protocol="+dialect)
		if missing := lacks(out.Stdout, "projects", "hello from the target"); !out.OK() || missing != nil {
			t.Errorf("%s: missing %q:\n%s", dialect, missing, out)
		}
	}
	for _, dialect := range []string{"SMB2_02", "SMB2_10"} {
		out := client.Smbclient(public, lab.Alice, "ls", "--max-protocol="+dialect)
		if missing := lacks(out.All(), "NT_STATUS_"); out.OK() || missing != nil {
			t.Errorf("%s: want a refusal:\n%s", dialect, out)
		}
	}
	capture.Stop()
	const plain, sealed = "smb2.cmd > 2", "smb2.header.transform.signature"
	if seen := capture.Overheard(plain, "frame.number", "_ws.col.Info"); len(seen) > 0 {
		t.Errorf("a listener reads %q", seen)
	}
	if all, read := capture.Overheard(sealed, "frame.number"), capture.Select(sealed+" and "+plain, "frame.number"); len(all) < 60 || len(read) != len(all) {
		t.Errorf("of %d sealed messages Wireshark decrypts %d, want all and at least 60", len(all), len(read))
	}
	if err := capture.Malformed(); err != nil {
		t.Error(err)
	}
}
