package audit

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"
)

// ErrMalformed says that a line is no entry, or not what was written.
var ErrMalformed = errors.New("malformed audit entry")

// Entry is one change. Append fills Seq, Previous and Sum, and At where it is
// zero; it cuts what is longer than a field may be, and says so in the field.
// Nothing in it may be a secret.
type Entry struct {
	At     time.Time `json:"at"`
	Seq    uint64    `json:"seq"` // from 1, without gaps
	Who    Who       `json:"who"`
	Action string    `json:"action"` // NOUN.VERB: target.drain, configuration.reload, replication.pause
	Object string    `json:"object"` // what was changed
	// Before and After are JSON: what stood there, and what stands there now.
	Before json.RawMessage `json:"before,omitempty"`
	After  json.RawMessage `json:"after,omitempty"`
	Reason string          `json:"reason,omitempty"` // in the words of who asked
	Result string          `json:"result,omitempty"` // the error's text; "" of a success
	// Previous is the Sum of the entry before, "" of the first one.
	Previous string `json:"previous"`
	Sum      string `json:"sum"` // SHA-256 in hex
}

// Who is where a change came from.
type Who struct {
	Way     string `json:"way"`               // Socket, HTTP, Signal or Daemon
	User    string `json:"user,omitempty"`    // a user of this host, or how the caller proved itself
	UID     int    `json:"uid"`               // -1: none known
	Address string `json:"address,omitempty"` // of the network, with the port
}

// The ways that a change can come.
const (
	Socket = "socket" // the admin socket
	HTTP   = "http"   // the API over the network
	Signal = "signal" // a signal to the process
	Daemon = "daemon" // the daemon by itself
)

// Longest fields, in bytes.
const (
	maxAction = 64
	maxUser   = 256
	maxObject = 4096
	maxReason = 2048
	maxResult = 4096
	maxState  = 16 << 10 // of Before and of After

	// maxLine bounds a line with its newline: every byte of text may become six
	// in JSON.
	maxLine = 6*(2*maxAction+2*maxUser+maxObject+maxReason+maxResult) + 2*maxState + 1024
)

// sumMark is what stands between what is summed and its sum.
const sumMark = `,"sum":"`

// seal bounds e and returns it with its sum, and the line for the file.
func seal(e Entry) (Entry, []byte, error) {
	e.At = e.At.UTC().Round(0)
	e.Who.Way, e.Who.User, e.Who.Address = cut(e.Who.Way, maxAction), cut(e.Who.User, maxUser), cut(e.Who.Address, maxUser)
	e.Action, e.Object = cut(e.Action, maxAction), cut(e.Object, maxObject)
	e.Reason, e.Result = cut(e.Reason, maxReason), cut(e.Result, maxResult)
	e.Before, e.After = state(e.Before), state(e.After)
	e.Sum = strings.Repeat("0", hex.EncodedLen(sha256.Size))
	line, err := encode(e)
	if err != nil {
		return e, nil, err
	}
	e.Sum = sumOf(line)
	copy(line[len(line)-len(e.Sum)-len("\"}\n"):], e.Sum)
	return e, line, nil
}

// encode is the one way to write an entry, so that reading compares bytes.
func encode(e Entry) ([]byte, error) {
	var b bytes.Buffer
	w := json.NewEncoder(&b)
	w.SetEscapeHTML(false)
	if err := w.Encode(e); err != nil {
		return nil, fmt.Errorf("put an audit entry into JSON: %w", err)
	}
	return b.Bytes(), nil
}

// sumOf sums a line that ends in a sum of the right length.
func sumOf(line []byte) string {
	summed := line[:len(line)-len(sumMark)-hex.EncodedLen(sha256.Size)-len("\"}\n")]
	h := sha256.New()
	h.Write(summed)
	h.Write([]byte("}"))
	return hex.EncodeToString(h.Sum(nil))
}

// ParseEntry reads one line, its newline included. ErrMalformed: it is not byte
// for byte what Append writes, or its sum is wrong.
func ParseEntry(line []byte) (Entry, error) {
	var e Entry
	if len(line) > maxLine {
		return e, fmt.Errorf("%w: %d bytes, the longest has %d", ErrMalformed, len(line), maxLine)
	}
	if err := json.Unmarshal(line, &e); err != nil {
		return Entry{}, fmt.Errorf("%w: %w", ErrMalformed, err)
	}
	again, err := encode(e)
	if err != nil || !bytes.Equal(again, line) || len(e.Sum) != hex.EncodedLen(sha256.Size) {
		return Entry{}, fmt.Errorf("%w: not as it is written", ErrMalformed)
	}
	if sum := sumOf(line); sum != e.Sum {
		return Entry{}, fmt.Errorf("%w: its sum is %s, it says %s", ErrMalformed, sum, e.Sum)
	}
	return e, nil
}

// cut bounds a text and keeps it valid.
func cut(s string, limit int) string {
	s = strings.ToValidUTF8(s, "\uFFFD")
	if len(s) <= limit {
		return s
	}
	mark := fmt.Sprintf("… (%d bytes)", len(s))
	keep := max(0, limit-len(mark))
	for keep > 0 && !utf8.RuneStart(s[keep]) {
		keep--
	}
	return s[:keep] + mark
}

// state bounds a JSON value; of one that is too long, or is none, it keeps the
// size and the SHA-256.
func state(v json.RawMessage) json.RawMessage {
	if len(v) == 0 {
		return nil
	}
	v = bytes.ToValidUTF8(v, []byte("\uFFFD"))
	var compact bytes.Buffer
	if err := json.Compact(&compact, v); err != nil || compact.Len() > maxState {
		sum := sha256.Sum256(v)
		return fmt.Appendf(nil, `{"left_out_bytes":%d,"sha256":%q}`, len(v), hex.EncodeToString(sum[:]))
	}
	return compact.Bytes()
}
