package transfer

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"

	"dfsd/replication/chunk"
	"dfsd/replication/wire"
)

// plan says where each chunk that a recipe fetches comes from, in their order.
type plan struct {
	from   []int64 // offset in the target where it stands already; -1: from the partner
	ranges []wire.Range
}

// plan works the plan out: chunks come from the partner once, and not at all
// where the target is there.
func (w *recipeWork) plan() plan {
	var p plan
	first := map[chunk.ID]int64{}
	var at int64
	for _, s := range w.recipe.Steps {
		if s.Fetch {
			from, seen := first[s.ID]
			switch {
			case at+s.Length <= w.p.at:
				from = at
			case !seen:
				from = -1
				p.want(at, s.Length)
			}
			p.from = append(p.from, from)
			if _, known := first[s.ID]; !known {
				first[s.ID] = at
			}
		}
		at += s.Length
	}
	return p
}

// want adds a range, joined to the last if it goes on there.
func (p *plan) want(off, length int64) {
	if n := len(p.ranges); n > 0 && p.ranges[n-1].Offset+p.ranges[n-1].Length == off {
		p.ranges[n-1].Length += length
		return
	}
	p.ranges = append(p.ranges, wire.Range{Offset: off, Length: length})
}

// fetch returns the function that gives the chunks to a recipe.
func (p *plan) fetch(there io.ReaderAt, source io.Reader) func(chunk.Chunk) ([]byte, error) {
	var buf []byte
	next := 0
	return func(c chunk.Chunk) ([]byte, error) {
		if int64(cap(buf)) < c.Length {
			buf = make([]byte, c.Length)
		}
		b := buf[:c.Length]
		from := p.from[next]
		next++
		if from >= 0 {
			_, err := there.ReadAt(b, from)
			return b, err
		}
		if _, err := io.ReadFull(source, b); err != nil {
			return nil, err
		}
		if chunk.IDOf(b) != c.ID {
			return nil, &fault{fmt.Errorf("%w: chunk %v", chunk.ErrMismatch, c.ID)}
		}
		return b, nil
	}
}

// chunkSource yields the bytes of ranges as they come from a partner.
type chunkSource struct {
	io.Reader
	close func()
	err   error // why it ended early; after close
}

// Close ends the questions and waits for their end.
func (s *chunkSource) Close() { s.close() }

// failure is why the partner did not give all; nil if this side broke off.
func (s *chunkSource) failure() error {
	s.close()
	if errors.Is(s.err, errNoReader) {
		return nil
	}
	return s.err
}

var errNoReader = errors.New("nobody reads the chunks")

// fetch asks for ranges, many at a time, while the caller reads. Chunks that
// came with the recipe are not asked for again.
func (w *recipeWork) fetch(ctx context.Context, ranges []wire.Range) *chunkSource {
	if w.filled != nil || len(ranges) == 0 {
		return &chunkSource{Reader: w.inFill(ranges), close: func() {}}
	}
	r, out := io.Pipe()
	done := make(chan struct{})
	s := &chunkSource{Reader: r}
	s.close = func() {
		_ = r.CloseWithError(errNoReader) // never fails
		<-done
	}
	go func() {
		defer close(done)
		s.err = w.askChunks(ctx, ranges, out)
		_ = out.CloseWithError(s.err) // never fails
	}()
	return s
}

func (w *recipeWork) askChunks(ctx context.Context, ranges []wire.Range, out io.Writer) error {
	for len(ranges) > 0 {
		m := wire.WantChunks{Folder: w.f.o.Folder, Want: w.j.want(), Ranges: ranges[:min(len(ranges), wire.MaxRanges)]}
		ranges = ranges[len(m.Ranges):]
		var left int64
		for _, r := range m.Ranges {
			left += r.Length
		}
		err := w.s.Partner.Stream(ctx, wire.Bulk, m, func(m wire.Message) error {
			c, ok := m.(wire.Chunks)
			if !ok || len(c.Bytes) == 0 || int64(len(c.Bytes)) > left {
				return outOfPlace("%v, with %d bytes of chunks to come", m.Type(), left)
			}
			left -= int64(len(c.Bytes))
			w.f.received(w.s.Host, int64(len(c.Bytes)))
			_, err := out.Write(c.Bytes)
			return err
		})
		if err == nil && left > 0 {
			err = outOfPlace("%d bytes of chunks too few", left)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// inFill reads ranges of the target from the chunks that came with the recipe.
func (w *recipeWork) inFill(ranges []wire.Range) io.Reader {
	have, _ := missing(w.recipe)
	var readers []io.Reader
	rest := w.filled
	for _, h := range have {
		for len(ranges) > 0 && ranges[0].Offset+ranges[0].Length <= h.Offset {
			ranges = ranges[1:]
		}
		if len(ranges) > 0 && h.Offset >= ranges[0].Offset {
			readers = append(readers, bytes.NewReader(rest[:h.Length]))
		}
		rest = rest[h.Length:]
	}
	return io.MultiReader(readers...)
}
