//go:build integration

package configs_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// longest is what the show of `make run` may take on a slow machine that has much
// else to do; on a good one it is a quarter of a minute.
const longest = 3 * time.Minute

// checkout makes a copy of what `make run` needs, in a folder whose name is as
// bad as that of a user's may be.
func checkout(t *testing.T) string {
	t.Helper()
	top := filepath.Join(t.TempDir(), "it's a clone & more")
	for _, dir := range []string{"bin", "configs"} {
		if err := os.MkdirAll(filepath.Join(top, dir), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	binary, err := filepath.Abs("../bin/dfsd")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(binary); err != nil {
		t.Fatalf("%v: `make build` makes it", err)
	}
	if err := os.Symlink(binary, filepath.Join(top, "bin", "dfsd")); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"quickstart.yaml", "quickstart.sh"} {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(top, "configs", name), text, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	return top
}

// words collects what a process says.
type words struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (w *words) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.b.Write(p)
}

func (w *words) String() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.b.String()
}

// quickstart is one run of the script.
type quickstart struct {
	t     *testing.T
	cmd   *exec.Cmd
	said  *words
	input io.WriteCloser // nil: there is none
	ended chan struct{}  // closed once err is there
	err   error
}

// begin starts the script; serving gives it an input that does not end, and no show.
func begin(t *testing.T, top string, serving bool) *quickstart {
	t.Helper()
	ctx, stop := context.WithTimeout(t.Context(), longest)
	q := &quickstart{t: t, said: &words{}, ended: make(chan struct{}), cmd: exec.CommandContext(ctx, filepath.Join(top, "configs", "quickstart.sh"))}
	q.cmd.Stdout, q.cmd.Stderr = q.said, q.said
	q.cmd.Cancel = func() error { return q.cmd.Process.Signal(syscall.SIGTERM) }
	q.cmd.WaitDelay = 30 * time.Second
	if serving {
		q.cmd.Env = append(os.Environ(), "DEMO=no")
		var err error
		if q.input, err = q.cmd.StdinPipe(); err != nil {
			t.Fatal(err)
		}
	}
	if err := q.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		q.err = q.cmd.Wait()
		close(q.ended)
	}()
	t.Cleanup(func() {
		stop()
		<-q.ended
	})
	return q
}

// ends waits for the script, and wants its exit code; -1 for a signal.
func (q *quickstart) ends(code int) {
	q.t.Helper()
	<-q.ended
	var bad *exec.ExitError
	if q.err != nil && !errors.As(q.err, &bad) || q.cmd.ProcessState.ExitCode() != code {
		q.t.Fatalf("it ended with %v, want exit code %d; it said:\n%s", q.err, code, q.said)
	}
}

// serves waits until the script says that it does.
func (q *quickstart) serves() {
	q.t.Helper()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for !strings.Contains(q.said.String(), "Ctrl-C ends it.") {
		select {
		case <-q.ended: // at the time-out at the latest
			q.t.Fatalf("it ended with %v; it said:\n%s", q.err, q.said)
		case <-tick.C:
		}
	}
	c, err := net.Dial("tcp", "127.0.0.1:4445")
	if err != nil {
		q.t.Fatalf("%v; it said:\n%s", err, q.said)
	}
	_ = c.Close() // nothing was written
}

// free tells whether no dfsd of the quickstart is left.
func free() bool {
	for _, addr := range []string{"127.0.0.1:4445", "127.0.1.10:4445", "127.0.2.10:4445"} {
		l, err := net.Listen("tcp", addr)
		if err != nil {
			return false
		}
		_ = l.Close() // nobody was there
	}
	return true
}

// TestQuickstartShows: what a newcomer sees first is there, part by part, and
// leaves nothing running.
func TestQuickstartShows(t *testing.T) {
	began := time.Now()
	q := begin(t, checkout(t), false)
	q.ends(0)
	if took := time.Since(began); took > longest {
		t.Errorf("the show took %v", took)
	}
	if !free() {
		t.Error("a dfsd is left running")
	}
	parts := strings.Split(q.said.String(), "\n== ")
	want := [][]string{
		{"Three dfsd run", "In earnest a file server such as Samba or Windows"},
		{`$ bin/dfsd referral explain`, "site Office", "$ bin/dfsd referral query", `1      \\127.0.2.10\projects`},
		{"$ echo", "There it is after ", "$ cat", "the plan of ", "$ bin/dfsd replication status", "connected  no backlog"},
		{
			"$ kill -9", "$ echo", " the branch is down", " down ", "so behind every target that is up", "$ bin/dfsd status\n", "degraded", "(exit code 8)",
			"$ bin/dfsd replication backlog", "branch is not connected", "replication pause", "lagging (is ", "1 file behind office",
			"replication resume", "back after ", ", changed\n", `0    \\127.0.2.10\projects  Branch  0     site-cost-normal  0     up`,
		},
		{"$ bin/dfsd target drain", "waiting out the TTL", "left out  the target is drained", "new disks", "$ bin/dfsd target list", "$ bin/dfsd target online", "is no longer drained"},
		{"$ bin/dfsd report health --html", "all well; the page is"},
	}
	if len(parts) != len(want) {
		t.Fatalf("%d parts, want %d:\n%s", len(parts), len(want), q.said)
	}
	for i, words := range want {
		rest := parts[i]
		for _, word := range words {
			_, after, ok := strings.Cut(rest, word)
			if !ok {
				t.Errorf("part %d does not say %q where it should:\n%s", i, word, parts[i])
				break
			}
			rest = after
		}
	}
	if first := parts[1]; strings.Contains(first, "no word of") {
		t.Errorf("clients are sent somewhere before the daemon has heard of replication:\n%s", first)
	}
	page, err := os.ReadFile(filepath.Join(filepath.Dir(filepath.Dir(q.cmd.Path)), ".dfsd-quickstart", "report.html"))
	if err != nil || !bytes.Contains(page, []byte(`127.0.2.10\projects`)) {
		t.Errorf("the page has %d bytes, %v", len(page), err)
	}
}

// TestQuickstartServes: one run at a time; it ends with its input; and one that
// was killed is in nobody's way.
func TestQuickstartServes(t *testing.T) {
	top := checkout(t)
	first := begin(t, top, true)
	first.serves()
	second := begin(t, top, true)
	second.ends(1)
	if said := second.said.String(); !strings.Contains(said, "it runs already in this folder, as process ") {
		t.Errorf("the second run says:\n%s", said)
	}
	if err := first.cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	first.ends(-1)
	third := begin(t, top, true)
	third.serves()
	if err := third.input.Close(); err != nil {
		t.Fatal(err)
	}
	third.ends(0)
	if !free() {
		t.Error("a dfsd is left running")
	}
}
