package main

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"dfsd/configs"
	"dfsd/internal/admin"
	"dfsd/internal/audit"
)

// metric asks a daemon on its socket for its metrics, and returns the line of one.
func metric(t *testing.T, socket, name string) string {
	t.Helper()
	transport := &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		var d net.Dialer
		return d.DialContext(ctx, "unix", socket)
	}}
	defer transport.CloseIdleConnections()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://dfsd/metrics", nil)
	if err != nil {
		t.Fatal(err)
	}
	res, err := transport.RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		if strings.HasPrefix(line, name+" ") {
			return strings.TrimSpace(line)
		}
	}
	return ""
}

// TestReloadOfAFaultyFile: whatever is wrong with a file, the daemon is told to
// read it, and what comes of that is in its log, its audit log and its metrics.
func TestReloadOfAFaultyFile(t *testing.T) {
	r := startDaemon(t)
	dir := filepath.Dir(r.file)
	good := configText(dir, "first")
	for i, tt := range []struct{ name, text, says string }{
		{"unknown key", good + "nonsense: 1\n", "unknown key"},
		{"no YAML", good + "sites: {default: [\n", "not YAML"},
	} {
		r.write(tt.text)
		code, out, talk := dfsd(t, "config", "reload", "-c", r.file)
		if code != exitRefused || out != "" || !strings.Contains(talk, "the one before stays in force") || !strings.Contains(talk, tt.says) {
			t.Errorf("%s: reload = %d, %q, %q", tt.name, code, out, talk)
		}
		if n := strings.Count(r.log.String(), "DFSD-CONFIG-0002"); n != i+1 {
			t.Errorf("%s: refused %d times in the log, want %d", tt.name, n, i+1)
		}
		entries, err := audit.Tail(filepath.Join(dir, "data"), 10)
		if err != nil || len(entries) != i+1 || !strings.Contains(entries[i].Result, tt.says) {
			t.Errorf("%s: the audit log holds %+v, %v", tt.name, entries, err)
		}
		if got := metric(t, filepath.Join(dir, "admin.sock"), "dfsd_config_last_reload_successful"); got != "dfsd_config_last_reload_successful 0" {
			t.Errorf("%s: %q", tt.name, got)
		}
	}
	r.write(good)
	if code, _, talk := dfsd(t, "config", "reload", "-c", r.file); code != exitFine || talk != "" {
		t.Errorf("reload of a good file = %d, %q", code, talk)
	}
	r.stop()
	<-r.ended
}

// TestFaultyFileHidesNoDaemon: who has broken his file still sees his daemon.
func TestFaultyFileHidesNoDaemon(t *testing.T) {
	r := startDaemon(t)
	good := configText(filepath.Dir(r.file), "first")
	r.write(good + "nonsense: 1\n")
	for _, args := range [][]string{{"status"}, {"target", "list"}, {"report", "health"}} {
		code, out, talk := dfsd(t, append(args, "-c", r.file)...)
		if (code != exitFine && code != exitDegraded) || out == "" || strings.Count(talk, "note: "+r.file+" cannot be used") != 1 {
			t.Errorf("%s = %d, %q, %q", args, code, out, talk)
		}
	}
	watching, talked := &daemonFlags{fileFlags: &fileFlags{file: r.file}}, &lines{}
	for range 3 {
		if _, err := watching.client(t.Context(), talked); err != nil {
			t.Fatal(err)
		}
	}
	if strings.Count(talked.String(), "note: ") != 1 {
		t.Errorf("who looks again and again is told %q", talked)
	}
	// Questions that a file answers alone are not answered from another one.
	code, out, talk := dfsd(t, "site", "list", "-c", r.file)
	if code != exitRefused || out != "" || !strings.Contains(talk, "unknown key") || !strings.Contains(talk, "hint: --socket "+filepath.Dir(r.file)+"/admin.sock ") {
		t.Errorf("site list = %d, %q, %q", code, out, talk)
	}

	// A socket that is guessed counts for the daemon of this file alone.
	fault, socket := error(&configs.Error{}), filepath.Join(filepath.Dir(r.file), "admin.sock")
	of := func(file string) error {
		f := &daemonFlags{fileFlags: &fileFlags{file: file}}
		c, err := f.daemonOn(t.Context(), socket, false, io.Discard, fault)
		if (c == nil) == (err == nil) {
			t.Errorf("daemonOn(%s) = %v, %v", file, c, err)
		}
		return err
	}
	link := filepath.Join(t.TempDir(), "link.yaml")
	if err := os.Symlink(r.file, link); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(of(r.file), of(link)); err != nil {
		t.Errorf("the daemon of this file is not asked: %v", err)
	}
	if err := of(filepath.Join(t.TempDir(), "other.yaml")); !errors.Is(err, fault) {
		t.Errorf("the daemon of another file is asked: %v", err)
	}

	// Without a daemon both are told.
	r.stop()
	<-r.ended
	code, out, talk = dfsd(t, "config", "reload", "-c", r.file)
	if code != exitRefused || out != "" || !strings.Contains(talk, `unknown key "nonsense"`) || !strings.Contains(talk, admin.ErrUnreachable.Error()) || !strings.Contains(talk, "dfsd serve") {
		t.Errorf("reload without a daemon = %d, %q, %q", code, out, talk)
	}
	if code, _, talk := dfsd(t, "status", "-c", r.file+".none"); code != exitFailed || !strings.Contains(talk, "no such file") {
		t.Errorf("status of no file = %d, %q", code, talk)
	}
}

func TestSocketDespite(t *testing.T) {
	const standard = "/run/dfsd/admin.sock"
	for _, tt := range []struct {
		name, text, want string
		named            bool
	}{
		{"unknown key", "admin: {socket: /x, listn: y}\nnonsense: 1\n", "/x", true},
		{"key twice", "admin: {socket: /x}\nsmb: {}\nsmb: {}\n", "/x", true},
		{"in JSON", `{"admin": {"socket": "/x"}, "nonsense": 1}`, "/x", true},
		{"alias", "smb: &a {socket: /x}\nadmin: *a\n", "/x", true},
		{"no section", "nonsense: 1\n", standard, true},
		{"no key", "admin: {listen: nonsense}\n", standard, true},
		{"broken behind it", "log: {}\nadmin:\n  # ours\n  socket: /x\n\nsmb: {listen: [\n", "/x", true},
		{"broken before it", "smb: 'open\nadmin:\n  socket: /x\n", "/x", true},
		{"broken, and no section", "smb: [\n", standard, false},
		{"broken itself", "admin: {socket: [/x}\n", standard, false},
		{"a list", "admin: {socket: [/x]}\n", standard, false},
		{"no value", "admin:\n  socket:\n", standard, false},
		{"no mapping", "- admin\n", standard, false},
		{"section of text", "admin: none\n", standard, false},
		{"empty", "", standard, false},
	} {
		path := filepath.Join(t.TempDir(), "dfsd.yaml")
		if err := os.WriteFile(path, []byte(tt.text), 0o600); err != nil {
			t.Fatal(err)
		}
		if got, named := socketDespite(path); got != tt.want || named != tt.named {
			t.Errorf("%s: socketDespite = %q, %v, want %q, %v", tt.name, got, named, tt.want, tt.named)
		}
	}
	if got, named := socketDespite(filepath.Join(t.TempDir(), "none")); got != standard || named {
		t.Errorf("no file: socketDespite = %q, %v", got, named)
	}
}
