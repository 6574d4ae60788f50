//go:build !linux

package fsx

// OS returns the file system of the operating system.
func OS() FS { return Portable() }
