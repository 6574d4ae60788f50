package index

import (
	"errors"
	"fmt"

	"github.com/cockroachdb/pebble/v2"
)

// indexFormat is the format of keys and tables.
const indexFormat = 2

// parseIdentity reads what an index says of itself: its format.
func parseIdentity(payload []byte) error {
	f := fields{b: payload}
	if b := f.take(1, "index format"); b != nil && b[0] != indexFormat {
		return fmt.Errorf("%w: index format %d, this version knows %d", errMalformed, b[0], indexFormat)
	}
	return f.end()
}

// recognise reads what the index is, or makes it one if it is empty.
func (x *Index) recognise() error {
	err := x.t.look(keyIdentity, parseIdentity)
	if errors.Is(err, ErrNotFound) {
		return x.beginLife()
	}
	return err
}

// beginLife gives an empty store its identity.
func (x *Index) beginLife() error {
	for _, err := range x.t.scan(nil, nil) {
		if err == nil {
			err = x.health.damage(fmt.Errorf("%w: entries without an identity", errMalformed))
		}
		return err
	}
	x.opening.Fresh = true
	e := x.edit()
	e.put(keyIdentity, []byte{indexFormat})
	return e.commit()
}

// wake reads whether the index was closed in order, and marks it as open.
func (x *Index) wake() error {
	boot, err := x.t.get(keyClean)
	if errors.Is(err, ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	x.opening.Clean = true
	x.opening.SameBoot = x.boot != "" && string(boot) == x.boot
	return x.health.judge(x.db.Delete(keyClean, pebble.Sync))
}
