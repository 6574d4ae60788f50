package reconcile

import (
	"bytes"
	"iter"
	"maps"
	"slices"

	"dfsd/replication"
	"dfsd/replication/version"
)

type ids map[replication.FileID]struct{}

// Memory is a Store that lives in memory, for the simulator and for tests.
type Memory struct {
	entries  map[replication.FileID]*Entry // what a pointer leads to is not changed
	children map[replication.FileID]ids
	at       map[Place]ids
	wanted   ids
	foreign  ids
	meta     Meta
}

// NewMemory returns an empty store.
func NewMemory() *Memory {
	return &Memory{
		entries: map[replication.FileID]*Entry{}, children: map[replication.FileID]ids{},
		at: map[Place]ids{}, wanted: ids{}, foreign: ids{},
	}
}

// Clone returns a copy that changes independently.
func (m *Memory) Clone() *Memory {
	c := NewMemory()
	c.entries, c.meta = maps.Clone(m.entries), m.meta
	for _, e := range c.entries {
		c.list(e)
	}
	return c
}

// All returns every entry in ascending order of ID.
func (m *Memory) All() []Entry {
	out := make([]Entry, 0, len(m.entries))
	for _, e := range m.entries {
		out = append(out, *e)
	}
	slices.SortFunc(out, func(a, b Entry) int { return bytes.Compare(a.ID[:], b.ID[:]) })
	return out
}

// Entry implements [Store].
func (m *Memory) Entry(id replication.FileID) (Entry, bool, error) {
	if e, ok := m.entries[id]; ok {
		return *e, true, nil
	}
	return Entry{}, false, nil
}

// Children implements [Store].
func (m *Memory) Children(dir replication.FileID) ([]Entry, error) {
	return m.pick(m.children[dir]), nil
}

// At implements [Store].
func (m *Memory) At(p Place) ([]Entry, error) { return m.pick(m.at[p]), nil }

// Wanted implements [Store].
func (m *Memory) Wanted() iter.Seq2[Entry, error] { return m.each(m.wanted) }

// Foreign implements [Store].
func (m *Memory) Foreign() iter.Seq2[Entry, error] { return m.each(m.foreign) }

// Newer implements [Store].
func (m *Memory) Newer(v version.Vector) iter.Seq2[replication.Record, error] {
	return func(yield func(replication.Record, error) bool) {
		var out []replication.Record
		for _, e := range m.entries {
			if e.OnRecord && !e.Foreign && !v.Covers(e.Disk.Stamp) {
				out = append(out, e.Disk)
			}
		}
		slices.SortFunc(out, func(a, b replication.Record) int { return a.Stamp.Compare(b.Stamp) })
		for i := range out {
			if !yield(out[i], nil) {
				return
			}
		}
	}
}

// Put implements [Store].
func (m *Memory) Put(e Entry) error {
	old, ok := m.entries[e.ID]
	m.entries[e.ID] = &e
	if ok && listed(old) == listed(&e) {
		return nil
	}
	if ok {
		m.unlist(old)
	}
	m.list(&e)
	return nil
}

// Drop implements [Store].
func (m *Memory) Drop(id replication.FileID) error {
	if old, ok := m.entries[id]; ok {
		m.unlist(old)
		delete(m.entries, id)
	}
	return nil
}

// Meta implements [Store].
func (m *Memory) Meta() (Meta, error) { return m.meta, nil }

// PutMeta implements [Store].
func (m *Memory) PutMeta(meta Meta) error { m.meta = meta; return nil }

// Commit implements [Store].
func (m *Memory) Commit() error { return nil }

// listing is all that the lists depend on.
type listing struct {
	live, belongs, wanted, foreign bool
	at                             Place
	parent, into                   replication.FileID
}

func listed(e *Entry) listing {
	l := listing{live: e.Live(), belongs: !e.Known.Deleted, wanted: e.Wanted, foreign: e.Foreign, parent: e.Known.Parent, into: e.Known.Into}
	if l.live {
		l.at = e.At
	}
	return l
}

func (m *Memory) list(e *Entry) {
	if e.Live() {
		enlist(m.children, e.At.Parent, e.ID)
		enlist(m.at, e.At, e.ID)
	}
	if !e.Known.Deleted {
		enlist(m.children, e.Known.Parent, e.ID)
	}
	if e.Known.Displaced && e.Known.Into != replication.RootID {
		enlist(m.children, e.Known.Into, e.ID)
	}
	if e.Wanted {
		m.wanted[e.ID] = struct{}{}
	}
	if e.Foreign {
		m.foreign[e.ID] = struct{}{}
	}
}

func (m *Memory) unlist(e *Entry) {
	if e.Live() {
		delist(m.at, e.At, e.ID)
		delist(m.children, e.At.Parent, e.ID)
	}
	delist(m.children, e.Known.Parent, e.ID)
	if e.Known.Into != replication.RootID {
		delist(m.children, e.Known.Into, e.ID)
	}
	delete(m.wanted, e.ID)
	delete(m.foreign, e.ID)
}

func enlist[K comparable](in map[K]ids, k K, id replication.FileID) {
	set, ok := in[k]
	if !ok {
		set = ids{}
		in[k] = set
	}
	set[id] = struct{}{}
}

func delist[K comparable](in map[K]ids, k K, id replication.FileID) {
	set := in[k]
	if delete(set, id); len(set) == 0 {
		delete(in, k)
	}
}

func (m *Memory) pick(set ids) []Entry {
	if len(set) == 0 {
		return nil
	}
	out := make([]Entry, 0, len(set))
	for _, id := range set.sorted() {
		out = append(out, *m.entries[id])
	}
	return out
}

func (m *Memory) each(set ids) iter.Seq2[Entry, error] {
	return func(yield func(Entry, error) bool) {
		then := make([]*Entry, 0, len(set))
		for _, id := range set.sorted() {
			then = append(then, m.entries[id])
		}
		for _, e := range then {
			if !yield(*e, nil) {
				return
			}
		}
	}
}

func (s ids) sorted() []replication.FileID {
	return slices.SortedFunc(maps.Keys(s), func(a, b replication.FileID) int { return bytes.Compare(a[:], b[:]) })
}
