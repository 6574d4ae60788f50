//go:build integration

package lab

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// Pause stops the server where it stands, as [servers.Process.Pause] does.
func (o *OpenLDAP) Pause() { o.proc.Pause() }

// Resume lets a paused server go on.
func (o *OpenLDAP) Resume() { o.proc.Resume() }

// Peak is the most memory that the daemon has had resident so far, in bytes.
func (d *Dfsd) Peak() int64 {
	d.lab.t.Helper()
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", d.proc.PID()))
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
