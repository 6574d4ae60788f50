package chunk

import "encoding/binary"

// The encoding of a List, format 1. Numbers are unsigned LEB128 varints in
// their shortest form unless a width is given.
//
//	format   1 byte, 1
//	average  1 byte, its binary logarithm
//	level    1 byte
//	size     varint
//	sum      32 bytes
//	count    varint
//	entries  count times: length varint, ID 16 bytes
const listFormat = 1

// entrySize is the least that an encoded entry takes.
const entrySize = 1 + 16

// Append appends the encoding of l to b.
func (l List) Append(b []byte) []byte {
	b = append(b, listFormat, byte(l.Average.log2()), l.Level)
	b = binary.AppendUvarint(b, uint64(l.Size))
	b = append(b, l.Sum[:]...)
	return AppendChunks(b, l.Chunks)
}

// ParseList takes a List off the front of b and returns what follows it. The
// list is valid (List.Validate), and allocates no more than twice what b holds.
func ParseList(b []byte) (l List, rest []byte, err error) {
	r := reader{b: b}
	r.format(listFormat, "list")
	if log2 := r.octet("list average"); log2 < 32 {
		l.Average = 1 << log2
	}
	l.Level = r.octet("list level")
	l.Size = int64(r.uvarint(MaxSize, "list size"))
	l.Sum = r.sum("list sum")
	l.Chunks = r.chunks()
	if r.err == nil {
		r.err = l.Validate()
	}
	if r.err != nil {
		return List{}, nil, r.err
	}
	return l, b[r.off:], nil
}

// AppendChunks appends the encoding of chunks, as it ends a List, to b: the
// form in which groups of entries travel, and of which an outline holds the
// hash.
func AppendChunks(b []byte, chunks []Chunk) []byte {
	b = binary.AppendUvarint(b, uint64(len(chunks)))
	for _, c := range chunks {
		b = binary.AppendUvarint(b, uint64(c.Length))
		b = append(b, c.ID[:]...)
	}
	return b
}

// ParseChunks takes chunks off the front of b and returns what follows them.
// Lengths are from 1 to MaxSize; nothing says that they fit together.
func ParseChunks(b []byte) (chunks []Chunk, rest []byte, err error) {
	r := reader{b: b}
	chunks = r.chunks()
	if r.err != nil {
		return nil, nil, r.err
	}
	return chunks, b[r.off:], nil
}

func (r *reader) chunks() []Chunk {
	n := r.count(entrySize, "number of entries")
	if r.err != nil || n == 0 {
		return nil
	}
	chunks := make([]Chunk, n)
	for i := range chunks {
		chunks[i].Length = int64(r.uvarint(MaxSize, "length of an entry"))
		chunks[i].ID = r.id("ID of an entry")
		if r.err == nil && chunks[i].Length == 0 {
			r.fail("entry %d is empty", i)
		}
		if r.err != nil {
			return nil
		}
	}
	return chunks
}
