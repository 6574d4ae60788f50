package transfer

import (
	"context"
	"errors"
	"time"

	"dfsd/internal/fsx"
	"dfsd/replication/chunk"
	"dfsd/replication/wire"
)

// fetchLarge brings large contents of at most longest bytes, one after the
// other, until ctx ends.
func (f *Fetcher) fetchLarge(ctx context.Context, longest int64) {
	for {
		work, j := f.takeLarge(ctx, longest)
		if j == nil {
			return
		}
		cancel := j.cancel
		f.bring(work, j)
		cancel()
		f.release(j)
	}
}

// bring brings one large content and finishes its job, or gives that back.
func (f *Fetcher) bring(ctx context.Context, j *job) {
	if j.looked { // reading again what is there would be for nothing
		if _, v, _ := f.pick(j, f.o.Partners()); v == wait {
			f.requeue(true, j)
			return
		}
	}
	j.looked = true
	if err := f.room(j); err != nil {
		f.stop(ctx, j, err)
		return
	}
	free, known := f.freeSpace()
	p, err := openPart(ctx, f.o.Staging, j)
	if err != nil {
		f.stop(ctx, j, own(err))
		return
	}
	defer p.close()
	r, v, err := f.fill(ctx, j, p)
	switch {
	case err != nil:
		if errors.Is(err, fsx.ErrNoSpace) {
			p.remove()
			if known {
				f.cram(j.hash, free)
			}
		}
		f.stop(ctx, j, err)
	case v == wait:
		p.leave()
		f.requeue(true, j)
	default:
		if r.Err != nil {
			p.remove()
		}
		f.finish([]*job{j}, []Result{r})
	}
}

// stop ends the work on j for a failure of this member, or because ctx ended.
func (f *Fetcher) stop(ctx context.Context, j *job, err error) {
	if ctx.Err() != nil {
		f.requeue(false, j)
		return
	}
	var fault *ownFault
	if errors.As(err, &fault) {
		err = fault.error
	}
	f.finish([]*job{j}, []Result{failed(j, err)})
}

// fill completes the content in p from here and from sources. The verdict is
// wait where it cannot go on now, and giveUp with the result; an error is this
// member's own.
func (f *Fetcher) fill(ctx context.Context, j *job, p *part) (Result, verdict, error) {
	if p.left() > 0 {
		if err := f.fromLocal(ctx, j, p); err != nil {
			return Result{}, giveUp, err
		}
	}
	var waiting time.Time // since when; zero: not
	for {
		if p.left() == 0 {
			if l, ok := p.fits(); ok {
				r, err := f.handIn(j, p, l)
				return r, giveUp, err
			}
			if err := p.reset(); err != nil {
				return Result{}, giveUp, err
			}
		}
		s, v, r := f.pick(j, f.o.Partners())
		if v == wait && p.at >= markStep && f.linger(ctx, &waiting) {
			continue
		}
		if v != ask {
			return r, v, nil
		}
		waiting = time.Time{}
		p.comes(s.Host)
		err := f.fromPartner(ctx, j, p, s)
		var fault *ownFault
		switch {
		case ctx.Err() != nil:
			p.leave()
			return Result{}, giveUp, ctx.Err()
		case errors.As(err, &fault):
			return Result{}, giveUp, err
		case err == nil && p.left() == 0:
			if _, ok := p.fits(); ok {
				continue
			}
			if p.mixed { // nobody can be blamed alone
				j.strikes++
				continue
			}
			err = mismatch()
		}
		if err != nil {
			f.fail(ctx, j, s.Host, err)
		}
	}
}

// linger waits a moment for a source, and tells whether that was not too often:
// who goes on later has to read again what is there.
func (f *Fetcher) linger(ctx context.Context, since *time.Time) bool {
	if since.IsZero() {
		*since = f.o.Now()
	}
	if f.o.Now().Sub(*since) >= lingering {
		return false
	}
	pause := time.NewTimer(restTime)
	defer pause.Stop()
	select {
	case <-pause.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// handIn makes the result of a complete content.
func (f *Fetcher) handIn(j *job, p *part, l chunk.List) (Result, error) {
	name := wholeName(j.hash, j.id)
	if err := p.complete(name); err != nil {
		return Result{}, own(err)
	}
	f.handOver(name, j)
	f.o.Local.KeepList(l)
	return Result{ID: j.id, Hash: j.hash, Staged: name, List: &l}, nil
}

// fromLocal fills p from the same content that stands here, if one does.
func (f *Fetcher) fromLocal(ctx context.Context, j *job, p *part) error {
	still := func() error { return nil }
	var file fsx.File
	size := j.size
	err := wire.ErrNotFound
	if name, ok := f.twin(j); ok {
		file, err = f.o.Staging.Open(name, fsx.ReadOnly)
	}
	if err != nil {
		file, size, still, err = f.o.Local.Open(j.want())
	}
	if err != nil {
		return nil // partners have it
	}
	defer file.Close()
	if size != j.size {
		return nil
	}
	if err := p.reset(); err != nil {
		return err
	}
	if err := p.copyFrom(ctx, opened{file, size, still}); err != nil {
		return err
	}
	if _, ok := p.fits(); !ok {
		return p.reset()
	}
	return nil
}

// copyFrom copies all of src, sharing its bytes where the file system can. What
// cannot be read is left out; errors are this member's own or that of ctx.
func (p *part) copyFrom(ctx context.Context, src opened) error {
	if err := p.file.Clone(src.File); err == nil {
		p.extent = src.size
		_, err := p.absorb(ctx, p.size)
		return err
	}
	hole := holes{f: src}
	buf := make([]byte, readSize)
	for p.left() > 0 {
		if err := ctx.Err(); err != nil {
			return err
		}
		data, err := hole.next(p.at, p.size)
		if err != nil {
			return nil
		}
		if data > p.at {
			if err := p.zeros(ctx, data-p.at); err != nil {
				return err
			}
			continue
		}
		b := buf[:min(int64(len(buf)), hole.end(p.size)-p.at)]
		if n, _ := src.ReadAt(b, p.at); n < len(b) {
			return nil
		}
		if _, err := p.Write(b); err != nil {
			return err
		}
	}
	return nil
}

// fromPartner brings what is left of a content from s: by a recipe where this
// member holds something like it, otherwise piece by piece.
func (f *Fetcher) fromPartner(ctx context.Context, j *job, p *part, s Source) error {
	if !j.plain && p.left() > wire.MaxInline {
		if done, err := f.byRecipe(ctx, j, p, s); done || err != nil {
			return err
		}
	}
	return f.byPieces(ctx, j, p, s)
}

// byPieces brings what is left of a content as a stretch.
func (f *Fetcher) byPieces(ctx context.Context, j *job, p *part, s Source) error {
	m := wire.WantRange{Folder: f.o.Folder, Want: j.want(), Offset: p.at, Length: p.left()}
	err := s.Partner.Stream(ctx, wire.Bulk, m, func(m wire.Message) error {
		d, ok := m.(wire.Data)
		if !ok {
			return outOfPlace("%v for a range", m.Type())
		}
		n := int64(len(d.Bytes)) + d.Zeros
		if d.Offset != p.at || n <= 0 || n > p.left() {
			return outOfPlace("%d bytes at %d, with %d to come at %d", n, d.Offset, p.left(), p.at)
		}
		f.received(s.Host, int64(len(d.Bytes)))
		if _, err := p.Write(d.Bytes); err != nil {
			return err
		}
		return p.zeros(ctx, d.Zeros)
	})
	if err == nil && p.left() > 0 {
		err = outOfPlace("%d bytes too few", p.left())
	}
	return err
}
