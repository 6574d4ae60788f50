// Package quantity holds amounts with their unit: as a configuration file writes
// them, sizes such as 4GiB and bandwidths such as 4mbit, and as people read them.
package quantity

import "fmt"

// Size is a number of bytes, never negative once parsed. A file writes it as a
// whole number and one of B, KiB, MiB, GiB and TiB, powers of 1,024.
type Size int64

// The units of a Size.
const (
	Byte Size = 1
	KiB       = Byte << 10
	MiB       = KiB << 10
	GiB       = MiB << 10
	TiB       = GiB << 10
)

var sizeUnits = []unit{
	{"TiB", int64(TiB)},
	{"GiB", int64(GiB)},
	{"MiB", int64(MiB)},
	{"KiB", int64(KiB)},
	{"B", int64(Byte)},
}

// ParseSize reads a size such as "512MiB".
func ParseSize(text string) (Size, error) {
	n, ok := parse(text, sizeUnits)
	if !ok {
		return 0, fmt.Errorf("%q is no size: want a whole number with KiB, MiB, GiB or TiB, for example 4GiB", text)
	}
	return Size(n), nil
}

// String writes s in the largest unit that leaves a whole number.
func (s Size) String() string { return format(int64(s), sizeUnits) }

// MarshalText writes s as String does.
func (s Size) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// UnmarshalText reads what ParseSize reads, and leaves s alone where it fails.
func (s *Size) UnmarshalText(text []byte) error {
	n, err := ParseSize(string(text))
	if err == nil {
		*s = n
	}
	return err
}
