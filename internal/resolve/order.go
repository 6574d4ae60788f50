package resolve

import (
	"cmp"
	"slices"
)

// record is what one SRV record says.
type record struct {
	priority uint16
	weight   uint16
	port     uint16
	target   string // lower case, without the last dot
}

// order puts records into the order of RFC 2782: the smallest priority first,
// and within one priority a draw in which each comes first as often as its
// weight has a share in the sum. Those of weight 0 have a very small chance, and
// among themselves an equal one. random returns a uniform number in [0, n). The
// argument is left as it is.
func order(records []record, random func(n int) int) []record {
	ordered := slices.Clone(records)
	shuffle(ordered, random)
	slices.SortStableFunc(ordered, func(a, b record) int {
		return cmp.Or(cmp.Compare(a.priority, b.priority), heavy(a)-heavy(b))
	})
	for start := 0; start < len(ordered); {
		end := start + 1
		for end < len(ordered) && ordered[end].priority == ordered[start].priority {
			end++
		}
		draw(ordered[start:end], random)
		start = end
	}
	return ordered
}

// heavy parts the records with a weight, which stand behind those without.
func heavy(r record) int { return min(int(r.weight), 1) }

// draw picks one record after the other from what is left: the first at which
// the running sum of the weights reaches a random number from 0 to the whole
// sum, both included.
func draw(left []record, random func(n int) int) {
	sum := 0
	for _, r := range left {
		sum += int(r.weight)
	}
	for ; len(left) > 1; left = left[1:] {
		mark, running, i := random(sum+1), 0, 0
		for ; i < len(left)-1; i++ {
			if running += int(left[i].weight); running >= mark {
				break
			}
		}
		picked := left[i]
		copy(left[1:i+1], left[:i]) // the others keep their order
		left[0] = picked
		sum -= int(picked.weight)
	}
}

func shuffle(records []record, random func(n int) int) {
	for i := len(records) - 1; i > 0; i-- {
		j := random(i + 1)
		records[i], records[j] = records[j], records[i]
	}
}
