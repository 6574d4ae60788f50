package chunk

import (
	"errors"
	"fmt"
	"math/bits"
)

// Average is the mean length of chunks in bytes that a cut aims at: a power of
// two from MinAverage to MaxAverage. Cuts with different averages share no
// chunks that can be relied on.
//
// No chunk but the last of a content is shorter than a quarter of the average,
// none is longer than four times the average.
type Average uint32

// The bounds of an Average.
const (
	MinAverage Average = 1 << 10
	MaxAverage Average = 4 << 20
)

// The bounds of what AverageOf and FineAverageOf answer.
const (
	minCoarse = 4 << 10
	minFine   = 1 << 10
	maxFine   = 4 << 10
)

// MaxChunk is the length of the longest chunk of any average.
const MaxChunk = 4 * int64(MaxAverage)

// ErrAverage reports an average that is not a power of two within the bounds.
var ErrAverage = errors.New("invalid chunk average")

// AverageOf returns the average for the lasting list of a content of size
// bytes: size/1024 between 4 KiB and 4 MiB, rounded to the nearest power of
// two, so that lists of all but the smallest and largest files have about a
// thousand entries.
func AverageOf(size int64) Average {
	return nearest(min(max(size>>10, minCoarse), int64(MaxAverage)))
}

// FineAverageOf returns the average for the fine list of a content that has
// changed lately: size/2048 between 1 KiB and 4 KiB, rounded to the nearest
// power of two.
func FineAverageOf(size int64) Average {
	return nearest(min(max(size>>11, minFine), maxFine))
}

// Validate returns ErrAverage unless a is a power of two within the bounds.
func (a Average) Validate() error {
	if a < MinAverage || a > MaxAverage || a&(a-1) != 0 {
		return fmt.Errorf("%w: %d bytes", ErrAverage, a)
	}
	return nil
}

// String returns the average as people write it: "64KiB".
func (a Average) String() string {
	if a >= 1<<20 && a%(1<<20) == 0 {
		return fmt.Sprintf("%dMiB", a>>20)
	}
	return fmt.Sprintf("%dKiB", a>>10)
}

// log2 of an average that Validate accepts.
func (a Average) log2() int { return bits.TrailingZeros32(uint32(a)) }

// nearest rounds n to the nearest power of two, halves up: n must be in the
// bounds of Average.
func nearest(n int64) Average {
	floor := int64(1) << (bits.Len64(uint64(n)) - 1)
	if n >= floor+floor/2 {
		floor *= 2
	}
	return Average(floor)
}
