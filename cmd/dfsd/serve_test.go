package main

import (
	"bytes"
	"context"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"go.uber.org/zap"

	"dfsd/internal/admin"
)

const patience = 20 * time.Second // of a test for a real daemon

// lines collects what a daemon says on standard error.
type lines struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// running is a daemon in this process, with its service manager.
type running struct {
	t       *testing.T
	file    string
	log     *lines
	manager *net.UnixConn
	stop    context.CancelFunc
	ended   chan int
	client  *admin.Client
}

func configText(dir, comment string) string {
	return "version: 1\nhost: fs1.corp.example.com\ndata_dir: " + dir + "/data\nadmin: {socket: " + dir + "/admin.sock}\n" +
		"smb: {listen: ['127.0.0.1:0'], users_file: " + dir + "/users.yaml}\n" +
		"namespaces:\n  - name: public\n    comment: " + comment + "\n"
}

func startDaemon(t *testing.T) *running {
	t.Helper()
	dir := t.TempDir()
	r := &running{t: t, file: filepath.Join(dir, "dfsd.yaml"), log: &lines{}, ended: make(chan int, 1)}
	r.write(configText(dir, "first"))
	notify := filepath.Join(dir, "notify")
	manager, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: notify, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	r.manager = manager
	t.Setenv("NOTIFY_SOCKET", notify)
	ctx, stop := context.WithCancel(t.Context())
	r.stop = stop
	go func() {
		r.ended <- run(ctx, streams{in: strings.NewReader(""), out: r.log, err: r.log}, []string{"serve", "-c", r.file})
	}()
	t.Cleanup(func() {
		stop()
		_ = manager.Close()
	})
	r.expect("READY=1")
	r.client = admin.NewClient(filepath.Join(dir, "admin.sock"))
	return r
}

func (r *running) write(text string) {
	r.t.Helper()
	if err := os.WriteFile(r.file, []byte(text), 0o600); err != nil {
		r.t.Fatal(err)
	}
}

// expect waits for the daemon to tell its manager something that begins so.
func (r *running) expect(begin string) string {
	r.t.Helper()
	b := make([]byte, 4096)
	if err := r.manager.SetReadDeadline(time.Now().Add(patience)); err != nil {
		r.t.Fatal(err)
	}
	for {
		n, err := r.manager.Read(b)
		if err != nil {
			r.t.Fatalf("waiting for %s: %v; the daemon said:\n%s", begin, err, r.log)
		}
		if strings.HasPrefix(string(b[:n]), begin) {
			return string(b[:n])
		}
	}
}

func (r *running) hangUp() {
	r.t.Helper()
	if err := syscall.Kill(os.Getpid(), syscall.SIGHUP); err != nil {
		r.t.Fatal(err)
	}
}

func (r *running) comment() string {
	r.t.Helper()
	items, err := r.client.Namespaces(r.t.Context())
	if err != nil || len(items) != 1 {
		r.t.Fatalf("Namespaces = %v, %v", items, err)
	}
	return items[0].Comment
}

func TestServe(t *testing.T) {
	r := startDaemon(t)
	dir := filepath.Dir(r.file)
	if got := r.comment(); got != "first" {
		t.Errorf("comment = %q, want first", got)
	}

	// A faulty file changes nothing and says why.
	r.write(configText(dir, "second") + "nonsense: true\n")
	r.hangUp()
	r.expect("RELOADING=1\nMONOTONIC_USEC=")
	if told := r.expect("READY=1"); !strings.Contains(told, "refused") {
		t.Errorf("after a faulty file the manager is told %q", told)
	}
	if got := r.comment(); got != "first" || !strings.Contains(r.log.String(), "unknown key") {
		t.Errorf("comment = %q, want first; log:\n%s", got, r.log)
	}
	if _, err := r.client.Reload(t.Context()); err == nil || !strings.Contains(err.Error(), "unknown key") {
		t.Errorf("Reload of a faulty file = %v", err)
	}
	// The manager is told of that one too: what follows waits for the next.
	r.expect("RELOADING=1")
	r.expect("READY=1")

	// A good one is in force once the manager is told.
	r.write(configText(dir, "third"))
	r.hangUp()
	r.expect("RELOADING=1")
	r.expect("READY=1")
	if got := r.comment(); got != "third" {
		t.Errorf("comment = %q, want third", got)
	}

	// Settings that need a restart are named.
	r.write(strings.Replace(configText(dir, "fourth"), "smb: {", "smb: {guest: true, ", 1))
	if _, err := r.client.Reload(t.Context()); err != nil || !strings.Contains(r.log.String(), `"settings":"smb"`) {
		t.Errorf("Reload = %v; log:\n%s", err, r.log)
	}

	restart := func() []string {
		t.Helper()
		now, err := r.client.Reload(t.Context())
		facts, healthErr := r.client.Health(t.Context())
		if err != nil || healthErr != nil || !slices.Equal(now.RestartNeeded, facts.Config.RestartNeeded) || facts.Host != "fs1.corp.example.com" || now.Host != facts.Host {
			t.Errorf("Reload = %+v, %v; Health = %+v, %v", now, err, facts.Config, healthErr)
		}
		return now.RestartNeeded
	}
	if got := restart(); !slices.Equal(got, []string{"smb"}) {
		t.Errorf("read twice, the change of smb still waits for a restart: %q", got)
	}
	r.write(strings.Replace(configText(dir, "fifth"), "host: fs1", "host: fs9", 1))
	if got := restart(); !slices.Equal(got, []string{"host"}) {
		t.Errorf("another host needs a restart of %q", got)
	}
	r.write(configText(dir, "sixth"))
	if got := restart(); len(got) != 0 {
		t.Errorf("all is as at the start, and a restart is needed for %q", got)
	}
	r.stop()
	r.expect("STOPPING=1")
	select {
	case code := <-r.ended:
		if code != exitFine {
			t.Errorf("exit code %d, want 0; log:\n%s", code, r.log)
		}
	case <-time.After(patience):
		t.Fatal("the daemon does not end")
	}
}

