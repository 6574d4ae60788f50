package configs

import (
	"errors"
	"fmt"
	"reflect"
	"regexp"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"gopkg.in/yaml.v3"
)

const quoted = yaml.SingleQuotedStyle | yaml.DoubleQuotedStyle | yaml.LiteralStyle | yaml.FoldedStyle

// isNull tells a key without a value, and the words that YAML has for that.
func isNull(n *yaml.Node) bool {
	return n.Kind == yaml.ScalarNode && n.Tag == "!!null" && n.Style&quoted == 0
}

// nullHint says what to write instead of nothing.
func (d *decoder) nullHint(t reflect.Type, at *step) string {
	if at.key == "" {
		return "; leave the line out"
	}
	switch d.shapeOf(t) {
	case shapeSection, shapeStruct, shapeMap:
		return "; leave the key out, or write {} for its defaults"
	case shapeList:
		return "; leave the key out, or write [] for none"
	}
	return "; leave the key out, or put the text in quotes"
}

// errNotWanted says that a scalar is not written as its type wants it.
var errNotWanted = errors.New("not as wanted")

// scalar fills v, which is written as one word or text, from n.
func (d *decoder) scalar(n *yaml.Node, v reflect.Value, at *step, s shape) {
	err := errNotWanted
	if n.Kind == yaml.ScalarNode {
		err = d.read(n, v, s)
	}
	if errors.Is(err, errNotWanted) {
		hint := ""
		if n.Kind == yaml.ScalarNode {
			hint = didYouMean(n.Value, d.wordsOf(v.Type()))
		}
		d.addf(n, at, "want %s, not %s%s", d.wanted(v.Type(), s), describe(n), hint)
	} else if err != nil {
		d.addf(n, at, "%v", err)
	}
}

// read fills v from the scalar n.
func (d *decoder) read(n *yaml.Node, v reflect.Value, s shape) error {
	if err := checkCharacters(n); err != nil {
		return err
	}
	plain := n.Style&quoted == 0
	switch s {
	case shapeString:
		v.SetString(n.Value)
	case shapeBool:
		if !plain || (n.Value != "true" && n.Value != "false") {
			return errNotWanted
		}
		v.SetBool(n.Value == "true")
	case shapeInt:
		i, err := strconv.ParseInt(n.Value, 10, v.Type().Bits())
		if !plain || err != nil || !digits.MatchString(n.Value) {
			return errNotWanted
		}
		v.SetInt(i)
	case shapeTime:
		t, err := time.ParseDuration(n.Value)
		if err != nil {
			return errNotWanted
		}
		v.SetInt(int64(t))
	default:
		return d.readWord(n, v)
	}
	return nil
}

// digits is how a file writes a number: not in octal, not with a plus.
var digits = regexp.MustCompile(`^(0|-?[1-9][0-9]*)$`)

// readWord fills v, whose type reads its own text.
func (d *decoder) readWord(n *yaml.Node, v reflect.Value) error {
	err := readText(v.Addr(), n.Value)
	switch {
	case err == nil:
		return nil
	case d.wordsOf(v.Type()) != nil:
		return errNotWanted
	case v.Type() == prefixType:
		return fmt.Errorf("%q is no subnet: want for example 10.1.0.0/16 or 2001:db8::/48", n.Value)
	}
	return err
}

// wanted says how values of a type are written.
func (d *decoder) wanted(t reflect.Type, s shape) string {
	switch s {
	case shapeBool:
		return "true or false"
	case shapeInt:
		return "a whole number"
	case shapeTime:
		return "a time with its unit, such as 300s, 5m or 1h30m"
	case shapeText:
		if words := d.wordsOf(t); words != nil {
			return alternatives(words)
		}
		return "one value"
	}
	return "text"
}

// alternatives joins words as a sentence does: a, b or c.
func alternatives(words []string) string {
	last := len(words) - 1
	if last < 1 {
		return strings.Join(words, "")
	}
	return strings.Join(words[:last], ", ") + " or " + words[last]
}

// isKind notes a fault where n is not of the kind that is wanted.
func (d *decoder) isKind(n *yaml.Node, kind yaml.Kind, at *step) bool {
	if n.Kind == kind {
		return true
	}
	want := "a mapping (key: value)"
	if kind == yaml.SequenceNode {
		want = "a list ([…], or lines that begin with -)"
	}
	d.addf(n, at, "want %s, not %s", want, describe(n))
	return false
}

// maxDescribed bounds what a message quotes, in runes: enough to find a slip by,
// and not a whole file that was named by mistake and may hold secrets.
const maxDescribed = 60

// describe says what n is, for a message.
func describe(n *yaml.Node) string {
	switch {
	case n.Kind == yaml.MappingNode:
		return "a mapping"
	case n.Kind == yaml.SequenceNode:
		return "a list"
	case n.Kind == yaml.AliasNode:
		return "an alias"
	case n.Style&quoted != 0:
		return "the text " + quoteStart(n.Value)
	}
	return quoteStart(n.Value)
}

// quoteStart quotes a text, of a long one the beginning.
func quoteStart(text string) string {
	if start := []rune(text); len(start) > maxDescribed {
		return strconv.Quote(string(start[:maxDescribed])) + "…"
	}
	return strconv.Quote(text)
}

// checkCharacters refuses control characters, which are almost always a
// backslash that YAML took for an escape.
func checkCharacters(n *yaml.Node) error {
	i := strings.IndexFunc(n.Value, unicode.IsControl)
	if i < 0 {
		return nil
	}
	r, _ := utf8.DecodeRuneInString(n.Value[i:])
	if n.Style&yaml.DoubleQuotedStyle != 0 {
		return fmt.Errorf("a backslash in double quotes became the control character U+%04X; write the text in single quotes or none", r)
	}
	return fmt.Errorf("the text holds the control character U+%04X; write it on one line", r)
}
