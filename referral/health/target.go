package health

import (
	"cmp"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// Target is one thing to probe: a share, or a folder in it, on a host.
type Target struct {
	Host   string // as configured; its case does not matter
	Path   string // share\dir, without the host; its case does not matter
	Policy Policy
}

// Policy says how often a target is probed and how soon its state changes.
// Values come validated; a zero takes its default.
//
// A host is probed for all its targets at once, so it is the shortest interval
// and the shortest timeout of its targets that count.
type Policy struct {
	Interval  time.Duration // between the beginnings of two probes; 0: 10 s
	Timeout   time.Duration // of one probe of one host, with all its paths; 0: 3 s
	DownAfter int           // failures in a row; 0: 3
	UpAfter   int           // successes in a row; 0: 2
}

func (p Policy) withDefaults() Policy {
	return Policy{
		Interval:  cmp.Or(max(p.Interval, 0), 10*time.Second),
		Timeout:   cmp.Or(max(p.Timeout, 0), 3*time.Second),
		DownAfter: cmp.Or(max(p.DownAfter, 0), 3),
		UpAfter:   cmp.Or(max(p.UpAfter, 0), 2),
	}
}

// strictest returns what satisfies both policies.
func (p Policy) strictest(q Policy) Policy {
	return Policy{
		Interval:  min(p.Interval, q.Interval),
		Timeout:   min(p.Timeout, q.Timeout),
		DownAfter: min(p.DownAfter, q.DownAfter),
		UpAfter:   max(p.UpAfter, q.UpAfter),
	}
}

// appendKey appends what names a target whatever the case of its letters. A
// host has no backslash, so the first one parts it from the path.
func appendKey(dst []byte, host, path string) []byte {
	dst = append(appendFold(dst, host), '\\')
	return appendFold(dst, strings.Trim(path, `\`))
}

// appendFold appends s in upper case. A letter whose upper case belongs to
// another letter, such as the dotless i, stays: it is another name to Windows.
func appendFold(dst []byte, s string) []byte {
	for i, r := range s {
		switch {
		case 'a' <= r && r <= 'z':
			dst = append(dst, byte(r)-('a'-'A'))
		case r < utf8.RuneSelf:
			dst = append(dst, byte(r))
		case r == utf8.RuneError:
			_, n := utf8.DecodeRuneInString(s[i:])
			dst = append(dst, s[i:i+n]...)
		default:
			dst = utf8.AppendRune(dst, foldRune(r))
		}
	}
	return dst
}

func foldRune(r rune) rune {
	if upper := unicode.ToUpper(r); unicode.ToLower(upper) == r {
		return upper
	}
	return r
}
