package chunk

import (
	"errors"
	"fmt"
)

// MaxLevel bounds how often a list may be outlined: eight levels of groups of
// 32 hold more entries than MaxSize has bytes.
const MaxLevel = 8

// A group ends behind an entry whose ID has groupBits zero bits where word reads, or with
// its groupMax-th entry.
const (
	groupBits = 5
	groupMax  = 4 << groupBits
)

// ErrUnknownGroup reports a group of an outline that neither base nor sender
// has given.
var ErrUnknownGroup = errors.New("group of an outline is not known")

// Outline returns the list of the groups of l: one entry for about 32 of l,
// with the length of content that the group covers and the hash of its
// entries. Groups end where the entries say so, so equal runs of two lists give
// equal groups. It panics if l is of MaxLevel.
func (l List) Outline() List {
	if l.Level >= MaxLevel {
		panic("chunk: outline of a list of the highest level")
	}
	out := List{Average: l.Average, Level: l.Level + 1, Size: l.Size, Sum: l.Sum}
	for chunks := l.Chunks; len(chunks) > 0; {
		n := groupEnd(chunks)
		out.Chunks = append(out.Chunks, Group(chunks[:n]))
		chunks = chunks[n:]
	}
	return out
}

// Group returns the entry that stands for chunks in an outline.
func Group(chunks []Chunk) Chunk {
	var length int64
	for _, c := range chunks {
		length += c.Length
	}
	return Chunk{Length: length, ID: IDOf(AppendChunks(nil, chunks))}
}

// groupEnd returns the number of entries of the first group of chunks.
func groupEnd(chunks []Chunk) int {
	last := min(groupMax, len(chunks))
	for i, c := range chunks[:last] {
		if word(c.ID)&(1<<groupBits-1) == 0 {
			return i + 1
		}
	}
	return last
}

// Groups maps the entries of an outline to the entries that they stand for.
type Groups map[ID][]Chunk

// Add takes in the groups of l. The slices alias l.
func (g Groups) Add(l List) {
	for chunks := l.Chunks; len(chunks) > 0; {
		n := groupEnd(chunks)
		g[Group(chunks[:n]).ID] = chunks[:n:n]
		chunks = chunks[n:]
	}
}

// Missing returns the entries of outline that g does not know, each once and in
// order: what to ask the outline's maker for.
func (g Groups) Missing(outline List) []Chunk {
	var missing []Chunk
	asked := map[ID]bool{}
	for _, c := range outline.Chunks {
		if _, known := g[c.ID]; !known && !asked[c.ID] {
			asked[c.ID] = true
			missing = append(missing, c)
		}
	}
	return missing
}

// Expand returns the list that outline was made of. The error is
// ErrUnknownGroup if g lacks a group, or ErrMalformed if a group covers another
// length than its entry says, or the entries do not make a valid list. Entries
// of g that came from elsewhere must have been filed under the ID of their
// Group, which proves them.
func (g Groups) Expand(outline List) (List, error) {
	if outline.Level == 0 {
		return List{}, fmt.Errorf("%w: a list of chunks has no groups", ErrMalformed)
	}
	l := List{Average: outline.Average, Level: outline.Level - 1, Size: outline.Size, Sum: outline.Sum}
	for _, c := range outline.Chunks {
		chunks, known := g[c.ID]
		if !known {
			return List{}, fmt.Errorf("%w: %v", ErrUnknownGroup, c.ID)
		}
		if err := addUp(chunks, c.Length, MaxSize); err != nil {
			return List{}, fmt.Errorf("group %v: %w", c.ID, err)
		}
		l.Chunks = append(l.Chunks, chunks...)
	}
	if err := l.Validate(); err != nil {
		return List{}, err
	}
	return l, nil
}
