package chunk

// window is the number of last bytes that a decision to cut depends on: each
// step shifts the gear hash by one of its 64 bits.
const window = 64

// A cutter finds the ends of chunks in a stream that arrives in pieces of any
// length. It decides by a gear hash of the last 64 bytes: below the average a
// cut must pass a test 16 times harder than above it, which gathers the lengths
// around the average (normalized chunking, Xia et al., FastCDC, ATC 2016 §3.4).
type cutter struct {
	shortest, average, longest int
	hard, easy                 uint64 // a hash below it cuts, before and from the average on

	hash   uint64
	length int // of the chunk so far
}

func newCutter(a Average) cutter {
	n := a.log2()
	return cutter{
		shortest: int(a) / 4, average: int(a), longest: int(a) * 4,
		hard: 1 << (64 - n - 2), easy: 1 << (64 - n + 2),
	}
}

// next consumes bytes of b up to the end of the current chunk and returns how
// many; done tells that the chunk ends there. Without done all of b is taken.
func (c *cutter) next(b []byte) (taken int, done bool) {
	if first := c.shortest - window; c.length < first {
		skipped := min(first-c.length, len(b))
		c.length += skipped
		taken = skipped
	}
	for _, phase := range [...]struct {
		end   int
		below uint64
	}{{c.shortest, 0}, {c.average, c.hard}, {c.longest, c.easy}} {
		if c.length >= phase.end {
			continue
		}
		n := min(phase.end-c.length, len(b)-taken)
		cut, found := c.roll(b[taken:taken+n], phase.below)
		taken += cut
		c.length += cut
		if found || c.length == c.longest {
			c.hash, c.length = 0, 0
			return taken, true
		}
		if taken == len(b) {
			break
		}
	}
	return taken, false
}

// roll feeds b to the hash until it falls below the bound, and returns the
// number of bytes fed. A bound of zero is never passed.
func (c *cutter) roll(b []byte, below uint64) (fed int, found bool) {
	h := c.hash
	whole := len(b)
	// Four bytes a turn: each hash is worked out from the one four bytes back,
	// so that the processor need not wait for the one just before.
	for len(b) >= 4 {
		g0, g1, g2, g3 := gear[b[0]], gear[b[1]], gear[b[2]], gear[b[3]]
		g1 += g0 << 1
		g2 += g1 << 1
		g3 += g2 << 1
		h0, h1, h2, h3 := h<<1+g0, h<<2+g1, h<<3+g2, h<<4+g3
		if h0 < below || h1 < below || h2 < below || h3 < below {
			break
		}
		h, b = h3, b[4:]
	}
	for i, x := range b {
		h = h<<1 + gear[x]
		if h < below {
			return whole - len(b) + i + 1, true
		}
	}
	c.hash = h
	return whole, false
}
