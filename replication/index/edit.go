package index

import (
	"errors"

	"github.com/cockroachdb/pebble/v2"
)

// An edit collects the writes of one transaction. Pebble's batches refuse
// nothing before they are committed, so that their errors need no care.
type edit struct {
	x       *Index
	b       *pebble.Batch
	payload []byte // scratch for payloads
	value   []byte // scratch for put
}

func (x *Index) edit() *edit { return &edit{x: x, b: x.db.NewBatch()} }

// commit writes the batch and waits until it is on stable storage.
func (e *edit) commit() error {
	err := e.b.Commit(pebble.Sync)
	if err := e.x.health.writable(); err != nil {
		return err
	}
	return errors.Join(e.x.health.judge(err), e.b.Close())
}

// put stores payload under key.
func (e *edit) put(key, payload []byte) {
	e.value = seal(e.value[:0], key, payload)
	_ = e.b.Set(key, e.value, nil)
}

func (e *edit) mark(key []byte)   { _ = e.b.Set(key, nil, nil) }
func (e *edit) delete(key []byte) { _ = e.b.Delete(key, nil) }
