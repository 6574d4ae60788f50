package configs

import (
	"bytes"
	"fmt"
	"maps"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"gopkg.in/yaml.v3"

	"dfsd/namespace"
)

// Show returns the configuration in effect as YAML: every value, given or
// default, except for texts, lists and sections that are absent. Parse reads
// it as an equal File. It holds no secrets, because a File holds none: they
// stand in files of their own.
func (f *File) Show() ([]byte, error) {
	return f.show(nil)
}

// ShowNamespaces is Show of the namespaces alone: what another host or another
// file can take over. With names, in any case, of these alone.
func (f *File) ShowNamespaces(names ...string) ([]byte, error) {
	only := &File{Version: f.Version}
	for _, ns := range f.Namespaces {
		if len(names) == 0 || slices.ContainsFunc(names, func(name string) bool { return namespace.EqualFold(name, ns.Name) }) {
			only.Namespaces = append(only.Namespaces, ns)
		}
	}
	return only.show([]string{"version", "namespaces"})
}

// show is Show of the sections that are kept; nil: all.
func (f *File) show(kept []string) ([]byte, error) {
	e := encoder{newLayouts()}
	root, err := e.structure(reflect.ValueOf(f).Elem())
	if err != nil {
		return nil, fmt.Errorf("show configuration: %w", err)
	}
	if kept != nil {
		whole := root.Content
		root.Content = nil
		for i := 0; i < len(whole); i += 2 {
			if slices.Contains(kept, whole[i].Value) {
				root.Content = append(root.Content, whole[i], whole[i+1])
			}
		}
	}
	var b bytes.Buffer
	w := yaml.NewEncoder(&b)
	w.SetIndent(2)
	if err := w.Encode(root); err != nil {
		return nil, fmt.Errorf("show configuration: %w", err)
	}
	return b.Bytes(), w.Close()
}

// encoder makes a tree of YAML of Go values: what decoder reads.
type encoder struct{ layouts }

// structure makes a mapping of the struct v.
func (e encoder) structure(v reflect.Value) (*yaml.Node, error) {
	defaults := reflect.New(v.Type()).Elem()
	e.setDefaults(defaults)
	node := &yaml.Node{Kind: yaml.MappingNode}
	for _, f := range e.of(v.Type()) {
		value := v.Field(f.index)
		if e.isAbsent(value) && e.isAbsent(defaults.Field(f.index)) {
			continue
		}
		inner, err := e.value(value)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", f.key, err)
		}
		node.Content = append(node.Content, textNode(f.key), inner)
	}
	if len(node.Content) == 0 {
		node.Style = yaml.FlowStyle
	}
	return node, nil
}

// isAbsent tells a value that leaving out its key gives, where there is no
// default: no text, no list, no section.
func (e encoder) isAbsent(v reflect.Value) bool {
	switch e.shapeOf(v.Type()) {
	case shapeString, shapeList, shapeMap, shapeSection:
		return v.IsZero()
	case shapeText:
		text, err := textOf(addressable(v))
		return err == nil && text == "" && v.IsZero()
	}
	return false
}

// value makes a node of v.
func (e encoder) value(v reflect.Value) (*yaml.Node, error) {
	shape := e.shapeOf(v.Type())
	if shape == shapeText {
		text, err := textOf(addressable(v))
		if err != nil {
			return nil, err
		}
		if text != "" || !e.hasLongForm(v.Type()) {
			return textNode(text), nil
		}
		shape = longShape(v.Type())
	}
	switch shape {
	case shapeString:
		return textNode(v.String()), nil
	case shapeBool:
		return plainNode(strconv.FormatBool(v.Bool())), nil
	case shapeInt:
		return plainNode(strconv.FormatInt(v.Int(), 10)), nil
	case shapeTime:
		return plainNode(formatDuration(time.Duration(v.Int()))), nil
	case shapeList:
		return e.list(v)
	case shapeMap:
		return e.mapping(v)
	case shapeSection:
		return e.structure(v.Elem())
	}
	return e.structure(v)
}

// list makes a sequence of the slice v, on one line where it holds scalars.
func (e encoder) list(v reflect.Value) (*yaml.Node, error) {
	node := &yaml.Node{Kind: yaml.SequenceNode, Style: yaml.FlowStyle}
	for i := range v.Len() {
		inner, err := e.value(v.Index(i))
		if err != nil {
			return nil, fmt.Errorf("[%d]: %w", i, err)
		}
		if inner.Kind != yaml.ScalarNode {
			node.Style = 0
		}
		node.Content = append(node.Content, inner)
	}
	return node, nil
}

// mapping makes a mapping of the map v, sorted by its keys.
func (e encoder) mapping(v reflect.Value) (*yaml.Node, error) {
	node := &yaml.Node{Kind: yaml.MappingNode}
	if v.Len() == 0 {
		node.Style = yaml.FlowStyle
	}
	values := map[string]reflect.Value{}
	for _, key := range v.MapKeys() {
		values[key.String()] = v.MapIndex(key)
	}
	for _, key := range slices.Sorted(maps.Keys(values)) {
		inner, err := e.value(values[key])
		if err != nil {
			return nil, fmt.Errorf("%s: %w", key, err)
		}
		node.Content = append(node.Content, textNode(key), inner)
	}
	return node, nil
}

// addressable returns a pointer to a copy of v, on which methods of either
// receiver can be called.
func addressable(v reflect.Value) reflect.Value {
	p := reflect.New(v.Type())
	p.Elem().Set(v)
	return p
}

// textNode makes a scalar that reads as text whatever it looks like. Paths
// with backslashes stand in single quotes, where YAML leaves them alone, and
// so does what older readers of YAML take for a truth value or a number.
func textNode(text string) *yaml.Node {
	n := &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Value: text}
	if strings.Contains(text, `\`) || ambiguous.MatchString(text) {
		n.Style = yaml.SingleQuotedStyle
	}
	return n
}

var ambiguous = regexp.MustCompile(`^(?i:y|n|yes|no|on|off)$|^[0-9][0-9_]*:[0-9:]+$`)

func plainNode(text string) *yaml.Node { return &yaml.Node{Kind: yaml.ScalarNode, Value: text} }

// formatDuration is Go's form without parts that are zero: 5m, not 5m0s.
func formatDuration(t time.Duration) string {
	text := t.String()
	if strings.HasSuffix(text, "m0s") {
		text = strings.TrimSuffix(text, "0s")
	}
	if strings.HasSuffix(text, "h0m") {
		text = strings.TrimSuffix(text, "0m")
	}
	return text
}
