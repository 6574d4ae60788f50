package index

import (
	"cmp"
	"fmt"
	"slices"

	"dfsd/replication"
)

const (
	similarLooks = 64 // candidates looked at for each position of a trait
	similarLeast = 2  // traits that a similar content shares
	similarMost  = 4  // contents that are enough
)

// resemblance is how much a content is like the one that was asked for.
type resemblance struct {
	hash   replication.Hash
	shares int    // positions of the same trait
	seq    uint64 // place in the order of age
}

// Similar returns up to four contents with coarse lists that share at least two
// of these traits, the one that shares most first, of equals the latest. It
// looks at the 64 latest lists that have a trait, so that what is common to
// many costs no more than what is rare.
func (l Lists) Similar(traits [traitCount]uint16) ([]replication.Hash, error) {
	found := map[uint64]resemblance{}
	t, release := l.t.still()
	defer release()
	for position, trait := range traits {
		for item, err := range t.backwards(traitKey(position, trait), similarLooks) {
			if err != nil {
				return nil, err
			}
			seq := lastNumber(item.key)
			r := found[seq]
			if n := copy(r.hash[:], item.payload); n != len(r.hash) || n != len(item.payload) {
				return nil, t.damaged(item.key, fmt.Errorf("%w: hash of %d bytes", errMalformed, len(item.payload)))
			}
			r.seq = seq
			r.shares++
			found[seq] = r
		}
	}
	return bestOf(found), nil
}

func bestOf(found map[uint64]resemblance) (best []replication.Hash) {
	var like []resemblance
	for _, r := range found {
		if r.shares >= similarLeast {
			like = append(like, r)
		}
	}
	slices.SortFunc(like, func(a, b resemblance) int {
		return cmp.Or(cmp.Compare(b.shares, a.shares), cmp.Compare(b.seq, a.seq))
	})
	for _, r := range like[:min(len(like), similarMost)] {
		best = append(best, r.hash)
	}
	return best
}
