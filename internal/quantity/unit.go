package quantity

import (
	"math"
	"strconv"
	"strings"
)

// unit is the word behind a number, and how much one of it is.
type unit struct {
	suffix string
	amount int64
}

// parse reads digits and one of units, largest first, with nothing around or
// between them; false also where the amount exceeds an int64.
func parse(text string, units []unit) (int64, bool) {
	for _, u := range units {
		digits, found := strings.CutSuffix(text, u.suffix)
		if !found || !isNumber(digits) {
			continue
		}
		n, err := strconv.ParseInt(digits, 10, 64)
		if err != nil || n > math.MaxInt64/u.amount {
			return 0, false
		}
		return n * u.amount, true
	}
	return 0, false
}

// isNumber refuses what ParseInt would accept beyond plain digits: signs.
func isNumber(digits string) bool {
	return digits != "" && strings.Trim(digits, "0123456789") == ""
}

func format(n int64, units []unit) string {
	smallest := units[len(units)-1]
	for _, u := range units {
		if n != 0 && n%u.amount == 0 {
			return strconv.FormatInt(n/u.amount, 10) + u.suffix
		}
	}
	return strconv.FormatInt(n, 10) + smallest.suffix
}
