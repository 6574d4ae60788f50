//go:build unix

package peer

import (
	"syscall"
	"testing"
)

// processorTime returns a function that reports the processor seconds, of both
// ends together, for each GB since; the clock of a busy machine says little.
func processorTime(b *testing.B, bytes int) func() {
	used := func() (seconds float64) {
		var u syscall.Rusage
		if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
			b.Fatal(err)
		}
		return float64(u.Utime.Nano()+u.Stime.Nano()) / 1e9
	}
	start := used()
	return func() { b.ReportMetric((used()-start)/(float64(bytes)*float64(b.N)/1e9), "cpu-s/GB") }
}
