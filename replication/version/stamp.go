package version

import (
	"bytes"
	"cmp"
	"encoding/hex"
	"strconv"
)

// Origin is one life of one member's index of one folder. A member takes a
// new, random one when its index was lost or rolled back, because it can no
// longer tell which counts it has given out.
type Origin [16]byte

// String returns the first four bytes of o in hexadecimal, enough to tell
// origins apart in a log.
func (o Origin) String() string { return hex.EncodeToString(o[:4]) }

// Compare orders origins by their bytes: -1, 0 or 1.
func (o Origin) Compare(p Origin) int { return bytes.Compare(o[:], p[:]) }

// Stamp names one change: the Count-th of its Origin, counted from 1. The zero
// Stamp names none.
type Stamp struct {
	Origin Origin
	Count  uint64
}

// IsZero tells whether s names no change.
func (s Stamp) IsZero() bool { return s.Count == 0 }

// Compare orders stamps by origin, then count: -1, 0 or 1.
func (s Stamp) Compare(t Stamp) int {
	return cmp.Or(s.Origin.Compare(t.Origin), cmp.Compare(s.Count, t.Count))
}

// String returns the short origin and the count, as in `0a1b2c3d:17`.
func (s Stamp) String() string { return s.Origin.String() + ":" + strconv.FormatUint(s.Count, 10) }
