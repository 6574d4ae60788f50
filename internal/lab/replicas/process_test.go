//go:build integration

package replicas

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"
)

// tick is how often a condition is looked at.
const tick = 20 * time.Millisecond

// process is a program that runs beside a test; what it writes is appended to
// a file.
type process struct {
	cmd  *exec.Cmd
	done chan struct{} // closed when it has ended
}

// startProcess starts a program with nothing of the caller's environment but
// PATH. Whoever starts it ends it.
func startProcess(t testing.TB, log string, env []string, program string, args ...string) *process {
	t.Helper()
	out, err := os.OpenFile(log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		t.Fatal(err)
	}
	defer out.Close()
	cmd := exec.Command(program, args...)
	cmd.Env = append(environment(), env...)
	cmd.Stdout, cmd.Stderr = out, out
	if err := cmd.Start(); err != nil {
		t.Fatalf("start %s: %v", program, err)
	}
	p := &process{cmd: cmd, done: make(chan struct{})}
	go func() {
		_ = cmd.Wait() // its state is read from ProcessState
		close(p.done)
	}()
	return p
}

func environment() []string {
	return []string{"PATH=" + os.Getenv("PATH"), "HOME=/nonexistent", "LC_ALL=C.UTF-8", "TZ=UTC"}
}

// running tells whether the process has not ended yet.
func (p *process) running() bool {
	select {
	case <-p.done:
		return false
	default:
		return true
	}
}

// kill is kill -9; it returns when the process is gone.
func (p *process) kill() {
	_ = p.cmd.Process.Kill() // one that has ended does not mind
	<-p.done
}

// stop asks the process to end and returns how it ended; one that does not
// end is killed.
func (p *process) stop(within time.Duration) error {
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return err
	}
	select {
	case <-p.done:
		if code := p.cmd.ProcessState.ExitCode(); code != 0 {
			return fmt.Errorf("ended with %s", p.cmd.ProcessState)
		}
		return nil
	case <-time.After(within):
		p.kill()
		return fmt.Errorf("has not ended %s after SIGTERM", within)
	}
}

// result is what a program that ended left behind.
type result struct {
	command, stdout, stderr string
	code                    int // -1: ended by a signal or the time limit
}

func (r result) String() string {
	return fmt.Sprintf("%s\nexit code %d\n%s%s", r.command, r.code, r.stdout, r.stderr)
}

// run runs a program to its end, for as long as patience lasts.
func run(name string, args ...string) result {
	ctx, stop := context.WithTimeout(context.Background(), patience)
	defer stop()
	cmd := exec.CommandContext(ctx, name, args...)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr, cmd.Env = &stdout, &stderr, environment()
	cmd.WaitDelay = 20 * time.Second
	err := cmd.Run()
	r := result{strings.Join(append([]string{name}, args...), " "), stdout.String(), stderr.String(), cmd.ProcessState.ExitCode()}
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		r.stderr += err.Error() + "\n"
		r.code = -1
	}
	return r
}

// must runs a program that the test cannot do without.
func must(t testing.TB, name string, args ...string) result {
	t.Helper()
	r := run(name, args...)
	if r.code != 0 {
		t.Fatal(r)
	}
	return r
}

// await looks again and again until reason says nothing, and returns its last
// words when the time is over.
func await(within time.Duration, reason func() string) string {
	deadline := time.Now().Add(within)
	for {
		why := reason()
		if why == "" || time.Now().After(deadline) {
			return why
		}
		pause(tick)
	}
}

// pause lets time pass where the time itself is what a test is about: between
// two looks, before a blow.
func pause(d time.Duration) { <-time.After(d) }

// tail is the last n lines of a file.
func tail(path string, n int) string {
	b, err := os.ReadFile(path)
	if err != nil {
		return err.Error()
	}
	lines := strings.Split(strings.TrimRight(string(b), "\n"), "\n")
	return strings.Join(lines[max(0, len(lines)-n):], "\n")
}
