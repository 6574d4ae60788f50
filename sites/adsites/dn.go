package adsites

import (
	"encoding/hex"
	"strings"
	"unicode"
	"unicode/utf8"
)

// rdn is one part of a distinguished name, escapes undone.
type rdn struct{ attribute, value string }

// parseDN splits a distinguished name. It takes more than RFC 4514 allows, for
// directories escape more than they must (`CN=10.1.0.0\/16`); it refuses only
// what has no meaning. Values of several attributes in one part stay together.
func parseDN(dn string) ([]rdn, bool) {
	var parts []rdn
	for rest, more := dn, true; more; {
		var part string
		part, rest, more = cutUnescaped(rest, ',')
		p, ok := parseRDN(part)
		if !ok {
			return nil, false
		}
		parts = append(parts, p)
	}
	return parts, true
}

// cutUnescaped cuts s at the first separator that no backslash precedes.
func cutUnescaped(s string, separator byte) (before, after string, found bool) {
	for i := 0; i < len(s); i++ {
		switch s[i] {
		case '\\':
			i++
		case separator:
			return s[:i], s[i+1:], true
		}
	}
	return s, "", false
}

func parseRDN(part string) (rdn, bool) {
	attribute, value, found := cutUnescaped(part, '=')
	attribute = strings.TrimSpace(attribute)
	if !found || attribute == "" || strings.Contains(attribute, `\`) {
		return rdn{}, false
	}
	value, ok := unescape(trimUnescaped(value))
	return rdn{attribute, value}, ok && value != ""
}

// trimUnescaped takes blanks off both ends, but not one that is escaped.
func trimUnescaped(s string) string {
	s = strings.TrimLeft(s, " ")
	t := strings.TrimRight(s, " ")
	backslashes := len(t) - len(strings.TrimRight(t, `\`))
	if len(t) < len(s) && backslashes%2 == 1 {
		t = s[:len(t)+1]
	}
	return t
}

// unescape undoes `\,` and `\2C`; it refuses a backslash at the end.
func unescape(s string) (string, bool) {
	if !strings.Contains(s, `\`) {
		return s, true
	}
	b := make([]byte, 0, len(s))
	for i := 0; i < len(s); i++ {
		if s[i] != '\\' {
			b = append(b, s[i])
			continue
		}
		if i+1 >= len(s) {
			return "", false
		}
		if i+2 < len(s) {
			if n, err := hex.AppendDecode(b, []byte(s[i+1:i+3])); err == nil {
				b, i = n, i+2
				continue
			}
		}
		i++
		b = append(b, s[i])
	}
	return string(b), true
}

// dnKey returns a form of a distinguished name that is equal for names that
// differ in case, blanks and escapes only. What is no distinguished name has
// the key of its text.
func dnKey(dn string) string {
	parts, ok := parseDN(dn)
	if !ok {
		return fold(dn)
	}
	b := make([]byte, 0, len(dn))
	for _, p := range parts {
		b = appendFold(b, p.attribute)
		b = append(b, 1)
		b = appendFold(b, p.value)
		b = append(b, 0)
	}
	return string(b)
}

// firstValue returns the value of a name's first part.
func firstValue(dn string) (string, bool) {
	part, _, _ := cutUnescaped(dn, ',')
	p, ok := parseRDN(part)
	return p.value, ok
}

// parentDN returns dn without its first part.
func parentDN(dn string) string {
	_, parent, _ := cutUnescaped(dn, ',')
	return parent
}

// fold returns the form of a name that is equal for names that differ in case
// only: package sites compares names the same way.
func fold(name string) string { return string(appendFold(nil, name)) }

func appendFold(b []byte, name string) []byte {
	for _, r := range name {
		if r < utf8.RuneSelf {
			if 'a' <= r && r <= 'z' {
				r -= 'a' - 'A'
			}
			b = append(b, byte(r))
			continue
		}
		least := r
		for next := unicode.SimpleFold(r); next != r; next = unicode.SimpleFold(next) {
			least = min(least, next)
		}
		b = utf8.AppendRune(b, least)
	}
	return b
}
