package transfer

import (
	"context"
	"errors"
	"io"

	"dfsd/replication"
	"dfsd/replication/chunk"
	"dfsd/replication/wire"
)

const (
	similarEntries = 64 << 10 // of the longest list that is fetched to find a similar content
	similarTried   = 4        // contents that may serve as base
	least          = 8        // a recipe pays that spares an eighth of the content
)

// recipeWork is how a content is made from one that stands here.
type recipeWork struct {
	f    *Fetcher
	j    *job
	p    *part
	s    Source
	base opened

	recipe  chunk.Recipe
	average chunk.Average // of the lists that the recipe comes from
	filled  []byte        // the chunks that came with it
}

// byRecipe completes p from something that stands here and what s adds to it.
// done is false where nothing like it stands here, or that has turned out not to
// be what it seemed; then j wants no recipe any more.
func (f *Fetcher) byRecipe(ctx context.Context, j *job, p *part, s Source) (done bool, err error) {
	w := &recipeWork{f: f, j: j, p: p, s: s}
	defer func() {
		if w.base.File != nil {
			_ = w.base.Close() // it was only read
		}
	}()
	ready, err := w.prepare(ctx)
	if err == nil && ready {
		if err = w.refine(ctx); err == nil {
			ready = w.spares()
		}
	}
	if isRefusal(err) {
		ready, err = false, nil
	}
	switch {
	case err != nil:
		return false, err
	case !ready:
		j.plain = true
		return false, nil
	}
	return w.apply(ctx)
}

// isRefusal tells whether a partner does not want to do this with recipes.
func isRefusal(err error) bool {
	var answer wire.Error
	return errors.As(err, &answer) && (errors.Is(answer, wire.ErrUnsupported) || errors.Is(answer, wire.ErrTooLarge) || errors.Is(answer, wire.ErrProtocol))
}

// spares tells whether the recipe is worth its while.
func (w *recipeWork) spares() bool {
	var fetched int64
	for _, c := range w.recipe.Missing() {
		fetched += c.Length
	}
	return w.recipe.Size-fetched >= w.recipe.Size/least
}

// prepare finds a base and gets a recipe from it.
func (w *recipeWork) prepare(ctx context.Context) (bool, error) {
	if w.j.hasBase && w.open(wire.Want{ID: w.j.id, Hash: w.j.base}) {
		return w.fromBase(ctx)
	}
	return w.fromSimilar(ctx)
}

func (w *recipeWork) open(want wire.Want) bool {
	f, size, still, err := w.f.o.Local.Open(want)
	if err != nil {
		return false
	}
	w.base = opened{f, size, still}
	return true
}

// fromBase asks for the recipe from the version on disk, which the partner may
// know, or gets the target's list for that.
func (w *recipeWork) fromBase(ctx context.Context) (bool, error) {
	var target *chunk.List
	var room int64
	parts := 0
	m := wire.WantRecipe{Folder: w.f.o.Folder, Want: w.j.want(), Base: w.j.base}
	err := w.s.Partner.Stream(ctx, wire.Bulk, m, func(m wire.Message) error {
		parts++
		switch m := m.(type) {
		case wire.Recipe:
			if parts > 1 {
				return outOfPlace("a second recipe")
			}
			var err error
			room, err = w.take(m)
			return err
		case wire.ChunkList:
			if parts > 1 {
				return outOfPlace("a list behind another part")
			}
			l, err := parseList(m)
			target = &l
			return err
		case wire.Chunks:
			if len(m.Bytes) == 0 || int64(len(m.Bytes)) > room {
				return outOfPlace("%d bytes of chunks, %d to come", len(m.Bytes), room)
			}
			room -= int64(len(m.Bytes))
			w.filled = append(w.filled, m.Bytes...)
			w.f.received(w.s.Host, int64(len(m.Bytes)))
			return nil
		}
		return outOfPlace("%v for a recipe", m.Type())
	})
	switch {
	case err != nil:
		return false, err
	case room > 0 || parts == 0:
		return false, outOfPlace("a recipe without %d bytes in %d parts", room, parts)
	case target == nil:
		return true, nil
	}
	return w.fromList(ctx, *target)
}

// take checks a recipe, and returns how many bytes of chunks come with it.
func (w *recipeWork) take(m wire.Recipe) (room int64, err error) {
	r, rest, err := chunk.ParseRecipe(m.Steps)
	switch {
	case err != nil:
		return 0, &fault{err}
	case len(rest) > 0 || r.Size != w.j.size || r.Sum != w.j.hash:
		return 0, outOfPlace("recipe for another content of %d bytes", r.Size)
	}
	w.recipe, w.average = r, chunk.Average(m.Average)
	if err := w.average.Validate(); err != nil {
		return 0, &fault{err}
	}
	if !m.Filled {
		return 0, nil
	}
	if _, room = missing(r); room > fillMost {
		return 0, outOfPlace("recipe with %d bytes", room)
	}
	return room, nil
}

