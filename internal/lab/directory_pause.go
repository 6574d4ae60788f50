//go:build integration

package lab

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
)

// Pause stops every process of the controller where it stands: connections stay
// open, new ones are taken by the kernel, and nobody answers.
func (d *Domain) Pause() { d.proc.signalAll(syscall.SIGSTOP) }

// Resume lets a paused controller go on.
func (d *Domain) Resume() { d.proc.signalAll(syscall.SIGCONT) }

// Pause stops the server where it stands, as [Domain.Pause] does.
func (o *OpenLDAP) Pause() { o.proc.signalAll(syscall.SIGSTOP) }

// Resume lets a paused server go on.
func (o *OpenLDAP) Resume() { o.proc.signalAll(syscall.SIGCONT) }

// signalAll sends a signal to each process of p's process namespace.
func (p *process) signalAll(s syscall.Signal) {
	p.t.Helper()
	own, err := os.Readlink(fmt.Sprintf("/proc/%d/ns/pid", p.cmd.Process.Pid))
	if err != nil {
		p.t.Fatalf("signal %v to %s: %v", s, p.name, err)
	}
	dirs, err := filepath.Glob("/proc/[0-9]*")
	if err != nil {
		p.t.Fatal(err)
	}
	for _, dir := range dirs {
		if ns, err := os.Readlink(dir + "/ns/pid"); err != nil || ns != own {
			continue // ended meanwhile, or another server's
		}
		pid, err := strconv.Atoi(filepath.Base(dir))
		if err == nil {
			err = syscall.Kill(pid, s)
		}
		if err != nil && !errors.Is(err, syscall.ESRCH) {
			p.t.Errorf("signal %v to %s: %v", s, p.name, err)
		}
	}
}

// Peak is the most memory that the daemon has had resident so far, in bytes.
func (d *Dfsd) Peak() int64 {
	d.lab.t.Helper()
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", d.proc.cmd.Process.Pid))
	if err != nil {
		d.lab.t.Fatal(err)
	}
	for line := range strings.Lines(string(status)) {
		value, found := strings.CutPrefix(line, "VmHWM:")
		kib, err := strconv.ParseInt(strings.TrimSuffix(strings.TrimSpace(value), " kB"), 10, 64)
		if found && err == nil {
			return kib << 10
		}
	}
	d.lab.t.Fatalf("no VmHWM in\n%s", status)
	return 0
}

// Data is the folder in which the daemon keeps what it has learnt.
func (d *Dfsd) Data() string { return filepath.Join(d.dir, "data") }
