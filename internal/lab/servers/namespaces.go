//go:build integration

package servers

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"os"
	"os/exec"
	"runtime"
	"syscall"

	"golang.org/x/sys/unix"
)

// Enter runs this test binary again, in network, mount and process namespaces of
// its own, with more environment and other arguments, to its end. Whatever ends
// this process ends every process in them.
func Enter(stdout, stderr io.Writer, env []string, args ...string) error {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	flags := []string{"--net", "--mount", "--pid", "--fork", "--mount-proc", "--kill-child", self}
	cmd := exec.Command("unshare", append(flags, args...)...)
	cmd.Env = append(os.Environ(), env...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, stdout, stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	runtime.LockOSThread() // the death signal belongs to the thread that starts the child
	defer runtime.UnlockOSThread()
	return cmd.Run()
}

// HideRun covers the machine's /run, in this mount namespace, by an empty one
// with some folders: Samba's programs would find the winbindd of another
// instance there.
func HideRun(folders ...string) error {
	if err := unix.Mount("lab", "/run", "tmpfs", 0, "mode=0755"); err != nil {
		return fmt.Errorf("mount a private /run: %w", err)
	}
	for _, dir := range append([]string{"/run/samba"}, folders...) {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return err
		}
	}
	return nil
}

// insideEnv tells the second run of a test binary that it is inside.
const insideEnv = "DFSD_SERVERS_INSIDE"

// InNamespaces runs the rest of the calling test in network, mount and process
// namespaces of its own, in a second run of this binary, and tells whether this
// is that one: port 445 is free there, no other Samba is met, and every process
// ends with it. In the first run the test has then been run, and is done.
func InNamespaces(t TB) bool {
	t.Helper()
	if os.Getenv(insideEnv) != "" {
		up := Run(t.Context(), Command{Program: "ip", Args: []string{"link", "set", "lo", "up"}})
		if err := errors.Join(up.Err(), HideRun()); err != nil {
			t.Fatalf("%v", err)
		}
		return true
	}
	t.Setenv("PATH", os.Getenv("PATH")+":/usr/sbin:/sbin")
	for _, program := range []string{"unshare", "ip", "smbd", "smbpasswd"} {
		if _, err := exec.LookPath(program); err != nil {
			t.Fatalf("%v: this test needs Debian's samba, iproute2 and util-linux", err)
		}
	}
	if os.Geteuid() != 0 {
		t.Fatalf("namespaces need root: run this test as root")
	}
	var out bytes.Buffer
	// What the inner run leaves in its temporary folder goes with this one's.
	env := []string{insideEnv + "=1", "TMPDIR=" + t.TempDir()}
	err := Enter(&out, &out, env, "-test.run=^"+t.Name()+"$", "-test.v=true", "-test.timeout=5m")
	t.Logf("inside the namespaces:\n%s", out.String())
	if err != nil {
		t.Errorf("%v", err)
	}
	return false
}

// AddAddress gives the loopback interface of this network namespace an address.
func AddAddress(t TB, a netip.Addr) {
	t.Helper()
	own := netip.PrefixFrom(a, a.BitLen()).String()
	if err := Run(t.Context(), Command{Program: "ip", Args: []string{"addr", "add", own, "dev", "lo"}}).Err(); err != nil {
		t.Fatalf("%v", err)
	}
}
