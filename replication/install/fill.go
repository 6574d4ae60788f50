package install

import (
	"context"
	"errors"
	"runtime"
	"sync"
	"sync/atomic"

	"dfsd/internal/fsx"
	"dfsd/replication"
)

const (
	// maxFillers bounds the goroutines that make files, whatever the machine
	// has: beyond that they wait for the file system's journal.
	maxFillers = 4
	// perFiller is how many files are worth a goroutine.
	perFiller = 16
)

// pickApart finds the new small files of a wide batch. Until it is published,
// such a file has to do with nothing but itself: fill makes them side by side.
// A narrow batch has none; its files are synced one by one, by their names.
func (b *batch) pickApart() {
	for _, s := range b.steps {
		if s.Op == Put && s.Staged == "" && s.Expect.IsZero() && s.Record != nil && s.Record.Kind == replication.File {
			b.apart = append(b.apart, s)
		}
	}
	if len(b.apart) <= fewFiles {
		b.apart = nil
	}
	for _, s := range b.apart {
		s.apart = true
	}
}

// fill makes the files that pickApart found, several at once.
func (b *batch) fill(ctx context.Context) error {
	var next atomic.Int64
	work := func() {
		for ctx.Err() == nil {
			i := int(next.Add(1)) - 1
			if i >= len(b.apart) {
				return
			}
			if s := b.apart[i]; s.result.Outcome == 0 {
				b.settle(s, b.ready(s))
			}
		}
	}
	var others sync.WaitGroup
	for range min(runtime.GOMAXPROCS(0), maxFillers, len(b.apart)/perFiller) - 1 {
		others.Go(work)
	}
	work()
	others.Wait()
	return context.Cause(ctx)
}

// createFree makes a file without a name, which only b.show will give it: it
// saves a name in staging, and leaves nothing there after a crash.
func (b *batch) createFree(s *step) (fsx.File, error) {
	f, err := b.in.staging.CreateUnnamed(firstMode(s.Record))
	if errors.Is(err, fsx.ErrUnsupported) {
		b.in.named.Store(true)
		return b.createTemp(s)
	}
	if err == nil {
		s.unnamed, s.handle = f, f
	}
	return f, err
}

// firstMode is the mode that a temporary is made with, which is often the last
// one: nobody else gets at it before. The bits that give rights to whoever
// runs a file wait for its owner.
func firstMode(r *replication.Record) uint32 { return r.Attr.Mode & 0o777 }

// showUnnamed gives an unnamed file its name if that is free. Who may not link
// it may still rename one.
func (b *batch) showUnnamed(s *step, dir fsx.Dir, name string) error {
	err := dir.LinkUnnamed(s.unnamed, name)
	switch {
	case err == nil:
		b.dressed = append(b.dressed, s) // its number of names has changed with the directory
	case errors.Is(err, fsx.ErrPermission), errors.Is(err, fsx.ErrUnsupported),
		errors.Is(err, fsx.ErrNotExist): // of an old kernel, unless the directory is gone
		return b.showNamed(s, dir, name)
	}
	return err
}

// showNamed makes the file of an unnamed one anew, with a name.
func (b *batch) showNamed(s *step, dir fsx.Dir, name string) error {
	_ = s.handle.Close()
	s.handle, s.unnamed = nil, nil
	f, err := b.createTemp(s)
	if err == nil {
		err = writeSparse(f, s.Bytes)
	}
	if err == nil {
		err = b.dress(s)
	}
	if err == nil {
		err = f.Sync()
	}
	if err == nil {
		err = renameNew(b.in.staging, s.temp, dir, name)
	}
	if err == nil {
		b.in.named.Store(true)
	}
	return err
}
