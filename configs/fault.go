package configs

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// Fault is one thing wrong with a file, and where.
type Fault struct {
	File string
	// Line and Column count from 1, columns in characters. Line is 0 where the
	// fault is about the file as a whole.
	Line, Column int
	// Path leads to the value in YAML terms, such as
	// "namespaces[0].folders[2].path"; empty where it is not about one value.
	Path string
	// Message says what is wrong and what would be right, without full stop.
	Message string
}

// String is file:line:column: message.
func (f Fault) String() string {
	if f.Line == 0 {
		return fmt.Sprintf("%s: %s", f.File, f.Message)
	}
	return fmt.Sprintf("%s:%d:%d: %s", f.File, f.Line, f.Column, f.Message)
}

// Error is what Load and Parse return for a file that is refused. It holds at
// least one fault, sorted by their places.
type Error struct{ Faults []Fault }

// Error is one line for each fault.
func (e *Error) Error() string {
	lines := make([]string, len(e.Faults))
	for i, f := range e.Faults {
		lines[i] = f.String()
	}
	return strings.Join(lines, "\n")
}

// sorted orders faults by their places and drops what is said twice, as it is
// of a value that several aliases stand for.
func sorted(faults []Fault) []Fault {
	slices.SortFunc(faults, func(a, b Fault) int {
		return cmp.Or(cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column), strings.Compare(a.Message, b.Message))
	})
	return slices.CompactFunc(faults, func(a, b Fault) bool {
		return a.Line == b.Line && a.Column == b.Column && a.Message == b.Message
	})
}
