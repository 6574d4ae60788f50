package index

import (
	"errors"
	"fmt"
	"io"

	"github.com/cockroachdb/pebble/v2"

	"dfsd/replication/version"
)

// indexFormat is the format of keys and tables.
const indexFormat = 1

// identity is what an index says of itself.
type identity struct {
	origin version.Origin
	folds  string // foldVersion at the last rewriting of the children table
}

func (i identity) append(b []byte) []byte {
	return append(append(append(b, indexFormat), i.origin[:]...), i.folds...)
}

func parseIdentity(payload []byte) (i identity, err error) {
	f := fields{b: payload}
	if b := f.take(1, "index format"); b != nil && b[0] != indexFormat {
		return identity{}, fmt.Errorf("%w: index format %d, this version knows %d", errMalformed, b[0], indexFormat)
	}
	copy(i.origin[:], f.take(len(i.origin), "origin"))
	i.folds = string(f.b)
	return i, f.err
}

// recognise reads who the index is, or makes it somebody if it is empty.
func (x *Index) recognise() error {
	payload, err := x.t.get(keyIdentity)
	if errors.Is(err, ErrNotFound) {
		return x.beginLife()
	}
	if err != nil {
		return err
	}
	if x.identity, err = parseIdentity(payload); err != nil {
		return x.t.damaged(keyIdentity, err)
	}
	if x.identity.folds != foldVersion {
		return x.refold()
	}
	return nil
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
	return x.renew()
}

// renew stores a new random origin.
func (x *Index) renew() error {
	now := identity{folds: foldVersion}
	if _, err := io.ReadFull(x.rand, now.origin[:]); err != nil {
		return fmt.Errorf("draw an origin: %w", err)
	}
	e := x.edit()
	e.put(keyIdentity, now.append)
	if err := e.commit(); err != nil {
		return err
	}
	x.identity = now
	return nil
}

// refoldBatch is how many records refold writes in one transaction.
const refoldBatch = 4096

// refold rewrites the table of children by the folding of this version. It may
// be cut off at any point: the next Open begins it again.
func (x *Index) refold() error {
	e := x.edit()
	_ = e.b.DeleteRange([]byte{tableChild}, []byte{tableChild + 1}, nil)
	for r, err := range x.Records.All() {
		if err != nil {
			return errors.Join(err, e.b.Close())
		}
		if child := linksOf(&r)[1]; child.key != nil {
			e.put(child.key, func(b []byte) []byte { return append(b, child.payload...) })
		}
		if e.b.Count() < refoldBatch {
			continue
		}
		if err := e.commit(); err != nil {
			return err
		}
		e = x.edit()
	}
	x.identity.folds = foldVersion
	e.put(keyIdentity, x.identity.append)
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
