package summary

import (
	"encoding/binary"
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
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

// reader takes fields off a body. The first fault sticks, and all later fields
// are zero.
type reader struct {
	b   []byte
	off int
	now time.Time // what ages count from
	err error
}

func (r *reader) fail(format string, args ...any) {
	if r.err == nil {
		r.err = fmt.Errorf("%w: %s", ErrMalformed, fmt.Sprintf(format, args...))
	}
}

func (r *reader) left() int { return len(r.b) - r.off }

// take returns the next n bytes, which alias the body.
func (r *reader) take(n int, field string) []byte {
	if r.err != nil {
		return nil
	}
	if n < 0 || n > r.left() {
		r.fail("%s at offset %d needs %d bytes, %d left", field, r.off, n, r.left())
		return nil
	}
	r.off += n
	return r.b[r.off-n : r.off : r.off]
}

func (r *reader) byte(field string) byte {
	if b := r.take(1, field); b != nil {
		return b[0]
	}
	return 0
}

// bool takes one byte that is 0 or 1.
func (r *reader) bool(field string) bool {
	b := r.byte(field)
	if b > 1 {
		r.fail("%s is %d, neither 0 nor 1", field, b)
	}
	return b == 1
}

// uvarint takes an unsigned number in its shortest form.
func (r *reader) uvarint(field string) uint64 {
	if r.err != nil {
		return 0
	}
	v, n := binary.Uvarint(r.b[r.off:])
	if n <= 0 || n > 1 && r.b[r.off+n-1] == 0 {
		r.fail("%s at offset %d is no number", field, r.off)
		return 0
	}
	r.off += n
	return v
}

// amount takes a number of bytes or files, which is never negative.
func (r *reader) amount(field string) int64 {
	v := r.uvarint(field)
	if v > 1<<63-1 {
		r.fail("%s %d is too large", field, v)
		return 0
	}
	return int64(v)
}

// maxDuration is what a duration on the wire may be.
const maxDuration = 100 * 365 * 24 * time.Hour

// duration takes a time in milliseconds.
func (r *reader) duration(field string) time.Duration {
	v := r.uvarint(field)
	if v > uint64(maxDuration/time.Millisecond) {
		r.fail("%s of %d ms is too long", field, v)
		return 0
	}
	return time.Duration(v) * time.Millisecond
}

// stand takes boot and seq.
func (r *reader) stand() stand {
	s := stand{r.uvarint("boot"), r.uvarint("seq")}
	if s.boot > maxBoot {
		r.fail("boot %d is too large", s.boot)
	}
	return s
}

// count takes a number of items that follow, of at least least bytes each, and
// refuses more than limit or than the bytes left can hold.
func (r *reader) count(limit, least int, field string) int {
	v := r.uvarint(field)
	if v > uint64(limit) || v > uint64(r.left()/least) {
		r.fail("%d %s, at most %d; %d bytes left", v, field, limit, r.left())
		return 0
	}
	return int(v)
}

// bytes takes a byte string behind its length; it aliases the body.
func (r *reader) bytes(limit int, field string) []byte {
	n := r.uvarint(field)
	if n > uint64(limit) {
		r.fail("%s of %d bytes, at most %d", field, n, limit)
		return nil
	}
	return r.take(int(n), field)
}

// text takes a string that clip leaves as it is.
func (r *reader) text(limit int, field string) string {
	s := string(r.bytes(limit, field))
	if s != clip(s, limit) {
		r.fail("%s holds what is no text", field)
		return ""
	}
	return s
}

// name takes a text that is not empty.
func (r *reader) name(field string) string {
	s := r.text(maxText, field)
	if s == "" {
		r.fail("%s is empty", field)
	}
	return s
}

// end refuses what follows the last field, and returns the first fault.
func (r *reader) end(what string) error {
	if r.err == nil && r.left() > 0 {
		r.fail("%d bytes behind %s", r.left(), what)
	}
	return r.err
}

func appendNumber(b []byte, v uint64) []byte { return binary.AppendUvarint(b, v) }

// appendAmount writes a number of bytes or files; what is negative is none.
func appendAmount(b []byte, v int64) []byte { return appendNumber(b, uint64(max(0, v))) }

func appendDuration(b []byte, d time.Duration) []byte {
	return appendNumber(b, uint64(min(max(0, d), maxDuration)/time.Millisecond))
}

func appendBool(b []byte, v bool) []byte {
	if v {
		return append(b, 1)
	}
	return append(b, 0)
}

// appendText writes s behind its length.
func appendText[S []byte | string](b []byte, s S) []byte {
	return append(appendNumber(b, uint64(len(s))), s...)
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
