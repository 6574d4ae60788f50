package configs

import (
	"fmt"
	"reflect"
	"slices"
	"strings"

	"gopkg.in/yaml.v3"

	"dfsd/internal/fault"
)

// maxAliased is the most values that aliases may stand for in one file: they
// may not make much out of little.
const maxAliased = 100_000

// decoder fills Go values from a tree of YAML, and notes every fault on the
// way. A value at fault keeps its default. It goes no deeper than the Go types
// do, however deep the tree is and whatever anchors hold themselves.
type decoder struct {
	layouts
	file string
	root *yaml.Node

	faults []Fault
	marred map[string]bool   // paths of values at fault
	homes  map[string]string // for homeOf

	expanding int // how many aliases the current value stands in
	aliased   int // values decoded within aliases so far
}

func newDecoder(file string, root *yaml.Node) *decoder {
	return &decoder{layouts: newLayouts(), file: file, root: root, marred: map[string]bool{}}
}

// decode fills a File from the tree at root. The decoder holds the faults.
func decode(file string, root *yaml.Node) (*File, *decoder) {
	d := newDecoder(file, root)
	f := &File{name: file}
	v := reflect.ValueOf(f).Elem()
	d.setDefaults(v)
	d.value(root, v, &step{})
	return f, d
}

// addf notes a fault of the value at path, which stands at n.
func (d *decoder) addf(n *yaml.Node, at *step, format string, args ...any) {
	d.add(n, at, named(at.name(), fmt.Sprintf(format, args...)))
}

// addKeyf notes a fault of the key at n, which belongs to the mapping at.
func (d *decoder) addKeyf(n *yaml.Node, at *step, format string, args ...any) {
	d.add(n, at.child(n.Value), fmt.Sprintf(format, args...))
}

func (d *decoder) add(n *yaml.Node, at *step, message string) {
	path := at.String()
	d.marred[path] = true
	d.faults = append(d.faults, Fault{d.file, n.Line, n.Column, path, message})
}

// named puts the name of a value before a message about it.
func named(name, message string) string {
	if name == "" {
		return message
	}
	return name + ": " + message
}

// addRoomFaults notes what rooms find wrong with their values, except for
// values that were never read.
func (d *decoder) addRoomFaults(faults fault.List) {
	for _, f := range faults {
		if d.isMarred(f.Path) {
			continue
		}
		n, name := find(d.root, f.Path)
		message := named(name, f.Message)
		if f.Other != "" {
			other, _ := find(d.root, f.Other)
			message += fmt.Sprintf(" (line %d)", other.Line)
		}
		d.faults = append(d.faults, Fault{d.file, n.Line, n.Column, f.Path, message})
	}
}

// isMarred tells whether the value at path, or one around it, is at fault.
func (d *decoder) isMarred(path string) bool {
	for !d.marred[path] {
		if path == "" {
			return false
		}
		path = path[:max(strings.LastIndexAny(path, ".["), 0)]
	}
	return true
}

// value fills v from n.
func (d *decoder) value(n *yaml.Node, v reflect.Value, at *step) {
	if n.Kind == yaml.AliasNode {
		d.expanding++
		d.value(n.Alias, v, at)
		d.expanding--
		return
	}
	if d.expanding > 0 && !d.count(n, at) {
		return
	}
	if n.Style&yaml.TaggedStyle != 0 {
		d.addf(n, at, "the tag %s is not allowed; write the value alone", n.Tag)
		return
	}
	if isNull(n) {
		d.addf(n, at, "no value%s", d.nullHint(v.Type(), at))
		return
	}
	d.shaped(n, v, at)
}

// shaped fills v from n, which has a value, by the shape of v.
func (d *decoder) shaped(n *yaml.Node, v reflect.Value, at *step) {
	shape := d.shapeOf(v.Type())
	if shape == shapeText && n.Kind != yaml.ScalarNode && d.hasLongForm(v.Type()) {
		shape = longShape(v.Type())
	}
	switch shape {
	case shapeSection:
		section := reflect.New(v.Type().Elem())
		d.setDefaults(section.Elem())
		v.Set(section)
		d.value(n, section.Elem(), at)
	case shapeStruct:
		d.structure(n, v, at)
	case shapeMap:
		d.mapping(n, v, at)
	case shapeList:
		d.list(n, v, at)
	default:
		d.scalar(n, v, at, shape)
	}
}