// fromSimilar looks for something here that is like the target, by the list of
// that.
func (w *recipeWork) fromSimilar(ctx context.Context) (bool, error) {
	if w.j.size/int64(chunk.AverageOf(w.j.size)) > similarEntries {
		return false, nil
	}
	target, ok := w.f.o.Local.List(w.j.hash)
	if !ok || target.Level > 0 || target.Size != w.j.size {
		m := wire.WantChunkList{Folder: w.f.o.Folder, Want: w.j.want(), Mode: wire.KnownList}
		var err error
		if target, ok, err = w.f.listOf(ctx, w.s, m); err != nil || !ok {
			return false, err
		}
	}
	if target.Size != w.j.size || target.Sum != w.j.hash {
		return false, outOfPlace("list of another content of %d bytes", target.Size)
	}
	if target.Level > 0 {
		return false, nil
	}
	for i, h := range w.f.o.Local.Similar(target.Traits()) {
		if i == similarTried {
			break
		}
		if !w.open(wire.Want{ID: w.j.id, Hash: h}) {
			continue
		}
		w.j.base, w.j.hasBase = h, true
		ok, err := w.fromList(ctx, target)
		if err != nil || ok && w.spares() {
			return true, err
		}
		_ = w.base.Close() // it was only read
		w.base.File = nil
		w.j.base, w.j.hasBase = replication.Hash{}, false
	}
	return false, nil
}

// fromList works the recipe out from the target's list, or outline.
func (w *recipeWork) fromList(ctx context.Context, target chunk.List) (bool, error) {
	if target.Size != w.j.size || target.Sum != w.j.hash {
		return false, outOfPlace("list of another content of %d bytes", target.Size)
	}
	base, ok, err := w.baseList(ctx, target.Average)
	if err != nil || !ok {
		return false, err
	}
	if target, err = w.expand(ctx, base, target); err != nil {
		return false, err
	}
	w.recipe, w.average = chunk.Diff(base, target), target.Average
	return true, nil
}

// baseList returns the list of the base by some average.
func (w *recipeWork) baseList(ctx context.Context, average chunk.Average) (chunk.List, bool, error) {
	if l, ok := w.f.o.Local.List(w.j.base); ok && l.Level == 0 && l.Average == average && l.Size == w.base.size {
		return l, true, nil
	}
	if average != chunk.MaxAverage && w.base.size/int64(average) > wholeEntries {
		return chunk.List{}, false, nil
	}
	l, err := readList(ctx, io.NewSectionReader(w.base, 0, w.base.size), w.base.size, average)
	switch {
	case ctx.Err() != nil:
		return l, false, ctx.Err()
	case err != nil || l.Sum != w.j.base:
		return l, false, nil // changed meanwhile: no base
	}
	if average == chunk.AverageOf(l.Size) {
		w.f.o.Local.KeepList(l)
	}
	return l, true, nil
}

// expand turns an outline into the list of chunks: most groups are those of
// the base, the others the partner tells.
func (w *recipeWork) expand(ctx context.Context, base, target chunk.List) (chunk.List, error) {
	for target.Level > 0 {
		groups, l := chunk.Groups{}, base
		for l.Level < target.Level-1 {
			l = l.Outline()
		}
		groups.Add(l)
		var ranges []wire.Range
		var wanted []chunk.ID
		var at int64
		asked := map[chunk.ID]bool{}
		for _, c := range target.Chunks {
			if _, known := groups[c.ID]; !known && !asked[c.ID] {
				asked[c.ID] = true
				ranges = append(ranges, wire.Range{Offset: at, Length: c.Length})
				wanted = append(wanted, c.ID)
			}
			at += c.Length
		}
		m := wire.WantChunkList{Mode: wire.ListEntries, Average: uint32(target.Average), Level: target.Level - 1, Ranges: ranges}
		err := w.ranges(ctx, m, func(i int, chunks []chunk.Chunk) error {
			if chunk.Group(chunks).ID != wanted[i] {
				return outOfPlace("another group of entries")
			}
			groups[wanted[i]] = chunks
			return nil
		})
		if err != nil {
			return chunk.List{}, err
		}
		if target, err = groups.Expand(target); err != nil {
			return chunk.List{}, &fault{err}
		}
	}
	return target, nil
}

// ranges asks for the chunks of ranges and gives those of each to take.
func (w *recipeWork) ranges(ctx context.Context, m wire.WantChunkList, take func(i int, chunks []chunk.Chunk) error) error {
	m.Folder, m.Want = w.f.o.Folder, w.j.want()
	all := m.Ranges
	next := 0
	for next < len(all) {
		end := min(len(all), next+wire.MaxRanges)
		m.Ranges = all[next:end]
		err := w.s.Partner.Stream(ctx, wire.Bulk, m, func(answer wire.Message) error {
			part, ok := answer.(wire.ChunkList)
			if !ok || len(part.List) == 0 {
				return outOfPlace("%v for entries", answer.Type())
			}
			for b := part.List; len(b) > 0; next++ {
				if next == end {
					return outOfPlace("entries of more ranges than asked for")
				}
				chunks, rest, err := chunk.ParseChunks(b)
				if err != nil {
					return &fault{err}
				}
				if err := covers(chunks, all[next], m.Average); err != nil {
					return err
				}
				if err := take(next, chunks); err != nil {
					return err
				}
				b = rest
			}
			return nil
		})
		if err == nil && next < end {
			err = outOfPlace("entries of %d of %d ranges", next, end)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// covers checks that chunks are as long as r, and no more than a cut of it has.
func covers(chunks []chunk.Chunk, r wire.Range, average uint32) error {
	left := r.Length
	for _, c := range chunks {
		if left -= c.Length; left < 0 {
			break
		}
	}
	if left != 0 || int64(len(chunks)) > 2+4*r.Length/int64(average) {
		return outOfPlace("%d entries for %d bytes", len(chunks), r.Length)
	}
	return nil
}
