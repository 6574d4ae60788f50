package namespace

import "slices"

// childID returns the number of the folder called folded within parent's. It is
// the same on every machine and in every version: clients keep it as the
// folder's inode number.
func childID(parent uint64, folded []byte) uint64 {
	const offset64, prime64 = 0xCBF29CE484222325, 0x100000001B3 // FNV-1a
	h := parent ^ offset64
	for _, c := range folded {
		h = (h ^ uint64(c)) * prime64
	}
	return scramble(h)
}

// scramble is the finalizer of MurmurHash3: one bit more or less in h changes
// half of the bits.
func scramble(h uint64) uint64 {
	h = (h ^ h>>33) * 0xFF51AFD7ED558CCD
	h = (h ^ h>>33) * 0xC4CEB9FE1A85EC53
	return h ^ h>>33
}

// reservedID reports whether an id means something else to clients: 0 that there
// is none, all ones that there is none unique ([MS-FSCC] 2.1.9).
func reservedID(id uint64) bool { return id+1 <= 1 }

// distinct gives every id that is reserved, or that an earlier one has already,
// another number that nobody has.
func distinct(ids []uint64) {
	sorted := slices.Clone(ids)
	slices.Sort(sorted)
	sorted = slices.Compact(sorted)
	if len(sorted) == len(ids) && !slices.ContainsFunc(ids, reservedID) {
		return
	}
	given := make(map[uint64]bool, len(ids))
	for i, id := range ids {
		for clash := given[id]; clash || reservedID(id); {
			id = scramble(id + 1)
			_, clash = slices.BinarySearch(sorted, id)
			clash = clash || given[id]
		}
		given[id], ids[i] = true, id
	}
}
