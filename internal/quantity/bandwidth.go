package quantity

import "fmt"

// Bandwidth is a number of bits a second, never negative once parsed; zero
// means unlimited. A file writes it as `unlimited` or as a whole number and
// one of bit, kbit, mbit and gbit, powers of 1,000.
type Bandwidth int64

// The units of a Bandwidth, and the one without a bound.
const (
	Unlimited Bandwidth = 0
	Bit       Bandwidth = 1
	Kbit                = 1000 * Bit
	Mbit                = 1000 * Kbit
	Gbit                = 1000 * Mbit
)

const unlimited = "unlimited"

var bandwidthUnits = []unit{
	{"gbit", int64(Gbit)},
	{"mbit", int64(Mbit)},
	{"kbit", int64(Kbit)},
	{"bit", int64(Bit)},
}

// ParseBandwidth reads a bandwidth such as "4mbit". None is zero: what may not
// run at all is a matter of a schedule.
func ParseBandwidth(text string) (Bandwidth, error) {
	if text == unlimited {
		return Unlimited, nil
	}
	n, ok := parse(text, bandwidthUnits)
	if !ok || n == 0 {
		return 0, fmt.Errorf("%q is no bandwidth: want a whole number above 0 with kbit, mbit or gbit, for example 4mbit, or unlimited", text)
	}
	return Bandwidth(n), nil
}

// BytesPerSecond is b in whole bytes a second, 0 for unlimited; the slowest
// bandwidths round up to one byte.
func (b Bandwidth) BytesPerSecond() int64 {
	if b == Unlimited {
		return 0
	}
	return max(1, int64(b)/8)
}

// String writes b in the largest unit that leaves a whole number.
func (b Bandwidth) String() string {
	if b == Unlimited {
		return unlimited
	}
	return format(int64(b), bandwidthUnits)
}

// MarshalText writes b as String does.
func (b Bandwidth) MarshalText() ([]byte, error) { return []byte(b.String()), nil }

// UnmarshalText reads what ParseBandwidth reads, and leaves b alone where it
// fails.
func (b *Bandwidth) UnmarshalText(text []byte) error {
	n, err := ParseBandwidth(string(text))
	if err == nil {
		*b = n
	}
	return err
}
