package install

import (
	"bytes"
	"encoding/json"
	"fmt"
	"hash/crc32"
	"strconv"
	"time"
	"unicode/utf8"

	"dfsd/replication"
)

// manifestVersion is of the lines' fields.
const manifestVersion = 1

// The states of a line. The last line of an ID holds.
const (
	intended = "intent" // the file may be on its way out: look at its slot
	kept     = "kept"   // it is in the preserved store
	gone     = "gone"   // it is not, or no longer
)

// fate is what becomes of a displaced file at the end of its batch.
type fate uint8

const (
	void fate = iota // it was never displaced, or is back
	keep
	drop
	wait // for the next Open to find out
)

// line is one line of the manifest: eight hexadecimal digits of CRC-32C over
// the rest, a space, and JSON.
//
//	3f1a02bc {"v":1,"state":"kept","id":17,"when":"…","why":"conflict","path":"a/b.txt",…}
type line struct {
	V      int       `json:"v"`
	State  string    `json:"state"`
	ID     uint64    `json:"id"`
	When   time.Time `json:"when,omitzero"`
	Why    Reason    `json:"why,omitempty"`
	By     string    `json:"by,omitempty"`
	Path   escaped   `json:"path,omitempty"` // where it was
	Slot   escaped   `json:"slot,omitempty"` // its name in staging while on its way
	Old    Identity  `json:"old,omitzero"`   // what is expected to be displaced
	New    uint64    `json:"new,omitempty"`  // inode of what takes its place
	Move   bool      `json:"move,omitempty"` // parked; goes back to Path
	Record []byte    `json:"record,omitempty"`

	written bool
	fate    fate
}

// name is that of the file in the preserved store.
func (l *line) name() string { return entryName(l.ID) }

func entryName(id uint64) string { return fmt.Sprintf("%016x", id) }

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// appendTo appends the line with its checksum and newline.
func (l *line) appendTo(b []byte) ([]byte, error) {
	text, err := json.Marshal(l)
	if err != nil {
		return b, err
	}
	b = fmt.Appendf(b, "%08x ", crc32.Checksum(text, castagnoli))
	return append(append(b, text...), '\n'), nil
}

// parseLine reads one line without its newline. false: torn, rotten, or of a
// later version.
func parseLine(b []byte) (*line, bool) {
	const sumLen = 8
	if len(b) <= sumLen || b[sumLen] != ' ' {
		return nil, false
	}
	sum, err := strconv.ParseUint(string(b[:sumLen]), 16, 32)
	if err != nil || crc32.Checksum(b[sumLen+1:], castagnoli) != uint32(sum) {
		return nil, false
	}
	l := &line{written: true}
	if err := json.Unmarshal(b[sumLen+1:], l); err != nil || l.V != manifestVersion || l.ID == 0 {
		return nil, false
	}
	return l, true
}

// parseManifest returns the last line of each ID in the order of the first,
// and whether every line was whole.
func parseManifest(b []byte) (lines []*line, whole bool) {
	at := map[uint64]int{}
	whole = true
	for len(b) > 0 {
		text, rest, ended := bytes.Cut(b, []byte{'\n'})
		b = rest
		l, ok := parseLine(text)
		if !ok || !ended {
			whole = false
		}
		if !ok {
			continue
		}
		i, known := at[l.ID]
		if !known {
			at[l.ID] = len(lines)
			lines = append(lines, l)
			continue
		}
		lines[i].succeed(l)
	}
	return lines, whole
}

// succeed takes over a later line's state; only the first has all fields.
func (l *line) succeed(later *line) {
	l.State = later.State
	if later.Why != "" {
		l.Why = later.Why
	}
}

// mend completes the line of a file that is in the store when its first line
// was lost, and tells whether it had to. Its floor begins anew, and a file of
// which nothing is known is among those that go last.
func (l *line) mend(now time.Time) (mended bool) {
	if l.When.IsZero() {
		l.When, mended = now.UTC(), true
	}
	if l.Why == "" {
		l.Why, mended = Recovered, true
	}
	if l.Path == "" {
		l.Path, mended = escaped("recovered-"+l.name()), true
	}
	return mended
}

// record returns that of the file which was expected to make way, nil when it
// is unknown.
func (l *line) record() *replication.Record {
	if len(l.Record) == 0 {
		return nil
	}
	r, _, err := replication.ParseRecord(l.Record)
	if err != nil {
		return nil
	}
	return &r
}

// escaped is a path as JSON can hold it: bytes that are not UTF-8, and "%",
// are written as "%" and two hexadecimal digits.
type escaped string

// MarshalText implements encoding.TextMarshaler.
func (e escaped) MarshalText() ([]byte, error) {
	var out []byte
	for s := string(e); s != ""; {
		r, n := utf8.DecodeRuneInString(s)
		if r == '%' || r == utf8.RuneError && n == 1 {
			out = fmt.Appendf(out, "%%%02X", s[0])
		} else {
			out = append(out, s[:n]...)
		}
		s = s[n:]
	}
	return out, nil
}

// UnmarshalText implements encoding.TextUnmarshaler.
func (e *escaped) UnmarshalText(b []byte) error {
	var out []byte
	for len(b) > 0 {
		if b[0] != '%' {
			out, b = append(out, b[0]), b[1:]
			continue
		}
		if len(b) < 3 {
			return fmt.Errorf("path ends in %q", b)
		}
		c, err := strconv.ParseUint(string(b[1:3]), 16, 8)
		if err != nil {
			return fmt.Errorf("path holds %q: %w", b[:3], err)
		}
		out, b = append(out, byte(c)), b[3:]
	}
	*e = escaped(out)
	return nil
}
