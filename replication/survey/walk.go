package survey

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"dfsd/internal/fsx"
	"dfsd/replication"
	"dfsd/replication/index"
)

// task is a directory to compare.
type task struct {
	path       string
	id         replication.FileID
	known      bool   // id is set; the zero one is the root's
	dev, inode uint64 // what was seen at path; 0 for the root
	level      level
}

// folder is an open directory, held by its walker and by each job in it.
type folder struct {
	fsx.Dir
	path  string
	id    replication.FileID
	known bool
	refs  atomic.Int32
}

func (f *folder) hold() *folder {
	f.refs.Add(1)
	return f
}

func (f *folder) release() {
	if f.refs.Add(-1) == 0 {
		_ = f.Close() // it was only read
	}
}

// longest is how many bytes of a path are resolved at once, below what the
// kernel takes.
const longest = 3072

// open opens the directory of t, if it is still the one that was seen there.
func (r *run) open(t task) (*folder, error) {
	d, err := openSteps(r.o.Root, t.path)
	if err != nil {
		return nil, err
	}
	if t.path != "." {
		info, err := d.Info()
		if err == nil && (info.Inode != t.inode || info.Dev != t.dev) {
			err = ErrChanged
		}
		if err != nil {
			_ = d.Close() // it was only looked at
			return nil, err
		}
	}
	f := &folder{Dir: d, path: t.path, id: t.id, known: t.known}
	return f.hold(), nil
}

// openSteps opens a directory however long its path is.
func openSteps(root fsx.Dir, path string) (fsx.Dir, error) {
	at := root
	for len(path) > longest {
		i := strings.LastIndexByte(path[:longest], '/')
		next, err := at.OpenDir(path[:i])
		if at != root {
			_ = at.Close() // it was only passed
		}
		if err != nil {
			return nil, err
		}
		at, path = next, path[i+1:]
	}
	d, err := at.OpenDir(path)
	if at != root {
		_ = at.Close() // it was only passed
	}
	return d, err
}

// unreadable reports a directory that cannot be read: Later, but for the root.
func (r *run) unreadable(ctx context.Context, path string, err error) error {
	if path == "." {
		return fmt.Errorf("read the folder: %w", err)
	}
	dir, name := fsx.Split(path)
	return r.later(ctx, dir, name, err)
}

// walk compares what is in t and below it, several directories at once.
func (r *run) walk(ctx context.Context, t task) error {
	w := &walk{stack: []task{t}}
	w.changed.L = &w.mu
	var walkers sync.WaitGroup
	for range r.o.Workers {
		walkers.Go(func() {
			for t, more := w.take(); more; t, more = w.take() {
				below, err := r.visit(ctx, t)
				if err != nil {
					r.stop(err) // the other walkers, too
				}
				w.give(below, err)
			}
		})
	}
	walkers.Wait()
	return w.err
}

// walk is what several walkers share. The directory found last is next, so that
// what waits is about one task for each sibling on the way down.
type walk struct {
	mu      sync.Mutex // guards what follows
	changed sync.Cond
	stack   []task
	busy    int // walkers that may still find directories
	err     error
}

// take returns the next directory, or false when there will be none.
func (w *walk) take() (task, bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for len(w.stack) == 0 && w.busy > 0 {
		w.changed.Wait()
	}
	if len(w.stack) == 0 || w.err != nil {
		return task{}, false
	}
	t := w.stack[len(w.stack)-1]
	w.stack = w.stack[:len(w.stack)-1]
	w.busy++
	return t, true
}

// give ends a visit.
func (w *walk) give(below []task, err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.busy--
	slices.Reverse(below)
	w.stack = append(w.stack, below...)
	if err != nil && w.err == nil {
		w.err = err
	}
	w.changed.Broadcast()
}

// visit compares the names in t and returns the directories to go on with.
func (r *run) visit(ctx context.Context, t task) ([]task, error) {
	f, err := r.open(t)
	if err != nil {
		return nil, r.unreadable(ctx, t.path, err)
	}
	defer f.release()
	disk, err := r.list(ctx, f)
	if err != nil {
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		return nil, r.unreadable(ctx, t.path, err)
	}
	m := merger{r: r, f: f, disk: disk, level: itself}
	if t.level == deep {
		m.level = deep
	}
	err = m.merge(ctx)
	return m.below, err
}

// entry is a name on disk. Its kind is 0 where that is not known.
type entry struct {
	name string
	kind fsx.Kind
}

// list returns the names in f that count, in order.
func (r *run) list(ctx context.Context, f *folder) ([]entry, error) {
	var disk []entry
	n := 0
	err := f.ReadDir(func(e fsx.Entry) bool {
		if n++; n%1024 == 0 && ctx.Err() != nil {
			return false
		}
		switch {
		case r.private(f.path, e.Name), r.skips(f.path, e.Name, e.Kind == fsx.Directory):
		case replication.ValidName(e.Name) != nil:
			r.skip(fsx.Join(f.path, e.Name))
		default:
			disk = append(disk, entry{e.Name, e.Kind})
		}
		return true
	})
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	slices.SortFunc(disk, func(a, b entry) int { return strings.Compare(a.name, b.name) })
	return disk, err
}

// merger goes through the names of a directory and the entries that stand in it
// side by side.
type merger struct {
	r     *run
	f     *folder
	disk  []entry // what is left of it
	below []task
	level level // of the directories in it
}

func (m *merger) merge(ctx context.Context) error {
	if m.f.known {
		if err := m.standing(ctx); err != nil {
			return err
		}
	}
	for _, e := range m.disk {
		if err := m.compare(ctx, e, nil); err != nil {
			return err
		}
	}
	return nil
}

// standing goes through what stands in the directory. Several entries may claim
// one name; they come one after the other.
func (m *merger) standing(ctx context.Context) error {
	var group []index.Standing
	for s, err := range m.r.o.Index.Standing(m.f.id) {
		if err != nil {
			return fmt.Errorf("entries in %s: %w", m.f.path, err)
		}
		if m.r.skips(m.f.path, s.Name, isDir(s)) {
			continue
		}
		if len(group) > 0 && group[0].Name != s.Name {
			if err := m.upTo(ctx, group); err != nil {
				return err
			}
			group = group[:0]
		}
		group = append(group, s)
	}
	if len(group) == 0 {
		return nil
	}
	return m.upTo(ctx, group)
}

// upTo compares the names on disk before that of group, and then that one.
func (m *merger) upTo(ctx context.Context, group []index.Standing) error {
	e := entry{name: group[0].Name}
	for len(m.disk) > 0 {
		next := m.disk[0]
		c := strings.Compare(next.name, e.name)
		if c > 0 {
			break
		}
		m.disk = m.disk[1:]
		if c == 0 {
			e = next
			break
		}
		if err := m.compare(ctx, next, nil); err != nil {
			return err
		}
	}
	return m.compare(ctx, e, group)
}

func (m *merger) compare(ctx context.Context, e entry, group []index.Standing) error {
	t, err := m.r.compare(ctx, m.f, e, group, m.level)
	if t.level > itself {
		m.below = append(m.below, t)
	}
	return err
}
