package configs

import (
	"encoding"
	"fmt"
	"net/netip"
	"reflect"
	"time"
)

// field is one key that a struct of the configuration has.
type field struct {
	key   string
	index int // of the Go field
}

// layouts knows the keys of struct types and the words of enumerations. It is
// a cache for one run, not safe for concurrent use.
type layouts struct {
	fields map[reflect.Type][]field
	shapes map[reflect.Type]shape
	words  map[reflect.Type][]string
}

func newLayouts() layouts {
	return layouts{map[reflect.Type][]field{}, map[reflect.Type]shape{}, map[reflect.Type][]string{}}
}

// of returns the keys of struct type t in the order of its Go fields.
func (l layouts) of(t reflect.Type) []field {
	if fields, ok := l.fields[t]; ok {
		return fields
	}
	var fields []field
	for i := range t.NumField() {
		if key := t.Field(i).Tag.Get("yaml"); key != "" && key != "-" {
			fields = append(fields, field{key, i})
		}
	}
	l.fields[t] = fields
	return fields
}

var (
	textReader   = reflect.TypeFor[encoding.TextUnmarshaler]()
	durationType = reflect.TypeFor[time.Duration]()
	prefixType   = reflect.TypeFor[netip.Prefix]()
)

// shape is how the values of a type are written in a file.
type shape uint8

const (
	shapeText    shape = iota // what the type reads itself
	shapeString               // any text
	shapeBool                 // true, false
	shapeInt                  // digits
	shapeTime                 // 1h30m
	shapeList                 // a sequence
	shapeMap                  // a mapping with free keys
	shapeStruct               // a mapping with known keys
	shapeSection              // a pointer: a mapping that may be absent
)

// shapeOf panics for a type that no configuration may have.
func (l layouts) shapeOf(t reflect.Type) shape {
	s, ok := l.shapes[t]
	if ok {
		return s
	}
	switch {
	case reflect.PointerTo(t).Implements(textReader):
		s = shapeText
	case t == durationType:
		s = shapeTime
	default:
		s = longShape(t)
	}
	l.shapes[t] = s
	return s
}

// longShape is the shape of t apart from a short form that it reads itself.
func longShape(t reflect.Type) shape {
	switch t.Kind() {
	case reflect.String:
		return shapeString
	case reflect.Bool:
		return shapeBool
	case reflect.Int:
		return shapeInt
	case reflect.Slice:
		return shapeList
	case reflect.Map:
		if t.Key().Kind() == reflect.String {
			return shapeMap
		}
	case reflect.Struct:
		return shapeStruct
	case reflect.Pointer:
		if t.Elem().Kind() == reflect.Struct {
			return shapeSection
		}
	}
	panic(fmt.Sprintf("configs: no way to write a %s in a file", t))
}

// hasLongForm tells whether a type that reads a short form itself can be
// written as a list or a mapping, too.
func (l layouts) hasLongForm(t reflect.Type) bool {
	switch t.Kind() {
	case reflect.Struct:
		return len(l.of(t)) > 0
	case reflect.Slice:
		return t.Elem().Kind() != reflect.Uint8
	}
	return false
}

// wordsOf returns the words of an enumeration: a type of kind uint8 whose
// values from 0 on write themselves and read what they wrote. It is nil for
// all other types.
func (l layouts) wordsOf(t reflect.Type) []string {
	if words, ok := l.words[t]; ok {
		return words
	}
	var words []string
	if t.Kind() == reflect.Uint8 && l.shapeOf(t) == shapeText {
		for n := range uint64(1 << 8) {
			value, read := reflect.New(t), reflect.New(t)
			value.Elem().SetUint(n)
			text, err := textOf(value)
			if err != nil || readText(read, text) != nil || read.Elem().Uint() != n {
				break
			}
			words = append(words, text)
		}
	}
	l.words[t] = words
	return words
}

// textOf writes the value that v points to in its short form, "" where it has
// none.
func textOf(v reflect.Value) (string, error) {
	m, ok := v.Interface().(encoding.TextMarshaler)
	if !ok {
		return "", nil
	}
	text, err := m.MarshalText()
	return string(text), err
}

// readText reads text into the value that v points to.
func readText(v reflect.Value, text string) error {
	return v.Interface().(encoding.TextUnmarshaler).UnmarshalText([]byte(text))
}

// setDefaults fills v and the structs in it with the defaults of their rooms.
func (l layouts) setDefaults(v reflect.Value) {
	if v.Kind() != reflect.Struct {
		return
	}
	if d, ok := v.Addr().Interface().(interface{ SetDefaults() }); ok {
		d.SetDefaults()
	}
	for _, f := range l.of(v.Type()) {
		l.setDefaults(v.Field(f.index))
	}
}
