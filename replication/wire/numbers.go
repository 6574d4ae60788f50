package wire

import "math/bits"

// appendNumbers writes a column of numbers: the length of the longest in
// bytes, and as many blocks, first of all lowest bytes, then of all second
// ones, and so on. What varies little is thereby kept from what is random.
func appendNumbers(b []byte, numbers []uint64) []byte {
	var all uint64
	for _, v := range numbers {
		all |= v
	}
	width := (bits.Len64(all) + 7) / 8
	b = append(b, byte(width))
	plane := make([]byte, len(numbers))
	for shift := range width {
		for i, v := range numbers {
			plane[i] = byte(v >> (8 * shift))
		}
		b = appendBlock(b, plane, tight)
	}
	return b
}

// numbers takes a column of n numbers.
func (r *reader) numbers(n int, field string) []uint64 {
	width := int(r.Byte(field))
	if width > 8 {
		r.Fail("%s of %d bytes", field, width)
	}
	if r.Err != nil {
		return nil
	}
	numbers := make([]uint64, n)
	for shift := range width {
		plane, _ := r.block(n, field)
		if len(plane) != n && r.Err == nil {
			r.Fail("%d bytes of %d numbers of %s", len(plane), n, field)
		}
		if r.Err != nil {
			return nil
		}
		for i, v := range plane {
			numbers[i] |= uint64(v) << (8 * shift)
		}
	}
	return numbers
}

// zigzag puts the sign of a number into its lowest bit.
func zigzag(v int64) uint64 { return uint64(v)<<1 ^ uint64(v>>63) }

func unzigzag(u uint64) int64 { return int64(u>>1) ^ -int64(u&1) }

// differences returns times as differences to the base that makes them
// smallest; others are the times of the bases behind before, in their order.
func differences(times []int64, others ...[]int64) (base, []uint64) {
	to, best, least := before, differencesTo(times, nil), uint64(0)
	least = weightOf(best)
	for i, other := range others {
		d := differencesTo(times, other)
		if w := weightOf(d); w < least {
			to, best, least = mtime+base(i), d, w
		}
	}
	return to, best
}

func differencesTo(times, other []int64) []uint64 {
	d := make([]uint64, len(times))
	last := int64(0)
	for i, t := range times {
		if other != nil {
			last = other[i]
		}
		d[i] = zigzag(t - last)
		last = t
	}
	return d
}

// weightOf is the number of bits of all numbers.
func weightOf(numbers []uint64) (n uint64) {
	for _, v := range numbers {
		n += uint64(bits.Len64(v))
	}
	return n
}
