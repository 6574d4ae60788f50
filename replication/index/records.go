package index

import (
	"errors"
	"fmt"
	"iter"

	"dfsd/replication"
	"dfsd/replication/version"
)

// Records reads the records of files, tombstones included: what this member
// last agreed on. Methods that yield stop at the first error, which they yield.
type Records struct{ t table }

// Get returns the record of a file, or ErrNotFound.
func (r Records) Get(id replication.FileID) (replication.Record, error) {
	key := fileKey(tableRecord, id)
	payload, err := r.t.get(key)
	if err != nil {
		return replication.Record{}, err
	}
	return r.t.record(key, payload)
}

// record decodes the payload of key, which must be the record of that key's
// file and nothing more.
func (t table) record(key, payload []byte) (replication.Record, error) {
	record, rest, err := replication.ParseRecord(payload)
	switch {
	case err != nil:
	case len(rest) > 0:
		err = fmt.Errorf("%w: %d bytes behind the record", errMalformed, len(rest))
	case record.ID != lastID(key):
		err = fmt.Errorf("%w: record of file %x", errMalformed, record.ID)
	}
	if err != nil {
		return replication.Record{}, t.damaged(key, err)
	}
	return record, nil
}

// All yields every record, by ID.
func (r Records) All() iter.Seq2[replication.Record, error] { return r.t.records(tableRecord) }

func (t table) records(table byte) iter.Seq2[replication.Record, error] {
	return func(yield func(replication.Record, error) bool) {
		for item, err := range t.prefix([]byte{table}) {
			var record replication.Record
			if err == nil {
				record, err = t.record(item.key, item.payload)
			}
			if !yield(record, err) || err != nil {
				return
			}
		}
	}
}

// Entry is a child of a directory.
type Entry struct {
	Name string
	ID   replication.FileID
}

// Children yields the live children of a directory by folded name, then by ID.
func (r Records) Children(parent replication.FileID) iter.Seq2[Entry, error] {
	return r.entries(childrenKey(parent))
}

// Spellings yields the live children of parent whose names differ from name in
// case or composition at most: one on a healthy tree, or none.
func (r Records) Spellings(parent replication.FileID, name string) iter.Seq2[Entry, error] {
	return r.entries(spellingsKey(parent, fold(name)))
}

func (r Records) entries(prefix []byte) iter.Seq2[Entry, error] {
	return func(yield func(Entry, error) bool) {
		for item, err := range r.t.prefix(prefix) {
			e := Entry{Name: string(item.payload), ID: lastID(item.key)}
			if !yield(e, err) || err != nil {
				return
			}
		}
	}
}

// Child returns the record of the live child of parent with exactly this name,
// or ErrNotFound. Of several, which only a caller that stored them can have
// made, it is the one with the least ID.
func (r Records) Child(parent replication.FileID, name string) (replication.Record, error) {
	for e, err := range r.Spellings(parent, name) {
		if err != nil {
			return replication.Record{}, err
		}
		if e.Name == name {
			return r.backed(r.Get(e.ID))
		}
	}
	return replication.Record{}, ErrNotFound
}

// backed turns the absence of a record that a derived table names into damage.
func (r Records) backed(record replication.Record, err error) (replication.Record, error) {
	if errors.Is(err, ErrNotFound) {
		err = r.t.h.damage(fmt.Errorf("%w: a derived key names a file without a record", errMalformed))
	}
	return record, err
}

// Holders yields the IDs of live files whose content has this hash, or one that
// begins alike: compare the records where it matters.
func (r Records) Holders(h replication.Hash) iter.Seq2[replication.FileID, error] {
	return r.t.files(contentKey(h))
}

func (t table) files(prefix []byte) iter.Seq2[replication.FileID, error] {
	return func(yield func(replication.FileID, error) bool) {
		for item, err := range t.prefix(prefix) {
			if !yield(lastID(item.key), err) || err != nil {
				return
			}
		}
	}
}

// Since yields the records whose stamps known does not cover, by origin and
// then in the order in which they were made: what a member that knows known
// lacks. An origin of which nothing is new costs one seek.
func (r Records) Since(known version.Vector) iter.Seq2[replication.Record, error] {
	return func(yield func(replication.Record, error) bool) {
		for s, err := range r.t.stamps(known) {
			var record replication.Record
			if err == nil {
				record, err = r.backed(r.Get(s.file))
			}
			if !yield(record, err) || err != nil {
				return
			}
		}
	}
}

// Backlog is the size of what a member lacks.
type Backlog struct {
	Files  int64
	Bytes  int64 // of content; less where a delta will do
	Oldest int64 // the least Clock of the records, in Unix nanoseconds; 0 if there are none
}

// Backlog measures what Since would yield, without reading the records.
func (r Records) Backlog(known version.Vector) (Backlog, error) {
	var b Backlog
	for s, err := range r.t.stamps(known) {
		if err != nil {
			return Backlog{}, err
		}
		if b.Files == 0 || s.clock < b.Oldest {
			b.Oldest = s.clock
		}
		b.Files++
		b.Bytes += s.size
	}
	return b, nil
}
