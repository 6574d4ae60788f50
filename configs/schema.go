package configs

import (
	"bytes"
	"encoding/json"
	"fmt"
	"reflect"
	"time"

	"dfsd/internal/quantity"
	"dfsd/namespace"
	"dfsd/replication"
	"dfsd/sites/adsites"
)

// schema is a JSON Schema, draft 2020-12, of one value.
type schema struct {
	Dialect     string             `json:"$schema,omitempty"`
	Title       string             `json:"title,omitempty"`
	Description string             `json:"description,omitempty"`
	Type        string             `json:"type,omitempty"`
	Const       any                `json:"const,omitempty"`
	Enum        []string           `json:"enum,omitempty"`
	Pattern     string             `json:"pattern,omitempty"`
	Default     any                `json:"default,omitempty"`
	Minimum     *int               `json:"minimum,omitempty"`
	Maximum     *int               `json:"maximum,omitempty"`
	AnyOf       []*schema          `json:"anyOf,omitempty"`
	Items       *schema            `json:"items,omitempty"`
	Properties  map[string]*schema `json:"properties,omitempty"`
	Required    []string           `json:"required,omitempty"`
	// Others is what keys beyond Properties hold, or false for none.
	Others any `json:"additionalProperties,omitempty"`
}

// Schema returns the JSON Schema of the configuration file, for editors. It is
// derived from the rooms' types, their defaults and the notes on every key.
// Files that it accepts may still be refused by Parse, which alone sees one
// part against another.
func Schema() ([]byte, error) {
	b := schemaBuilder{newLayouts()}
	root, err := b.structure(reflect.TypeFor[File](), "")
	if err != nil {
		return nil, fmt.Errorf("schema: %w", err)
	}
	root.Dialect = "https://json-schema.org/draft/2020-12/schema"
	root.Title = "Configuration of dfsd"
	root.Properties["version"].Const = Version
	var out bytes.Buffer
	w := json.NewEncoder(&out)
	w.SetEscapeHTML(false)
	w.SetIndent("", "  ")
	if err := w.Encode(root); err != nil {
		return nil, fmt.Errorf("schema: %w", err)
	}
	return out.Bytes(), nil
}

// texts describes the values of types that read their own text, apart from
// enumerations.
var texts = map[reflect.Type]schema{
	reflect.TypeFor[time.Duration]():              {Type: "string", Pattern: `^(0|([0-9]+(\.[0-9]+)?(ns|us|µs|ms|s|m|h))+)$`},
	reflect.TypeFor[quantity.Size]():              {Type: "string", Pattern: `^[0-9]+(B|KiB|MiB|GiB|TiB)$`},
	reflect.TypeFor[quantity.Bandwidth]():         {Type: "string", Pattern: `^(unlimited|[0-9]+(bit|kbit|mbit|gbit))$`},
	reflect.TypeFor[namespace.UNC]():              {Type: "string", Pattern: `^[\\/]{2}[^\\/]+[\\/][^\\/]`},
	reflect.TypeFor[replication.Fingerprint]():    {Type: "string", Pattern: `^SHA256:[A-Za-z0-9+/]{43}=?$`},
	reflect.TypeFor[replication.Days]():           {Type: "string", Pattern: `^ *(mon|tue|wed|thu|fri|sat|sun)[a-z, -]*$`},
	reflect.TypeFor[replication.TimeOfDay]():      {Type: "string", Pattern: `^([01][0-9]|2[0-3]):[0-5][0-9]$|^24:00$`},
	reflect.TypeFor[adsites.URLs]():               {Type: "string", Pattern: `^ldaps?://`},
	reflect.TypeFor[replication.TopologyConfig](): {Type: "string", Enum: []string{"full-mesh"}},
	prefixType: {Type: "string", Pattern: `^[0-9a-fA-F.:]+/[0-9]{1,3}$`},
}

// bounds are those of numbers, by the path of their key.
var bounds = map[string][2]int{
	"namespaces[].folders[].targets[].rank": {0, 31},
}

// schemaBuilder makes schemas of Go types.
type schemaBuilder struct{ layouts }

// structure describes the mapping with the keys of struct t, which stands at
// path.
func (b schemaBuilder) structure(t reflect.Type, path string) (*schema, error) {
	defaults := reflect.New(t).Elem()
	b.setDefaults(defaults)
	s := &schema{Type: "object", Properties: map[string]*schema{}, Others: false}
	for _, f := range b.of(t) {
		at := f.key
		if path != "" {
			at = path + "." + f.key
		}
		inner, err := b.value(t.Field(f.index).Type, at)
		if err != nil {
			return nil, err
		}
		n := notes[at]
		inner.Description = n.text
		if inner.Default, err = b.defaultOf(defaults.Field(f.index)); err != nil {
			return nil, fmt.Errorf("%s: %w", at, err)
		}
		if n.required {
			s.Required = append(s.Required, f.key)
			inner.Default = nil
		}
		s.Properties[f.key] = inner
	}
	return s, nil
}

// value describes values of type t that stand at path.
func (b schemaBuilder) value(t reflect.Type, path string) (*schema, error) {
	switch b.shapeOf(t) {
	case shapeText, shapeTime:
		return b.text(t, path)
	case shapeString:
		return &schema{Type: "string"}, nil
	case shapeBool:
		return &schema{Type: "boolean"}, nil
	case shapeInt:
		s := &schema{Type: "integer"}
		if bound, ok := bounds[path]; ok {
			s.Minimum, s.Maximum = &bound[0], &bound[1]
		}
		return s, nil
	}
	return b.long(t, path)
}

// text describes values that are written as one word, or in a long form.
func (b schemaBuilder) text(t reflect.Type, path string) (*schema, error) {
	if words := b.wordsOf(t); words != nil {
		return &schema{Type: "string", Enum: words}, nil
	}
	short, ok := texts[t]
	if !ok {
		return nil, fmt.Errorf("%s: no description of %s", path, t)
	}
	if !b.hasLongForm(t) {
		return &short, nil
	}
	long, err := b.long(t, path)
	if err != nil {
		return nil, err
	}
	return &schema{AnyOf: []*schema{&short, long}}, nil
}

// long describes lists and mappings.
func (b schemaBuilder) long(t reflect.Type, path string) (*schema, error) {
	switch longShape(t) {
	case shapeList:
		items, err := b.value(t.Elem(), path+"[]")
		return &schema{Type: "array", Items: items}, err
	case shapeMap:
		others, err := b.value(t.Elem(), path+".*")
		return &schema{Type: "object", Others: others}, err
	case shapeSection:
		return b.structure(t.Elem(), path)
	}
	return b.structure(t, path)
}

// defaultOf returns the default v of a key as JSON has it, nil where leaving
// out the key means that there is none.
func (b schemaBuilder) defaultOf(v reflect.Value) (any, error) {
	e := encoder(b)
	switch b.shapeOf(v.Type()) {
	case shapeBool:
		return v.Bool(), nil
	case shapeInt:
		return v.Int(), nil
	case shapeStruct, shapeSection, shapeMap:
		return nil, nil
	case shapeList:
		if v.Len() == 0 {
			return nil, nil
		}
		return v.Interface(), nil
	}
	if e.isAbsent(v) {
		return nil, nil
	}
	node, err := e.value(v)
	if err != nil {
		return nil, err
	}
	return node.Value, nil
}
