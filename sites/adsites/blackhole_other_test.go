//go:build !linux

package adsites

import (
	"sync/atomic"
	"testing"
)

// blackHole is a server that is frozen: what comes nearest where a full queue
// refuses connections.
func blackHole(t *testing.T) string {
	t.Helper()
	return silent(t, new(atomic.Int32))
}
