package index

import (
	"encoding/binary"
	"slices"

	"dfsd/replication"
	"dfsd/replication/version"
)

// The tables, by the first letter of their keys (see the package comment).
const (
	tableMeta    = 'm'
	tableRecord  = 'r'
	tableChild   = 'c'
	tableStamp   = 's'
	tableContent = 'h'
	tableFacts   = 'f'
	tableInode   = 'i'
	tableWanted  = 'w'
	tablePeer    = 'p'
	tableList    = 'k'
	tableAge     = 'a'
)

// The keys of tableMeta.
var (
	keyIdentity  = []byte("midentity")
	keyClean     = []byte("mclean")
	keyKnowledge = []byte("mknowledge")
)

// idSize is the length of a FileID, which ends the keys of derived tables.
const idSize = len(replication.FileID{})

func fileKey(table byte, id replication.FileID) []byte {
	return append([]byte{table}, id[:]...)
}

// childrenKey is the beginning of the keys of all children of parent.
func childrenKey(parent replication.FileID) []byte { return fileKey(tableChild, parent) }

// spellingsKey is the beginning of the keys of the children of parent whose
// names fold to folded. No name holds a zero byte, so none is the beginning of
// another.
func spellingsKey(parent replication.FileID, folded string) []byte {
	return append(append(childrenKey(parent), folded...), 0)
}

func originKey(o version.Origin) []byte { return append([]byte{tableStamp}, o[:]...) }

func stampKey(s version.Stamp) []byte {
	return binary.BigEndian.AppendUint64(originKey(s.Origin), s.Count)
}

// contentKey is the beginning of the keys of the files with a content. Half of
// the hash is enough to find them: who needs to be sure compares the records.
func contentKey(h replication.Hash) []byte { return append([]byte{tableContent}, h[:16]...) }

func inodeKey(dev, inode uint64) []byte {
	return binary.BigEndian.AppendUint64(binary.BigEndian.AppendUint64([]byte{tableInode}, dev), inode)
}

func peerKey(name string) []byte { return append([]byte{tablePeer}, name...) }

func listKey(g Grain, h replication.Hash) []byte {
	return append([]byte{tableList, byte(g)}, h[:]...)
}

func ageKey(g Grain, seq uint64) []byte {
	return binary.BigEndian.AppendUint64([]byte{tableAge, byte(g)}, seq)
}

// lastID returns the file that a key of a derived table ends with.
func lastID(key []byte) (id replication.FileID) {
	if len(key) > idSize {
		copy(id[:], key[len(key)-idSize:])
	}
	return id
}

// after returns the least key above all that begin with prefix, which must not
// be all 0xff.
func after(prefix []byte) []byte {
	end := slices.Clone(prefix)
	for i := len(end) - 1; ; i-- {
		if end[i]++; end[i] != 0 {
			return end[:i+1]
		}
	}
}
