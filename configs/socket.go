package configs

import (
	"bytes"

	"gopkg.in/yaml.v3"
)

// AdminSocket is admin.socket of a file's text, which may have any fault: a daemon
// that runs what stood there before is found by it. Where nothing can be told from
// the text it is the default, and not named.
func AdminSocket(text []byte) (socket string, named bool) {
	var standard Admin
	standard.SetDefaults()
	// What is no YAML as a whole may have the section whole.
	for _, part := range [][]byte{text, adminSection(text)} {
		if socket, named = socketIn(part, standard.Socket); named {
			return socket, true
		}
	}
	return standard.Socket, false
}

// socketIn reads admin.socket, and nothing else, from a text, which may have any
// fault but to be no YAML. A text without it means standard.
func socketIn(text []byte, standard string) (socket string, ok bool) {
	var doc yaml.Node
	if decodeNode(yaml.NewDecoder(bytes.NewReader(text)), &doc) != nil || len(doc.Content) == 0 || doc.Content[0].Kind != yaml.MappingNode {
		return "", false
	}
	section := valueAt(doc.Content[0], "admin")
	if section == nil {
		return standard, true
	}
	if section.Kind != yaml.MappingNode {
		return "", false
	}
	value := valueAt(section, "socket")
	if value == nil {
		return standard, true
	}
	return value.Value, value.Kind == yaml.ScalarNode && value.ShortTag() == "!!str" && value.Value != ""
}

// valueAt is the value of a key that a mapping has, nil where it has none.
func valueAt(mapping *yaml.Node, key string) *yaml.Node {
	value, _ := member(mapping, key)
	if value != nil && value.Kind == yaml.AliasNode {
		return value.Alias
	}
	return value
}

// adminSection cuts the section `admin` out of a text, by its lines alone.
func adminSection(text []byte) []byte {
	var section []byte
	within := false
	for line := range bytes.Lines(text) {
		if first := line[0]; first != ' ' && first != '\t' && first != '#' && len(bytes.TrimSpace(line)) > 0 {
			within = bytes.HasPrefix(line, []byte("admin:"))
		}
		if within {
			section = append(section, line...)
		}
	}
	return section
}
