//go:build !linux

package main

// monotonicMicroseconds has a meaning for systemd alone.
func monotonicMicroseconds() int64 { return 0 }
