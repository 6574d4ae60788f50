package quantity

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

// Count writes n for people, with its thousands apart: 12,345.
func Count[T int | int64 | uint64](n T) string {
	digits := fmt.Sprint(n)
	sign := ""
	if strings.HasPrefix(digits, "-") {
		sign, digits = "-", digits[1:]
	}
	for i := len(digits) - 3; i > 0; i -= 3 {
		digits = digits[:i] + "," + digits[i:]
	}
	return sign + digits
}

// Bytes writes n bytes for people, in the largest unit of at least one: 1.2 GiB.
func Bytes(n int64) string {
	if n < 1024 {
		return Count(n) + " B"
	}
	x, unit := float64(n), -1
	for unit < 5 && (x >= 1024 || math.Round(x*10)/10 >= 1024) {
		x /= 1024
		unit++
	}
	return strings.TrimSuffix(strconv.FormatFloat(x, 'f', 1, 64), ".0") + " " + []string{"KiB", "MiB", "GiB", "TiB", "PiB", "EiB"}[unit]
}

// longestSpan is the longest that Span writes, in seconds.
const longestSpan = 1e11

// Span writes a number of seconds for people, in at most two units, rounded down:
// 21 s, 3 min, 2 h 5 min. What is unknown, below 0 or beyond reason, is "-".
func Span(seconds float64) string {
	if math.IsNaN(seconds) || seconds < 0 || seconds > longestSpan {
		return "-"
	}
	n := int64(seconds)
	switch {
	case n < 60:
		return fmt.Sprintf("%d s", n)
	case n < 600:
		return twoUnits(n, 60, "min", "s")
	case n < 3600:
		return fmt.Sprintf("%d min", n/60)
	case n < 86400:
		return twoUnits(n/60, 60, "h", "min")
	}
	return twoUnits(n/3600, 24, "d", "h")
}

func twoUnits(n, per int64, large, small string) string {
	text := Count(n/per) + " " + large
	if n%per != 0 {
		text += fmt.Sprintf(" %d %s", n%per, small)
	}
	return text
}
