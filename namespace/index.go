package namespace

import (
	"hash/maphash"
	"math/bits"
)

// maxFolded is how many bytes a folded name can take: a code unit is at most
// three, a pair of them four.
const maxFolded = 3 * maxName

// index finds the children of a folder by their names. Each folder has a hash
// table of its own, a third longer than its children are many, with linear
// probing; the tables lie in the order of the children, so that a table's place
// follows from theirs. The hash has a seed of its own: nobody can choose names
// that collide.
type index struct {
	seed  maphash.Seed
	slots []slot
}

// slot is one place of a table: half a cache line, which is all that a lookup of
// a short name has to fetch, however many folders there are.
type slot struct {
	node   uint32 // 0 marks a free slot: folder 0 is nobody's child
	name   uint32 // as in the node
	size   uint16 // bytes of the folded name
	isLink bool   // as in the node
	head   head
}

// head is the first bytes of a folded name.
type head [21]byte

func headOf(folded []byte) (h head) {
	copy(h[:], folded)
	return h
}

// newIndex returns the index of all folders in s.
func newIndex(s *Snapshot) index {
	last := len(s.nodes) - 1
	x := index{seed: maphash.MakeSeed(), slots: make([]slot, tableStart(s.nodes[last].child))}
	var buf [maxFolded]byte
	for parent := range last {
		table := x.table(s.nodes[parent].child, s.nodes[parent+1].child)
		for child := s.nodes[parent].child; child < s.nodes[parent+1].child; child++ {
			folded := appendFold(buf[:0], s.name(child))
			i := first(x.hash(folded), table)
			for table[i].node != 0 {
				i = next(i, table)
			}
			n := s.nodes[child]
			table[i] = slot{node: child, name: n.name, size: uint16(len(folded)), isLink: n.isLink, head: headOf(folded)}
		}
	}
	return x
}

func (x *index) hash(folded []byte) uint64 { return maphash.Bytes(x.seed, folded) }

// table returns the table of a folder with the children from first to last.
func (x *index) table(first, last uint32) []slot {
	return x.slots[tableStart(first):tableStart(last)]
}

func tableStart(child uint32) uint64 { return uint64(child) + uint64(child)/3 }

// first returns the slot to look at first for a hash.
func first(hash uint64, table []slot) int {
	i, _ := bits.Mul64(hash, uint64(len(table)))
	return int(i)
}

// next returns the slot to look at after slot i.
func next(i int, table []slot) int {
	if i++; i < len(table) {
		return i
	}
	return 0
}

// find returns the slot of parent's child that is called name, in any case, and
// a free one where there is none.
func (s *Snapshot) find(parent uint32, name string) slot {
	if len(name) > shortName {
		return s.findLong(parent, name)
	}
	var buf [shortName + shortName/2]byte
	return s.probe(parent, name, appendFold(buf[:0], name))
}

// shortName is how many bytes of stack a lookup should have to clear.
const shortName = 64

func (s *Snapshot) findLong(parent uint32, name string) slot {
	if len(name) > maxFolded {
		return slot{}
	}
	var buf [maxFolded + maxFolded/2]byte
	return s.probe(parent, name, appendFold(buf[:0], name))
}

func (s *Snapshot) probe(parent uint32, name string, folded []byte) slot {
	table := s.index.table(s.nodes[parent].child, s.nodes[parent+1].child)
	head := headOf(folded)
	i := first(s.index.hash(folded), table)
	for range table { // which may be full
		found := &table[i]
		if found.node == 0 {
			break
		}
		if found.head == head && int(found.size) == len(folded) && (len(folded) <= len(head) || s.is(found, name)) {
			return *found
		}
		i = next(i, table)
	}
	return slot{}
}

// is reports whether the folder in a slot is called name.
func (s *Snapshot) is(found *slot, name string) bool {
	return EqualFold(s.slice(found.name, s.nodes[found.node].size), name)
}
