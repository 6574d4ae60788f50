//go:build integration

package smbprobe

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"dfsd/internal/smbclient"
)

// insideEnv tells the second run of this test binary which folder it works in.
const insideEnv = "DFSD_SMBPROBE_LAB"

// The servers of TestSamba.
const (
	plainSamba  = "10.9.0.1" // as Debian configures it
	sealedSamba = "10.9.0.2" // demands encryption
	oldSamba    = "10.9.0.3" // knows no dialect from 3.0 on
	openSamba   = "10.9.0.4" // lets unknown users in as guests
	absentAddr  = "10.9.0.9" // nobody is there
)

const sambaConfig = `[global]
 workgroup = WG
 netbios name = ORACLE
 server role = standalone server
 private dir = %[1]s/private
 lock directory = %[1]s/lock
 state directory = %[1]s/state
 cache directory = %[1]s/cache
 pid directory = %[1]s/pid
 ncalrpc dir = %[1]s/ncalrpc
 log file = %[1]s/log/smbd.log
 log level = 0
 host msdfs = yes
 interfaces = %[2]s
 bind interfaces only = yes
 disable netbios = yes
 smb ports = 445
 load printers = no
 disable spoolss = yes
%[3]s
[dfs]
 path = %[1]s/dfs
 msdfs root = yes
[docs]
 path = %[1]s/docs
[sealed]
 path = %[1]s/docs
 smb encrypt = required
[others]
 path = %[1]s/docs
 valid users = nobody
[nodisk]
 path = %[1]s/nodisk
`

// samba is one smbd.
type samba struct {
	dir, config string
	smbd        *exec.Cmd
}

// TestSamba probes real servers, in network, mount and process namespaces of
// its own: port 445 is free there, and every process ends with it.
func TestSamba(t *testing.T) {
	dir := os.Getenv(insideEnv)
	if dir == "" {
		runInside(t)
		return
	}
	run(t, "", "ip", "link", "set", "lo", "up")
	if err := syscall.Mount("lab", "/run", "tmpfs", 0, ""); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir("/run/samba", 0o755); err != nil {
		t.Fatal(err)
	}
	plain := startSamba(t, dir, plainSamba, " map to guest = never")
	startSamba(t, dir, sealedSamba, " smb encrypt = required")
	startSamba(t, dir, oldSamba, " server max protocol = SMB2_10")
	startSamba(t, dir, openSamba, " map to guest = bad password")
	for _, addr := range []string{plainSamba, sealedSamba, oldSamba, openSamba} {
		t.Run(addr, func(t *testing.T) { testSambaTargets(t, addr) })
	}
	t.Run("log-on", testSambaLogon)
	t.Run("changes", func(t *testing.T) { testSambaChanges(t, plain) })
}

func runInside(t *testing.T) {
	t.Setenv("PATH", os.Getenv("PATH")+":/usr/sbin:/sbin")
	for _, program := range []string{"unshare", "ip", "smbd", "smbpasswd"} {
		if _, err := exec.LookPath(program); err != nil {
			t.Fatalf("%v: this test needs Debian's samba, iproute2 and util-linux", err)
		}
	}
	if os.Geteuid() != 0 {
		t.Fatal("namespaces need root: run this test as root")
	}
	cmd := exec.CommandContext(t.Context(), "unshare", "-n", "-m", "-p", "-f", "--mount-proc", "--kill-child",
		os.Args[0], "-test.run=^"+t.Name()+"$", "-test.v=true", "-test.timeout=5m")
	cmd.Env = append(os.Environ(), insideEnv+"="+t.TempDir())
	out, err := cmd.CombinedOutput()
	t.Logf("inside the namespaces:\n%s", out)
	if err != nil {
		t.Error(err)
	}
}

func run(t *testing.T, stdin, name string, args ...string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), name, args...)
	cmd.Stdin = strings.NewReader(stdin)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%s: %v\n%s", name, err, out)
	}
}

func startSamba(t *testing.T, dir, addr, extra string) *samba {
	t.Helper()
	run(t, "", "ip", "addr", "add", addr+"/32", "dev", "lo")
	s := &samba{dir: filepath.Join(dir, addr)}
	for _, d := range []string{"private", "lock", "state", "cache", "pid", "ncalrpc", "log", "dfs/folder", "docs/sub/deep", "docs/closed/in"} {
		if err := os.MkdirAll(filepath.Join(s.dir, d), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink(`msdfs:10.0.0.1\target`, filepath.Join(s.dir, "dfs", "link")); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(s.dir, "docs", "file"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	s.config = filepath.Join(s.dir, "smb.conf")
	if err := os.WriteFile(s.config, fmt.Appendf(nil, sambaConfig, s.dir, addr, extra), 0o644); err != nil {
		t.Fatal(err)
	}
	run(t, testPassword+"\n"+testPassword+"\n", "smbpasswd", "-c", s.config, "-s", "-a", "root")
	s.start(t, addr)
	return s
}

func (s *samba) start(t *testing.T, addr string) {
	t.Helper()
	s.smbd = exec.CommandContext(t.Context(), "smbd", "-F", "--no-process-group", "-s", s.config)
	if err := s.smbd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.smbd.Wait() }) // the end of the test's context killed it
	eventually(t, "smbd listens", func() bool {
		nc, err := net.Dial("tcp", net.JoinHostPort(addr, smbclient.DefaultPort))
		if err != nil {
			return false
		}
		return nc.Close() == nil
	})
}

// sambaProber probes addr as root.
func sambaProber(t *testing.T, addr, password string) *Prober {
	return newProber(t, 0, "", func(o *Options) {
		o.Addrs = func(string) []netip.Addr { return []netip.Addr{netip.MustParseAddr(addr)} }
		if password != "" {
			o.Credentials = func(string) smbclient.Credentials { return smbclient.Credentials{User: "root", Password: password} }
		}
	})
}

func testSambaTargets(t *testing.T, addr string) {
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
	for addr, fault := range map[string]string{
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
func testSambaChanges(t *testing.T, s *samba) {
	p := sambaProber(t, plainSamba, testPassword)
	want(t, p, "host good, good, good", `docs`, `docs\sub\deep`)
	if err := os.Remove(filepath.Join(s.dir, "docs", "sub", "deep")); err != nil {
		t.Fatal(err)
	}
	want(t, p, "host good, good, path", `docs`, `docs\sub\deep`)
	if err := os.Rename(filepath.Join(s.dir, "docs"), filepath.Join(s.dir, "away")); err != nil {
		t.Fatal(err)
	}
	start := time.Now()
	p.now = func() time.Time { return start.Add(treeLife) }
	want(t, p, "host good, tree, tree", `docs`, `docs\sub`)
	if err := os.Rename(filepath.Join(s.dir, "away"), filepath.Join(s.dir, "docs")); err != nil {
		t.Fatal(err)
	}
	want(t, p, "host good, good, good", `docs`, `docs\sub`)

	if err := s.smbd.Process.Signal(syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	r := p.Probe(ctx, "fs1", []string{"docs"})
	if verdicts(r) != "host negotiate, good" {
		t.Errorf("server that accepts no one: %s (%v)", verdicts(r), r.Host)
	}
	t.Log(r.Host)
	if err := s.smbd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = s.smbd.Wait() // killed
	r = probe(t, p, "docs")
	if verdicts(r) != "host dial, good" {
		t.Errorf("server that is dead: %s (%v)", verdicts(r), r.Host)
	}
	s.start(t, plainSamba)
	want(t, p, "host good, good, good", `docs`, `docs\sub`)
}