// count counts n among what aliases stand for, and tells whether it may be
// followed.
func (d *decoder) count(n *yaml.Node, at *step) bool {
	d.aliased++
	if d.aliased == maxAliased+1 {
		d.addf(n, at, "aliases stand for more than %d values", maxAliased)
	}
	return d.aliased <= maxAliased
}

// structure fills the struct v from the mapping n.
func (d *decoder) structure(n *yaml.Node, v reflect.Value, at *step) {
	if !d.isKind(n, yaml.MappingNode, at) {
		return
	}
	fields := d.of(v.Type())
	given := make([]*yaml.Node, len(fields)) // the key that named each field first
	for i := 0; i+1 < len(n.Content); i += 2 {
		key := n.Content[i]
		name, ok := d.key(key, at)
		if !ok {
			continue
		}
		j := slices.IndexFunc(fields, func(f field) bool { return f.key == name })
		if j < 0 {
			d.unknownKey(key, fields, at)
			continue
		}
		if given[j] != nil {
			d.duplicateKey(key, given[j], at)
			continue
		}
		given[j] = key
		d.value(n.Content[i+1], v.Field(fields[j].index), at.child(name))
	}
}

// mapping fills the map v, whose keys are free, from the mapping n.
func (d *decoder) mapping(n *yaml.Node, v reflect.Value, at *step) {
	if !d.isKind(n, yaml.MappingNode, at) {
		return
	}
	filled := reflect.MakeMapWithSize(v.Type(), len(n.Content)/2)
	given := map[string]*yaml.Node{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		key := n.Content[i]
		name, ok := d.key(key, at)
		if !ok {
			continue
		}
		if given[name] != nil {
			d.duplicateKey(key, given[name], at)
			continue
		}
		given[name] = key
		element := reflect.New(v.Type().Elem()).Elem()
		d.setDefaults(element)
		d.value(n.Content[i+1], element, at.child(name))
		filled.SetMapIndex(reflect.ValueOf(name), element)
	}
	v.Set(filled)
}

// list fills the slice v from the sequence n.
func (d *decoder) list(n *yaml.Node, v reflect.Value, at *step) {
	if !d.isKind(n, yaml.SequenceNode, at) {
		return
	}
	filled := reflect.MakeSlice(v.Type(), len(n.Content), len(n.Content))
	for i, inner := range n.Content {
		d.setDefaults(filled.Index(i))
		d.value(inner, filled.Index(i), at.element(i))
	}
	v.Set(filled)
}

// key returns the text of a key of the mapping at.
func (d *decoder) key(key *yaml.Node, at *step) (string, bool) {
	switch {
	case key.Kind != yaml.ScalarNode:
		d.addKeyf(key, at, "a key must be plain text, not %s", describe(key))
	case key.Tag == "!!merge":
		d.addKeyf(key, at, "merging with << is not supported; write the keys out")
	case key.Style&yaml.TaggedStyle != 0:
		d.addKeyf(key, at, "the tag %s is not allowed; write the key alone", key.Tag)
	default:
		return key.Value, true
	}
	return "", false
}

func (d *decoder) duplicateKey(key, first *yaml.Node, at *step) {
	d.addKeyf(key, at, "key %q is given twice in %s, first on line %d", key.Value, at.noun(), first.Line)
}

// unknownKey notes that no field of the struct at has this key. What it was
// meant to be counts as at fault as well, so that nobody finds it missing.
func (d *decoder) unknownKey(key *yaml.Node, fields []field, at *step) {
	known := make([]string, len(fields))
	for i, f := range fields {
		known[i] = f.key
	}
	hint := didYouMean(key.Value, known)
	if best, ok := nearest(key.Value, known); ok {
		d.marred[at.child(best).String()] = true
	} else if home := d.homeOf(key.Value); home != "" {
		hint = "; it belongs in " + home
	} else {
		hint = "; known are " + strings.Join(known, ", ")
	}
	d.addKeyf(key, at, "unknown key %q in %s%s", key.Value, at.noun(), hint)
}

// homeOf returns the one mapping of the file in which a key is known, "" where
// it is known in several, in none or outside of any.
func (d *decoder) homeOf(key string) string {
	if d.homes == nil {
		d.homes = map[string]string{}
		for _, k := range walkKeys(d.layouts) {
			if _, several := d.homes[k.field.key]; several {
				k.home = ""
			}
			d.homes[k.field.key] = k.home
		}
	}
	return d.homes[key]
}
