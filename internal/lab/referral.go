//go:build integration

package lab

import (
	"context"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"path/filepath"
	"slices"
	"strings"
	"unicode/utf16"
)

// Question is one referral request as bytes on the wire, put by impacket.
type Question struct {
	Dialect   string  `json:"dialect"`    // 2.0.2, 2.1 or 3.0
	Path      string  `json:"path"`       // `\host\namespace\folder`
	Level     int     `json:"level"`      // MaxReferralLevel
	MaxOutput int     `json:"max_output"` // bytes; 0: 8192
	Site      *string `json:"site"`       // not nil: FSCTL_DFS_GET_REFERRALS_EX
}

// Answer is what came back: an NTSTATUS, and with STATUS_SUCCESS the bytes of
// RESP_GET_DFS_REFERRAL.
type Answer struct {
	Question
	Status uint32
	Bytes  []byte
}

// String names the question, for failure texts.
func (a Answer) String() string {
	return fmt.Sprintf("referral %s at level %d over SMB %s", a.Path, a.Level, a.Dialect)
}

// Ask puts questions to the server of a host from the station and returns the
// answers in the same order.
func (s *Station) Ask(host netip.Addr, as Account, questions ...Question) []Answer {
	s.lab.t.Helper()
	answers, err := s.ask(s.lab.t.Context(), host, as, questions)
	if err != nil {
		s.lab.t.Fatal(err)
	}
	return answers
}

func (s *Station) ask(ctx context.Context, host netip.Addr, as Account, questions []Question) ([]Answer, error) {
	questions = slices.Clone(questions)
	for i := range questions {
		if questions[i].MaxOutput == 0 {
			questions[i].MaxOutput = 8192
		}
	}
	root, err := repository()
	if err != nil {
		return nil, err
	}
	in, err := json.Marshal(questions)
	if err != nil {
		return nil, err
	}
	out := execute(ctx, string(in), "nsenter", "--net="+netnsPath+s.ns, "--",
		debianPython, filepath.Join(root, "internal", "lab", "testdata", "referral.py"), host.String(), as.User, as.Password)
	if !out.OK() {
		return nil, errors.New(out.String())
	}
	var answers []Answer
	for line := range strings.Lines(out.Stdout) {
		var a struct {
			Question
			Status   uint32 `json:"status"`
			Response string `json:"response"`
		}
		if err := json.Unmarshal([]byte(line), &a); err != nil {
			return nil, fmt.Errorf("%w in %q", err, line)
		}
		b, err := hex.DecodeString(a.Response)
		if err != nil {
			return nil, err
		}
		answers = append(answers, Answer{Question: a.Question, Status: a.Status, Bytes: b})
	}
	if len(answers) != len(questions) {
		return nil, fmt.Errorf("%d questions, %d answers", len(questions), len(answers))
	}
	return answers, nil
}

// Referral is a decoded RESP_GET_DFS_REFERRAL.
type Referral struct {
	PathConsumed int // bytes
	HeaderFlags  uint32
	Entries      []Entry
}

// Entry is a decoded referral entry of version 1 to 4, without name lists.
type Entry struct {
	Version    int
	Size       int
	ServerType int // 1: root targets
	Flags      uint16
	TTL        int // seconds; 0 in version 1
	DFSPath    string
	Alternate  string
	Target     string // `\host\share\dir`
}

// setBoundary is TargetSetBoundary of an entry of version 4.
const setBoundary = 0x0004

// Referral decodes the answer: [MS-DFSC] 2.2.4 to 2.2.5. It is written apart
// from the decoder of dfsd on purpose.
func (a Answer) Referral() (r Referral, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("%s: cut short or offset out of range: %v\n% x", a, p, a.Bytes)
		}
	}()
	b := a.Bytes
	r.PathConsumed = int(binary.LittleEndian.Uint16(b))
	n := int(binary.LittleEndian.Uint16(b[2:]))
	r.HeaderFlags = binary.LittleEndian.Uint32(b[4:])
	b = b[8:]
	for range n {
		e := decodeEntry(b)
		r.Entries = append(r.Entries, e)
		b = b[e.Size:]
	}
	return r, nil
}

// decodeEntry reads the entry that begins at b[0]; strings may lie anywhere
// behind. It panics where the entry is cut short.
func decodeEntry(b []byte) Entry {
	u16 := func(at int) int { return int(binary.LittleEndian.Uint16(b[at:])) }
	e := Entry{Version: u16(0), Size: u16(2), ServerType: u16(4), Flags: binary.LittleEndian.Uint16(b[6:])}
	switch e.Version {
	case 1:
		e.Target = cString(b[8:])
	case 2:
		e.TTL = int(binary.LittleEndian.Uint32(b[12:]))
		e.DFSPath, e.Alternate, e.Target = cString(b[u16(16):]), cString(b[u16(18):]), cString(b[u16(20):])
	default:
		e.TTL = int(binary.LittleEndian.Uint32(b[8:]))
		e.DFSPath, e.Alternate, e.Target = cString(b[u16(12):]), cString(b[u16(14):]), cString(b[u16(16):])
	}
	return e
}

// cString reads UTF-16LE up to its NUL, and panics where there is none.
func cString(b []byte) string {
	var units []uint16
	for {
		u := binary.LittleEndian.Uint16(b)
		if u == 0 {
			return string(utf16.Decode(units))
		}
		units, b = append(units, u), b[2:]
	}
}

// Targets lists the targets in order, as `\\host\share`.
func (r Referral) Targets() []string {
	var targets []string
	for _, e := range r.Entries {
		targets = append(targets, `\`+e.Target)
	}
	return targets
}

// Sets groups the targets of a version 4 referral by target set, in order.
func (r Referral) Sets() [][]string {
	var sets [][]string
	for i, target := range r.Targets() {
		if i == 0 || r.Entries[i].Flags&setBoundary != 0 {
			sets = append(sets, nil)
		}
		sets[len(sets)-1] = append(sets[len(sets)-1], target)
	}
	return sets
}

// Decodes asks ndrdump, Samba's decoder, whether an answer is well formed.
func (l *Lab) Decodes(a Answer) error {
	l.t.Helper()
	file := l.WriteFile(l.Dir("ndr"), "referral.bin", string(a.Bytes))
	out := execute(l.t.Context(), "", "ndrdump", "dfsblobs", "dfs_referral_resp", "struct", file)
	if !out.OK() || !strings.Contains(out.All(), "pull returned Success") || strings.Contains(out.All(), "NOT CONSUMED") {
		return fmt.Errorf("ndrdump: %s", out)
	}
	return nil
}
