//go:build integration

package replicas

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"dfsd/replication/status"
)

// groupFolder is how commands name the one folder of a group.
const groupFolder = "lab/files"

// member is one host of a group: a disk, a key, a configuration and, most of
// the time, a daemon.
type member struct {
	group  *group
	index  int
	host   string
	listen string // where its daemon accepts partners
	key    string // the fingerprint of its identity

	dir    string // configuration, log and sockets, which outlive its disk
	disk   *image // the folder
	other  *image // the index, if it lies apart
	config string
	log    string

	proc   *process // nil before the first start
	notify *net.UnixConn
	ready  bool // the daemon that runs has said so
}

// newMember makes the disk and the key of a member.
func (g *group) newMember(index int, listen string) *member {
	g.t.Helper()
	m := &member{group: g, index: index, host: fmt.Sprintf("m%d.lab", index), listen: listen}
	m.dir = filepath.Join(g.dir, fmt.Sprintf("m%d", index))
	m.config, m.log = filepath.Join(m.dir, "dfsd.yaml"), filepath.Join(m.dir, "dfsd.log")
	if err := os.MkdirAll(m.dir, 0o755); err != nil {
		g.t.Fatal(err)
	}
	m.disk = newImage(g.t, m.dir, "disk", g.setup.imageMB)
	m.other = m.disk
	if g.setup.volume {
		check(g.t, os.Remove(filepath.Join(m.disk.at, "lost+found"))) // each member has its own
	}
	if g.setup.apart || g.setup.volume {
		m.other = newImage(g.t, m.dir, "index", 512)
	}
	for _, dir := range []string{m.root(), m.state()} {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			g.t.Fatal(err)
		}
	}
	m.key = identity(g.t, m.state())
	return m
}

// identity makes the key of a data directory and returns its fingerprint.
func identity(t testing.TB, dir string) string {
	t.Helper()
	said := must(t, os.Getenv(binaryEnv), "identity", "--data-dir", dir).stdout
	for word := range strings.FieldsSeq(said) {
		if strings.HasPrefix(word, "SHA256:") {
			return word
		}
	}
	t.Fatalf("dfsd identity said %q", said)
	return ""
}

// root is the replicated folder.
func (m *member) root() string {
	if m.group.setup.volume {
		return m.disk.at
	}
	return filepath.Join(m.disk.at, "files")
}

// state is the data directory.
func (m *member) state() string { return filepath.Join(m.other.at, "state") }

// socket is the admin socket.
func (m *member) socket() string { return filepath.Join(m.dir, "admin.sock") }

// path is a path below the root.
func (m *member) path(rel string) string { return filepath.Join(m.root(), rel) }

// configure writes the member's configuration: its own addresses for itself,
// the proxies for its partners.
func (m *member) configure() {
	m.group.t.Helper()
	s := m.group.setup
	lines := []string{
		"version: 1",
		"host: " + m.host,
		"data_dir: " + m.state(),
		"log: {level: debug, format: json}",
		"admin: {socket: " + m.socket() + "}",
		"replication:",
		"  listen: " + m.listen,
		"  groups:",
		"    - name: lab",
		"      members:",
	}
	var folders []string
	for _, o := range m.group.members {
		address, key := o.listen, o.key
		if o != m {
			address = m.group.proxies[way{m.index, o.index}].address()
		}
		if lie, ok := s.lies[way{m.index, o.index}]; ok {
			key = lie
		}
		lines = append(lines, fmt.Sprintf("        - {host: %s, address: '%s', key: '%s'}", o.host, address, key))
		folders = append(folders, fmt.Sprintf("%s: {path: %s}", o.host, o.root()))
	}
	topology := s.topology
	if topology == "" {
		topology = "full-mesh"
	}
	lines = append(lines,
		"      topology: "+topology,
		"      folders:",
		"        - name: files",
		"          primary: "+m.group.members[0].host,
		"          members: {"+strings.Join(folders, ", ")+"}",
		"          filters: {files: [], folders: []}",
		"          settle: 50ms",
	)
	for _, line := range s.folder {
		lines = append(lines, "          "+line)
	}
	if err := os.WriteFile(m.config, []byte(strings.Join(lines, "\n")+"\n"), 0o644); err != nil {
		m.group.t.Fatal(err)
	}
}

func (m *member) running() bool { return m.proc != nil && m.proc.running() }

// start starts the daemon and waits until it is ready.
func (m *member) start(t testing.TB) {
	t.Helper()
	m.launch(t)
	m.awaitReady(t)
}

