package peer

import "time"

const (
	firstWait = 500 * time.Millisecond
	longest   = time.Minute
)

// Backoff returns how long to wait after so many attempts in a row have failed:
// nothing after none, then half a second, doubling up to a minute, of which
// chance, from 0 to 1, takes away up to half. That keeps many members from
// calling one at the same time.
func Backoff(failed int, chance float64) time.Duration {
	if failed <= 0 {
		return 0
	}
	wait := longest
	if shift := failed - 1; shift < 7 {
		wait = min(longest, firstWait<<shift)
	}
	return wait - time.Duration(float64(wait)/2*min(1, max(0, chance)))
}
