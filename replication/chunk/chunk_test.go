package chunk

import "math/rand/v2"

// noise returns n bytes that do not compress and repeat nowhere, the same for
// the same seed.
func noise(seed byte, n int) []byte {
	b := make([]byte, n)
	_, _ = rand.NewChaCha8([32]byte{seed}).Read(b) // never fails
	return b
}
