package targetstate

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"dfsd/internal/durable"
)

// Heard is what another host told of its decisions, kept over a restart.
type Heard struct {
	Host  string    `json:"host"`
	At    time.Time `json:"at"` // when the host said it
	Notes []byte    `json:"notes"`
}

// The bounds of what is kept of other hosts.
const (
	// MaxHeard is of how many hosts something is kept.
	MaxHeard = 64
	maxHeard = 8 << 20 // bytes of all notes
)

// heardFile is the name of the file in a Store's directory. It is apart from the
// decisions of this host: whatever others say, those are written and read.
const heardFile = "targets-heard.json"

func (s *Store) heardPath() string { return filepath.Join(filepath.Dir(s.path), heardFile) }

// Heard reads what SaveHeard wrote last, nothing where that was never. An error
// says that the file is of no use; the next SaveHeard replaces it.
func (s *Store) Heard() ([]Heard, error) {
	b, err := readBounded(s.heardPath())
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err == nil {
		b, err = unwrap(b)
	}
	var all []Heard
	if err == nil {
		err = json.Unmarshal(b, &all)
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", s.heardPath(), err)
	}
	return boundHeard(all), nil
}

// SaveHeard keeps what other hosts told in place of all before, within bounds,
// and returns what was kept.
func (s *Store) SaveHeard(all []Heard) ([]Heard, error) {
	all = boundHeard(all)
	inner, err := json.Marshal(all)
	if err == nil {
		err = os.MkdirAll(filepath.Dir(s.path), 0o700)
	}
	if err == nil {
		err = durable.Replace(s.heardPath(), enclose(inner))
	}
	if err != nil {
		return nil, fmt.Errorf("keep what other hosts decided about targets: %w", err)
	}
	return all, nil
}

// boundHeard returns the first of all that there is room for, by host.
func boundHeard(all []Heard) []Heard {
	kept := []Heard{}
	size := 0
	for _, h := range slices.SortedFunc(slices.Values(all), func(a, b Heard) int { return strings.Compare(a.Host, b.Host) }) {
		h.At = normalTime(h.At)
		if y := h.At.Year(); h.Host == "" || y < 1 || y > 9999 {
			continue
		}
		if size += len(h.Notes); len(kept) == MaxHeard || size > maxHeard {
			break
		}
		kept = append(kept, h)
	}
	return kept
}
