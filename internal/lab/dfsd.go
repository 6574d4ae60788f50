//go:build integration

package lab

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"dfsd/internal/lab/servers"
)

// DfsdSetup says how a dfsd is configured. The laboratory writes the sections
// that every configuration shares: paths, log, listener and users.
type DfsdSetup struct {
	Addr   netip.Addr   // zero: a fresh one
	Host   string       // default: dfsd.lab.example
	Listen []netip.Addr // where else it listens
	SMB    []string     // further lines of the `smb` section, such as "guest: true"
	Rest   string       // the sections `sites` and `namespaces`, in YAML
	Users  []Account    // default: Alice; empty but not nil: no users_file
}

// Dfsd is one running daemon.
type Dfsd struct {
	Addr   netip.Addr
	lab    *Lab
	dir    string
	config string // path of the configuration file
	setup  DfsdSetup
	proc   *servers.Process

	stopped bool // by Stop
}

// gracePeriod is how long a daemon may take to end after SIGTERM.
const gracePeriod = time.Minute

// Dfsd starts a daemon and waits until it says that it is ready. When the test
// ends it is asked to end, and the test fails unless it does so cleanly.
func (l *Lab) Dfsd(s DfsdSetup) *Dfsd {
	l.t.Helper()
	d := l.prepareDfsd(s)
	notify := filepath.Join(d.dir, "notify.sock")
	_ = os.Remove(notify) // of one that ran here before
	socket, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: notify, Net: "unixgram"})
	if err != nil {
		l.t.Fatal(err)
	}
	l.t.Cleanup(func() { _ = socket.Close() }) // after the daemon has ended
	d.proc = l.start("dfsd-"+d.Addr.String(), []string{"NOTIFY_SOCKET=" + notify}, os.Getenv(insideEnv), "serve", "-c", d.config)
	l.t.Cleanup(d.Stop)
	d.proc.Await("READY=1", func() error { return readiness(socket) })
	if err := servers.Listens(netip.AddrPortFrom(d.Addr, 445)); err != nil {
		l.t.Fatalf("dfsd said READY=1 and does not listen: %v", err)
	}
	return d
}

// prepareDfsd writes what a daemon needs, without starting it.
func (l *Lab) prepareDfsd(s DfsdSetup) *Dfsd {
	l.t.Helper()
	if !s.Addr.IsValid() {
		s.Addr = l.Address()
	}
	if s.Users == nil {
		s.Users = []Account{Alice}
	}
	if s.Host == "" {
		s.Host = "dfsd.lab.example"
	}
	d := &Dfsd{Addr: s.Addr, lab: l, dir: l.Dir("dfsd-" + s.Addr.String()), setup: s}
	d.config = filepath.Join(d.dir, "dfsd.yaml")
	d.Configure(s.Rest)
	for _, u := range s.Users {
		d.SetUser(u)
	}
	return d
}

// readiness reads one datagram of a notification socket and returns an error
// unless it says that the daemon is ready.
func readiness(socket *net.UnixConn) error {
	if err := socket.SetReadDeadline(time.Now().Add(100 * time.Millisecond)); err != nil {
		return err
	}
	buf := make([]byte, 4096)
	n, err := socket.Read(buf)
	if err != nil {
		return err
	}
	if !bytes.Contains(append([]byte("\n"), buf[:n]...), []byte("\nREADY=1")) {
		return fmt.Errorf("the daemon said %q", buf[:n])
	}
	return nil
}

// Configure replaces the sections that the test owns. The daemon reads them
// after Reload.
func (d *Dfsd) Configure(rest string) {
	d.lab.t.Helper()
	var listen []string
	for _, a := range append([]netip.Addr{d.Addr}, d.setup.Listen...) {
		listen = append(listen, strconv.Quote(netip.AddrPortFrom(a, 445).String()))
	}
	lines := []string{
		"version: 1",
		"host: " + d.setup.Host,
		"data_dir: " + d.lab.Dir(filepath.Base(d.dir)+"/data"),
		"log: {level: debug, format: json}",
		"admin: {socket: " + filepath.Join(d.dir, "admin.sock") + "}",
		"smb:",
		"  listen: [" + strings.Join(listen, ", ") + "]",
	}
	if len(d.setup.Users) > 0 {
		lines = append(lines, "  users_file: "+filepath.Join(d.dir, "users.yaml"))
	}
	for _, line := range d.setup.SMB {
		lines = append(lines, "  "+line)
	}
	d.lab.WriteFile(d.dir, "dfsd.yaml", strings.Join(lines, "\n")+"\n"+rest)
}

// Command runs a command of dfsd with the daemon's configuration file.
func (d *Dfsd) Command(args ...string) Output {
	d.lab.t.Helper()
	return d.command("", args...)
}

func (d *Dfsd) command(stdin string, args ...string) Output {
	d.lab.t.Helper()
	return execute(d.lab.t.Context(), stdin, os.Getenv(insideEnv), append(args, "-c", d.config)...)
}