// TestExplainAsksTheDaemonOfThisFile: the daemon answers for the file that it
// runs, and for no other.
func TestExplainAsksTheDaemonOfThisFile(t *testing.T) {
	r := startDaemon(t)
	explain := func() (string, string) {
		var out, talk bytes.Buffer
		args := []string{"referral", "explain", "//files/public", "--client", "10.1.2.3", "-c", r.file}
		if code := run(t.Context(), streams{out: &out, err: &talk}, args); code != exitFine {
			t.Fatalf("exit code %d: %s", code, &talk)
		}
		return out.String(), talk.String()
	}
	if _, talk := explain(); talk != "" {
		t.Errorf("the daemon of this file answers with %q", talk)
	}
	r.write(configText(filepath.Dir(r.file), "changed"))
	if _, talk := explain(); !strings.Contains(talk, "another configuration") {
		t.Errorf("the file has changed, and the talk is %q", talk)
	}
	// With --socket the daemon answers, whatever it runs.
	a, err := r.client.SiteOf(t.Context(), netip.MustParseAddr("10.1.2.3"))
	if err != nil || a.Site != "" {
		t.Errorf("SiteOf = %+v, %v", a, err)
	}
	r.stop()
	<-r.ended
}

func TestUsersFileIsReadAgain(t *testing.T) {
	path := filepath.Join(t.TempDir(), "users.yaml")
	table, err := openUserTable(path, zap.NewNop())
	if err != nil || table.current().Len() != 0 {
		t.Fatalf("no file yet: %v", err)
	}
	set := func(name string) {
		t.Helper()
		in := strings.NewReader("secret\n")
		cfg := filepath.Join(filepath.Dir(path), "c.yaml")
		if err := os.WriteFile(cfg, []byte("version: 1\ndata_dir: "+filepath.Dir(path)+"/data\nsmb: {users_file: "+path+"}\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		if code := run(t.Context(), streams{in: in, out: &lines{}, err: &lines{}}, []string{"user", "set", name, "-c", cfg}); code != exitFine {
			t.Fatalf("user set = %d", code)
		}
	}
	set("alice")
	if n := table.current().Len(); n != 1 {
		t.Errorf("%d users after the first, want 1", n)
	}
	set("bob")
	if n := table.current().Len(); n != 2 {
		t.Errorf("%d users after the second, want 2", n)
	}
	for _, text := range []string{"garbage: [", ""} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if n := table.current().Len(); n != 2 {
			t.Errorf("%d users with a file that holds %q, want the 2 before", n, text)
		}
	}
	// At the start an empty file is a new one, and a faulty one is refused.
	began, err := openUserTable(path, zap.NewNop())
	if err != nil || began.current().Len() != 0 {
		t.Errorf("with an empty file at the start: %v", err)
	}
	set("carol")
	if n := began.current().Len(); n != 1 {
		t.Errorf("%d users after the first in an empty file, want 1", n)
	}
	if err := os.WriteFile(path, []byte("garbage: ["), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := openUserTable(path, zap.NewNop()); err == nil {
		t.Error("a faulty file at the start is no error")
	}
}
