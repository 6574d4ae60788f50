package chunk

import "fmt"

// Range is Length bytes at Offset of a content.
type Range struct{ Offset, Length int64 }

// Gap is a stretch of a target that a recipe fetches, with the stretch of the
// base that stood in its place: where a finer cut of both may find most of it.
type Gap struct{ Target, Base Range }

// Average returns the average with which to cut both sides of g: small enough
// that the changed chunks are few bytes, large enough that the lists are.
func (g Gap) Average() Average {
	return nearest(min(max(g.Target.Length>>9, minFine), maxFine))
}

// gapSlack is by how much the base's side of a gap may be longer than four
// times the target's: the room for a deletion.
const gapSlack = 64 << 10

// Gaps returns the stretches that r fetches, adjoining chunks joined, for a
// base of baseSize bytes. Where the steps around a gap are not in the order of
// the base, or far apart in it, the base's side is cut short: a finer list then
// finds less, never something wrong.
func (r Recipe) Gaps(baseSize int64) []Gap {
	var gaps []Gap
	var at, end int64 // in the target; in the base, of the last copy
	open := false
	for _, s := range r.Steps {
		switch {
		case s.Fetch && open:
			gaps[len(gaps)-1].Target.Length += s.Length
		case s.Fetch:
			gaps = append(gaps, Gap{Target: Range{at, s.Length}, Base: Range{Offset: end}})
		case open:
			gaps[len(gaps)-1].reach(s.From, baseSize)
		}
		open = s.Fetch
		at += s.Length
		if !s.Fetch {
			end = s.From + s.Length
		}
	}
	if open {
		gaps[len(gaps)-1].reach(baseSize, baseSize)
	}
	return gaps
}

// reach settles the base's side, which begins where the copy before the gap
// ends, now that the copy behind it is known to begin at next: up to there, or,
// if that copy is of an earlier part, what stands before it.
func (g *Gap) reach(next, baseSize int64) {
	longest := 4*g.Target.Length + gapSlack
	if next < g.Base.Offset {
		g.Base.Offset = max(0, next-longest)
	}
	g.Base.Length = max(0, min(next, baseSize)-g.Base.Offset)
	g.Base.Length = min(g.Base.Length, longest)
}

// Fill returns r with the fetches of gaps replaced by the steps of fine: recipe
// i builds the target's side of gap i from the base's side of it, with offsets
// that count from there. The gaps must be those of r. The error is ErrMalformed
// if a recipe does not build what its gap needs.
func (r Recipe) Fill(gaps []Gap, fine []Recipe) (Recipe, error) {
	if len(gaps) != len(fine) {
		return Recipe{}, fmt.Errorf("%w: %d recipes for %d gaps", ErrMalformed, len(fine), len(gaps))
	}
	out := Recipe{Size: r.Size, Sum: r.Sum}
	var at int64
	for _, s := range r.Steps {
		switch {
		case !s.Fetch:
			out.copy(s.From, s.Length)
		case len(gaps) > 0 && gaps[0].Target.Offset == at:
			if err := out.fill(gaps[0], fine[0]); err != nil {
				return Recipe{}, err
			}
			gaps, fine = gaps[1:], fine[1:]
		}
		at += s.Length
	}
	if err := out.Validate(); err != nil {
		return Recipe{}, err
	}
	return out, nil
}

func (r *Recipe) fill(g Gap, fine Recipe) error {
	if fine.Size != g.Target.Length {
		return fmt.Errorf("%w: recipe for %d bytes fills a gap of %d", ErrMalformed, fine.Size, g.Target.Length)
	}
	if err := fine.Validate(); err != nil {
		return err
	}
	for _, s := range fine.Steps {
		switch {
		case s.Fetch:
			r.Steps = append(r.Steps, s)
		case s.From > g.Base.Length-s.Length:
			return fmt.Errorf("%w: copy of %d bytes at %d leaves a base of %d", ErrMalformed, s.Length, s.From, g.Base.Length)
		default:
			r.copy(g.Base.Offset+s.From, s.Length)
		}
	}
	return nil
}