// SetUser gives a user a password through `dfsd user set`.
func (d *Dfsd) SetUser(a Account) {
	d.lab.t.Helper()
	if out := d.command(a.Password+"\n", "user", "set", a.User); !out.OK() {
		d.lab.t.Fatalf("%s", out)
	}
}

// Reload asks the daemon, by a signal, to read its configuration again. It
// does not wait: see Log.
func (d *Dfsd) Reload() { d.proc.Signal(syscall.SIGHUP) }

// Log is what the daemon has written so far.
func (d *Dfsd) Log() string { return d.proc.Output() }

// AwaitLog waits until the daemon has written each of some words since a mark,
// a length of Log taken earlier.
func (d *Dfsd) AwaitLog(mark int, words ...string) {
	d.lab.t.Helper()
	d.proc.Await(strings.Join(words, ", ")+" in the log", func() error {
		written := d.Log()[mark:]
		for _, w := range words {
			if !strings.Contains(written, w) {
				return fmt.Errorf("%q is not in the log", w)
			}
		}
		return nil
	})
}

// Metrics is what the daemon counts, as its local socket shows it.
func (d *Dfsd) Metrics() string {
	d.lab.t.Helper()
	socket := filepath.Join(d.dir, "admin.sock")
	client := http.Client{Timeout: servers.Patience, Transport: &http.Transport{
		DisableKeepAlives: true,
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, "unix", socket)
		},
	}}
	answer, err := client.Get("http://dfsd/metrics")
	if err != nil {
		d.lab.t.Fatal(err)
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil || answer.StatusCode != http.StatusOK {
		d.lab.t.Fatalf("/metrics: %s, %v", answer.Status, err)
	}
	return string(text)
}

// Usage tells what the daemon has taken so far.
func (d *Dfsd) Usage() Usage { return d.proc.Usage() }

// Alive returns an error when the daemon has ended.
func (d *Dfsd) Alive() error { return d.proc.Ended() }

// Stop asks the daemon to end and fails the test unless it does so cleanly.
func (d *Dfsd) Stop() {
	d.lab.t.Helper()
	if d.stopped {
		return
	}
	d.stopped = true
	if err := d.Alive(); err != nil {
		d.lab.t.Error(err)
		return
	}
	if code := d.proc.Stop(syscall.SIGTERM, gracePeriod); code != 0 {
		d.lab.t.Errorf("dfsd ended with exit code %d after SIGTERM, want 0", code)
	}
	for _, word := range []string{"panic:", "goroutine ", "DATA RACE"} {
		if strings.Contains(d.Log(), word) {
			d.lab.t.Errorf("dfsd wrote %q", word)
		}
	}
}

// Explanation is what `dfsd referral explain -o json` prints.
type Explanation struct {
	Path         string `json:"path"`
	Namespace    string `json:"namespace"`
	Folder       string `json:"folder"`
	PathConsumed int    `json:"path_consumed"`
	TTLSeconds   int    `json:"ttl_seconds"`
	Failback     bool   `json:"failback"`
	Client       struct {
		IP     netip.Addr `json:"ip"`
		Site   string     `json:"site"`
		Subnet string     `json:"subnet"`
	} `json:"client"`
	Targets []struct {
		Path     string  `json:"path"`
		Site     string  `json:"site"`
		Cost     *uint32 `json:"cost"`
		Priority string  `json:"priority"`
		Rank     int     `json:"rank"`
		Set      int     `json:"set"`
		State    string  `json:"state"`
		Reason   string  `json:"reason"`
	} `json:"targets"`
	Excluded []struct {
		Path   string `json:"path"`
		Reason string `json:"reason"`
	} `json:"excluded"`
}

// Sets groups the paths of the targets by their target set, in order.
func (e Explanation) Sets() [][]string {
	var sets [][]string
	for _, target := range e.Targets {
		for len(sets) <= target.Set {
			sets = append(sets, nil)
		}
		sets[target.Set] = append(sets[target.Set], target.Path)
	}
	return sets
}

// Explain asks the daemon for the referral of a client at an address. Without the
// socket the command would answer from the file alone where the daemon is slow.
func (d *Dfsd) Explain(path string, client netip.Addr) Explanation {
	d.lab.t.Helper()
	out := d.Command("referral", "explain", path, "--client", client.String(), "-o", "json",
		"--socket", filepath.Join(d.dir, "admin.sock"), "--timeout", servers.Patience.String())
	var e Explanation
	if err := errors.Join(out.Err(), json.Unmarshal([]byte(out.Stdout), &e)); err != nil {
		d.lab.t.Fatal(err)
	}
	return e
}

// Restart ends the daemon as Stop does and starts it again.
func (d *Dfsd) Restart() {
	d.lab.t.Helper()
	d.Stop()
	next := d.lab.Dfsd(d.setup)
	d.proc, d.stopped = next.proc, true // the new one has its own Stop at the end
}
