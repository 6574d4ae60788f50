package survey

import (
	"cmp"
	"context"
	"fmt"
	"io/fs"
	"slices"
	"strings"

	"dfsd/internal/fsx"
	"dfsd/replication"
	"dfsd/replication/index"
	"dfsd/replication/reconcile"
)

// level is how much of a directory is compared, each with what is before it.
type level uint8

const (
	itself level = iota + 1
	names        // every name in it
	deep         // everything below
)

// look is an area as it is worked off: a path, and how much of it.
type look struct {
	path  string
	level level
}

// plan sorts the areas so that parents come before children, each path once.
func (r *run) plan(areas []Area) ([]look, error) {
	todo := make([]look, 0, len(areas))
	for _, a := range areas {
		l := look{path: cmp.Or(a.Dir, "."), level: names}
		if a.Name != "" {
			if err := replication.ValidName(a.Name); err != nil {
				return nil, fmt.Errorf("survey %q in %q: %w: %w", a.Name, a.Dir, ErrArea, err)
			}
			l = look{path: fsx.Join(l.path, a.Name), level: itself}
		}
		if !fs.ValidPath(l.path) && !validPath(l.path) {
			return nil, fmt.Errorf("survey %q: %w", l.path, ErrArea)
		}
		if a.Deep {
			l.level = deep
		}
		if !r.excluded(l.path) {
			todo = append(todo, l)
		}
	}
	slices.SortFunc(todo, func(a, b look) int {
		return cmp.Or(comparePaths(a.path, b.path), -cmp.Compare(a.level, b.level))
	})
	return slices.CompactFunc(todo, func(a, b look) bool { return a.path == b.path }), nil
}

// validPath is fs.ValidPath for names that are not UTF-8.
func validPath(path string) bool {
	for name := range strings.SplitSeq(path, "/") {
		if replication.ValidName(name) != nil {
			return false
		}
	}
	return true
}

// comparePaths orders a directory before what is below it, and that before the
// directory's next sibling.
func comparePaths(a, b string) int {
	if a == "." || b == "." {
		return boolToInt(b == ".") - boolToInt(a == ".")
	}
	for {
		x, restA, moreA := strings.Cut(a, "/")
		y, restB, moreB := strings.Cut(b, "/")
		if c := strings.Compare(x, y); c != 0 {
			return c
		}
		if !moreA || !moreB {
			return boolToInt(moreA) - boolToInt(moreB)
		}
		a, b = restA, restB
	}
}

func boolToInt(b bool) int {
	if b {
		return 1
	}
	return 0
}

// excluded tells whether path lies below a directory that is not looked at.
func (r *run) excluded(path string) bool {
	if path == "." {
		return false
	}
	top, _, _ := strings.Cut(path, "/")
	if r.private(".", top) {
		if path == r.o.Hold {
			return false
		}
		below, held := strings.CutPrefix(path, r.o.Hold+"/")
		if r.o.Hold == "" || !held {
			return true
		}
		if _, path, held = strings.Cut(below, "/"); !held {
			return false // the name is ours
		}
	}
	dir, _ := fsx.Split(path)
	if dir == "." || r.o.Skip == nil {
		return false
	}
	for name := range strings.SplitSeq(dir, "/") {
		if r.o.Skip(name, true) {
			return true
		}
	}
	return false
}

func (r *run) private(dir, name string) bool {
	return dir == "." && r.o.Private != "" && strings.EqualFold(name, r.o.Private)
}

// skips tells whether the filters leave a name in the directory at path out. The
// names in the holding directory are not users'.
func (r *run) skips(path, name string, dir bool) bool {
	return r.o.Skip != nil && path != r.o.Hold && r.o.Skip(name, dir)
}

