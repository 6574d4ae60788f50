//go:build integration

package lab

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"testing"

	"dfsd/internal/lab/servers"
)

const (
	// insideEnv tells the second run of the test binary that it is inside the
	// namespaces, and where the first run put the binary under test.
	insideEnv = "DFSD_LAB_BINARY"

	// givenEnv names a dfsd to test instead of building one.
	givenEnv = "DFSD_LAB_DFSD"

	// raceEnv, when not empty, builds dfsd with the race detector.
	raceEnv = "DFSD_LAB_RACE"
)

// Main is the TestMain of every package of laboratory tests; it does not
// return. Outside it builds dfsd and runs the tests again inside namespaces of
// their own, inside it runs them and fails if one of them left a process.
func Main(m *testing.M) {
	if os.Getenv(insideEnv) == "" {
		os.Exit(outside())
	}
	os.Exit(inside(m))
}

func outside() int {
	if os.Geteuid() != 0 {
		return refuse(errors.New("namespaces need root: run the tests as root or through sudo -E"))
	}
	if err := os.Setenv("PATH", os.Getenv("PATH")+":/usr/sbin:/sbin"); err != nil {
		return refuse(err)
	}
	if err := checkPrograms(); err != nil {
		return refuse(err)
	}
	if given := os.Getenv(givenEnv); given != "" {
		return enter(given)
	}
	dir, err := os.MkdirTemp("", "dfsd-lab-")
	if err != nil {
		return refuse(err)
	}
	defer os.RemoveAll(dir) //nolint:errcheck // a leftover in the temporary folder changes no verdict
	binary := filepath.Join(dir, "dfsd")
	if err := build(binary); err != nil {
		return refuse(err)
	}
	return enter(binary)
}

// build makes the binary under test from the module that holds this package.
func build(binary string) error {
	args := []string{"build", "-o", binary}
	if os.Getenv(raceEnv) != "" {
		args = append(args, "-race")
	}
	cmd := exec.Command("go", append(args, "dfsd/cmd/dfsd")...)
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("go %s: %w\n%s", strings.Join(cmd.Args[1:], " "), err, out)
	}
	return nil
}

// enter runs this test binary in new namespaces and returns its exit code.
func enter(binary string) int {
	signal.Notify(make(chan os.Signal, 1), os.Interrupt) // an interrupt ends the inner run; this one still cleans up
	err := servers.Enter(os.Stdout, os.Stderr, []string{insideEnv + "=" + binary}, os.Args[1:]...)
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		return max(exit.ExitCode(), 1)
	} else if err != nil {
		return refuse(err)
	}
	return 0
}

func inside(m *testing.M) int {
	if err := prepare(); err != nil {
		return refuse(fmt.Errorf("prepare the laboratory: %w", err))
	}
	code := m.Run()
	if err := servers.Await(func() error { // one that was told to end may be about to
		if left := Processes(); len(left) > 0 {
			return fmt.Errorf("the tests left processes running:\n%s", strings.Join(left, "\n"))
		}
		return nil
	}); err != nil {
		return refuse(err)
	}
	return code
}

// prepare makes the private /run, the accounts and the network that all Labs
// of this process share.
func prepare() error {
	ctx := context.Background()
	for _, step := range []func(context.Context) error{hideRun, writeHosts, writeAccounts, writeClientConfig, openNetwork} {
		if err := step(ctx); err != nil {
			return err
		}
	}
	return nil
}

// Processes lists what runs in the laboratory besides the tests themselves: one
// line each, "PID (COMMAND)".
func Processes() []string {
	entries, err := filepath.Glob("/proc/[0-9]*/stat")
	if err != nil {
		return []string{err.Error()}
	}
	var found []string
	for _, path := range entries {
		stat, err := os.ReadFile(path)
		if err != nil {
			continue // it ended meanwhile
		}
		pid, rest, _ := strings.Cut(string(stat), " ")
		end := strings.LastIndex(rest, ")")
		name, state := rest[:end+1], strings.TrimSpace(rest[end+1:])
		if pid != fmt.Sprint(os.Getpid()) && !strings.HasPrefix(state, "Z") {
			found = append(found, pid+" "+name)
		}
	}
	return found
}

func refuse(err error) int {
	fmt.Fprintln(os.Stderr, "lab:", err)
	return 1
}
