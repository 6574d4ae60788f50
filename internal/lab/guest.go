//go:build integration

package lab

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"

	"dfsd/internal/lab/servers"
)

// Guest is a virtual machine on the laboratory's network that mounts shares
// with the kernel's SMB client. It runs one script and ends.
type Guest struct {
	lab     *Lab
	proc    *servers.Process
	results string // path of what the script reported
}

// Step is what one command of a guest's script did.
type Step struct {
	Code   int
	Output string // standard output and standard error
}

// guestSubnet holds the addresses of virtual machines.
var guestSubnet = netip.MustParsePrefix("10.99.200.0/24")

// Guest boots a virtual machine and runs a shell script in it. The script
// reports by `step NAME COMMAND…`; a name has no spaces.
func (l *Lab) Guest(script string) *Guest {
	l.t.Helper()
	addr, err := freeAddress(guestSubnet)
	if err != nil {
		l.t.Fatal(err)
	}
	image, err := guestImage(l.t.Context())
	if err != nil {
		l.t.Fatal(err)
	}
	dir := l.Dir("guest")
	initrd, err := withScript(l.t.Context(), filepath.Join(image, "initrd.gz"), dir, script)
	if err != nil {
		l.t.Fatal(err)
	}
	number := int(addr.As4()[3])
	tap := "tap" + strconv.Itoa(number)
	if err := ipBatch(l.t.Context(), "", "tuntap add "+tap+" mode tap", "link set "+tap+" master "+bridge+" up"); err != nil {
		l.t.Fatal(err)
	}
	g := &Guest{lab: l, results: filepath.Join(dir, "results")}
	g.proc = l.start(
		"guest", nil, "qemu-system-x86_64",
		// /dev/kvm may exist and hang: emulate always.
		"-accel", "tcg", "-cpu", "max", "-m", "384", "-display", "none", "-monitor", "none", "-no-reboot",
		"-kernel", filepath.Join(image, "vmlinuz"), "-initrd", initrd,
		"-append", "console=ttyS0 quiet panic=-1 lab.address="+addr.String(),
		"-serial", "stdio", "-serial", "file:"+g.results,
		"-netdev", "tap,id=n,ifname="+tap+",script=no,downscript=no",
		// Left alone, every machine has the same hardware address, and the bridge sends one what is for another.
		"-device", fmt.Sprintf("virtio-net-pci,netdev=n,romfile=,mac=52:54:00:00:00:%02x", number),
	)
	return g
}

// Await waits for a step of the script and returns what it did.
func (g *Guest) Await(name string) Step {
	g.lab.t.Helper()
	var step Step
	g.proc.Await("step "+name+" of the guest", func() error {
		steps, err := g.steps()
		if err != nil {
			return err
		}
		var ok bool
		if step, ok = steps[name]; !ok {
			return errors.New("not reported yet")
		}
		return nil
	})
	return step
}

// steps reads all that the script has reported so far, by name.
func (g *Guest) steps() (map[string]Step, error) {
	b, err := os.ReadFile(g.results)
	if err != nil {
		return nil, err
	}
	steps := map[string]Step{}
	for line := range bytes.Lines(b) {
		if !bytes.HasSuffix(line, []byte("\n")) {
			break // being written
		}
		fields := strings.Split(strings.TrimSpace(string(line)), " ")
		if len(fields) < 2 {
			return nil, fmt.Errorf("the guest reported %q", line)
		}
		code, err := strconv.Atoi(fields[1])
		if err != nil {
			return nil, err
		}
		output, err := base64.StdEncoding.DecodeString(strings.Join(fields[2:], ""))
		if err != nil {
			return nil, err
		}
		steps[fields[0]] = Step{Code: code, Output: string(output)}
	}
	return steps, nil
}

// guestImage returns the folder with the guest's vmlinuz and initrd.gz, in the
// cache where .ci/install puts the kernel's package. It builds them the first
// time, and again when their recipe has changed.
func guestImage(ctx context.Context) (string, error) {
	root, err := repository()
	if err != nil {
		return "", err
	}
	debs, err := filepath.Glob(filepath.Join(root, ".cache", "guest", "linux-image-*.deb"))
	if err != nil {
		return "", err
	}
	if len(debs) == 0 {
		return "", errors.New("the guest's kernel is missing: .ci/install downloads it")
	}
	recipe, source := sha256.New(), filepath.Join(root, "internal", "lab", "testdata", "guest")
	for _, name := range []string{"build", "init"} {
		b, err := os.ReadFile(filepath.Join(source, name))
		if err != nil {
			return "", err
		}
		recipe.Write(b)
	}
	deb := debs[len(debs)-1]
	dir := fmt.Sprintf("%s-%x", strings.TrimSuffix(deb, ".deb"), recipe.Sum(nil)[:6])
	if _, err := os.Stat(filepath.Join(dir, "initrd.gz")); err == nil {
		return dir, nil
	}
	return dir, must(ctx, filepath.Join(source, "build"), deb, dir)
}

// withScript writes a copy of the initial RAM disk that holds a script too:
// the kernel unpacks one archive after the other.
func withScript(ctx context.Context, initrd, dir, script string) (string, error) {
	base, err := os.ReadFile(initrd)
	if err != nil {
		return "", err
	}
	if err := os.WriteFile(filepath.Join(dir, "script"), []byte(script), 0o644); err != nil {
		return "", err
	}
	cmd := exec.CommandContext(ctx, "cpio", "-o", "-H", "newc", "--quiet")
	cmd.Dir, cmd.Stdin = dir, strings.NewReader("script\n")
	archive, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("cpio: %w", err)
	}
	for len(base)%4 != 0 {
		base = append(base, 0)
	}
	path := filepath.Join(dir, "initrd")
	return path, os.WriteFile(path, append(base, archive...), 0o644)
}
