package main

import (
	"errors"
	"net"
	"os"
	"path/filepath"
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

// TestNotifyWaitsForNobody: a service manager that does not read its socket holds
// nothing up.
func TestNotifyWaitsForNobody(t *testing.T) {
	path := filepath.Join(t.TempDir(), "notify.sock")
	l, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	t.Setenv("NOTIFY_SOCKET", path)
	for range 10_000 { // far more than a socket keeps
		if err := notify("STATUS=x"); err != nil {
			if !errors.Is(err, os.ErrDeadlineExceeded) {
				t.Fatal(err)
			}
			return
		}
	}
	t.Error("the socket takes everything unread")
}
