package index

import (
	"errors"
	"fmt"
	"io"
	"io/fs"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"
)

// The entries of an index's directory, beside its lock.
const (
	nameStore = "store"
	nameAside = "store.corrupt" // the last damaged store, for whoever wants to know
	nameMark  = "CORRUPT"       // says that the store is damaged
)

// place is the directory of an index.
type place struct {
	fs  vfs.FS
	dir string
}

func (p place) path(name string) string { return p.fs.PathJoin(p.dir, name) }

// Open opens the index in dir, which it makes if need be, and keeps others from
// opening it. A damaged or unreadable index is put aside, in place of one put
// aside earlier, and a new one started: Opening tells. An index of a later
// format counts as damaged. The error is one of the system: another process has
// the index, or the disk refuses.
func Open(dir string, o Options) (*Index, error) {
	o = o.filled()
	p := place{fs: o.FS, dir: dir}
	if err := p.make(dir); err != nil {
		return nil, fmt.Errorf("open index: %w", err)
	}
	lock, err := pebble.LockDirectory(dir, p.fs)
	if err != nil {
		return nil, fmt.Errorf("open index: lock %s: %w", dir, err)
	}
	x, err := p.openOrReplace(o)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("open index %s: %w", dir, err), lock.Close())
	}
	x.lock = lock
	return x, nil
}

func (p place) openOrReplace(o Options) (*Index, error) {
	cause := p.condemned()
	if cause == nil {
		x, err := p.open(o)
		if err == nil || !errors.Is(err, ErrCorrupt) {
			return x, err
		}
		cause = err
	}
	if !errors.Is(cause, ErrCorrupt) {
		return nil, cause
	}
	if err := p.putAside(); err != nil {
		return nil, fmt.Errorf("put the damaged index aside: %w", err)
	}
	x, err := p.open(o)
	if err != nil {
		return nil, err
	}
	x.opening.Aside, x.opening.Cause = p.path(nameAside), cause
	return x, nil
}

// open opens the store and finds out who it is. ErrCorrupt means that the store
// is of no more use.
func (p place) open(o Options) (*Index, error) {
	if err := p.make(p.path(nameStore)); err != nil {
		return nil, err
	}
	h := &health{log: o.Log, condemn: p.condemn}
	db, err := pebble.Open(p.path(nameStore), o.store(h))
	if err != nil {
		if unusable(err) {
			err = fmt.Errorf("%w: %w", ErrCorrupt, err)
		}
		return nil, err
	}
	x := &Index{Reader: newReader(table{r: db, h: h, live: db}), db: db, health: h, boot: o.Boot}
	if err := x.begin(o.Device); err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return x, nil
}

func (x *Index) begin(device uint64) (err error) {
	if err := x.recognise(); err != nil {
		return err
	}
	if x.sequence, err = x.t.lastSequence(); err != nil {
		return err
	}
	if err := x.settle(device); err != nil {
		return err
	}
	return x.wake()
}

// condemn leaves the mark that makes the next Open put the store aside. If it
// cannot be left, the damage will be met again.
func (p place) condemn(cause error) {
	f, err := p.fs.Create(p.path(nameMark), vfs.WriteCategoryUnspecified)
	if err != nil {
		return
	}
	_, _ = f.Write([]byte(cause.Error()))
	_ = f.Sync()
	_ = f.Close()
	_ = p.sync(p.dir)
}

// condemned returns why the store is marked as damaged, as ErrCorrupt, or nil.
func (p place) condemned() error {
	f, err := p.fs.Open(p.path(nameMark))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	defer f.Close()
	cause, err := io.ReadAll(io.LimitReader(f, 4096))
	if err != nil {
		return err
	}
	return fmt.Errorf("%w: found earlier: %s", ErrCorrupt, cause)
}

// putAside moves the store out of the way and takes the mark off. It may be cut
// off at any point and begun again.
func (p place) putAside() error {
	_, err := p.fs.Stat(p.path(nameStore))
	switch {
	case err == nil:
		if err := p.fs.RemoveAll(p.path(nameAside)); err != nil {
			return err
		}
		if err := p.fs.Rename(p.path(nameStore), p.path(nameAside)); err != nil {
			return err
		}
	case !errors.Is(err, fs.ErrNotExist):
		return err
	}
	if err := p.sync(p.dir); err != nil {
		return err
	}
	if err := p.fs.Remove(p.path(nameMark)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return p.sync(p.dir)
}

// make makes a directory, its parents if need be, and their names durable.
func (p place) make(dir string) error {
	if _, err := p.fs.Stat(dir); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	parent := p.fs.PathDir(dir)
	if parent != dir {
		if err := p.make(parent); err != nil {
			return err
		}
	}
	if err := p.fs.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	return p.sync(parent)
}

// sync makes the names in a directory durable.
func (p place) sync(dir string) error {
	d, err := p.fs.OpenDir(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
