//go:build integration

package servers

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
)

// family has a process that made two others, and says so.
const family = "sleep 1000 & sleep 1000 & echo complete; wait"

func startFamily(t TB) *Process {
	t.Helper()
	p := Start(t, "family", Command{Program: "sh", Args: []string{"-c", family}, Dir: t.TempDir()})
	p.Await("the whole family", func() error {
		if dirs, err := p.all(); err != nil || len(dirs) != 3 || !strings.Contains(p.Output(), "complete") {
			return fmt.Errorf("%q, %w, %q", dirs, err, p.Output())
		}
		return nil
	})
	return p
}

// running is those of some folders in /proc whose process runs.
func running(dirs []string) (found []string) {
	for _, dir := range dirs {
		stat, err := os.ReadFile(filepath.Join(dir, "stat"))
		if _, state, _ := strings.Cut(string(stat), ") "); err == nil && !strings.HasPrefix(state, "Z") {
			found = append(found, dir)
		}
	}
	return found
}

// TestKill: with the first process go all that it made.
func TestKill(t *testing.T) {
	p := startFamily(t)
	dirs, err := p.all()
	if err != nil {
		t.Fatal(err)
	}
	if got := running(dirs); len(got) != 3 {
		t.Fatalf("running before: %q, want 3", got)
	}
	p.Kill()
	if got := running(dirs); len(got) > 0 || p.Ended() == nil {
		t.Errorf("running after Kill: %q, ended: %v", got, p.Ended())
	}
}

// TestPause: each process of the program stands still, and goes on.
func TestPause(t *testing.T) {
	p := startFamily(t)
	standing := func(want int) {
		t.Helper()
		p.Await(fmt.Sprintf("%d processes that stand still", want), func() error {
			dirs, err := p.all()
			if err != nil {
				return err
			}
			n := 0
			for _, dir := range dirs {
				stat, _ := os.ReadFile(filepath.Join(dir, "stat")) // one that ended stands nowhere
				if _, state, _ := strings.Cut(string(stat), ") "); strings.HasPrefix(state, "T") {
					n++
				}
			}
			if n != want {
				return fmt.Errorf("%d do", n)
			}
			return nil
		})
	}
	p.Pause()
	standing(3)
	p.Resume()
	standing(0)
}

// doomedEnv tells the second run of the binary to die, and where to say what it
// leaves.
const doomedEnv = "DFSD_SERVERS_DOOMED"

// TestDeathOfTheTests: tests that are killed leave no process.
func TestDeathOfTheTests(t *testing.T) {
	if path := os.Getenv(doomedEnv); path != "" {
		dirs, err := startFamily(t).all()
		err = errors.Join(err, os.WriteFile(path, []byte(strings.Join(dirs, "\n")), 0o644), syscall.Kill(os.Getpid(), syscall.SIGKILL))
		t.Fatal(err) // not reached
	}
	path := filepath.Join(t.TempDir(), "left")
	cmd := exec.Command(os.Args[0], "-test.run=^"+t.Name()+"$")
	cmd.Env = append(os.Environ(), doomedEnv+"="+path, "TMPDIR="+t.TempDir())
	out, err := cmd.CombinedOutput()
	text, readErr := os.ReadFile(path)
	dirs := strings.Split(string(text), "\n")
	if err == nil || readErr != nil || len(dirs) != 3 {
		t.Fatalf("%v, %v, left %q\n%s", err, readErr, dirs, out)
	}
	if err := Await(func() error {
		if left := running(dirs); len(left) > 0 {
			return fmt.Errorf("%q run", left)
		}
		return nil
	}); err != nil {
		t.Error(err)
	}
}

// verdict is a test that may fail without being one.
type verdict struct {
	*testing.T
	said   string
	failed bool
}

func (v *verdict) Failed() bool { return v.failed }

func (v *verdict) Fatalf(format string, args ...any) {
	v.said, v.failed = fmt.Sprintf(format, args...), true
	runtime.Goexit()
}

// TestAwaitOfOneThatEnds: who waits for a program that has ended fails at once,
// with what it wrote.
func TestAwaitOfOneThatEnds(t *testing.T) {
	v, done := &verdict{T: t}, make(chan struct{})
	go func() {
		defer close(done)
		p := Start(v, "brief", Command{Program: "sh", Args: []string{"-c", "echo no such file >&2; exit 3"}, Dir: t.TempDir()})
		p.Await("what never comes", func() error { return errors.New("not yet") })
	}()
	<-done
	if !strings.Contains(v.said, "exit status 3") || !strings.Contains(v.said, "no such file") {
		t.Errorf("it said %q, want the exit status and the output", v.said)
	}
}

// TestAwaitOfTheLastDeed: what a program did just before it ended is what was
// awaited, however late one looks.
func TestAwaitOfTheLastDeed(t *testing.T) {
	p := Start(t, "brief", Command{Program: "sh", Args: []string{"-c", "echo complete"}, Dir: t.TempDir()})
	if err := Await(func() error {
		if p.Ended() == nil {
			return errors.New("it runs")
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	p.Await("its last deed", func() error {
		if !strings.Contains(p.Output(), "complete") {
			return fmt.Errorf("it wrote %q", p.Output())
		}
		return nil
	})
}

// TestRunUntilTheEndOfTheContext: a program that is given up leaves no child.
func TestRunUntilTheEndOfTheContext(t *testing.T) {
	ctx, stop := context.WithCancel(t.Context())
	pipe := filepath.Join(t.TempDir(), "pipe")
	if err := syscall.Mkfifo(pipe, 0o600); err != nil {
		t.Fatal(err)
	}
	go func() {
		defer stop()
		_, _ = os.ReadFile(pipe) // until the child is there
	}()
	out := Run(ctx, Command{Program: "sh", Args: []string{"-c", `sleep 1000 & echo $!; echo >"$0"; wait`, pipe}})
	if out.OK() || out.Err() == nil || out.Code != -1 || !strings.Contains(out.Stderr, "context canceled") {
		t.Errorf("Run() = %s, want one that was given up", out)
	}
	child := "/proc/" + strings.TrimSpace(out.Stdout)
	if err := Await(func() error {
		if left := running([]string{child}); len(left) > 0 {
			return fmt.Errorf("%q runs", left)
		}
		return nil
	}); err != nil {
		t.Error(err)
	}
}

// TestInNamespaces: nothing of the machine is met there.
func TestInNamespaces(t *testing.T) {
	if !InNamespaces(t) {
		return
	}
	interfaces, err := net.Interfaces()
	if err != nil || len(interfaces) != 1 || interfaces[0].Flags&net.FlagUp == 0 {
		t.Errorf("interfaces %v, %v, want the loopback interface, up", interfaces, err)
	}
	found, err := filepath.Glob("/run/*")
	if err != nil || fmt.Sprint(found) != "[/run/samba]" {
		t.Errorf("/run holds %q, %v, want the folder of Samba", found, err)
	}
	processes, err := filepath.Glob("/proc/[0-9]*")
	if err != nil || len(processes) != 1 {
		t.Errorf("processes %q, %v, want this one", processes, err)
	}
}
