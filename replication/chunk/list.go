package chunk

import (
	"encoding/hex"
	"errors"
	"fmt"
	"math"

	"github.com/zeebo/blake3"
)

// MaxSize bounds the length of a content that a List or Recipe may speak of: 4
// PiB, far above what file systems hold, so that sums of lengths stay exact.
const MaxSize = 1 << 52

// ErrMalformed reports bytes or values that no member following this package
// produces.
var ErrMalformed = errors.New("malformed chunk data")

// ID names a chunk: the first 16 bytes of the BLAKE3-256 of its bytes, or, in
// an outline, of the encoding of the group of entries that it stands for.
type ID [16]byte

// IDOf returns the ID of the chunk that is b.
func IDOf(b []byte) ID {
	sum := blake3.Sum256(b)
	return ID(sum[:16])
}

// String returns the ID in lower-case hexadecimal.
func (id ID) String() string { return hex.EncodeToString(id[:]) }

// Chunk is one entry of a List: so many bytes of content, named.
type Chunk struct {
	Length int64 // of content, in bytes; at least 1
	ID     ID
}

// List names the chunks of one content in order. Its lengths add up to Size.
type List struct {
	Average Average
	Level   uint8    // 0: chunks; n: groups of entries of the list of level n-1
	Size    int64    // of the content, in bytes
	Sum     [32]byte // BLAKE3-256 of the content
	Chunks  []Chunk
}

// Validate reports as ErrMalformed what would make l unfit to work with: an
// average or level outside the bounds, or lengths that do not add up.
func (l List) Validate() error {
	if l.Average.Validate() != nil {
		return fmt.Errorf("%w: list with an average of %d bytes", ErrMalformed, l.Average)
	}
	if l.Level > MaxLevel {
		return fmt.Errorf("%w: list of level %d", ErrMalformed, l.Level)
	}
	longest := int64(MaxSize)
	if l.Level == 0 {
		longest = 4 * int64(l.Average)
	}
	return addUp(l.Chunks, l.Size, longest)
}

// addUp reports chunks that are empty or longer than longest, or whose lengths
// do not sum to size.
func addUp(chunks []Chunk, size, longest int64) error {
	if size < 0 || size > MaxSize {
		return fmt.Errorf("%w: a size of %d bytes", ErrMalformed, size)
	}
	rest := size
	for i, c := range chunks {
		if c.Length < 1 || c.Length > longest || c.Length > rest {
			return fmt.Errorf("%w: entry %d of %d bytes with %d to come", ErrMalformed, i, c.Length, rest)
		}
		rest -= c.Length
	}
	if rest != 0 {
		return fmt.Errorf("%w: entries fall %d bytes short of %d", ErrMalformed, rest, size)
	}
	return nil
}

// Traits is a sketch of a content by which similar ones are found: equal
// positions of two Traits are about as frequent, out of 8, as chunks that the
// two contents share. The zero Traits is that of an empty content.
type Traits [8]uint16

// Traits returns the sketch of l: eight minima over its chunk IDs, each under
// an order of its own (min-wise hashing, Broder 1997). Only lists of equal
// average and level give comparable Traits.
func (l List) Traits() (t Traits) {
	if len(l.Chunks) == 0 {
		return t
	}
	var least [8]uint64
	for i := range least {
		least[i] = math.MaxUint64
	}
	for _, c := range l.Chunks {
		word := word(c.ID)
		for i := range least {
			least[i] = min(least[i], word*gear[i|1]^word>>7*gear[i+16])
		}
	}
	for i, v := range least {
		t[i] = uint16(v >> 8)
	}
	return t
}

// Similarity counts the equal positions of t and o, 0 to 8.
func (t Traits) Similarity(o Traits) (n int) {
	for i := range t {
		if t[i] == o[i] {
			n++
		}
	}
	return n
}
