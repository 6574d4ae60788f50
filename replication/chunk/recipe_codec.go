package chunk

import "encoding/binary"

// The encoding of a Recipe, format 1. Numbers are unsigned LEB128 varints in
// their shortest form unless a width is given.
//
//	format   1 byte, 1
//	size     varint
//	sum      32 bytes
//	count    varint
//	steps    count times: length<<1 varint, then the signed distance of From
//	         from the end of the copy before (0 for the first), zigzag varint;
//	         or length<<1|1 varint, then the ID, 16 bytes
const recipeFormat = 1

// stepSize is the least that an encoded step takes.
const stepSize = 1 + 1

// Append appends the encoding of r, which must be valid, to b.
func (r Recipe) Append(b []byte) []byte {
	b = append(b, recipeFormat)
	b = binary.AppendUvarint(b, uint64(r.Size))
	b = append(b, r.Sum[:]...)
	b = binary.AppendUvarint(b, uint64(len(r.Steps)))
	var end int64
	for _, s := range r.Steps {
		if s.Fetch {
			b = binary.AppendUvarint(b, uint64(s.Length)<<1|1)
			b = append(b, s.ID[:]...)
			continue
		}
		b = binary.AppendUvarint(b, uint64(s.Length)<<1)
		b = binary.AppendUvarint(b, zigzag(s.From-end))
		end = s.From + s.Length
	}
	return b
}

// ParseRecipe takes a Recipe off the front of b and returns what follows it.
// The recipe is valid (Recipe.Validate).
func ParseRecipe(b []byte) (recipe Recipe, rest []byte, err error) {
	r := reader{b: b}
	r.format(recipeFormat, "recipe")
	recipe.Size = int64(r.uvarint(MaxSize, "recipe size"))
	recipe.Sum = r.sum("recipe sum")
	recipe.Steps = r.steps()
	if r.err == nil {
		r.err = recipe.Validate()
	}
	if r.err != nil {
		return Recipe{}, nil, r.err
	}
	return recipe, b[r.off:], nil
}

func (r *reader) steps() []Step {
	n := r.count(stepSize, "number of steps")
	var steps []Step // grows as steps prove to be there: one takes 20 times its least encoding
	var end int64
	for range n {
		head := r.uvarint(MaxSize<<1|1, "length of a step")
		s := Step{Fetch: head&1 == 1, Length: int64(head >> 1)}
		if s.Fetch {
			s.ID = r.id("ID of a step")
		} else {
			s.From = end + unzigzag(r.uvarint(MaxSize<<2, "distance of a copy"))
			end = s.From + s.Length
		}
		if r.err == nil && (s.From < 0 || end > MaxSize) {
			r.fail("copy from %d to %d", s.From, end)
		}
		if r.err != nil {
			return nil
		}
		steps = append(steps, s)
	}
	return steps
}

func zigzag(v int64) uint64   { return uint64(v)<<1 ^ uint64(v>>63) }
func unzigzag(u uint64) int64 { return int64(u>>1) ^ -int64(u&1) }
