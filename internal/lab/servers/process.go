//go:build integration

package servers

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// TB is what a server needs of its test. Each testing.TB is one; the room does
// not name that, because what is no test file does not import testing.
type TB interface {
	Name() string
	Helper()
	Context() context.Context
	Cleanup(f func())
	TempDir() string
	Setenv(name, value string)
	Failed() bool
	Logf(format string, args ...any)
	Errorf(format string, args ...any)
	Fatalf(format string, args ...any)
}

// Process is a program that runs beside a test: a server, a capture, a virtual
// machine. What it writes goes to a file, which a failing test shows.
type Process struct {
	t    TB
	name string
	cmd  *exec.Cmd
	log  string        // path
	done chan struct{} // closed when it has ended
}

// Start runs a program in a process namespace of its own: when its first process
// ends, so has every other that it made. The test's end kills it, and so does
// the end of this process, however that comes. Its log is in the command's folder
// and has its name. It reads nothing.
func Start(t TB, name string, c Command) *Process {
	t.Helper()
	path := filepath.Join(c.Dir, name+".log")
	out, err := os.Create(path)
	if err != nil {
		t.Fatalf("start %s: %v", name, err)
	}
	defer out.Close()
	cmd := exec.Command(c.Program, c.Args...)
	cmd.Env, cmd.Dir = c.environment(), c.Dir
	cmd.Stdout, cmd.Stderr = out, out // Samba ends when its input does, unless that is /dev/null
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWPID, Pdeathsig: syscall.SIGKILL}
	p := &Process{t: t, name: name, cmd: cmd, log: path, done: make(chan struct{})}
	started := make(chan error)
	go p.run(started)
	if err := <-started; err != nil {
		t.Fatalf("start %s: %v", name, err)
	}
	t.Cleanup(p.Kill)
	return p
}

// run starts the process and waits for its end, on one thread: the death signal
// of a child belongs to the thread that started it.
func (p *Process) run(started chan<- error) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	defer close(p.done)
	err := p.cmd.Start()
	started <- err
	if err == nil {
		_ = p.cmd.Wait() // how it ended is in ProcessState
	}
}

// PID is the number of the first process.
func (p *Process) PID() int { return p.cmd.Process.Pid }

// Kill ends the process at once, if it still runs, and waits for its end.
func (p *Process) Kill() {
	p.Signal(syscall.SIGKILL)
	<-p.done
	if p.t.Failed() {
		p.t.Logf("%s wrote:\n%s", p.name, tail(p.Output(), 100))
	}
}

// Signal sends a signal to the first process; one that has ended does not mind.
func (p *Process) Signal(s os.Signal) {
	if err := p.cmd.Process.Signal(s); err != nil && !errors.Is(err, os.ErrProcessDone) {
		p.t.Errorf("signal %v to %s: %v", s, p.name, err)
	}
}

// Pause stops every process where it stands: connections stay open, new ones are
// taken by the kernel, and nobody answers.
func (p *Process) Pause() { p.signalAll(syscall.SIGSTOP) }

// Resume lets a paused program go on.
func (p *Process) Resume() { p.signalAll(syscall.SIGCONT) }

func (p *Process) signalAll(s syscall.Signal) {
	p.t.Helper()
	dirs, err := p.all()
	if err != nil {
		p.t.Fatalf("signal %v to %s: %v", s, p.name, err)
	}
	for _, dir := range dirs {
		pid, err := strconv.Atoi(filepath.Base(dir))
		if err == nil {
			err = syscall.Kill(pid, s)
		}
		if err != nil && !errors.Is(err, syscall.ESRCH) {
			p.t.Errorf("signal %v to %s: %v", s, p.name, err)
		}
	}
}

// all returns the folder in /proc of each process of p's process namespace.
func (p *Process) all() ([]string, error) {
	own, err := os.Readlink(fmt.Sprintf("/proc/%d/ns/pid", p.PID()))
	if err != nil {
		return nil, err
	}
	dirs, err := filepath.Glob("/proc/[0-9]*")
	if err != nil {
		return nil, err
	}
	var found []string
	for _, dir := range dirs {
		// One that cannot be read has ended meanwhile.
		if ns, err := os.Readlink(dir + "/ns/pid"); err == nil && ns == own {
			found = append(found, dir)
		}
	}
	return found, nil
}

// Ended returns an error when the process has ended.
func (p *Process) Ended() error {
	select {
	case <-p.done:
		return fmt.Errorf("%s has ended: %s\n%s", p.name, p.cmd.ProcessState, tail(p.Output(), 30))
	default:
		return nil
	}
}

// Await polls until done reports nil, and fails the test when the process has
// ended without that or Patience has run out.
func (p *Process) Await(what string, done func() error) {
	p.t.Helper()
	var ended error
	err := Await(func() error {
		// In this order: one that ends in between has done all that it will do.
		over := p.Ended()
		err := done()
		if err != nil && over != nil {
			ended = fmt.Errorf("%w, and %w", over, err)
			return nil
		}
		return err
	})
	if err = errors.Join(ended, err); err != nil {
		p.t.Fatalf("%s: waiting for %s: %v", p.name, what, err)
	}
}

// Stop asks the process to end and returns its exit code, -1 if a signal ended
// it. One that has not ended after a while fails the test.
func (p *Process) Stop(with os.Signal, within time.Duration) int {
	p.t.Helper()
	p.Signal(with)
	select {
	case <-p.done:
	case <-time.After(within):
		p.t.Errorf("%s has not ended %s after %v", p.name, within, with)
		p.Kill()
	}
	return p.cmd.ProcessState.ExitCode()
}

// Output is what the process has written so far.
func (p *Process) Output() string {
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
