package survey

import (
	"context"
	"errors"
	"time"

	"dfsd/internal/fsx"
	"dfsd/replication"
	"dfsd/replication/index"
)

// job is a file or a link to read.
type job struct {
	dir *folder // held
	entry
	group []index.Standing // what stands there
}

// work reads what the walkers give, until that ends or something fails. It
// always empties the queue.
func (r *run) work(ctx context.Context) (err error) {
	h := newHasher(r)
	for j := range r.jobs {
		if err == nil && ctx.Err() == nil {
			err = r.study(ctx, h, j)
		}
		j.dir.release()
	}
	return err
}

// study reads j and reports it. What changes meanwhile is read once more.
func (r *run) study(ctx context.Context, h *hasher, j job) error {
	for try := 1; ; try++ {
		found, err := r.read(ctx, h, j)
		switch {
		case ctx.Err() != nil:
			return context.Cause(ctx)
		case err == nil:
			who, err := r.identify(j.dir, j.name, &found.Info, j.group)
			if err != nil {
				return err
			}
			return r.found(ctx, j.dir, found, who, j.group)
		case errors.Is(err, fsx.ErrNotExist):
			return r.missing(ctx, j.dir.path, j.group, identity{}, false)
		case errors.Is(err, ErrChanged) && try == 1:
		default:
			return r.later(ctx, j.dir.path, j.name, err)
		}
	}
}

func (r *run) read(ctx context.Context, h *hasher, j job) (Found, error) {
	if j.kind == fsx.Symlink {
		return r.readLink(j)
	}
	return r.readFile(ctx, h, j)
}

// readFile reads content and attributes from one handle. That the name has the
// same inode with the same times afterwards proves that they belong together.
func (r *run) readFile(ctx context.Context, h *hasher, j job) (Found, error) {
	f, err := j.dir.Open(j.name, fsx.ReadOnly)
	if err != nil {
		return Found{}, err
	}
	defer f.Close()
	if err := quiet(f); err != nil {
		return Found{}, err
	}
	info, err := r.aged(ctx, f)
	if err != nil {
		return Found{}, err
	}
	found := Found{Dir: j.dir.path, Name: j.name, Info: info, Kind: replication.File, Size: info.Size}
	if found.Attr, err = attrOf(f, &info); err != nil {
		return Found{}, err
	}
	if found.Hash, found.List, err = h.sum(ctx, f, &info); err != nil {
		return Found{}, err
	}
	after, err := j.dir.Stat(j.name)
	if err != nil {
		return Found{}, err
	}
	if !sameInstant(&info, &after) {
		return Found{}, ErrChanged
	}
	r.hashed.Add(1)
	return found, nil
}

// sameInstant tells whether nothing happened between two looks.
func sameInstant(a, b *fsx.Info) bool {
	return a.Inode == b.Inode && a.Dev == b.Dev && a.Kind == b.Kind &&
		a.Size == b.Size && a.MTime == b.MTime && a.CTime == b.CTime
}

// quiet returns ErrOpen for a file that somebody is writing, where that can be
// known.
func quiet(f fsx.File) error {
	q, ok := f.(fsx.Quieter)
	if !ok {
		return nil
	}
	if still, err := q.Quiet(); err == nil && !still {
		return ErrOpen
	}
	return nil
}

// The file system stamps changes with a clock that ticks: two changes within a
// tick look like one. Ten milliseconds are the longest tick of Linux; where
// stamps are whole seconds, that is the tick.
const (
	tick       = 20 * time.Millisecond
	coarseTick = time.Second + tick
)

// aged describes f, once its last change is so long ago that the next one will
// have another time.
func (r *run) aged(ctx context.Context, f fsx.Handle) (fsx.Info, error) {
	for waited := false; ; waited = true {
		info, err := f.Info()
		if err == nil && info.Mount != r.mount {
			err = ErrMounted
		}
		if err != nil {
			return fsx.Info{}, err
		}
		grain := tick
		if info.CTime%int64(time.Second) == 0 {
			grain = coarseTick
		}
		age := time.Duration(time.Now().UnixNano() - info.CTime)
		if waited || age < 0 || age >= grain {
			return info, nil
		}
		t := time.NewTimer(grain - age)
		select {
		case <-t.C:
		case <-ctx.Done():
			t.Stop()
			return fsx.Info{}, ctx.Err()
		}
	}
}

// readLink reads a symbolic link, between two looks at it.
func (r *run) readLink(j job) (Found, error) {
	info, err := j.dir.Stat(j.name)
	if err != nil {
		return Found{}, err
	}
	if info.Kind != fsx.Symlink {
		return Found{}, ErrChanged
	}
	if info.Mount != r.mount {
		return Found{}, ErrMounted
	}
	target, err := j.dir.Readlink(j.name)
	if err != nil {
		return Found{}, err
	}
	after, err := j.dir.Stat(j.name)
	if err != nil {
		return Found{}, err
	}
	if !sameInstant(&info, &after) {
		return Found{}, ErrChanged
	}
	found := Found{Dir: j.dir.path, Name: j.name, Info: info, Kind: replication.Symlink, Target: target}
	found.Attr = plainAttr(&info)
	return found, nil
}

// readDirectory reads the attributes of the directory that info saw at name.
func (r *run) readDirectory(ctx context.Context, f *folder, name string, info *fsx.Info) (Found, error) {
	d, err := f.OpenDir(name)
	if err != nil {
		return Found{}, err
	}
	defer d.Close()
	now, err := r.aged(ctx, d)
	if err != nil {
		return Found{}, err
	}
	if now.Inode != info.Inode || now.Dev != info.Dev {
		return Found{}, ErrChanged
	}
	found := Found{Dir: f.path, Name: name, Info: now, Kind: replication.Directory}
	found.Attr, err = attrOf(d, &now)
	return found, err
}