// launch starts the daemon and does not wait.
func (m *member) launch(t testing.TB) {
	t.Helper()
	m.closeNotify()
	m.ready = false
	path := filepath.Join(m.dir, "notify.sock")
	_ = os.Remove(path) // of the run before
	var err error
	if m.notify, err = net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path, Net: "unixgram"}); err != nil {
		t.Fatal(err)
	}
	m.proc = startProcess(t, m.log, []string{"NOTIFY_SOCKET=" + path}, os.Getenv(binaryEnv), "serve", "-c", m.config, "--host", m.host)
}

func (m *member) closeNotify() {
	if m.notify != nil {
		_ = m.notify.Close() // nobody listens any more
		m.notify = nil
	}
}

// awaitReady waits until the daemon that was launched has said READY=1.
func (m *member) awaitReady(t testing.TB) {
	t.Helper()
	if m.ready {
		return
	}
	buf := make([]byte, 4096)
	why := await(patience, func() string {
		if !m.running() {
			return ""
		}
		if err := m.notify.SetReadDeadline(time.Now().Add(tick)); err != nil {
			return err.Error()
		}
		n, err := m.notify.Read(buf)
		if err == nil && bytes.Contains(append([]byte("\n"), buf[:n]...), []byte("\nREADY=1")) {
			return ""
		}
		return fmt.Sprintf("it said %q, %v", buf[:n], err)
	})
	if why != "" || !m.running() {
		t.Fatalf("%s is not ready (running: %v): %s\n%s", m.host, m.running(), why, tail(m.log, 40))
	}
	m.ready = true
}

// kill is kill -9.
func (m *member) kill() { m.proc.kill() }

// stop asks the daemon to end, which it must do cleanly.
func (m *member) stop(t testing.TB) {
	t.Helper()
	if err := m.proc.stop(patience); err != nil {
		t.Errorf("%s %v\n%s", m.host, err, tail(m.log, 20))
	}
	m.closeNotify()
}

// inspectLog fails the test for what no daemon may ever write.
func (m *member) inspectLog(t testing.TB) {
	b, err := os.ReadFile(m.log)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		t.Error(err)
	}
	for _, word := range []string{"panic:", "fatal error:", "DATA RACE", `"level":"dpanic"`, `"level":"panic"`} {
		if at := bytes.Index(b, []byte(word)); at >= 0 {
			t.Errorf("%s wrote %q:\n%s", m.host, word, b[at:min(len(b), at+4096)])
		}
	}
}

// command runs a command of dfsd against this member's daemon.
func (m *member) command(args ...string) result {
	return run(os.Getenv(binaryEnv), append(args, "--socket", m.socket())...)
}

// degraded is the exit code of a status that shows something wrong.
const degraded = 8

// status is what the member says of itself.
func (m *member) status() (status.Replication, error) {
	var s status.Replication
	r := m.command("replication", "status", "-o", "json")
	if r.code != 0 && r.code != degraded {
		return s, errors.New(r.String())
	}
	if err := json.Unmarshal([]byte(r.stdout), &s); err != nil {
		return s, fmt.Errorf("%w in %s", err, r)
	}
	return s, nil
}

// folder is the member's status of the one folder.
func (m *member) folder() (status.Folder, error) {
	s, err := m.status()
	if err != nil {
		return status.Folder{}, err
	}
	if len(s.Folders) != 1 {
		return status.Folder{}, fmt.Errorf("%s speaks of %d folders, want 1", m.host, len(s.Folders))
	}
	return s.Folders[0], nil
}

// awaitFolder waits until the member's folder is as the test wants it.
func (m *member) awaitFolder(t testing.TB, what string, within time.Duration, ok func(status.Folder) bool) status.Folder {
	t.Helper()
	var folder status.Folder
	why := await(within, func() string {
		var err error
		if folder, err = m.folder(); err != nil {
			return err.Error()
		}
		if !ok(folder) {
			return "not yet"
		}
		return ""
	})
	if why != "" {
		t.Fatalf("%s: waiting for %s: %s\n%s", m.host, what, why, m.group.report())
	}
	return folder
}

// preserved lists the preserved store of the member. The list may stand bare
// or as the one list of an object.
func (m *member) preserved(t testing.TB) []status.PreservedFile {
	t.Helper()
	r := m.command("preserved", "list", "-o", "json")
	if r.code != 0 {
		t.Fatal(r)
	}
	var files []status.PreservedFile
	if err := json.Unmarshal([]byte(r.stdout), &files); err == nil {
		return files
	}
	var object map[string]json.RawMessage
	if err := json.Unmarshal([]byte(r.stdout), &object); err != nil {
		t.Fatalf("%v in %s", err, r)
	}
	for _, raw := range object {
		if err := json.Unmarshal(raw, &files); err == nil {
			return files
		}
	}
	t.Fatalf("no list in %s", r)
	return nil
}
