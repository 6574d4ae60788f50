package admin

import (
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
	"time"

	"dfsd/replication/status"
)

// schema is a JSON Schema, draft 2020-12, as OpenAPI 3.1 takes it.
type schema struct {
	Ref         string             `json:"$ref,omitempty"`
	Type        any                `json:"type,omitempty"` // a word, or several
	Description string             `json:"description,omitempty"`
	Format      string             `json:"format,omitempty"`
	Enum        []string           `json:"enum,omitempty"`
	Minimum     *int64             `json:"minimum,omitempty"`
	MaxLength   int                `json:"maxLength,omitempty"`
	AnyOf       []*schema          `json:"anyOf,omitempty"`
	Items       *schema            `json:"items,omitempty"`
	Properties  map[string]*schema `json:"properties,omitempty"`
	Required    []string           `json:"required,omitempty"`
	// Others is what a map holds under its keys.
	Others *schema `json:"additionalProperties,omitempty"`
}

// words are the values of types that have a few alone.
func words() map[reflect.Type][]string {
	return map[reflect.Type][]string{
		reflect.TypeFor[status.State]():           {string(status.InitialSync), string(status.Normal), string(status.Paused), string(status.Recovering), string(status.Failed)},
		reflect.TypeFor[status.ConnectionState](): {string(status.Connected), string(status.Connecting), string(status.ClosedBySchedule), string(status.ConnectionPaused)},
	}
}

// shapes makes schemas of Go types as encoding/json writes them, and collects
// those of structures under their names.
type shapes struct {
	named map[string]*schema
	types map[string]reflect.Type // what a name stands for
	words map[reflect.Type][]string
}

func newShapes() *shapes {
	return &shapes{named: map[string]*schema{}, types: map[string]reflect.Type{}, words: words()}
}

// of describes values of type t. A type that JSON cannot hold is a fault of
// the table of routes: it panics, as a test of that table finds.
func (s *shapes) of(t reflect.Type) *schema {
	switch {
	case t == reflect.TypeFor[time.Time]():
		return &schema{Type: "string", Format: "date-time"}
	case t == reflect.TypeFor[json.RawMessage]() || t.Kind() == reflect.Interface:
		return &schema{}
	case s.words[t] != nil:
		return &schema{Type: "string", Enum: s.words[t]}
	}
	switch t.Kind() {
	case reflect.Struct:
		return s.structure(t)
	case reflect.Pointer:
		return orNull(s.of(t.Elem()))
	case reflect.Slice, reflect.Array:
		return &schema{Type: "array", Items: s.of(t.Elem())}
	case reflect.Map:
		return &schema{Type: "object", Others: s.of(t.Elem())}
	case reflect.String:
		return &schema{Type: "string"}
	case reflect.Bool:
		return &schema{Type: "boolean"}
	case reflect.Float32, reflect.Float64:
		return &schema{Type: "number"}
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		return &schema{Type: "integer", Format: "int64"}
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		return &schema{Type: "integer", Minimum: new(int64)}
	}
	panic(fmt.Sprintf("no JSON Schema of %s", t))
}

// orNull is s or null.
func orNull(s *schema) *schema {
	if word, isWord := s.Type.(string); isWord && s.Ref == "" && s.Enum == nil {
		s.Type = []string{word, "null"}
		return s
	}
	return &schema{AnyOf: []*schema{s, {Type: "null"}}}
}

// structure names struct t and describes it once.
func (s *shapes) structure(t reflect.Type) *schema {
	name := exported(t.Name())
	if other, taken := s.types[name]; taken && other != t {
		name = exported(t.PkgPath()[strings.LastIndexByte(t.PkgPath(), '/')+1:]) + name
	}
	ref := &schema{Ref: "#/components/schemas/" + name}
	if other, taken := s.types[name]; taken {
		if other != t {
			panic(fmt.Sprintf("%s and %s would both be named %s", t, other, name))
		}
		return ref
	}
	s.types[name] = t
	inner := &schema{Type: "object", Properties: map[string]*schema{}}
	s.named[name] = inner
	s.fields(t, inner)
	return ref
}

// fields adds the fields of struct t to inner; those of an embedded one are
// its own.
func (s *shapes) fields(t reflect.Type, inner *schema) {
	for i := range t.NumField() {
		f := t.Field(i)
		tag, options, _ := strings.Cut(f.Tag.Get("json"), ",")
		if f.Anonymous && tag == "" && f.Type.Kind() == reflect.Struct {
			s.fields(f.Type, inner)
			continue
		}
		if !f.IsExported() || tag == "-" {
			continue
		}
		if tag == "" {
			tag = f.Name
		}
		left := strings.Contains(options, "omitempty") || strings.Contains(options, "omitzero")
		of := f.Type
		if left && of.Kind() == reflect.Pointer {
			of = of.Elem() // where it is nil it is left out
		}
		inner.Properties[tag] = s.of(of)
		if !left {
			inner.Required = append(inner.Required, tag)
		}
	}
}

// exported is a word with a capital.
func exported(word string) string {
	if word == "" {
		return ""
	}
	return strings.ToUpper(word[:1]) + word[1:]
}