// walkAll works off the plan.
func (r *run) walkAll(ctx context.Context, todo []look) error {
	for _, l := range todo {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if r.done(l) {
			continue
		}
		if l.path == "." {
			r.looked["."] = l.level
			if err := r.walk(ctx, task{path: ".", known: true, level: l.level}); err != nil {
				return err
			}
			continue
		}
		if l.path == r.o.Hold {
			if err := r.walkHeld(ctx, l.level); err != nil {
				return err
			}
			continue
		}
		dir, name := fsx.Split(l.path)
		at, there, err := r.reach(ctx, dir)
		if err != nil {
			return err
		}
		if !there {
			continue
		}
		if err := r.lookAt(ctx, at, name, l.level); err != nil {
			return err
		}
	}
	return nil
}

// walkHeld compares the holding directory.
func (r *run) walkHeld(ctx context.Context, l level) error {
	at, there, err := r.reach(ctx, r.o.Hold)
	if err != nil || !there {
		return err
	}
	r.looked[r.o.Hold] = l
	at.level = l
	return r.walk(ctx, at)
}

// done tells whether l has been looked at with another area.
func (r *run) done(l look) bool {
	if r.looked[l.path] >= l.level {
		return true
	}
	for path := l.path; path != "." && path != r.o.Hold; {
		path, _ = fsx.Split(path)
		switch got := r.looked[path]; {
		case got == deep:
			return true
		case got == names && l.level == itself && dirOf(l.path) == path:
			return true
		}
	}
	return false
}

func dirOf(path string) string {
	dir, _ := fsx.Split(path)
	return dir
}

// reach finds the directory at path, if it stands as the index has it. Where it
// does not, the first one on the way that differs is compared instead, with
// everything below: what is unknown, or has gone, explains the rest.
func (r *run) reach(ctx context.Context, path string) (at task, there bool, err error) {
	if path == "." {
		return task{path: ".", known: true}, true, nil
	}
	if at, there = r.reached[path]; there {
		return at, true, nil
	}
	if path == r.o.Hold {
		info, err := r.o.Root.Stat(path)
		if err != nil || info.Kind != fsx.Directory || info.Mount != r.mount {
			return at, false, r.unreadable(ctx, path, cmp.Or(err, ErrMounted))
		}
		at = task{path: path, id: reconcile.HoldID, known: true, dev: info.Dev, inode: info.Inode}
		r.reached[path] = at
		return at, true, nil
	}
	dir, name := fsx.Split(path)
	up, there, err := r.reach(ctx, dir)
	if err != nil || !there {
		return task{}, false, err
	}
	group, err := r.o.Index.StandingAt(reconcile.Place{Parent: up.id, Name: name})
	if err != nil {
		return task{}, false, err
	}
	f, err := r.open(up)
	if err != nil {
		return task{}, false, r.unreadable(ctx, up.path, err)
	}
	defer f.release()
	info, err := f.Stat(name)
	if err == nil && info.Kind == fsx.Directory && info.Mount == r.mount {
		if i := standingAs(info, group); i >= 0 {
			at = task{path: path, id: group[i].Entry.ID, known: true, dev: info.Dev, inode: info.Inode}
			r.reached[path] = at
			return at, true, nil
		}
	}
	return task{}, false, r.lookAt(ctx, up, name, deep)
}

// lookAt compares one name of the directory at, with as much of what is below
// it as l says, or all of it if it is new there.
func (r *run) lookAt(ctx context.Context, at task, name string, l level) error {
	path := fsx.Join(at.path, name)
	if r.done(look{path, l}) {
		return nil
	}
	r.looked[path] = l
	group, err := r.o.Index.StandingAt(reconcile.Place{Parent: at.id, Name: name})
	if err != nil {
		return err
	}
	group = slices.DeleteFunc(group, func(s index.Standing) bool { return r.skips(at.path, name, isDir(s)) })
	f, err := r.open(at)
	if err != nil {
		return r.unreadable(ctx, at.path, err)
	}
	defer f.release()
	below, err := r.compare(ctx, f, entry{name: name}, group, l)
	if err != nil || below.level == itself {
		return err
	}
	if below.level == 0 { // no directory: there is nothing more to look at
		r.looked[path] = deep
		return nil
	}
	r.looked[path] = below.level
	return r.walk(ctx, below)
}

func isDir(s index.Standing) bool { return s.Entry.Disk.Kind == replication.Directory }
