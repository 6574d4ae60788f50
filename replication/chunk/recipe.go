package chunk

import (
	"bytes"
	"errors"
	"fmt"
	"io"

	"github.com/zeebo/blake3"
)

// ErrMismatch reports content whose hash is not the one that was named: a base
// that is another version than the recipe was made for, or a chunk damaged on
// its way.
var ErrMismatch = errors.New("content does not match its hash")

// Step is one piece of a target: Length bytes copied from the base, or one
// chunk that must be fetched.
type Step struct {
	Fetch  bool
	Length int64 // in bytes, at least 1
	From   int64 // offset in the base; only of a copy
	ID     ID    // of the chunk; only of a fetch
}

// Recipe builds a target of Size bytes, whose BLAKE3-256 is Sum, by its steps
// in order.
type Recipe struct {
	Size  int64
	Sum   [32]byte
	Steps []Step
}

// Diff returns the recipe that builds the content of target from that of base.
// Chunks that base has are copies, adjoining ones are one step; where base has
// a chunk several times, the copy goes on from the step before it if it can.
// The lists must be of level 0 and, to share anything, of one average.
func Diff(base, target List) Recipe {
	places := map[ID]int{}
	offsets := make([]int64, len(base.Chunks))
	var at int64
	for i, c := range base.Chunks {
		offsets[i] = at
		at += c.Length
		if _, known := places[c.ID]; !known {
			places[c.ID] = i
		}
	}
	r := Recipe{Size: target.Size, Sum: target.Sum}
	following := 0 // entry of base behind the last copy
	for _, c := range target.Chunks {
		i, known := places[c.ID]
		if following < len(base.Chunks) && base.Chunks[following] == c {
			i, known = following, true
		}
		if !known || base.Chunks[i].Length != c.Length {
			r.Steps = append(r.Steps, Step{Fetch: true, Length: c.Length, ID: c.ID})
			continue
		}
		following = i + 1
		r.copy(offsets[i], c.Length)
	}
	return r
}

// copy adds a copy of length bytes at from, joined to the last step if it goes
// on where that ends.
func (r *Recipe) copy(from, length int64) {
	if n := len(r.Steps); n > 0 {
		if last := &r.Steps[n-1]; !last.Fetch && last.From+last.Length == from {
			last.Length += length
			return
		}
	}
	r.Steps = append(r.Steps, Step{Length: length, From: from})
}

// Missing returns the chunks to fetch, each once, in the order of their first
// use.
func (r Recipe) Missing() []Chunk {
	var missing []Chunk
	seen := map[ID]bool{}
	for _, s := range r.Steps {
		if s.Fetch && !seen[s.ID] {
			seen[s.ID] = true
			missing = append(missing, Chunk{Length: s.Length, ID: s.ID})
		}
	}
	return missing
}

// Validate reports as ErrMalformed steps that are empty, out of bounds, or do
// not add up to the size.
func (r Recipe) Validate() error {
	if r.Size < 0 || r.Size > MaxSize {
		return fmt.Errorf("%w: recipe for %d bytes", ErrMalformed, r.Size)
	}
	rest := r.Size
	for i, s := range r.Steps {
		switch {
		case s.Length < 1 || s.Length > rest:
			return fmt.Errorf("%w: step %d of %d bytes with %d to come", ErrMalformed, i, s.Length, rest)
		case s.Fetch && s.Length > MaxChunk:
			return fmt.Errorf("%w: step %d fetches %d bytes", ErrMalformed, i, s.Length)
		case !s.Fetch && (s.From < 0 || s.From > MaxSize-s.Length):
			return fmt.Errorf("%w: step %d copies from %d", ErrMalformed, i, s.From)
		}
		rest -= s.Length
	}
	if rest != 0 {
		return fmt.Errorf("%w: steps fall %d bytes short of %d", ErrMalformed, rest, r.Size)
	}
	return nil
}

// Apply writes the target to w: ranges of base, and the chunks that fetch
// returns, which it may reuse at its next call. It checks each chunk before it
// is written and the whole at the end; base is trusted for nothing. The error
// is ErrMalformed for an invalid recipe, ErrMismatch for content that is not
// what the recipe names, and otherwise that of w, base or fetch. After an
// error what w has got is worthless.
func (r Recipe) Apply(w io.Writer, base io.ReaderAt, fetch func(Chunk) ([]byte, error)) error {
	if err := r.Validate(); err != nil {
		return err
	}
	whole := blake3.New()
	both := io.MultiWriter(w, whole)
	buf := make([]byte, readBuffer)
	for i, s := range r.Steps {
		var err error
		if s.Fetch {
			err = s.fetch(both, fetch)
		} else {
			err = s.copy(both, base, buf)
		}
		if err != nil {
			return fmt.Errorf("apply step %d: %w", i, err)
		}
	}
	if got := whole.Sum(nil); !bytes.Equal(got, r.Sum[:]) {
		return fmt.Errorf("%w: target is %x, want %x", ErrMismatch, got, r.Sum)
	}
	return nil
}

func (s Step) fetch(w io.Writer, fetch func(Chunk) ([]byte, error)) error {
	b, err := fetch(Chunk{Length: s.Length, ID: s.ID})
	if err != nil {
		return fmt.Errorf("fetch chunk %v: %w", s.ID, err)
	}
	if int64(len(b)) != s.Length || IDOf(b) != s.ID {
		return fmt.Errorf("%w: chunk %v of %d bytes came as %d others", ErrMismatch, s.ID, s.Length, len(b))
	}
	_, err = w.Write(b)
	return err
}

func (s Step) copy(w io.Writer, base io.ReaderAt, buf []byte) error {
	n, err := io.CopyBuffer(w, struct{ io.Reader }{io.NewSectionReader(base, s.From, s.Length)}, buf)
	if err == nil && n < s.Length {
		return fmt.Errorf("%w: base ends %d bytes before the copy does", ErrMismatch, s.Length-n)
	}
	return err
}
