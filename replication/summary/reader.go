package summary

import (
	"encoding/binary"
	"errors"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"dfsd/internal/field"
)

// What ends a connection.
var (
	// ErrMalformed is for bytes that no honest peer would send.
	ErrMalformed = errors.New("malformed status summary")
	// ErrProtocol is for messages that are well formed and out of place.
	ErrProtocol = errors.New("status summary out of place")
	// ErrVersion is for a peer with no version of the protocol in common.
	ErrVersion = errors.New("no version of the status protocol in common")
	// ErrName is for a peer that gives itself another name than the
	// configuration gives it.
	ErrName = errors.New("the host gives itself another name than the configuration")
	// ErrUnknown is for a host that is not in the configuration.
	ErrUnknown = errors.New("the host is not in the configuration")
	// ErrReplaced is for a connection in whose place there is another.
	ErrReplaced = errors.New("another connection took the place of this one")
)

// reader takes the fields of this protocol off a body.
type reader struct {
	field.Reader
	now time.Time // what ages count from
}

func readerOf(body []byte, now time.Time) *reader {
	return &reader{field.Reader{Body: body, Malformed: ErrMalformed}, now}
}

// maxDuration is what a duration on the wire may be.
const maxDuration = 100 * 365 * 24 * time.Hour

// duration takes a time in milliseconds.
func (r *reader) duration(field string) time.Duration {
	v := r.Uvarint(field)
	if v > uint64(maxDuration/time.Millisecond) {
		r.Fail("%s of %d ms is too long", field, v)
		return 0
	}
	return time.Duration(v) * time.Millisecond
}

// stand takes boot and seq.
func (r *reader) stand() stand {
	s := stand{r.Uvarint("boot"), r.Uvarint("seq")}
	if s.boot > maxBoot {
		r.Fail("boot %d is too large", s.boot)
	}
	return s
}

// text takes a string that clip leaves as it is.
func (r *reader) text(limit int, field string) string {
	s := string(r.Bytes(limit, field))
	if s != clip(s, limit) {
		r.Fail("%s holds what is no text", field)
		return ""
	}
	return s
}

// name takes a text that is not empty.
func (r *reader) name(field string) string {
	s := r.text(maxText, field)
	if s == "" {
		r.Fail("%s is empty", field)
	}
	return s
}

func appendNumber(b []byte, v uint64) []byte { return binary.AppendUvarint(b, v) }

// appendAmount writes a number of bytes or files; what is negative is none.
func appendAmount(b []byte, v int64) []byte { return appendNumber(b, uint64(max(0, v))) }

func appendDuration(b []byte, d time.Duration) []byte {
	return appendNumber(b, uint64(min(max(0, d), maxDuration)/time.Millisecond))
}

// clip makes a text of ours one that a peer accepts and that is safe to print:
// UTF-8 of at most limit bytes without control characters.
func clip(s string, limit int) string {
	if len(s) <= limit && isPlain(s) {
		return s
	}
	s = strings.ToValidUTF8(s, "\uFFFD")
	s = strings.Map(func(c rune) rune {
		if unicode.IsControl(c) {
			return ' '
		}
		return c
	}, s)
	if len(s) <= limit {
		return s
	}
	for limit > 0 && !utf8.RuneStart(s[limit]) {
		limit--
	}
	return s[:limit]
}

// isPlain tells whether s is printable ASCII, as most texts are.
func isPlain(s string) bool {
	for i := range len(s) {
		if s[i] < ' ' || s[i] > '~' {
			return false
		}
	}
	return true
}
