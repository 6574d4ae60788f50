package chunk

import (
	"encoding/binary"
	"fmt"
	"hash"
	"io"
	"iter"

	"github.com/zeebo/blake3"
)

// Split yields the chunks of b in order, as sub-slices of it; together they
// are b. It panics if a is not valid.
func Split(b []byte, a Average) iter.Seq[[]byte] {
	mustBeValid(a)
	return func(yield func([]byte) bool) {
		c := newCutter(a)
		for len(b) > 0 {
			n, _ := c.next(b)
			if !yield(b[:n:n]) {
				return
			}
			b = b[n:]
		}
	}
}

// ListOf returns the list of the content b. It panics if a is not valid.
func ListOf(b []byte, a Average) List {
	l := List{Average: a, Size: int64(len(b)), Sum: blake3.Sum256(b)}
	for piece := range Split(b, a) {
		l.Chunks = append(l.Chunks, Chunk{Length: int64(len(piece)), ID: IDOf(piece)})
	}
	return l
}

// readBuffer is what ReadList reads at once: large enough for the hash to use
// wide instructions, small enough to stay in a processor's second-level cache.
const readBuffer = 256 << 10

// ReadList returns the list of the content that r yields up to its io.EOF. It
// holds one buffer of 256 KiB and the list, whatever the size of the content.
// An error of r is returned as it is, with no list.
func ReadList(r io.Reader, a Average) (List, error) {
	if err := a.Validate(); err != nil {
		return List{}, err
	}
	s := NewSummer(a)
	if _, err := io.CopyBuffer(s, struct{ io.Reader }{r}, make([]byte, readBuffer)); err != nil {
		return List{}, err
	}
	return s.List(), nil
}

// A Summer is an io.Writer that computes the list of what is written to it, in
// one pass and without keeping the bytes. It belongs to one goroutine.
type Summer struct {
	cutter cutter
	list   List
	whole  hash.Hash // of the content
	part   hash.Hash // of a chunk that did not end within the Write it began in
	open   int       // bytes fed to part
}

// NewSummer returns a Summer at the start of a content. It panics if a is not
// valid.
func NewSummer(a Average) *Summer {
	mustBeValid(a)
	return &Summer{cutter: newCutter(a), list: List{Average: a}, whole: blake3.New(), part: blake3.New()}
}

// Write takes the next bytes of the content. It never fails and does not keep p.
func (s *Summer) Write(p []byte) (int, error) {
	_, _ = s.whole.Write(p) // a hash takes every write
	s.list.Size += int64(len(p))
	for rest := p; len(rest) > 0; {
		n, done := s.cutter.next(rest)
		s.take(rest[:n], done)
		rest = rest[n:]
	}
	return len(p), nil
}

// take adds b to the current chunk and, if that is done, the chunk to the list.
func (s *Summer) take(b []byte, done bool) {
	if done && s.open == 0 {
		s.list.Chunks = append(s.list.Chunks, Chunk{Length: int64(len(b)), ID: IDOf(b)})
		return
	}
	_, _ = s.part.Write(b) // a hash takes every write
	s.open += len(b)
	if done {
		s.list.Chunks = append(s.list.Chunks, s.closing())
		s.part.Reset()
		s.open = 0
	}
}

// closing returns the entry of the chunk in hand.
func (s *Summer) closing() Chunk {
	var sum [32]byte
	return Chunk{Length: int64(s.open), ID: ID(s.part.Sum(sum[:0])[:16])}
}

// List returns the list of all that was written so far. More may be written;
// the list returned is the caller's and does not change.
func (s *Summer) List() List {
	l := s.list
	l.Chunks = append(make([]Chunk, 0, len(l.Chunks)+1), l.Chunks...)
	if s.open > 0 {
		l.Chunks = append(l.Chunks, s.closing())
	}
	l.Sum = [32]byte(s.whole.Sum(nil))
	return l
}

func mustBeValid(a Average) {
	if err := a.Validate(); err != nil {
		panic(fmt.Sprintf("chunk: %v", err))
	}
}

// word returns 64 bits of id, for sketches and for grouping.
func word(id ID) uint64 { return binary.BigEndian.Uint64(id[:8]) }
