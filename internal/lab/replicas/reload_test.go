//go:build integration

package replicas

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"dfsd/internal/admin"
)

// reload writes a member's configuration and has the daemon read it; what it answers
// is the configuration in force.
func (m *member) reload(t testing.TB, text []byte) (c admin.Configuration) {
	t.Helper()
	check(t, os.WriteFile(m.config, text, 0o644))
	r := m.command("config", "reload", "-o", "json")
	if r.code != 0 {
		t.Fatal(r)
	}
	check(t, json.Unmarshal([]byte(r.stdout), &c))
	return c
}

// more is a second folder, beside the first, on each member.
func (g *group) more(name string) (text string) {
	text = "        - name: " + name + "\n          primary: " + g.members[0].host + "\n          settle: 50ms\n          members:\n"
	for _, m := range g.members {
		text += "            " + m.host + ": {path: " + m.beside(name) + "}\n"
	}
	return text
}

func (m *member) beside(name string) string { return filepath.Join(filepath.Dir(m.root()), name) }

// TestReload: a folder comes into replication and leaves it while the daemons run
// and replicate another; a configuration that gives a host a wrong key is refused
// whole.
func TestReload(t *testing.T) {
	g := newGroup(t, setup{})
	a, b := g.members[0], g.members[1]
	write(t, a.path("before"), "1")
	g.converged(t, patience)
	pids := []int{a.proc.cmd.Process.Pid, b.proc.cmd.Process.Pid}
	var old [][]byte
	for _, m := range g.members {
		check(t, os.Mkdir(m.beside("more"), 0o755))
		text, err := os.ReadFile(m.config)
		check(t, err)
		old = append(old, text)
	}
	check(t, os.WriteFile(filepath.Join(a.beside("more"), "plan"), []byte("of the second folder"), 0o644))

	other := identity(t, t.TempDir())
	check(t, os.WriteFile(a.config, bytes.ReplaceAll(old[0], []byte(a.key), []byte(other)), 0o644))
	if r := a.command("config", "reload"); r.code != 9 || !strings.Contains(r.stderr, "this host's key is "+a.key) {
		t.Errorf("a configuration with a wrong key: %v", r)
	}
	for i, m := range g.members {
		if c := m.reload(t, append(bytes.Clone(old[i]), g.more("more")...)); len(c.RestartNeeded) > 0 {
			t.Errorf("%s needs a restart for %q", m.host, c.RestartNeeded)
		}
	}
	write(t, a.path("meanwhile"), "2")
	if why := await(patience, func() string {
		text, err := os.ReadFile(filepath.Join(b.beside("more"), "plan"))
		if err != nil {
			return err.Error()
		}
		if string(text) != "of the second folder" {
			return string(text)
		}
		return ""
	}); why != "" {
		t.Fatalf("the folder that was added does not replicate: %s", why)
	}
	if s, err := b.status(); err != nil || len(s.Folders) != 2 {
		t.Errorf("status: %+v, %v", s, err)
	}

	for i, m := range g.members {
		m.reload(t, old[i])
	}
	write(t, a.path("after"), "3")
	g.converged(t, patience) // asks for the one folder
	if a.proc.cmd.Process.Pid != pids[0] || b.proc.cmd.Process.Pid != pids[1] {
		t.Error("a daemon was started anew")
	}
	if _, err := os.Stat(filepath.Join(b.beside("more"), "plan")); err != nil {
		t.Errorf("what the folder that was taken out held: %v", err)
	}
}
