//go:build !race

package smbprobe

const raceFactor = 1
