package version

import (
	"iter"
	"slices"
	"strings"
)

// Vector is the highest count of each origin, and so the set of all stamps up
// to those. The zero value is empty. A Vector never changes; its methods
// return new ones.
type Vector struct {
	tops []Stamp // strictly ascending by Origin, every Count at least 1
}

// Order is how two vectors stand to each other as sets of stamps.
type Order uint8

// The four ways in which two vectors can stand to each other.
const (
	Equal      Order = iota // the same stamps
	Before                  // the other has all of ours and more
	After                   // we have all of the other's and more
	Concurrent              // each has stamps that the other lacks
)

// String returns the name of o.
func (o Order) String() string {
	switch o {
	case Equal:
		return "equal"
	case Before:
		return "before"
	case After:
		return "after"
	default:
		return "concurrent"
	}
}

// Range is a run of one origin's counts: those in (After, UpTo].
type Range struct {
	Origin      Origin
	After, UpTo uint64
}

// Len returns the number of origins in v.
func (v Vector) Len() int { return len(v.tops) }

// All yields the highest stamp of each origin, ascending by origin.
func (v Vector) All() iter.Seq[Stamp] { return slices.Values(v.tops) }

// Count returns the highest count of o in v, 0 where there is none.
func (v Vector) Count(o Origin) uint64 {
	if i, ok := v.find(o); ok {
		return v.tops[i].Count
	}
	return 0
}

// Covers tells whether s is in v. Every vector covers the zero stamp.
func (v Vector) Covers(s Stamp) bool { return s.Count <= v.Count(s.Origin) }

// Includes tells whether every stamp of o is in v.
func (v Vector) Includes(o Vector) bool {
	for _, s := range o.tops {
		if !v.Covers(s) {
			return false
		}
	}
	return true
}

// Compare tells how v stands to o.
func (v Vector) Compare(o Vector) Order {
	switch has, had := v.Includes(o), o.Includes(v); {
	case has && had:
		return Equal
	case has:
		return After
	case had:
		return Before
	default:
		return Concurrent
	}
}

// Merge returns the union of v and o: the least vector that includes both.
func (v Vector) Merge(o Vector) Vector {
	if v.Includes(o) {
		return v
	}
	if o.Includes(v) {
		return o
	}
	out := make([]Stamp, 0, len(v.tops)+len(o.tops))
	i, j := 0, 0
	for i < len(v.tops) && j < len(o.tops) {
		a, b := v.tops[i], o.tops[j]
		switch c := a.Origin.Compare(b.Origin); {
		case c < 0:
			out, i = append(out, a), i+1
		case c > 0:
			out, j = append(out, b), j+1
		default:
			a.Count = max(a.Count, b.Count)
			out, i, j = append(out, a), i+1, j+1
		}
	}
	out = append(out, v.tops[i:]...)
	return Vector{append(out, o.tops[j:]...)}
}

// With returns the least vector that includes v and covers s.
func (v Vector) With(s Stamp) Vector {
	if v.Covers(s) {
		return v
	}
	i, ok := v.find(s.Origin)
	if !ok {
		return Vector{slices.Insert(slices.Clone(v.tops), i, s)}
	}
	tops := slices.Clone(v.tops)
	tops[i] = s
	return Vector{tops}
}

// Meet returns the intersection of v and o: the greatest vector that both
// include.
func (v Vector) Meet(o Vector) Vector {
	if v.Includes(o) {
		return o
	}
	if o.Includes(v) {
		return v
	}
	var out []Stamp
	for _, s := range v.tops {
		if s.Count = min(s.Count, o.Count(s.Origin)); s.Count > 0 {
			out = append(out, s)
		}
	}
	return Vector{out}
}

// Capped returns v with the count of o lowered to at most n.
func (v Vector) Capped(o Origin, n uint64) Vector {
	i, ok := v.find(o)
	if !ok || v.tops[i].Count <= n {
		return v
	}
	tops := slices.Clone(v.tops)
	if n == 0 {
		return Vector{slices.Delete(tops, i, i+1)}
	}
	tops[i].Count = n
	return Vector{tops}
}

// Missing returns the stamps that o has and v lacks, ascending by origin.
func (v Vector) Missing(o Vector) []Range {
	var out []Range
	for _, s := range o.tops {
		if had := v.Count(s.Origin); had < s.Count {
			out = append(out, Range{Origin: s.Origin, After: had, UpTo: s.Count})
		}
	}
	return out
}

// String lists the highest stamps, as in `{0a1b2c3d:17 ffee0011:2}`.
func (v Vector) String() string {
	parts := make([]string, len(v.tops))
	for i, s := range v.tops {
		parts[i] = s.String()
	}
	return "{" + strings.Join(parts, " ") + "}"
}

func (v Vector) find(o Origin) (int, bool) {
	return slices.BinarySearchFunc(v.tops, o, func(s Stamp, o Origin) int { return s.Origin.Compare(o) })
}
