//go:build integration

package servers

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"syscall"
	"time"
)

// Patience bounds one program that is run to its end and one wait for a
// condition. It is far above what any of them needs on a slow machine that has
// much else to do, so that only a hang reaches it.
const Patience = 3 * time.Minute

// Command is a program with what it is given.
type Command struct {
	Program string
	Args    []string
	Dir     string   // where it runs; "": the test's folder
	Stdin   string   // all of standard input, of one that is run to its end
	Env     []string // beside PATH, a HOME that is not there, and the locale and time zone of nobody
}

// environment has nothing of the caller's but PATH.
func (c Command) environment() []string {
	return append([]string{"PATH=" + os.Getenv("PATH"), "HOME=/nonexistent", "LC_ALL=C.UTF-8", "TZ=UTC"}, c.Env...)
}

// Output is what a program that ended left behind.
type Output struct {
	Command string // as it was called, for failure texts
	Stdout  string
	Stderr  string
	Code    int // exit code; -1 when a signal or the time limit ended it
}

// OK tells that the program ended with exit code 0.
func (o Output) OK() bool { return o.Code == 0 }

// All is standard output followed by standard error.
func (o Output) All() string { return o.Stdout + o.Stderr }

// String is the whole story, for failure texts.
func (o Output) String() string {
	return fmt.Sprintf("%s\nexit code %d\n%s%s", o.Command, o.Code, o.Stdout, o.Stderr)
}

// Err is the whole story of a program that failed, nil of one that did not.
func (o Output) Err() error {
	if o.OK() {
		return nil
	}
	return errors.New(o.String())
}

// Run runs a program to its end. One that outlives ctx or Patience is killed with
// its children; the end of this process ends it too.
func Run(ctx context.Context, c Command) Output {
	ctx, stop := context.WithTimeout(ctx, Patience)
	defer stop()
	cmd := exec.CommandContext(ctx, c.Program, c.Args...)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	cmd.Stdin = strings.NewReader(c.Stdin)
	cmd.Env, cmd.Dir = c.environment(), c.Dir
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	cmd.WaitDelay = 20 * time.Second
	runtime.LockOSThread() // the death signal belongs to the thread that starts the child
	defer runtime.UnlockOSThread()
	err := cmd.Run()
	out := Output{
		Command: strings.Join(append([]string{c.Program}, c.Args...), " "),
		Stdout:  stdout.String(),
		Stderr:  stderr.String(),
		Code:    cmd.ProcessState.ExitCode(),
	}
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		out.Stderr += err.Error() + "\n"
	}
	if ctx.Err() != nil {
		out.Stderr += "ended by the laboratory: " + context.Cause(ctx).Error() + "\n"
	}
	return out
}

// Await polls until done reports nil or Patience has run out, and then returns
// done's last error.
func Await(done func() error) error {
	deadline := time.Now().Add(Patience)
	pause := time.NewTicker(5 * time.Millisecond)
	defer pause.Stop()
	for {
		err := done()
		if err == nil || time.Now().After(deadline) {
			return err
		}
		<-pause.C
	}
}
