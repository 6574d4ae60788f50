package fscc

import (
	"slices"
	"strings"
)

// maxName is the longest name of a file, in UTF-16 code units.
const maxName = 255

// ValidName reports whether s may name a file ([MS-FSCC] 2.1.5): 1 to 255 UTF-16
// code units, no control character, none of "*/:<>?\|. The names of streams,
// which hold a colon, are not among them.
func ValidName(s string) bool {
	return s != "" && !strings.ContainsFunc(s, forbidden) && units(s) <= maxName
}

func forbidden(r rune) bool { return r < 0x20 || strings.ContainsRune(`"*/:<>?\|`, r) }

// IsDots reports whether s is one of the names that lead nowhere but up or in
// place: . and .. ([MS-FSCC] 2.1.5.1).
func IsDots(s string) bool { return s == "." || s == ".." }

// IsDevice reports whether Windows keeps s, in any case, for a device: the names
// that its server refuses to open ([MS-SMB2] 3.3.5.9).
func IsDevice(s string) bool {
	s = strings.ToUpper(s)
	if slices.Contains([]string{"CON", "PRN", "AUX", "NUL", "CLOCK$"}, s) {
		return true
	}
	isPort := strings.HasPrefix(s, "COM") || strings.HasPrefix(s, "LPT")
	return isPort && len(s) == 4 && s[3] >= '1' && s[3] <= '9'
}
