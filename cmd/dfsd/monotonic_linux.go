package main

import (
	"time"

	"golang.org/x/sys/unix"
)

// monotonicMicroseconds is CLOCK_MONOTONIC, which systemd compares with its
// own (sd_notify(3), MONOTONIC_USEC).
func monotonicMicroseconds() int64 {
	var ts unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_MONOTONIC, &ts); err != nil {
		return 0
	}
	return ts.Nano() / int64(time.Microsecond)
}
