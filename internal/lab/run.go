//go:build integration

package lab

import (
	"context"
	"errors"
	"os"
	"path/filepath"

	"dfsd/internal/lab/servers"
)

// Output is what a program that ended left behind.
type Output = servers.Output

// Usage is what a server and every process it made have taken so far.
type Usage = servers.Usage

// home is where client programs look for what is their user's.
func home() []string { return []string{"HOME=" + homeDir} }

// start runs a program beside the test; see [servers.Start].
func (l *Lab) start(name string, env []string, program string, args ...string) *servers.Process {
	l.t.Helper()
	return servers.Start(l.t, name, servers.Command{Program: program, Args: args, Dir: l.dir, Env: append(home(), env...)})
}

// execute runs a program to its end with the laboratory's environment.
func execute(ctx context.Context, stdin, name string, args ...string) Output {
	return servers.Run(ctx, servers.Command{Program: name, Args: args, Stdin: stdin, Env: home()})
}

// must runs a program of the laboratory's own plumbing.
func must(ctx context.Context, name string, args ...string) error {
	return execute(ctx, "", name, args...).Err()
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
