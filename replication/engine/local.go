package engine

import (
	"errors"

	"dfsd/internal/fsx"
	"dfsd/replication"
	"dfsd/replication/chunk"
	"dfsd/replication/index"
	"dfsd/replication/wire"
)

// local is what this member can read of its folder, by the committed index. It
// implements transfer.Local and is safe for concurrent use.
type local struct{ r *replica }

// Open implements transfer.Local.
func (l *local) Open(want wire.Want) (fsx.File, int64, func() error, error) {
	f, size, still, err := l.open(want.ID, want.Hash)
	if err == nil {
		return f, size, still, nil
	}
	for id, holderErr := range l.r.idx.Holders(want.Hash) {
		if holderErr != nil {
			return nil, 0, nil, holderErr
		}
		if id == want.ID {
			continue
		}
		if f, size, still, holderErr := l.open(id, want.Hash); holderErr == nil {
			return f, size, still, nil
		}
	}
	if id, size, ok := l.r.installer.PreservedByHash(want.Hash); ok {
		if f, err := l.r.installer.OpenPreserved(id); err == nil {
			return f, size, func() error { return nil }, nil
		}
	}
	return nil, 0, nil, err
}

// open opens the file id if it is the version with this content.
func (l *local) open(id replication.FileID, h replication.Hash) (f fsx.File, size int64, still func() error, err error) {
	e, err := l.r.idx.Entry(id)
	if errors.Is(err, index.ErrNotFound) {
		return nil, 0, nil, wire.ErrNotFound
	}
	if err != nil {
		return nil, 0, nil, err
	}
	if !e.Live() || e.Disk.Kind != replication.File || e.Disk.Hash != h {
		return nil, 0, nil, wire.ErrNotFound
	}
	facts, err := l.r.idx.Facts(id)
	if err != nil {
		return nil, 0, nil, wire.ErrNotFound
	}
	path, err := l.r.atlas.of(e.At)
	if err != nil {
		return nil, 0, nil, wire.ErrNotFound
	}
	if f, err = l.r.root.Open(path, fsx.ReadOnly); err != nil {
		return nil, 0, nil, wire.ErrChanged
	}
	still = func() error {
		info, err := f.Info()
		if err != nil {
			return err
		}
		now := factsOf(id, info)
		if !sameInode(now, facts) || now.Size != facts.Size || now.Modified != facts.Modified {
			return wire.ErrChanged
		}
		return nil
	}
	if err := still(); err != nil {
		return nil, 0, nil, errors.Join(err, f.Close())
	}
	return f, e.Disk.Size, still, nil
}

// List implements transfer.Local.
func (l *local) List(h replication.Hash) (chunk.List, bool) {
	b, err := l.r.idx.Lists.Get(index.Coarse, h)
	if err != nil {
		return chunk.List{}, false
	}
	list, rest, err := chunk.ParseList(b)
	return list, err == nil && len(rest) == 0
}

// Similar implements transfer.Local.
func (l *local) Similar(t chunk.Traits) []replication.Hash {
	similar, err := l.r.idx.Lists.Similar(t)
	if err != nil {
		return nil
	}
	return similar
}

// KeepList implements transfer.Local.
func (l *local) KeepList(list chunk.List) { l.r.keepList(listOf(&list)) }
