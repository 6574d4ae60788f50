//go:build integration

package lab

import (
	"bytes"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"dfsd/internal/lab/servers"
)

// Capture is a recording of what one server says and hears.
type Capture struct {
	lab  *Lab
	file string
	host netip.Addr
	proc *servers.Process
}

// Capture starts to record what client machines and a server say to each
// other. What the programs of the tests' own namespace say is not seen.
func (l *Lab) Capture(host netip.Addr) *Capture {
	l.t.Helper()
	c := &Capture{lab: l, host: host, file: filepath.Join(l.Dir("capture"), host.String()+".pcap")}
	// In immediate mode a packet takes a place as long as the longest: the buffer holds a thousand, where its default holds eight.
	c.proc = l.start("tcpdump-"+host.String(), nil, "tcpdump", "-i", bridge, "-U", "--immediate-mode", "-s", "65535", "-B", "65536", "-Z", "root",
		"-w", c.file, "host", host.String(), "and", "(", "port", "445", "or", "udp", "port", endPort, ")")
	c.proc.Await("the capture to begin", func() error {
		if !strings.Contains(c.proc.Output(), "listening on") {
			return errors.New("tcpdump is not listening yet")
		}
		return nil
	})
	return c
}

// A datagram to the discard port, sent by a client machine of its own, tells
// the end: once it is in the file, so is all that went before.
const (
	endPort    = "9"
	endMark    = "end of the capture"
	endStation = "10.99.255.9"
)

// Stop ends the recording after everything that was sent before the call.
func (c *Capture) Stop() {
	c.lab.t.Helper()
	send := fmt.Sprintf("printf %%s '%s' >/dev/udp/%s/%s", endMark, c.host, endPort)
	if out := c.lab.Station(endStation).Run("bash", "-c", send); !out.OK() {
		c.lab.t.Fatal(out)
	}
	c.proc.Await("the end of the capture", func() error {
		b, err := os.ReadFile(c.file)
		if err == nil && !bytes.Contains(b, []byte(endMark)) {
			err = errors.New("not written yet")
		}
		return err
	})
	if code := c.proc.Stop(syscall.SIGINT, gracePeriod); code != 0 {
		c.lab.t.Errorf("tcpdump ended with exit code %d:\n%s", code, c.proc.Output())
	}
}

// Select returns the values of some fields, separated by tabs, one line for
// each packet that matches a display filter. Wireshark knows Alice's password,
// so it reads what was sealed for her over SMB 3 too.
func (c *Capture) Select(filter string, fields ...string) []string {
	c.lab.t.Helper()
	return c.read([]string{"-o", "ntlmssp.nt_password:" + Alice.Password}, filter, fields)
}

// Overheard is what Select returns to a listener who knows no password.
func (c *Capture) Overheard(filter string, fields ...string) []string {
	c.lab.t.Helper()
	return c.read(nil, filter, fields)
}

func (c *Capture) read(options []string, filter string, fields []string) []string {
	c.lab.t.Helper()
	args := append(options, "-r", c.file, "-Y", filter, "-T", "fields")
	for _, f := range fields {
		args = append(args, "-e", f)
	}
	out := execute(c.lab.t.Context(), "", "tshark", args...)
	if !out.OK() {
		c.lab.t.Fatal(out)
	}
	var lines []string
	for line := range strings.Lines(out.Stdout) {
		lines = append(lines, strings.TrimSuffix(line, "\n"))
	}
	return lines
}

// Malformed returns an error that names each packet that the dissectors of
// Wireshark call malformed.
func (c *Capture) Malformed() error {
	c.lab.t.Helper()
	found := c.Select("_ws.malformed or _ws.expert.group == malformed", "frame.number", "ip.src", "smb2.cmd", "_ws.expert.message", "_ws.col.Info")
	if len(found) == 0 {
		return nil
	}
	return fmt.Errorf("malformed packets:\n%s", strings.Join(found, "\n"))
}
