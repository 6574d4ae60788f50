package configs

import (
	"strconv"
	"strings"

	"gopkg.in/yaml.v3"
)

// place is where a value stands in a file.
type place struct{ line, column int }

// find returns the node that path leads to from n, and the name of the value
// there: the last key of path. Where the path names what the file leaves out,
// the node is the innermost mapping or list around it.
func find(n *yaml.Node, path string) (found *yaml.Node, name string) {
	for path != "" {
		if n.Kind == yaml.AliasNode {
			n = n.Alias
		}
		path = strings.TrimPrefix(path, ".")
		next, rest := child(n, path)
		if next == nil {
			return n, path
		}
		step := path[:len(path)-len(rest)]
		if strings.HasPrefix(step, "[") {
			step = name + step
		}
		n, path, name = next, rest, step
	}
	return n, name
}

// child returns what the first step of path leads to, and the other steps.
func child(n *yaml.Node, path string) (*yaml.Node, string) {
	if inner, ok := strings.CutPrefix(path, "["); ok {
		digits, rest, _ := strings.Cut(inner, "]")
		i, err := strconv.Atoi(digits)
		if err != nil || n.Kind != yaml.SequenceNode || i < 0 || i >= len(n.Content) {
			return nil, ""
		}
		return n.Content[i], rest
	}
	if n.Kind != yaml.MappingNode {
		return nil, ""
	}
	return member(n, path)
}

// member returns the value of the longest key of n that path begins with: keys
// that are host names hold dots.
func member(n *yaml.Node, path string) (found *yaml.Node, rest string) {
	longest := -1
	for i := 0; i+1 < len(n.Content); i += 2 {
		key := n.Content[i].Value
		after, ok := strings.CutPrefix(path, key)
		if ok && len(key) > longest && (after == "" || after[0] == '.' || after[0] == '[') {
			longest, found, rest = len(key), n.Content[i+1], after
		}
	}
	return found, rest
}

// step is one step of the path to a value that is being decoded.
type step struct {
	up    *step
	key   string // "" for an element of a list
	index int
}

func (s *step) child(key string) *step  { return &step{up: s, key: key} }
func (s *step) element(index int) *step { return &step{up: s, index: index} }

// String is the path as rooms write it: "namespaces[0].folders[2].path".
func (s *step) String() string {
	if s == nil || s.up == nil {
		return ""
	}
	up := s.up.String()
	switch {
	case s.key == "":
		return up + "[" + strconv.Itoa(s.index) + "]"
	case up == "":
		return s.key
	}
	return up + "." + s.key
}

// name is the last key of the path, with the indices behind it.
func (s *step) name() string {
	switch {
	case s == nil || s.up == nil:
		return ""
	case s.key == "":
		return s.up.name() + "[" + strconv.Itoa(s.index) + "]"
	}
	return s.key
}

// noun says what the value at s is: the key that it stands under, and for an
// element of a list one of those.
func (s *step) noun() string {
	switch {
	case s.up == nil:
		return "the file"
	case s.key == "":
		return strings.TrimSuffix(s.up.key, "s")
	}
	return s.key
}
