package main

import (
	"os"
	"strconv"
	"testing"
	"time"
)

func TestWatchdogEvery(t *testing.T) {
	for _, tt := range []struct {
		usec, pid string
		want      time.Duration
		wanted    bool
	}{
		{"30000000", "", 15 * time.Second, true},
		{"30000000", strconv.Itoa(os.Getpid()), 15 * time.Second, true},
		{"30000000", "1", 0, false},
		{"", "", 0, false},
		{"0", "", 0, false},
		{"soon", "", 0, false},
		{"1", "", time.Millisecond, true},
	} {
		env := map[string]string{"WATCHDOG_USEC": tt.usec, "WATCHDOG_PID": tt.pid}
		if got, wanted := watchdogEvery(func(name string) string { return env[name] }); got != tt.want || wanted != tt.wanted {
			t.Errorf("WATCHDOG_USEC=%q WATCHDOG_PID=%q: %v, %v; want %v, %v", tt.usec, tt.pid, got, wanted, tt.want, tt.wanted)
		}
	}
}
