package configs

import "reflect"

// knownKey is one key that a file may hold.
type knownKey struct {
	home  string // path of the mapping that it stands in: "namespaces[].folders[]"
	path  string // its own path
	field field
	owner reflect.Type // the struct that has it
}

// walkKeys returns every key of the configuration, outer before inner.
func walkKeys(l layouts) []knownKey {
	var keys []knownKey
	var walk func(home string, t reflect.Type)
	walk = func(home string, t reflect.Type) {
		for _, f := range l.of(t) {
			path := f.key
			if home != "" {
				path = home + "." + f.key
			}
			keys = append(keys, knownKey{home, path, f, t})
			if inner, at := l.innerStruct(t.Field(f.index).Type, path); inner != nil {
				walk(at, inner)
			}
		}
	}
	walk("", reflect.TypeFor[File]())
	return keys
}

// innerStruct returns the struct that values of type t are or hold, nil for
// none, and the path of it where the value stands at path.
func (l layouts) innerStruct(t reflect.Type, path string) (reflect.Type, string) {
	shape := l.shapeOf(t)
	if shape == shapeText && l.hasLongForm(t) {
		shape = longShape(t)
	}
	switch shape {
	case shapeStruct:
		return t, path
	case shapeSection:
		return t.Elem(), path
	case shapeList:
		return l.innerStruct(t.Elem(), path+"[]")
	case shapeMap:
		return l.innerStruct(t.Elem(), path+".*")
	}
	return nil, ""
}
