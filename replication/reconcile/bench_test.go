package reconcile

import "testing"

// BenchmarkFirstSync: a member hears of 100,000 files in 2,000 directories, in
// batches of 4,096, and is told of fetches and installs 256 at a time.
func BenchmarkFirstSync(b *testing.B) {
	const files, dirs = 100_000, 2_000
	for b.Loop() {
		b.StopTimer()
		m := newMill(b, true)
		records := m.tree(files, dirs)
		b.StartTimer()
		m.receive(records)
		m.settle()
	}
	b.ReportMetric(float64(files)*float64(b.N)/b.Elapsed().Seconds(), "files/s")
}
