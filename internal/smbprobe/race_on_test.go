//go:build race

package smbprobe

// raceFactor is how much slower the race detector may be.
const raceFactor = 20
