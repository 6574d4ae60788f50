package configs

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"

	"gopkg.in/yaml.v3"
)

// parseTree returns the root mapping of the one document in b, or what keeps b
// from having one.
func parseTree(name string, b []byte) (*yaml.Node, []Fault) {
	if len(b) > maxBytes {
		return nil, []Fault{tooLong(name)}
	}
	if at := invalidUTF8(b); at >= 0 {
		line, column := lineAndColumn(b, at)
		return nil, []Fault{{name, line, column, "", fmt.Sprintf("byte 0x%02x is not UTF-8; save the file as UTF-8", b[at])}}
	}
	decoder := yaml.NewDecoder(bytes.NewReader(b))
	var doc, second yaml.Node
	err := decodeNode(decoder, &doc)
	if errors.Is(err, io.EOF) || (err == nil && isEmpty(&doc)) {
		return nil, []Fault{{name, 1, 1, "", "the file is empty; it begins with version: 1"}}
	}
	if err == nil {
		err = decodeNode(decoder, &second)
	}
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, []Fault{syntaxFault(name, b, err)}
	}
	if err == nil {
		return nil, []Fault{{name, second.Line, second.Column, "", "a second document begins here; a file holds one"}}
	}
	return doc.Content[0], nil
}

func tooLong(name string) Fault {
	return Fault{File: name, Message: fmt.Sprintf("longer than %d MiB", maxBytes>>20)}
}

// isEmpty tells a document of comments only, or of a lone `---`.
func isEmpty(doc *yaml.Node) bool {
	return len(doc.Content) == 0 || (isNull(doc.Content[0]) && doc.Content[0].Value == "")
}

// decodeNode reads the next document of d into n. The parser under it panics
// on a few malformed texts; that is an error like any other here.
func decodeNode(d *yaml.Decoder, n *yaml.Node) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("yaml: %v", r)
		}
	}()
	return d.Decode(n)
}

// invalidUTF8 returns the offset of the first byte that belongs to no
// character, or -1.
func invalidUTF8(b []byte) int {
	if utf8.Valid(b) {
		return -1
	}
	for i := 0; ; {
		r, size := utf8.DecodeRune(b[i:])
		if r == utf8.RuneError && size == 1 {
			return i
		}
		i += size
	}
}

// lineAndColumn counts both from 1, columns in characters.
func lineAndColumn(b []byte, offset int) (line, column int) {
	before := b[:offset]
	start := bytes.LastIndexByte(before, '\n') + 1
	return 1 + bytes.Count(before, []byte("\n")), 1 + utf8.RuneCount(before[start:])
}

// syntaxHints says in an administrator's words what YAML complains about.
var syntaxHints = map[string]string{
	"found unknown escape character":                        `in double quotes a backslash begins an escape; write UNC paths in single quotes or none`,
	"did not find expected hexdecimal number":               `in double quotes a backslash begins an escape; write UNC paths in single quotes or none`,
	"found unexpected end of stream":                        `this quote is never closed`,
	"mapping values are not allowed in this context":        `a key cannot stand here; check the indentation, and quote text that holds ": "`,
	"did not find expected key":                             `this does not go on with the mapping that it stands in; check the indentation`,
	"did not find expected '-' indicator":                   `this does not go on with the list that it stands in; check the indentation`,
	"could not find expected ':'":                           `a key without a value; want key: value`,
	"did not find expected ',' or ']'":                      `a list within [ ] is not closed, or lacks a comma`,
	"did not find expected ',' or '}'":                      `a mapping within { } is not closed, or lacks a comma`,
	"did not find expected node content":                    `a value is missing here, or text within { } or [ ] needs quotes`,
	"found a tab character that violates indentation":       `a tab cannot indent; use spaces`,
	"did not find expected alphabetic or numeric character": `text that begins with * or & must stand in quotes`,
	"control characters are not allowed":                    `control characters are not allowed`,
}

const unknownAnchor = "unknown anchor"

// syntaxFault explains why b is no YAML.
func syntaxFault(name string, b []byte, err error) Fault {
	problem := problemOf(err)
	offset := locate(b, problem, err)
	line, column := lineAndColumn(b, offset)
	message, ok := syntaxHints[problem]
	switch {
	case ok:
	case problem == "found character that cannot start any token" && offset < len(b):
		message = cannotStart(b[offset:])
	case problem == unknownAnchor:
		message = "text that begins with * must stand in quotes; as an alias it has no anchor above it"
	default:
		message = problem
	}
	return Fault{name, line, column, "", "not YAML: " + message}
}

func cannotStart(rest []byte) string {
	r, _ := utf8.DecodeRune(rest)
	if r == '\t' {
		return "a tab cannot indent; use spaces"
	}
	return fmt.Sprintf("a value cannot begin with %q; put the text in single quotes", r)
}

// problemOf strips the parser's own idea of the line from its message. That
// idea is often one of where the surrounding mapping began, or none.
func problemOf(err error) string {
	problem := strings.TrimPrefix(err.Error(), "yaml: ")
	if strings.HasPrefix(problem, unknownAnchor) {
		return unknownAnchor // without its name
	}
	if rest, ok := strings.CutPrefix(problem, "line "); ok {
		if _, after, ok := strings.Cut(rest, ": "); ok {
			return after
		}
	}
	return problem
}
