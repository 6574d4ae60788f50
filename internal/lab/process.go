//go:build integration

package lab

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// process is a program that runs beside a test: a server, a capture, a virtual
// machine. What it writes goes to a file, which a failing test shows.
type process struct {
	t    testing.TB
	name string
	cmd  *exec.Cmd
	log  string        // path
	done chan struct{} // closed when it has ended
	err  error         // of Wait; read after done
}

// start runs a program in a process namespace of its own: when its first
// process ends, so has every other that it made. The test's end kills it.
func (l *Lab) start(name string, env []string, program string, args ...string) *process {
	l.t.Helper()
	path := filepath.Join(l.dir, name+".log")
	out, err := os.Create(path)
	if err != nil {
		l.t.Fatal(err)
	}
	defer out.Close()
	cmd := exec.Command(program, args...)
	cmd.Env = append(environment(), env...)
	cmd.Stdout, cmd.Stderr = out, out
	cmd.Dir = l.dir
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWPID}
	if err := cmd.Start(); err != nil {
		l.t.Fatalf("start %s: %v", name, err)
	}
	p := &process{t: l.t, name: name, cmd: cmd, log: path, done: make(chan struct{})}
	go func() {
		p.err = cmd.Wait()
		close(p.done)
	}()
	l.t.Cleanup(p.kill)
	return p
}

// kill ends the process at once, if it still runs, and waits for its end.
func (p *process) kill() {
	p.signal(syscall.SIGKILL)
	<-p.done
	if p.t.Failed() {
		p.t.Logf("%s wrote:\n%s", p.name, tail(p.output(), 100))
	}
}

// signal sends a signal; a process that has ended does not mind.
func (p *process) signal(s os.Signal) {
	if err := p.cmd.Process.Signal(s); err != nil && !errors.Is(err, os.ErrProcessDone) {
		p.t.Errorf("signal %v to %s: %v", s, p.name, err)
	}
}

// ended returns an error when the process has ended.
func (p *process) ended() error {
	select {
	case <-p.done:
		return fmt.Errorf("%s has ended: %s\n%s", p.name, p.cmd.ProcessState, tail(p.output(), 30))
	default:
		return nil
	}
}

// await polls until done reports nil, and fails the test when the process ends
// before that or the patience has run out.
func (p *process) await(what string, done func() error) {
	p.t.Helper()
	var ended error
	err := await(func() error {
		if ended = p.ended(); ended != nil {
			return nil
		}
		return done()
	})
	if err = errors.Join(ended, err); err != nil {
		p.t.Fatalf("%s: waiting for %s: %v\n%s", p.name, what, err, tail(p.output(), 30))
	}
}

// stop asks the process to end and returns its exit code, -1 if a signal ended
// it. One that has not ended after a while fails the test.
func (p *process) stop(with os.Signal, within time.Duration) int {
	p.t.Helper()
	p.signal(with)
	select {
	case <-p.done:
	case <-time.After(within):
		p.t.Errorf("%s has not ended %s after %v", p.name, within, with)
		p.kill()
	}
	return p.cmd.ProcessState.ExitCode()
}

// output is what the process has written so far.
func (p *process) output() string {
	b, err := os.ReadFile(p.log)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return err.Error()
	}
	return string(b)
}

// tail is the last n lines of a text.
func tail(text string, n int) string {
	lines := strings.Split(strings.TrimRight(text, "\n"), "\n")
	return strings.Join(lines[max(0, len(lines)-n):], "\n")
}
