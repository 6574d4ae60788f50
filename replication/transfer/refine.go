package transfer

import (
	"context"
	"errors"
	"io"

	"dfsd/replication/chunk"
	"dfsd/replication/wire"
)

const (
	leastGap  = 2 << 10 // a shorter gap is fetched as it is
	refineAll = 1 << 30 // bytes of gaps that are cut finely, in all
)

// refine cuts what the recipe fetches, and what stood in its place, more finely
// where that finds more to copy.
func (w *recipeWork) refine(ctx context.Context) error {
	if w.filled != nil {
		return nil
	}
	gaps := w.recipe.Gaps(w.base.size)
	fine := fetches(w.recipe, gaps)
	byAverage := map[chunk.Average][]int{}
	room := int64(refineAll)
	for i, g := range gaps {
		a := g.Average()
		if g.Base.Length == 0 || a >= w.average || g.Target.Length < leastGap || g.Target.Length/int64(a) > cutEntries || g.Target.Length > room {
			continue
		}
		room -= g.Target.Length
		byAverage[a] = append(byAverage[a], i)
	}
	if len(byAverage) == 0 {
		return nil
	}
	for a := chunk.MinAverage; a <= chunk.MaxAverage; a *= 2 {
		if err := w.cutGaps(ctx, a, gaps, fine, byAverage[a]); err != nil {
			return err
		}
	}
	r, err := w.recipe.Fill(gaps, fine)
	if err != nil {
		return &fault{err}
	}
	w.recipe = r
	return nil
}

// cutGaps fills in the recipes of some gaps by lists of one average.
func (w *recipeWork) cutGaps(ctx context.Context, a chunk.Average, gaps []chunk.Gap, fine []chunk.Recipe, which []int) error {
	m := wire.WantChunkList{Mode: wire.CutRanges, Average: uint32(a)}
	for _, i := range which {
		m.Ranges = append(m.Ranges, wire.Range{Offset: gaps[i].Target.Offset, Length: gaps[i].Target.Length})
	}
	return w.ranges(ctx, m, func(n int, chunks []chunk.Chunk) error {
		g := gaps[which[n]]
		base, err := readList(ctx, io.NewSectionReader(w.base, g.Base.Offset, g.Base.Length), g.Base.Length, a)
		if err != nil {
			if ctx.Err() != nil {
				return err
			}
			return nil // the base has changed; the end finds out
		}
		r := chunk.Diff(base, chunk.List{Average: a, Size: g.Target.Length, Chunks: chunks})
		if err := r.Validate(); err != nil {
			return &fault{err}
		}
		fine[which[n]] = r
		return nil
	})
}

// fetches returns for each gap of r the recipe that fetches what r does there.
func fetches(r chunk.Recipe, gaps []chunk.Gap) []chunk.Recipe {
	fine := make([]chunk.Recipe, len(gaps))
	steps := r.Steps
	var at int64
	for i, g := range gaps {
		fine[i].Size = g.Target.Length
		for ; at < g.Target.Offset+g.Target.Length; steps = steps[1:] {
			if at >= g.Target.Offset {
				fine[i].Steps = append(fine[i].Steps, steps[0])
			}
			at += steps[0].Length
		}
	}
	return fine
}

// apply carries the recipe out. What of the target is there already is not
// fetched again.
func (w *recipeWork) apply(ctx context.Context) (done bool, err error) {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	plan := w.plan()
	source := w.fetch(ctx, plan.ranges)
	defer source.Close()
	err = w.recipe.Apply(&skipping{w.p, w.p.at}, checkedBase{ctx, w.base}, plan.fetch(w.p, source))
	var fault *fault
	var own *ownFault
	switch {
	case err == nil:
		return true, nil
	case ctx.Err() != nil, errors.As(err, &fault), errors.As(err, &own):
		return false, err
	case source.failure() != nil:
		return false, source.failure()
	}
	// The base is not what it was, or the recipe was for another: both show
	// only at the end.
	w.j.plain = true
	return false, w.p.reset()
}

// skipping passes on all but the first bytes.
type skipping struct {
	w    io.Writer
	skip int64
}

func (s *skipping) Write(b []byte) (int, error) {
	n := min(int64(len(b)), s.skip)
	s.skip -= n
	if _, err := s.w.Write(b[n:]); err != nil {
		return 0, err
	}
	return len(b), nil
}

// checkedBase ends when ctx does.
type checkedBase struct {
	ctx context.Context
	r   io.ReaderAt
}

func (b checkedBase) ReadAt(p []byte, off int64) (int, error) {
	if err := b.ctx.Err(); err != nil {
		return 0, err
	}
	return b.r.ReadAt(p, off)
}
