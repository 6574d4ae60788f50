package replication

import (
	"fmt"
	"slices"
	"strings"
)

// Days is a set of weekdays; bit 0 is Monday. A file writes it as days and
// ranges, such as `mon-fri` or `sat,sun`; a range may run over Sunday.
type Days uint8

// EveryDay is all seven.
const EveryDay Days = 1<<7 - 1

var dayNames = []string{"mon", "tue", "wed", "thu", "fri", "sat", "sun"}

// String writes the days from Monday on, runs of three and more as a range.
func (d Days) String() string {
	var parts []string
	for first := 0; first < 7; {
		if d&(1<<first) == 0 {
			first++
			continue
		}
		last := first
		for last < 6 && d&(1<<(last+1)) != 0 {
			last++
		}
		if last-first >= 2 {
			parts = append(parts, dayNames[first]+"-"+dayNames[last])
		} else {
			parts = append(parts, dayNames[first:last+1]...)
		}
		first = last + 1
	}
	return strings.Join(parts, ",")
}

// MarshalText writes d as String does.
func (d Days) MarshalText() ([]byte, error) { return []byte(d.String()), nil }

// UnmarshalText reads a comma-separated list of days and ranges, and leaves d
// alone where it fails.
func (d *Days) UnmarshalText(text []byte) error {
	var all Days
	for part := range strings.SplitSeq(string(text), ",") {
		days, ok := parseDayRange(strings.TrimSpace(part))
		if !ok {
			return fmt.Errorf("%q is no day or range of days: want for example mon-fri or sat,sun", part)
		}
		all |= days
	}
	*d = all
	return nil
}

func parseDayRange(text string) (Days, bool) {
	from, to, isRange := strings.Cut(text, "-")
	first := slices.Index(dayNames, from)
	last := first
	if isRange {
		last = slices.Index(dayNames, to)
	}
	if first < 0 || last < 0 {
		return 0, false
	}
	days := Days(1) << last
	for day := first; day != last; day = (day + 1) % 7 {
		days |= 1 << day
	}
	return days, true
}
