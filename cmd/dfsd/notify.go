package main

import (
	"net"
	"os"
	"strconv"
	"time"
)

// notifyPatience is how long a service manager may leave its socket unread: what
// waits for it here is a reload, or the end.
const notifyPatience = time.Second

// notify tells systemd (sd_notify(3)) about the state of the service. Where
// nobody asked for it, it does nothing.
func notify(state string) error {
	path := os.Getenv("NOTIFY_SOCKET")
	if path == "" {
		return nil
	}
	c, err := net.DialUnix("unixgram", nil, &net.UnixAddr{Name: path, Net: "unixgram"})
	if err != nil {
		return err
	}
	defer c.Close()
	if err := c.SetWriteDeadline(time.Now().Add(notifyPatience)); err != nil {
		return err
	}
	_, err = c.Write([]byte(state))
	return err
}

// watchdogEvery is how often systemd wants a sign of life (sd_watchdog_enabled(3)),
// twice in its period; false where it wants none.
func watchdogEvery(env func(string) string) (time.Duration, bool) {
	micros, err := strconv.ParseInt(env("WATCHDOG_USEC"), 10, 64)
	if err != nil || micros <= 0 {
		return 0, false
	}
	if pid := env("WATCHDOG_PID"); pid != "" && pid != strconv.Itoa(os.Getpid()) {
		return 0, false
	}
	return max(time.Duration(micros)*time.Microsecond/2, time.Millisecond), true
}
