package targetstate

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"maps"
	"slices"
	"strconv"
	"time"

	"dfsd/referral"
)

// The file is one line of JSON, in exactly this spelling around the content, so
// that every cut and every flipped bit shows:
//
//	{"version":1,"crc32c":"xxxxxxxx","content":{…}}⏎
//
// The checksum is CRC-32C of the bytes of the content, in lower-case hex.
const (
	fileVersion = 1
	beforeNum   = `{"version":`
	beforeSum   = `,"crc32c":"`
	beforeBody  = `","content":`
	afterBody   = "}\n"
	sumDigits   = 8
)

// body is the content as the file spells it, its lists sorted.
type body struct {
	Decisions []savedDecision `json:"decisions"`
	Statuses  []savedStatus   `json:"statuses"`
}

type savedDecision struct {
	Kind     Kind      `json:"kind"`
	Host     string    `json:"host,omitempty"`
	Path     string    `json:"path,omitempty"`
	Target   string    `json:"target,omitempty"`
	Reason   string    `json:"reason,omitempty"`
	By       string    `json:"by,omitempty"`
	At       time.Time `json:"at"`
	Until    time.Time `json:"until,omitzero"`
	OldTTL   string    `json:"old_ttl,omitempty"`
	TakenOut time.Time `json:"taken_out,omitzero"`
	Finished time.Time `json:"finished,omitzero"`
}

type savedStatus struct {
	Key    string    `json:"key"`
	State  string    `json:"state"`
	Reason string    `json:"reason,omitempty"`
	Since  time.Time `json:"since,omitzero"`
}

func sumOf(b []byte) string {
	return fmt.Sprintf("%0*x", sumDigits, crc32.Checksum(b, crc32.MakeTable(crc32.Castagnoli)))
}

func (c content) encode() ([]byte, error) {
	out := body{Decisions: []savedDecision{}, Statuses: []savedStatus{}}
	for _, d := range slices.SortedFunc(maps.Values(c.decisions), byScope) {
		out.Decisions = append(out.Decisions, newSavedDecision(d))
	}
	for _, key := range slices.Sorted(maps.Keys(c.statuses)) {
		s := c.statuses[key]
		out.Statuses = append(out.Statuses, savedStatus{key, s.State.String(), s.Reason, s.Since})
	}
	inner, err := json.Marshal(out)
	if err != nil {
		return nil, err
	}
	b := enclose(inner)
	if len(b) > maxFile {
		return nil, fmt.Errorf("%d bytes are more than the %d that are read again", len(b), maxFile)
	}
	return b, nil
}

// enclose returns the file of a content.
func enclose(inner []byte) []byte {
	b := strconv.AppendInt([]byte(beforeNum), fileVersion, 10)
	b = append(append(b, beforeSum...), sumOf(inner)...)
	return append(append(append(b, beforeBody...), inner...), afterBody...)
}

// decode reads a whole file. Its errors are ErrCorrupt, or tell that a newer
// version wrote it.
func decode(b []byte) (content, error) {
	inner, err := unwrap(b)
	if err != nil {
		return content{}, err
	}
	in := json.NewDecoder(bytes.NewReader(inner))
	in.DisallowUnknownFields()
	var saved body
	if err := in.Decode(&saved); err != nil {
		return content{}, fmt.Errorf("%w: %w", ErrCorrupt, err)
	}
	if _, err := in.Token(); !errors.Is(err, io.EOF) {
		return content{}, fmt.Errorf("%w: more than its content", ErrCorrupt)
	}
	c, err := saved.content()
	if err != nil {
		return content{}, fmt.Errorf("%w: %w", ErrCorrupt, err)
	}
	return c, nil
}

// unwrap returns the bytes of the content, whose checksum is right.
func unwrap(b []byte) ([]byte, error) {
	if len(b) > maxFile {
		return nil, fmt.Errorf("%w: longer than %d MiB", ErrCorrupt, maxFile>>20)
	}
	rest, ok := bytes.CutPrefix(b, []byte(beforeNum))
	num, rest, found := bytes.Cut(rest, []byte(beforeSum))
	version, err := strconv.ParseUint(string(num[:min(len(num), 10)]), 10, 32)
	switch {
	case !ok || !found || err != nil:
		return nil, fmt.Errorf("%w: its beginning is not that of such a file", ErrCorrupt)
	case version > fileVersion:
		return nil, fmt.Errorf("version %d was written by a newer dfsd, which can read it", version)
	case string(num) != strconv.Itoa(fileVersion):
		return nil, fmt.Errorf("%w: version %d never was", ErrCorrupt, version)
	case len(rest) < sumDigits:
		return nil, fmt.Errorf("%w: it ends early", ErrCorrupt)
	}
	sum := string(rest[:sumDigits])
	inner, ok := bytes.CutPrefix(rest[sumDigits:], []byte(beforeBody))
	inner, whole := bytes.CutSuffix(inner, []byte(afterBody))
	switch {
	case !ok || !whole:
		return nil, fmt.Errorf("%w: it ends early", ErrCorrupt)
	case sum != sumOf(inner):
		return nil, fmt.Errorf("%w: its checksum is not that of its content", ErrCorrupt)
	}
	return inner, nil
}

func newSavedDecision(d Decision) savedDecision {
	s := savedDecision{
		Kind: d.Kind, Host: d.Host, Path: d.Path, Target: d.Target, Reason: d.Reason, By: d.By,
		At: d.At, Until: d.Until, TakenOut: d.TakenOut, Finished: d.Finished,
	}
	if d.OldTTL != 0 {
		s.OldTTL = d.OldTTL.String()
	}
	return s
}

func (s savedDecision) decision() (Decision, error) {
	d := Decision{
		Kind: s.Kind, Host: s.Host, Path: s.Path, Target: s.Target, Reason: s.Reason, By: s.By,
		At: s.At, Until: s.Until, TakenOut: s.TakenOut, Finished: s.Finished,
	}
	if s.OldTTL != "" {
		var err error
		if d.OldTTL, err = time.ParseDuration(s.OldTTL); err != nil {
			return Decision{}, err
		}
	}
	d = d.normal()
	return d, d.check()
}

func (b body) content() (content, error) {
	if len(b.Decisions) > maxDecisions || len(b.Statuses) > maxStatuses {
		return content{}, errors.New("more entries than are ever written")
	}
	c := content{decisions: map[Scope]Decision{}, statuses: map[string]SavedStatus{}}
	for i, saved := range b.Decisions {
		d, err := saved.decision()
		if err != nil {
			return content{}, fmt.Errorf("decision %d: %w", i, err)
		}
		scope := foldScope(d.Scope())
		if _, twice := c.decisions[scope]; twice {
			return content{}, fmt.Errorf("decision %d: the second of its scope", i)
		}
		c.decisions[scope] = d
	}
	for i, saved := range b.Statuses {
		s := saved.status()
		if err := s.check(saved.Key); err != nil {
			return content{}, fmt.Errorf("status %d: %w", i, err)
		}
		if _, twice := c.statuses[saved.Key]; twice {
			return content{}, fmt.Errorf("status %d: the second of its target", i)
		}
		c.statuses[saved.Key] = s
	}
	return c, nil
}

// status returns what was saved; a state that is no demotion is Up, which check
// refuses.
func (s savedStatus) status() SavedStatus {
	status := SavedStatus{State: referral.Up, Reason: s.Reason, Since: s.Since}
	for _, state := range []referral.State{referral.Lagging, referral.Down} {
		if s.State == state.String() {
			status.State = state
		}
	}
	return status.normal()
}
