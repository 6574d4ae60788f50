// Package fault holds what is wrong with a configuration: where it stands, and
// what its author should do about it.
package fault

import (
	"fmt"
	"strings"
)

// Fault is one thing wrong with a configuration value.
type Fault struct {
	// Path leads from the value that was validated to the one at fault, in YAML
	// terms: "folders[2].targets[0].path". Empty means the value itself.
	Path string
	// Other leads, from the same value, to a second place that the fault is
	// about: the first of two equal names, the folder that another lies in.
	// Empty where there is none. Message reads well without it and ends with
	// the words for it, so that a reader who knows lines can append one.
	Other string
	// Message says what is wrong and what would be right. It has no full stop
	// and never holds a secret.
	Message string
}

func (f Fault) String() string {
	message := f.Message
	if f.Other != "" {
		message += " (" + f.Other + ")"
	}
	if f.Path == "" {
		return message
	}
	return f.Path + ": " + message
}

// List is every fault of one validation, in the order found. The zero value
// is an empty list; a list with no faults is not an error (see Err).
type List []Fault

// Addf appends a fault at path.
func (l *List) Addf(path, format string, args ...any) {
	*l = append(*l, Fault{Path: path, Message: fmt.Sprintf(format, args...)})
}

// AddOtherf appends a fault at path that is about the value at other, too;
// the message ends with the words for that value.
func (l *List) AddOtherf(path, other, format string, args ...any) {
	*l = append(*l, Fault{Path: path, Other: other, Message: fmt.Sprintf(format, args...)})
}

// Nest appends the faults of a value that stands at prefix in this one.
func (l *List) Nest(prefix string, inner List) {
	for _, f := range inner {
		f.Path = join(prefix, f.Path)
		if f.Other != "" {
			f.Other = join(prefix, f.Other)
		}
		*l = append(*l, f)
	}
}

// Err returns the list as an error, or nil where it is empty.
func (l List) Err() error {
	if len(l) == 0 {
		return nil
	}
	return l
}

func (l List) Error() string {
	lines := make([]string, len(l))
	for i, f := range l {
		lines[i] = f.String()
	}
	return strings.Join(lines, "\n")
}

func join(prefix, path string) string {
	switch {
	case prefix == "":
		return path
	case path == "":
		return prefix
	case path[0] == '[':
		return prefix + path
	}
	return prefix + "." + path
}
