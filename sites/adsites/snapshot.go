package adsites

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"path/filepath"
	"time"

	"github.com/zeebo/blake3"

	"dfsd/internal/durable"
	"dfsd/sites"
)

// SnapshotName is the file, below the directory given, that holds the last
// good topology.
const SnapshotName = "sites.snapshot"

const (
	snapshotMagic   = "dfsdsite"
	snapshotVersion = 1
	snapshotHead    = 8 + 4 + 8 + 32
	// maxSnapshot bounds the file. 100,000 subnets take 7 MiB.
	maxSnapshot = 64 << 20
)

// ErrSnapshot is of a snapshot file that is damaged or of an unknown version.
var ErrSnapshot = errors.New("damaged snapshot")

// snapshot is the body of the file. Its fields are the format: they do not
// follow those of package sites.
type snapshot struct {
	At        time.Time         `json:"at"`
	Server    string            `json:"server"`
	Sites     []string          `json:"sites"`
	Subnets   []snapshotSubnet  `json:"subnets,omitempty"`
	Links     []snapshotLink    `json:"links,omitempty"`
	Bridges   []snapshotBridge  `json:"bridges,omitempty"`
	BridgeAll bool              `json:"bridge_all"`
	Warnings  []snapshotWarning `json:"warnings,omitempty"`
}

type snapshotSubnet struct {
	Prefix netip.Prefix `json:"prefix"`
	Site   string       `json:"site"`
}

type snapshotLink struct {
	Name  string   `json:"name"`
	Sites []string `json:"sites"`
	Cost  int      `json:"cost"`
}

type snapshotBridge struct {
	Name  string   `json:"name"`
	Links []string `json:"links"`
}

type snapshotWarning struct {
	DN      string `json:"dn,omitempty"`
	Message string `json:"message"`
}

// SaveSnapshot replaces the snapshot in dir, which must exist, by r. After a
// crash at any moment there is the old one or the new one. Two calls for one
// dir must not run at once.
func SaveSnapshot(dir string, r Reading) error {
	b, err := encodeSnapshot(r)
	if err != nil {
		return fmt.Errorf("save the topology: %w", err)
	}
	name := filepath.Join(dir, SnapshotName)
	if err := durable.Replace(name, b); err != nil {
		return fmt.Errorf("save the topology: %w", err)
	}
	return nil
}

// LoadSnapshot returns the snapshot in dir. Its Config has no fault, and its
// server counts are unknown: Changed is true of it. The error is fs.ErrNotExist
// where there is none, and ErrSnapshot where it is not whole.
func LoadSnapshot(dir string) (Reading, error) {
	name := filepath.Join(dir, SnapshotName)
	b, err := readBounded(name, maxSnapshot)
	if err != nil {
		return Reading{}, fmt.Errorf("load the topology: %w", err)
	}
	r, err := decodeSnapshot(b)
	if err != nil {
		return Reading{}, fmt.Errorf("load the topology from %s: %w", name, err)
	}
	return r, nil
}

// encodeSnapshot lays a snapshot out, numbers in network order:
//
//	magic (8) | version (4) | length of body (8) | BLAKE3 of what is before and of body (32) | body: JSON
func encodeSnapshot(r Reading) ([]byte, error) {
	body, err := json.Marshal(newSnapshot(r))
	if err != nil {
		return nil, err
	}
	if len(body) > maxSnapshot-snapshotHead {
		return nil, fmt.Errorf("it takes %d bytes, more than %d", len(body)+snapshotHead, maxSnapshot)
	}
	b := make([]byte, 0, snapshotHead+len(body))
	b = append(b, snapshotMagic...)
	b = binary.BigEndian.AppendUint32(b, snapshotVersion)
	b = binary.BigEndian.AppendUint64(b, uint64(len(body)))
	sum := snapshotSum(b, body)
	b = append(b, sum[:]...)
	return append(b, body...), nil
}

func snapshotSum(head, body []byte) [32]byte {
	h := blake3.New()
	_, _ = h.Write(head) // a hash takes all
	_, _ = h.Write(body)
	return [32]byte(h.Sum(nil))
}

func decodeSnapshot(b []byte) (Reading, error) {
	if len(b) < snapshotHead || string(b[:8]) != snapshotMagic {
		return Reading{}, fmt.Errorf("%w: it does not begin like one", ErrSnapshot)
	}
	if v := binary.BigEndian.Uint32(b[8:12]); v != snapshotVersion {
		return Reading{}, fmt.Errorf("%w: version %d, want %d", ErrSnapshot, v, snapshotVersion)
	}
	body := b[snapshotHead:]
	if n := binary.BigEndian.Uint64(b[12:20]); n != uint64(len(body)) {
		return Reading{}, fmt.Errorf("%w: %d bytes, want %d", ErrSnapshot, len(body), n)
	}
	if snapshotSum(b[:20], body) != [32]byte(b[20:snapshotHead]) {
		return Reading{}, fmt.Errorf("%w: checksum", ErrSnapshot)
	}
	var s snapshot
	if err := json.Unmarshal(body, &s); err != nil {
		return Reading{}, fmt.Errorf("%w: %w", ErrSnapshot, err)
	}
	r := s.reading()
	if len(r.Config.Sites) == 0 {
		return Reading{}, fmt.Errorf("%w: no sites", ErrSnapshot)
	}
	if err := r.Config.Validate().Err(); err != nil {
		return Reading{}, fmt.Errorf("%w: %w", ErrSnapshot, err)
	}
	return r, nil
}

func newSnapshot(r Reading) snapshot {
	s := snapshot{At: r.At.UTC(), Server: r.Server, Sites: r.Config.Sites, BridgeAll: r.Config.BridgeAll}
	for _, x := range r.Config.Subnets {
		s.Subnets = append(s.Subnets, snapshotSubnet(x))
	}
	for _, x := range r.Config.Links {
		s.Links = append(s.Links, snapshotLink(x))
	}
	for _, x := range r.Config.Bridges {
		s.Bridges = append(s.Bridges, snapshotBridge(x))
	}
	for _, x := range r.Warnings {
		s.Warnings = append(s.Warnings, snapshotWarning(x))
	}
	return s
}

func (s snapshot) reading() Reading {
	r := Reading{Config: sites.Config{Sites: s.Sites, BridgeAll: s.BridgeAll}, Server: s.Server, At: s.At}
	for _, x := range s.Subnets {
		r.Config.Subnets = append(r.Config.Subnets, sites.SubnetConfig(x))
	}
	for _, x := range s.Links {
		r.Config.Links = append(r.Config.Links, sites.LinkConfig(x))
	}
	for _, x := range s.Bridges {
		r.Config.Bridges = append(r.Config.Bridges, sites.BridgeConfig(x))
	}
	for _, x := range s.Warnings {
		r.Warnings = append(r.Warnings, Warning(x))
	}
	return r
}
