package survey

import (
	"context"
	"errors"
	"slices"

	"dfsd/internal/fsx"
	"dfsd/replication"
	"dfsd/replication/index"
)

// compare compares one name in f with the entries that stand there, which are
// the caller's again afterwards. If it is a directory to go on with, the task
// has a level above itself.
func (r *run) compare(ctx context.Context, f *folder, e entry, group []index.Standing, l level) (task, error) {
	if len(group) == 0 {
		switch e.kind {
		case fsx.Regular, fsx.Symlink:
			return task{}, r.dispatch(ctx, f, e, nil)
		case fsx.Other:
			r.skip(fsx.Join(f.path, e.name))
			return task{}, ctx.Err()
		}
	}
	// A name that was not listed is asked for, too: it may have been added, or
	// put back, while the directory was read.
	info, err := f.Stat(e.name)
	switch {
	case errors.Is(err, fsx.ErrNotExist):
		return task{}, r.missing(ctx, f.path, group, identity{}, false)
	case err == nil && info.Mount != r.mount:
		err = ErrMounted
	}
	if err != nil {
		return task{}, r.later(ctx, f.path, e.name, err)
	}
	if e.kind != info.Kind && r.skips(f.path, e.name, info.Kind == fsx.Directory) {
		return task{}, r.missing(ctx, f.path, group, identity{}, true)
	}
	switch info.Kind {
	case fsx.Directory:
		return r.directory(ctx, f, e.name, info, group, l)
	case fsx.Regular, fsx.Symlink:
		if i := standingAs(info, group); i >= 0 && unchanged(&group[i], &info) && !r.claimed(group[i].Entry.ID, &info) {
			return task{}, r.same(ctx, f, group, i)
		}
		return task{}, r.dispatch(ctx, f, entry{e.name, info.Kind}, slices.Clone(group))
	}
	r.skip(fsx.Join(f.path, e.name))
	return task{}, r.missing(ctx, f.path, group, identity{}, true)
}

// same counts an object that is as entry i of group has it.
func (r *run) same(ctx context.Context, f *folder, group []index.Standing, i int) error {
	r.files.Add(1)
	if n := r.unchanged.Add(1); n%1024 == 0 && ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if len(group) == 1 {
		return nil
	}
	return r.missing(ctx, f.path, group, identity{id: group[i].Entry.ID, stood: true}, true)
}

// dispatch hands a file or link to the workers; group becomes theirs.
func (r *run) dispatch(ctx context.Context, f *folder, e entry, group []index.Standing) error {
	select {
	case r.jobs <- job{dir: f.hold(), entry: e, group: group}:
		return nil
	case <-ctx.Done():
		f.release()
		return context.Cause(ctx)
	}
}

// directory compares a directory. One that is new at its place is walked with
// everything below, whatever l says.
func (r *run) directory(ctx context.Context, f *folder, name string, info fsx.Info, group []index.Standing, l level) (task, error) {
	who, err := r.identify(f, name, &info, group)
	if err != nil {
		return task{}, err
	}
	path := fsx.Join(f.path, name)
	below := task{path: path, id: who.id, known: who.id != replication.RootID, dev: info.Dev, inode: info.Inode, level: l}
	if who.stood && quietDir(&group[who.at], &info) {
		return below, r.same(ctx, f, group, who.at)
	}
	found, err := r.readDirectory(ctx, f, name, &info)
	if err != nil {
		return task{}, r.later(ctx, f.path, name, err)
	}
	if who.stood && group[who.at].HasFacts && group[who.at].Entry.Doing == nil &&
		sameAttr(&found.Attr, &group[who.at].Entry.Disk.Attr) {
		return below, r.same(ctx, f, group, who.at)
	}
	if !who.stood {
		below.level = deep
		if below.known {
			r.mu.Lock()
			r.moved[who.id] = path
			r.mu.Unlock()
		}
	}
	return below, r.found(ctx, f, found, who, group)
}

// found reports an object and what it displaced.
func (r *run) found(ctx context.Context, f *folder, found Found, who identity, group []index.Standing) error {
	r.files.Add(1)
	if err := r.missing(ctx, f.path, group, who, true); err != nil {
		return err
	}
	found.ID, found.Stood = who.id, who.stood
	return r.emit(ctx, func(s Sink) error { return s.Found(found) })
}
