package referral

import "math/rand/v2"

// NewRandom returns a source for Resolve that, unlike other ones, any number of
// goroutines may use at a time.
func NewRandom() *rand.Rand { return rand.New(runtimeSource{}) }

// runtimeSource draws on the random numbers of the Go runtime, which take no
// lock.
type runtimeSource struct{}

func (runtimeSource) Uint64() uint64 { return rand.Uint64() }
