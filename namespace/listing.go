package namespace

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"slices"
	"strings"
)

// separator stands between the components of a key. It is lower than whatever a
// name may hold, so that a folder comes right before all that lies below it.
const separator = 0

// listing is the folders of one namespace, in the order of their tree once
// they are sorted.
type listing struct {
	keys    []byte
	entries []entry
}

// entry is one folder of a listing. Its key is its folded path with separators.
type entry struct {
	head   uint64 // the first bytes of the key, to compare without a look at it
	start  int    // of the key in listing.keys
	size   uint32
	folder uint32 // index into Config.Folders
}

func newListing(folders int) listing {
	return listing{entries: make([]entry, 0, folders)}
}

// add appends the folder at path, which is clean.
func (l *listing) add(path string, folder int) {
	start := len(l.keys)
	l.keys = appendFold(l.keys, path)
	key := l.keys[start:]
	for i, c := range key {
		if c == '\\' {
			key[i] = separator
		}
	}
	var head [8]byte
	copy(head[:], key)
	l.entries = append(l.entries, entry{
		head:   binary.BigEndian.Uint64(head[:]),
		start:  start,
		size:   uint32(len(key)),
		folder: uint32(folder),
	})
}

// sort brings the folders into the order of the tree; those with equal paths
// stay in the order of the configuration.
func (l *listing) sort() {
	slices.SortFunc(l.entries, func(a, b entry) int {
		if a.head != b.head {
			return cmp.Compare(a.head, b.head)
		}
		if c := bytes.Compare(l.key(a), l.key(b)); c != 0 {
			return c
		}
		return cmp.Compare(a.folder, b.folder)
	})
}

func (l *listing) key(e entry) []byte { return l.keys[e.start : e.start+int(e.size)] }

// nodes returns how many folders the tree has, those included that only lead to
// another one.
func (l *listing) nodes() int {
	n := 0
	var last []byte
	for _, e := range l.entries {
		key := l.key(e)
		if own := len(shared(last, key)); own < len(key) {
			n += 1 + bytes.Count(key[own:], []byte{separator})
		}
		last = key
	}
	return n
}

// shared returns the part of key that names folders which last names as well,
// with the separator behind them. last is not after key in the order.
func shared(last, key []byte) []byte {
	n := 0
	for n < len(last) && n < len(key) && last[n] == key[n] {
		n++
	}
	switch {
	case n == len(key):
		return key
	case n == len(last) && key[n] == separator:
		return key[:n+1]
	}
	return key[:bytes.LastIndexByte(key[:n], separator)+1]
}

// name returns the component of entry i's key that starts at a byte of it.
func (l *listing) name(i, start uint32) []byte {
	key := l.key(l.entries[i])[start:]
	if end := bytes.IndexByte(key, separator); end >= 0 {
		return key[:end]
	}
	return key
}

// groupEnd returns where, from first to last, the entries end whose keys have name
// as the component that starts at a byte of them. The first has it.
func (l *listing) groupEnd(first, last, start uint32, name []byte) uint32 {
	for end := first + 1; end < last; end++ {
		if !isBelow(l.key(l.entries[end])[start:], name) {
			return end
		}
	}
	return last
}

// component returns the name at a depth of path, 0 for the first.
func component(path string, depth int) string {
	for range depth {
		path = path[strings.IndexAny(path, `\/`)+1:]
	}
	if end := strings.IndexAny(path, `\/`); end >= 0 {
		return path[:end]
	}
	return path
}
