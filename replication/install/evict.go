package install

import (
	"slices"
	"time"
)

// The marks of the quota: above high, in hundredths, entries go until low is
// reached.
const (
	highMark = 90
	lowMark  = 60
)

// floor is how long a file stays whatever the quota says, when nobody has
// decided against it.
const floor = 30 * 24 * time.Hour

// rank is how dear a preserved file is: the lowest go first.
type rank uint8

const (
	superseded rank = iota // a later version knew of it
	discarded              // somebody who knew it deleted it
	precious               // it exists nowhere else
	ranks
)

// rankOf ranks a reason. One that is not known here may be a later version's
// word for a file that nobody else has.
func rankOf(why Reason) rank {
	switch why {
	case Superseded, Replaced:
		return superseded
	case Deleted:
		return discarded
	}
	return precious
}

// evictions decides which files leave the preserved store when used, the bytes
// of all that is in it, exceed the high mark of quota (0: no bound): those of
// the lowest rank first, of one rank the oldest first, until the low mark is
// reached. Precious files that are younger than the floor stay even if they
// alone exceed the quota; a time to come, by a clock that was set back, counts
// as young. entries, oldest first, are those that may go.
func evictions(entries []*entry, used, quota int64, now time.Time) (out []*entry) {
	if quota <= 0 || used <= share(quota, highMark) {
		return nil
	}
	for r := range ranks {
		for _, e := range entries {
			if used <= share(quota, lowMark) {
				return out
			}
			if rankOf(e.line.Why) != r || r == precious && now.Sub(e.line.When) < floor {
				continue
			}
			out = append(out, e)
			used -= e.info.Allocated
		}
	}
	return out
}

// share is so many hundredths of quota, rounded down; no quota is too large.
func share(quota, hundredths int64) int64 {
	return quota/100*hundredths + quota%100*hundredths/100
}

// trim makes room in a store that is above its high mark, but takes nothing
// from first on. What cannot be removed now is tried again after the next
// batch.
func (st *store) trim(quota int64, first uint64) {
	old, _ := slices.BinarySearchFunc(st.shelf.entries, first, byID)
	_ = st.forget(evictions(st.shelf.entries[:old], st.shelf.used, quota, st.now())...)
}
