package index

import (
	"encoding/binary"
	"slices"

	"dfsd/replication"
	"dfsd/replication/reconcile"
	"dfsd/replication/version"
)

// The tables, by the first letter of their keys (see the package comment).
const (
	tableMeta    = 'm'
	tableEntry   = 'e'
	tablePlace   = 'c'
	tableBelongs = 'b'
	tableStamp   = 's'
	tableContent = 'h'
	tableWanted  = 'w'
	tableForeign = 'x'
	tableFacts   = 'f'
	tableInode   = 'i'
	tablePeer    = 'p'
	tableList    = 'k'
	tableAge     = 'a'
	tableTrait   = 't'
)

// The keys of tableMeta.
var (
	keyIdentity = []byte("midentity")
	keyClean    = []byte("mclean")
	keyCore     = []byte("mcore")
	keyTotals   = []byte("mtotals")
	keyDevice   = []byte("mdevice")
)

// idSize is the length of a FileID, which ends the keys of several tables.
const idSize = len(replication.FileID{})

func fileKey(table byte, id replication.FileID) []byte {
	return append([]byte{table}, id[:]...)
}

// placeKey is the key of those that stand at p. A name ends its key, so that no
// two places share one.
func placeKey(p reconcile.Place) []byte {
	b := append(make([]byte, 0, 1+idSize+len(p.Name)), tablePlace)
	return append(append(b, p.Parent[:]...), p.Name...)
}

// childKey is the key that tells that a file belongs in dir and stands elsewhere.
func childKey(dir, id replication.FileID) []byte {
	return append(fileKey(tableBelongs, dir), id[:]...)
}

func stampKey(s version.Stamp) []byte {
	b := append(make([]byte, 0, 1+len(s.Origin)+8+idSize), tableStamp)
	return binary.BigEndian.AppendUint64(append(b, s.Origin[:]...), s.Count)
}

// contentKey is the beginning of the keys of the files with a content. Half of
// the hash is enough to find them: who needs to be sure compares the entries.
func contentKey(h replication.Hash) []byte {
	return append(append(make([]byte, 0, 1+16+idSize), tableContent), h[:16]...)
}

func (t table) inodeKey(n inode) []byte {
	return binary.BigEndian.AppendUint64(binary.BigEndian.AppendUint64([]byte{tableInode}, t.devices.swap(n.dev)), n.number)
}

func peerKey(name string) []byte { return append([]byte{tablePeer}, name...) }

func listKey(g Grain, h replication.Hash) []byte {
	return append([]byte{tableList, byte(g)}, h[:]...)
}

func ageKey(g Grain, seq uint64) []byte {
	return binary.BigEndian.AppendUint64([]byte{tableAge, byte(g)}, seq)
}

// traitKey is the beginning of the keys of the lists that have this trait at
// this position.
func traitKey(position int, trait uint16) []byte {
	return binary.BigEndian.AppendUint16([]byte{tableTrait, byte(position)}, trait)
}

// lastID returns the file that a key ends with.
func lastID(key []byte) (id replication.FileID) {
	if len(key) > idSize {
		copy(id[:], key[len(key)-idSize:])
	}
	return id
}

// lastNumber returns the number of 8 bytes that a key ends with.
func lastNumber(key []byte) uint64 {
	if len(key) < 8 {
		return 0
	}
	return binary.BigEndian.Uint64(key[len(key)-8:])
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
