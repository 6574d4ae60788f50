package fscc

import "math/bits"

// bitset holds numbers below 256: those of word i are 64 i and up. It is a
// struct and no array so that it travels in registers.
type bitset struct{ w0, w1, w2, w3 uint64 }

func single(n int) bitset {
	word := func(i int) uint64 {
		if n/64 == i {
			return 1 << (n % 64)
		}
		return 0
	}
	return bitset{word(0), word(1), word(2), word(3)}
}

func (s bitset) empty() bool { return s.w0|s.w1|s.w2|s.w3 == 0 }

func (s bitset) or(t bitset) bitset {
	return bitset{s.w0 | t.w0, s.w1 | t.w1, s.w2 | t.w2, s.w3 | t.w3}
}

func (s bitset) and(t bitset) bitset {
	return bitset{s.w0 & t.w0, s.w1 & t.w1, s.w2 & t.w2, s.w3 & t.w3}
}

func (s bitset) xor(t bitset) bitset {
	return bitset{s.w0 ^ t.w0, s.w1 ^ t.w1, s.w2 ^ t.w2, s.w3 ^ t.w3}
}

// up returns each number of s plus one; 255 falls out.
func (s bitset) up() bitset {
	return bitset{s.w0 << 1, s.w1<<1 | s.w0>>63, s.w2<<1 | s.w1>>63, s.w3<<1 | s.w2>>63}
}

// sum adds s and t as 256-bit integers.
func (s bitset) sum(t bitset) bitset {
	w0, carry := bits.Add64(s.w0, t.w0, 0)
	w1, carry := bits.Add64(s.w1, t.w1, carry)
	w2, carry := bits.Add64(s.w2, t.w2, carry)
	w3, _ := bits.Add64(s.w3, t.w3, carry)
	return bitset{w0, w1, w2, w3}
}

// flow returns s and what it reaches through free: n+1 belongs to the result
// where n does and free has n. Adding the members of s to a run of free sends a
// carry from the lowest of them to the bit behind the run, and flips all between.
func (s bitset) flow(free bitset) bitset {
	return s.or(free.xor(free.sum(s.and(free))))
}
