package index

import (
	"iter"

	"dfsd/replication"
)

// Wanted reads the records that this member has decided to install and has not
// yet: one a file.
type Wanted struct{ t table }

// Get returns the record that is wanted of a file, or ErrNotFound.
func (w Wanted) Get(id replication.FileID) (replication.Record, error) {
	key := fileKey(tableWanted, id)
	payload, err := w.t.get(key)
	if err != nil {
		return replication.Record{}, err
	}
	return w.t.record(key, payload)
}

// All yields every wanted record, by ID; it stops at the first error.
func (w Wanted) All() iter.Seq2[replication.Record, error] { return w.t.records(tableWanted) }
