//go:build integration

package servers

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"
)

// Usage is what a server and every process it made have taken so far.
type Usage struct {
	CPU      time.Duration // user and system time of those that live
	Resident int64         // bytes of memory now
	Private  int64         // bytes that no other process shares
}

// Usage adds up the processes of the program.
func (p *Process) Usage() Usage {
	p.t.Helper()
	dirs, err := p.all()
	if err != nil {
		p.t.Fatalf("usage of %s: %v", p.name, err)
	}
	var sum Usage
	for _, dir := range dirs {
		u, err := usageOf(dir)
		if err != nil && !errors.Is(err, os.ErrNotExist) {
			p.t.Fatalf("usage of %s: %v", p.name, err)
		}
		sum.CPU += u.CPU
		sum.Resident += u.Resident
		sum.Private += u.Private
	}
	return sum
}

// clockTick is USER_HZ, which is 100 on every platform of Linux that dfsd
// builds for (proc(5)).
const clockTick = time.Second / 100

// usageOf reads one process of /proc.
func usageOf(dir string) (u Usage, err error) {
	stat, err := os.ReadFile(dir + "/stat")
	if err != nil {
		return u, err
	}
	_, rest, _ := bytes.Cut(stat, []byte(") ")) // the name before may hold anything
	fields := strings.Fields(string(rest))
	if len(fields) < 13 {
		return u, fmt.Errorf("%s/stat has %d fields", dir, len(fields))
	}
	for _, f := range fields[11:13] { // utime, stime
		ticks, err := strconv.ParseInt(f, 10, 64)
		if err != nil {
			return u, err
		}
		u.CPU += time.Duration(ticks) * clockTick
	}
	rollup, err := os.ReadFile(dir + "/smaps_rollup")
	if err != nil {
		return u, err
	}
	for line := range strings.Lines(string(rollup)) {
		name, value, _ := strings.Cut(line, ":")
		kib, err := strconv.ParseInt(strings.TrimSuffix(strings.TrimSpace(value), " kB"), 10, 64)
		switch {
		case err != nil:
		case name == "Rss":
			u.Resident += kib << 10
		case strings.HasPrefix(name, "Private_"):
			u.Private += kib << 10
		}
	}
	return u, nil
}
