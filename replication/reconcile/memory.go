package reconcile

import (
	"bytes"
	"maps"
	"slices"

	"dfsd/replication"
	"dfsd/replication/version"
)

// Memory is a Store that lives in memory, for the simulator and for tests.
type Memory struct {
	entries map[replication.FileID]Entry
	meta    Meta
}

// NewMemory returns an empty store.
func NewMemory() *Memory { return &Memory{entries: map[replication.FileID]Entry{}} }

// Clone returns a copy that changes independently.
func (m *Memory) Clone() *Memory { return &Memory{entries: maps.Clone(m.entries), meta: m.meta} }

// All returns every entry in ascending order of ID.
func (m *Memory) All() []Entry { return m.where(func(*Entry) bool { return true }) }

// Entry implements [Store].
func (m *Memory) Entry(id replication.FileID) (Entry, bool, error) {
	e, ok := m.entries[id]
	return e, ok, nil
}

// Children implements [Store].
func (m *Memory) Children(dir replication.FileID) ([]Entry, error) {
	return m.where(func(e *Entry) bool {
		return e.Known.Parent == dir || e.Live() && e.At.Parent == dir || e.Known.Displaced && e.Known.Into == dir
	}), nil
}

// At implements [Store].
func (m *Memory) At(p Place) ([]Entry, error) {
	return m.where(func(e *Entry) bool { return e.Live() && e.At == p }), nil
}

// Wanted implements [Store].
func (m *Memory) Wanted() ([]Entry, error) {
	return m.where(func(e *Entry) bool { return e.Wanted }), nil
}

// Foreign implements [Store].
func (m *Memory) Foreign() ([]Entry, error) {
	return m.where(func(e *Entry) bool { return e.Foreign }), nil
}

// Newer implements [Store].
func (m *Memory) Newer(v version.Vector) ([]replication.Record, error) {
	var out []replication.Record
	for _, e := range m.entries {
		if e.OnRecord && !e.Foreign && !v.Covers(e.Disk.Stamp) {
			out = append(out, e.Disk)
		}
	}
	slices.SortFunc(out, func(a, b replication.Record) int { return a.Stamp.Compare(b.Stamp) })
	return out, nil
}

// Put implements [Store].
func (m *Memory) Put(e Entry) error { m.entries[e.ID] = e; return nil }

// Drop implements [Store].
func (m *Memory) Drop(id replication.FileID) error { delete(m.entries, id); return nil }

// Meta implements [Store].
func (m *Memory) Meta() (Meta, error) { return m.meta, nil }

// PutMeta implements [Store].
func (m *Memory) PutMeta(meta Meta) error { m.meta = meta; return nil }

// Commit implements [Store].
func (m *Memory) Commit() error { return nil }

func (m *Memory) where(keep func(*Entry) bool) []Entry {
	var out []Entry
	for _, e := range m.entries {
		if keep(&e) {
			out = append(out, e)
		}
	}
	slices.SortFunc(out, func(a, b Entry) int { return bytes.Compare(a.ID[:], b.ID[:]) })
	return out
}
