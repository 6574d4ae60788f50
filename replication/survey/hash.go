package survey

import (
	"context"
	"errors"
	"io"

	"github.com/zeebo/blake3"

	"dfsd/internal/fsx"
	"dfsd/replication"
	"dfsd/replication/chunk"
)

const (
	// readSize is what is read at once: large enough for wide instructions,
	// small enough for a processor's second-level cache.
	readSize = 256 << 10
	// sparseSize is the least file whose holes are worth finding.
	sparseSize = 1 << 20
)

// zeros is what holes read as; nobody writes to it.
var zeros [readSize]byte

// hasher reads and hashes contents, one at a time.
type hasher struct {
	r     *run
	buf   []byte
	whole *blake3.Hasher
}

func newHasher(r *run) *hasher {
	return &hasher{r: r, buf: make([]byte, readSize), whole: blake3.New()}
}

// sum returns the hash of f's content, and its list if it is large enough for
// one. The error is ErrChanged if f is not as long as info says.
func (h *hasher) sum(ctx context.Context, f fsx.File, info *fsx.Info) (replication.Hash, *chunk.List, error) {
	if least := h.r.o.Lists; least > 0 && info.Size >= least {
		s := chunk.NewSummer(chunk.AverageOf(info.Size))
		if err := h.feed(ctx, s, f, info); err != nil {
			return replication.Hash{}, nil, err
		}
		l := s.List()
		return l.Sum, &l, nil
	}
	if info.Size <= int64(len(h.buf)) {
		b := h.buf[:info.Size]
		err := h.fill(f, b, 0)
		return blake3.Sum256(b), nil, err
	}
	h.whole.Reset()
	if err := h.feed(ctx, h.whole, f, info); err != nil {
		return replication.Hash{}, nil, err
	}
	var sum replication.Hash
	h.whole.Sum(sum[:0])
	return sum, nil, nil
}

// fill reads all of b at off.
func (h *hasher) fill(f fsx.File, b []byte, off int64) error {
	if len(b) == 0 {
		return nil
	}
	n, err := f.ReadAt(b, off)
	h.r.bytes.Add(int64(n))
	switch {
	case n == len(b):
		return nil
	case err == nil, errors.Is(err, io.EOF):
		return ErrChanged // it has become shorter
	}
	return err
}

// feed writes the content to w, which never fails. Holes are not read.
func (h *hasher) feed(ctx context.Context, w io.Writer, f fsx.File, info *fsx.Info) error {
	sparse := info.Size >= sparseSize && info.Allocated < info.Size
	for at := int64(0); at < info.Size; {
		data, end := at, info.Size
		if sparse {
			data, end, sparse = nextData(f, at, info.Size)
		}
		for ; at < data; at += min(data-at, readSize) {
			if ctx.Err() != nil {
				return ctx.Err()
			}
			_, _ = w.Write(zeros[:min(data-at, readSize)]) // a hash takes every write
		}
		for at < end {
			if ctx.Err() != nil {
				return ctx.Err()
			}
			b := h.buf[:min(end-at, readSize)]
			if err := h.fill(f, b, at); err != nil {
				return err
			}
			_, _ = w.Write(b) // a hash takes every write
			at += int64(len(b))
		}
	}
	return nil
}

// nextData returns the first stretch of data at or after at, and whether it is
// of use to ask again. If not, all that follows counts as data.
func nextData(f fsx.File, at, size int64) (data, end int64, ok bool) {
	data, err := f.SeekData(at)
	if errors.Is(err, io.EOF) {
		return size, size, true
	}
	if err != nil || data < at {
		return at, size, false
	}
	data = min(data, size)
	end, err = f.SeekHole(data)
	if err != nil || end <= data {
		return data, size, false
	}
	return data, min(end, size), true
}
