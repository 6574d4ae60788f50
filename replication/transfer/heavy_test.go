package transfer

import "testing"

// heavy skips a test that hashes and compares hundreds of megabytes when the race
// detector watches, which makes that ten times slower: `make unit` runs it
// without.
func heavy(t *testing.T) {
	t.Helper()
	if underRace {
		t.Skip("runs without the race detector")
	}
}
