//go:build integration

package smbprobe

import (
	"context"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"dfsd/internal/lab/servers"
	"dfsd/internal/smbclient"
)

// The servers of TestSamba.
var (
	plainSamba  = netip.MustParseAddr("10.9.0.1") // as Debian configures it
	sealedSamba = netip.MustParseAddr("10.9.0.2") // demands encryption
	oldSamba    = netip.MustParseAddr("10.9.0.3") // knows no dialect from 3.0 on
	openSamba   = netip.MustParseAddr("10.9.0.4") // lets unknown users in as guests
	absentAddr  = netip.MustParseAddr("10.9.0.9") // nobody is there
)

// TestSamba probes real servers.
func TestSamba(t *testing.T) {
	if !servers.InNamespaces(t) {
		return
	}
	docs := t.TempDir()
	plain := startSamba(t, plainSamba, docs, "map to guest = never")
	startSamba(t, sealedSamba, t.TempDir(), "smb encrypt = required")
	startSamba(t, oldSamba, t.TempDir(), "server max protocol = SMB2_10")
	startSamba(t, openSamba, t.TempDir(), "map to guest = bad password")
	for _, addr := range []netip.Addr{plainSamba, sealedSamba, oldSamba, openSamba} {
		t.Run(addr.String(), func(t *testing.T) { testSambaTargets(t, addr) })
	}
	t.Run("log-on", testSambaLogon)
	t.Run("changes", func(t *testing.T) { testSambaChanges(t, plain, docs) })
}

// startSamba runs a server whose documents are in a folder of the test's.
func startSamba(t *testing.T, addr netip.Addr, docs, global string) *servers.Samba {
	t.Helper()
	servers.AddAddress(t, addr)
	dir := t.TempDir()
	return servers.StartSamba(t, servers.SambaSetup{
		Addr: addr, Dir: dir, Users: []servers.Account{{User: "root", Password: testPassword}}, Global: []string{global},
		Shares: []servers.Share{
			{Name: "dfs", Files: map[string]string{"folder/": ""}, Folders: []servers.Folder{{Path: "link", Targets: []string{`\\10.0.0.1\target`}}}},
			{Name: "docs", Path: docs, Files: map[string]string{"file": "", "sub/deep/": "", "closed/in/": ""}},
			{Name: "sealed", Path: docs, Options: []string{"smb encrypt = required"}},
			{Name: "others", Path: docs, Options: []string{"valid users = nobody"}},
			{Name: "nodisk", Path: filepath.Join(dir, "nodisk")},
		},
	})
}

// sambaProber probes addr as root.
func sambaProber(t *testing.T, addr netip.Addr, password string) *Prober {
	return newProber(t, 0, "", func(o *Options) {
		o.Addrs = func(string) []netip.Addr { return []netip.Addr{addr} }
		if password != "" {
			o.Credentials = func(string) smbclient.Credentials { return smbclient.Credentials{User: "root", Password: password} }
		}
	})
}

func testSambaTargets(t *testing.T, addr netip.Addr) {
	want(t, sambaProber(t, addr, ""), "host good, good", `nosuch\path`)
	p := sambaProber(t, addr, testPassword)
	list := []struct{ path, want string }{
		{`docs`, "good"},
		{`docs\sub`, "good"},
		{`DOCS\Sub\deep`, "good"},
		{`docs\nosuch`, "path"},
		{`docs\nosuch\deep`, "path"},
		{`docs\file`, "path"},
		{`docs\a*b`, "path"},
		{`nosuch`, "tree"},
		{`nosuch\sub`, "tree"},
		{`nodisk\sub`, "tree"},
		{`others\sub`, "good"}, // access denied
		{`sealed\sub`, "good"},
		{`dfs`, "good"},
		{`dfs\folder`, "good"},
		{`dfs\link`, "good"},
		{`dfs\link\below`, "good"},
		{`IPC$`, "path"},
	}
	if addr == oldSamba {
		list[11].want = "good" // access denied: it cannot be encrypted
	}
	var paths []string
	for _, x := range list {
		paths = append(paths, x.path)
	}
	for range 3 {
		r := probe(t, p, paths...)
		if r.Host != nil || len(p.Faults()) != 0 {
			t.Fatalf("host %v, faults %v", r.Host, p.Faults())
		}
		for i, x := range list {
			if got := verdict(r.Targets[i]); got != x.want {
				t.Errorf("%s: %s (%v), want %s", x.path, got, r.Targets[i], x.want)
			} else if r.Targets[i] != nil {
				t.Logf("%s: %v", x.path, r.Targets[i])
			}
		}
	}
	if h := p.hosts["fs1"]; h.session == nil {
		t.Error("no session is kept")
	} else {
		t.Logf("dialect %v, %d trees, probe of %d targets took %v", h.session.conn.Negotiated().Dialect, len(h.session.trees), len(paths), probe(t, p, paths...).Took)
	}
}

func testSambaLogon(t *testing.T) {
	for addr, fault := range map[netip.Addr]string{
		plainSamba: "STATUS_LOGON_FAILURE",
		openSamba:  "guest",
	} {
		p := sambaProber(t, addr, "wrong")
		want(t, p, "host good, good", `nosuch\path`)
		if got := p.Faults()["fs1"]; !strings.Contains(got, fault) {
			t.Errorf("%s: fault %q, want %q", addr, got, fault)
		}
	}
	r := want(t, sambaProber(t, absentAddr, testPassword), "host dial, good", "docs")
	t.Log(r.Host)
}

// testSambaChanges changes the server under a kept session.
func testSambaChanges(t *testing.T, s *servers.Samba, docs string) {
	p := sambaProber(t, plainSamba, testPassword)
	want(t, p, "host good, good, good", `docs`, `docs\sub\deep`)
	if err := os.Remove(filepath.Join(docs, "sub", "deep")); err != nil {
		t.Fatal(err)
	}
	want(t, p, "host good, good, path", `docs`, `docs\sub\deep`)
	if err := os.Rename(docs, docs+"-away"); err != nil {
		t.Fatal(err)
	}
	start := time.Now()
	p.now = func() time.Time { return start.Add(treeLife) }
	want(t, p, "host good, tree, tree", `docs`, `docs\sub`)
	if err := os.Rename(docs+"-away", docs); err != nil {
		t.Fatal(err)
	}
	want(t, p, "host good, good, good", `docs`, `docs\sub`)

	s.Signal(syscall.SIGSTOP) // who listens, and nobody who serves
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
	defer cancel()
	r := p.Probe(ctx, "fs1", []string{"docs"})
	if verdicts(r) != "host negotiate, good" {
		t.Errorf("server that accepts no one: %s (%v)", verdicts(r), r.Host)
	}
	t.Log(r.Host)
	s.Stop()
	r = probe(t, p, "docs")
	if verdicts(r) != "host dial, good" {
		t.Errorf("server that is dead: %s (%v)", verdicts(r), r.Host)
	}
	s.Start(t)
	want(t, p, "host good, good, good", `docs`, `docs\sub`)
}
