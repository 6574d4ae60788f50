package index

import (
	"errors"
	"fmt"
	"iter"
	"slices"

	"github.com/cockroachdb/pebble/v2"
)

// table reads keys of the store, live or of a snapshot.
type table struct {
	r pebble.Reader
	h *health
}

// get returns the payload stored under key, which the caller owns, or
// ErrNotFound.
func (t table) get(key []byte) ([]byte, error) {
	value, closer, err := t.r.Get(key)
	if errors.Is(err, pebble.ErrNotFound) {
		return nil, ErrNotFound
	}
	if err != nil {
		return nil, t.h.judge(err)
	}
	defer closer.Close()
	payload, err := unseal(key, value)
	if err != nil {
		return nil, t.damaged(key, err)
	}
	return slices.Clone(payload), nil
}

// damaged reports what is wrong with the value of key.
func (t table) damaged(key []byte, err error) error {
	return t.h.damage(fmt.Errorf("key %q: %w", key, err))
}

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

// last returns a copy of the last key that begins with p, or nil.
func (t table) last(p []byte) (key []byte, err error) {
	it, err := t.r.NewIter(&pebble.IterOptions{LowerBound: p, UpperBound: after(p)})
	if err != nil {
		return nil, t.h.judge(err)
	}
	defer it.Close()
	if it.Last() {
		key = slices.Clone(it.Key())
	}
	return key, t.h.judge(it.Error())
}
