package namespace

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"
)

// Bounds of names, in UTF-16 code units as Windows counts them.
const (
	// maxName is the longest component of a path on NTFS.
	maxName = 255
	// maxShare is the longest share name ([MS-FSCC] 2.1.6).
	maxShare = 80
	// maxPath keeps a referral of one target, which holds the path twice and the
	// target once, within the 8 KiB that clients offer early on.
	maxPath = 1024
	// maxComment keeps comments to what listings can show.
	maxComment = 1024
)

var (
	errEmptyName = errors.New("a name between backslashes is empty")
	errNotUTF8   = errors.New("not valid UTF-8")
	errNUL       = errors.New("holds a NUL character")
)

// checkName returns what forbids s as the name of a file or a directory on
// Windows ([MS-FSCC] 2.1.5), nil where nothing does.
func checkName(s string) error {
	if isPlain(s) && !isDevice(s) {
		return nil
	}
	switch {
	case s == "":
		return errEmptyName
	case s == "." || s == "..":
		return fmt.Errorf("the name %#q would leave the tree", s)
	case !utf8.ValidString(s):
		return fmt.Errorf("the name %q is %w", s, errNotUTF8)
	}
	for _, r := range s {
		if isForbidden(r) {
			return fmt.Errorf("the name %#q holds %q, which Windows forbids", s, r)
		}
	}
	switch last := s[len(s)-1]; {
	case last == '.' || last == ' ':
		return fmt.Errorf("the name %#q ends in a dot or a space, which Windows drops", s)
	case longer(s, maxName):
		return fmt.Errorf("the name %#q is longer than %d characters", s, maxName)
	case isDevice(s):
		return fmt.Errorf("the name %#q is reserved for a device", s)
	}
	return nil
}

// isPlain reports whether s is a name at first sight, unless it is a device: of
// ASCII letters, digits and a few marks, and not too long.
func isPlain(s string) bool {
	if s == "" || len(s) > maxName {
		return false
	}
	for i := range len(s) {
		switch c := s[i]; {
		case '-' <= c && c <= '9' && c != '/', 'A' <= c && c <= 'Z', 'a' <= c && c <= 'z', c == '_':
		default:
			return false
		}
	}
	return s[len(s)-1] != '.'
}

// isForbidden reports whether no name on Windows may hold r. Control characters
// above U+001F are refused as well, though NTFS would store them.
func isForbidden(r rune) bool {
	switch r {
	case '/', '\\', ':', '*', '?', '"', '<', '>', '|':
		return true
	}
	return unicode.IsControl(r)
}

// checkShare returns what forbids s as the name of a share that this server
// makes ([MS-FSCC] 2.1.6).
func checkShare(s string) error {
	if err := checkName(s); err != nil {
		return err
	}
	if i := strings.IndexAny(s, "[]+=;,"); i >= 0 {
		return fmt.Errorf("the name %#q holds %q, which Windows forbids in share names", s, s[i])
	}
	if longer(s, maxShare) {
		return fmt.Errorf("the name %#q is longer than the %d characters of a share name", s, maxShare)
	}
	if isReservedShare(s) {
		return fmt.Errorf("the name %#q belongs to a share that servers make themselves", s)
	}
	return nil
}

// isReservedShare reports whether Windows makes a share of this name itself, or
// reads more into it than a name.
func isReservedShare(s string) bool {
	folded := FoldString(s)
	if len(folded) == 2 && folded[1] == '$' && 'A' <= folded[0] && folded[0] <= 'Z' {
		return true
	}
	reserved := []string{"IPC$", "ADMIN$", "PRINT$", "SYSVOL", "NETLOGON", "PIPE", "MAILSLOT"}
	return slices.Contains(reserved, folded)
}

// isDevice reports whether Windows opens a device instead of a file of this
// name: CON and its like, with or without an extension.
func isDevice(s string) bool {
	base, _, _ := strings.Cut(s, ".")
	base = strings.TrimRight(base, " ")
	if len(base) < len("CON") || len(base) > len("CONOUT$") {
		return false
	}
	for _, name := range [...]string{"CON", "PRN", "AUX", "NUL", "CLOCK$", "CONIN$", "CONOUT$"} {
		if EqualFold(base, name) {
			return true
		}
	}
	if !EqualFold(base[:3], "COM") && !EqualFold(base[:3], "LPT") {
		return false
	}
	port := base[3:]
	return utf8.RuneCountInString(port) == 1 && strings.Contains("0123456789¹²³", port)
}

// checkText returns what forbids s as a comment.
func checkText(s string) error {
	switch {
	case !utf8.ValidString(s):
		return errNotUTF8
	case strings.IndexByte(s, 0) >= 0:
		return errNUL
	case longer(s, maxComment):
		return fmt.Errorf("longer than %d characters", maxComment)
	}
	return nil
}

// cleanPath returns the path of a folder with backslashes, and what is wrong
// with it: every component must be a name.
func cleanPath(s string) (string, error) {
	s = strings.ReplaceAll(s, "/", `\`)
	if strings.HasPrefix(s, `\`) || strings.HasSuffix(s, `\`) {
		return "", fmt.Errorf(`%#q begins or ends in a backslash; a folder's path is relative to its namespace, a\b\c`, s)
	}
	if s == "" {
		return "", errors.New(`missing; it is the folder's path within the namespace, a\b\c`)
	}
	return s, checkPath(s)
}

func checkPath(s string) error {
	for name, rest, more := strings.Cut(s, `\`); ; name, rest, more = strings.Cut(rest, `\`) {
		if err := checkName(name); err != nil {
			return err
		}
		if !more {
			break
		}
	}
	if longer(s, maxPath) {
		return fmt.Errorf("longer than %d characters", maxPath)
	}
	return nil
}

// longer reports whether s takes more than limit UTF-16 code units.
func longer(s string, limit int) bool {
	if len(s) <= limit {
		return false
	}
	n := 0
	for _, r := range s {
		n += utf16.RuneLen(r)
	}
	return n > limit
}
