//go:build integration

package lab

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// patience bounds one client program and one wait for a condition. It is far
// above what any of them needs, so that only a hang reaches it.
const patience = 60 * time.Second

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

// execute runs a program to its end with the laboratory's environment. A
// program that outlives ctx or patience is killed with its children.
func execute(ctx context.Context, stdin, name string, args ...string) Output {
	ctx, stop := context.WithTimeout(ctx, patience)
	defer stop()
	cmd := exec.CommandContext(ctx, name, args...)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	cmd.Stdin = strings.NewReader(stdin)
	cmd.Env = environment()
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	cmd.WaitDelay = time.Second
	err := cmd.Run()
	out := Output{
		Command: strings.Join(append([]string{name}, args...), " "),
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

// must runs a program of the laboratory's own plumbing.
func must(ctx context.Context, name string, args ...string) error {
	if out := execute(ctx, "", name, args...); !out.OK() {
		return errors.New(out.String())
	}
	return nil
}

// environment is what every program of the laboratory sees: nothing of the
// caller's but PATH.
func environment() []string {
	return []string{
		"PATH=" + os.Getenv("PATH"),
		"HOME=" + homeDir,
		"LC_ALL=C.UTF-8",
		"TZ=UTC",
	}
}

// repository is the root of the checkout that holds the tests.
func repository() (string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir, nil
		}
		up := filepath.Dir(dir)
		if up == dir {
			return "", errors.New("no go.mod above the tests")
		}
		dir = up
	}
}

// await polls until done reports nil or the patience has run out, and then
// returns done's last error.
func await(done func() error) error {
	deadline := time.Now().Add(patience)
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
