package index

import (
	"bytes"
	"errors"
	"fmt"
	"iter"
	"slices"

	"github.com/cockroachdb/pebble/v2"

	"dfsd/replication"
	"dfsd/replication/reconcile"
)

// table reads keys of the store, live or of a snapshot.
type table struct {
	r       pebble.Reader
	h       *health
	live    *pebble.DB // nil: r is a snapshot
	devices devices
}

// still returns the table as it is now and will stay until release is called.
// Whoever follows one key to another reads a still table: between two reads of
// a live one a commit may pass, and what it changed would look like damage.
func (t table) still() (now table, release func()) {
	if t.live == nil {
		return t, func() {}
	}
	s := t.live.NewSnapshot()
	return table{r: s, h: t.h, devices: t.devices}, func() { _ = s.Close() } // fails only if closed before
}

// get returns the payload stored under key, which the caller owns, or
// ErrNotFound.
func (t table) get(key []byte) (payload []byte, err error) {
	err = t.look(key, func(p []byte) error {
		payload = slices.Clone(p)
		return nil
	})
	return payload, err
}

// look calls use with the payload stored under key, which is valid until use
// returns, or returns ErrNotFound. An error of use says what is wrong with the
// payload.
func (t table) look(key []byte, use func(payload []byte) error) error {
	value, closer, err := t.r.Get(key)
	if errors.Is(err, pebble.ErrNotFound) {
		return ErrNotFound
	}
	if err != nil {
		return t.h.judge(err)
	}
	payload, err := unseal(key, value)
	if err == nil {
		err = use(payload)
	}
	if err != nil {
		err = t.damaged(key, err)
	}
	return errors.Join(err, closer.Close())
}

// damaged reports what is wrong with the value of key.
func (t table) damaged(key []byte, err error) error {
	return t.h.damage(fmt.Errorf("key %q: %w", key, err))
}

// dangling reports that another key names this one, which is not there.
func (t table) dangling(key []byte) error {
	return t.damaged(key, fmt.Errorf("%w: it is gone, and others name it", errMalformed))
}

// entry returns the entry of a file, or ErrNotFound.
func (t table) entry(id replication.FileID) (*reconcile.Entry, error) {
	e := new(reconcile.Entry)
	err := t.look(fileKey(tableEntry, id), func(payload []byte) (err error) {
		*e, err = parseEntry(id, payload)
		return err
	})
	if err != nil {
		return nil, err
	}
	return e, nil
}

// named returns the entry of a file that another key names.
func (t table) named(id replication.FileID) (*reconcile.Entry, error) {
	e, err := t.entry(id)
	if errors.Is(err, ErrNotFound) {
		return nil, t.dangling(fileKey(tableEntry, id))
	}
	return e, err
}

// ids returns the files listed under key, ascending; none if there is no list.
func (t table) ids(key []byte) (ids []replication.FileID, err error) {
	err = t.look(key, func(payload []byte) (err error) {
		ids, err = parseIDs(payload)
		return err
	})
	if errors.Is(err, ErrNotFound) {
		return nil, nil
	}
	return ids, err
}

func appendIDs(b []byte, ids []replication.FileID) []byte {
	for i := range ids {
		b = append(b, ids[i][:]...)
	}
	return b
}

func parseIDs(payload []byte) ([]replication.FileID, error) {
	if len(payload) == 0 || len(payload)%idSize != 0 {
		return nil, fmt.Errorf("%w: list of files of %d bytes", errMalformed, len(payload))
	}
	ids := make([]replication.FileID, len(payload)/idSize)
	for i := range ids {
		copy(ids[i][:], payload[i*idSize:])
		if i > 0 && compareIDs(ids[i-1], ids[i]) >= 0 {
			return nil, fmt.Errorf("%w: list of files is out of order", errMalformed)
		}
	}
	return ids, nil
}

func compareIDs(a, b replication.FileID) int { return bytes.Compare(a[:], b[:]) }

// an item is a key with its payload, both valid until the next step of the scan.
type item struct{ key, payload []byte }

// scan yields what is stored from the key from up to, not including, the key to.
// An error ends it.
func (t table) scan(from, to []byte) iter.Seq2[item, error] {
	return func(yield func(item, error) bool) {
		it, err := t.r.NewIter(&pebble.IterOptions{LowerBound: from, UpperBound: to})
		if err != nil {
			yield(item{}, t.h.judge(err))
			return
		}
		defer it.Close()
		for it.First(); it.Valid(); it.Next() {
			got, err := t.item(it)
			if !yield(got, err) || err != nil {
				return
			}
		}
		if err := it.Error(); err != nil {
			yield(item{}, t.h.judge(err))
		}
	}
}

// item returns what the iterator stands at. Empty values have no seal: their
// keys say all.
func (t table) item(it *pebble.Iterator) (item, error) {
	value, err := it.ValueAndErr()
	if err != nil {
		return item{}, t.h.judge(err)
	}
	if len(value) == 0 {
		return item{key: it.Key()}, nil
	}
	payload, err := unseal(it.Key(), value)
	if err != nil {
		return item{}, t.damaged(it.Key(), err)
	}
	return item{key: it.Key(), payload: payload}, nil
}

// prefix yields what is stored under keys that begin with p.
func (t table) prefix(p []byte) iter.Seq2[item, error] { return t.scan(p, after(p)) }

// files yields the files that the keys beginning with p end with.
func (t table) files(p []byte) iter.Seq2[replication.FileID, error] {
	return func(yield func(replication.FileID, error) bool) {
		for item, err := range t.prefix(p) {
			if !yield(lastID(item.key), err) || err != nil {
				return
			}
		}
	}
}

// backwards yields up to most items whose keys begin with p, the last first.
func (t table) backwards(p []byte, most int) iter.Seq2[item, error] {
	return func(yield func(item, error) bool) {
		it, err := t.r.NewIter(&pebble.IterOptions{LowerBound: p, UpperBound: after(p)})
		if err != nil {
			yield(item{}, t.h.judge(err))
			return
		}
		defer it.Close()
		for it.Last(); it.Valid() && most > 0; it.Prev() {
			got, err := t.item(it)
			if !yield(got, err) || err != nil {
				return
			}
			most--
		}
		if err := it.Error(); err != nil {
			yield(item{}, t.h.judge(err))
		}
	}
}
