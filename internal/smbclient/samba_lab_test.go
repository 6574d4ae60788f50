//go:build integration

package smbclient

import (
	"context"
	"encoding/binary"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"dfsd/internal/smb2"
)

// insideEnv tells the second run of this test binary which folder it works in.
const insideEnv = "DFSD_SMBCLIENT_LAB"

// inNamespaces runs the rest of the calling test in network, mount and process
// namespaces of its own, in a second run of this binary: port 445 is free
// there, no other Samba is met, and every process ends with it. The first run
// gets an empty folder name, and is done.
func inNamespaces(t *testing.T) (dir string) {
	t.Helper()
	if dir := os.Getenv(insideEnv); dir != "" {
		prepareInside(t)
		return dir
	}
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
	return ""
}

// prepareInside brings up the loopback and hides the machine's /run.
func prepareInside(t *testing.T) {
	t.Helper()
	run(t, "", "ip", "link", "set", "lo", "up")
	if err := syscall.Mount("lab", "/run", "tmpfs", 0, ""); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir("/run/samba", 0o755); err != nil {
		t.Fatal(err)
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
 path = %[1]s/root
 msdfs root = yes
 read only = yes
[target]
 path = %[1]s/target
 read only = no
[sealed]
 path = %[1]s/target
 smb encrypt = required
`

// sambaUser is known to every server of startSamba.
var sambaUser = Credentials{User: "root", Password: "secret"}

// startSamba runs an smbd on addr, with extra global settings, until the test
// ends.
func startSamba(t *testing.T, dir, addr, extra string) {
	t.Helper()
	run(t, "", "ip", "addr", "add", addr+"/32", "dev", "lo")
	dir = filepath.Join(dir, addr)
	for _, d := range []string{"private", "lock", "state", "cache", "pid", "ncalrpc", "log", "root/folder", "target/sub"} {
		if err := os.MkdirAll(filepath.Join(dir, d), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	for link, to := range map[string]string{"link1": `msdfs:10.0.0.1\target`, "link2": `msdfs:10.0.0.1\nosuch,10.0.0.2\target`} {
		if err := os.Symlink(to, filepath.Join(dir, "root", link)); err != nil {
			t.Fatal(err)
		}
	}
	config := filepath.Join(dir, "smb.conf")
	if err := os.WriteFile(config, fmt.Appendf(nil, sambaConfig, dir, addr, extra), 0o644); err != nil {
		t.Fatal(err)
	}
	run(t, sambaUser.Password+"\n"+sambaUser.Password+"\n", "smbpasswd", "-c", config, "-s", "-a", sambaUser.User)
	smbd := exec.CommandContext(t.Context(), "smbd", "-F", "--no-process-group", "-s", config)
	if err := smbd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = smbd.Wait() }) // the end of the test's context killed it
	awaitPort(t, addr)
}

// awaitPort returns once somebody listens.
func awaitPort(t *testing.T, addr string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	again := time.NewTicker(20 * time.Millisecond)
	defer again.Stop()
	for {
		nc, err := net.Dial("tcp", net.JoinHostPort(addr, DefaultPort))
		if err == nil {
			_ = nc.Close()
			return
		}
		select {
		case <-again.C:
		case <-ctx.Done():
			t.Fatalf("smbd on %s does not listen: %v", addr, err)
		}
	}
}

// stripper is a man in the middle who replaces every dialect from 3.0 on in an
// offer by 2.1.
type stripper struct {
	net.Conn
	offered bool
}

func (s *stripper) dial(ctx context.Context, addr string, o Options) (*Conn, error) {
	var d net.Dialer
	nc, err := d.DialContext(ctx, "tcp", net.JoinHostPort(addr, DefaultPort))
	if err != nil {
		return nil, err
	}
	s.Conn = nc
	c, err := Open(ctx, s, addr, o)
	if err != nil {
		return nil, err
	}
	return c, c.Logon(ctx)
}

func (s *stripper) Write(b []byte) (int, error) {
	if s.offered {
		return s.Conn.Write(b)
	}
	s.offered = true
	b = slices.Clone(b)
	const count, dialects = smb2.FrameHeaderSize + smb2.HeaderSize + 2, smb2.FrameHeaderSize + smb2.HeaderSize + 36
	for i := range int(binary.LittleEndian.Uint16(b[count:])) {
		at := b[dialects+2*i:]
		if smb2.Dialect(binary.LittleEndian.Uint16(at)).Is3x() {
			binary.LittleEndian.PutUint16(at, uint16(smb2.Dialect210))
		}
	}
	return s.Conn.Write(b)
}
