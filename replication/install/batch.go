package install

import (
	"context"
	"errors"
	"maps"
	"slices"

	"dfsd/internal/fsx"
	"dfsd/replication"
)

// batch is the state of one Commit.
type batch struct {
	in      *Installer
	steps   []*step
	parents map[string]fsx.Dir  // open directories by path
	touched map[string]struct{} // paths of directories that renames changed
	dressed []*step             // changed in place, not yet durable
	firstID uint64              // preserved entries from here on are this batch's
	apart   []*step             // steps that fill makes
}

// step is one item on its way.
type step struct {
	Item
	result Result // Outcome 0: still on its way

	temp  string // the name in staging of what will be at Path; empty when it has none
	apart bool   // one that fill makes

	unnamed fsx.File // handle, when it is a file without a name that will be at Path
	handle  fsx.Handle
	before  fsx.Info // of handle, when it was ready
	line    *line    // of the file that makes way
	slot    string   // the name in staging where that one will stand
}

func newBatch(in *Installer, items []Item) *batch {
	b := &batch{in: in, parents: map[string]fsx.Dir{}, touched: map[string]struct{}{}, firstID: in.store.next}
	for _, it := range items {
		b.steps = append(b.steps, &step{Item: it})
	}
	return b
}

// pending calls do for each step that is still on its way; its error ends the
// step.
func (b *batch) pending(do func(s *step) error) {
	for _, s := range b.steps {
		if s.result.Outcome == 0 {
			b.settle(s, do(s))
		}
	}
}

func (b *batch) settle(s *step, err error) {
	if err != nil {
		s.result = failed(s.Item, err)
	}
}

// prepare makes everything ready that can be made ready out of sight.
func (b *batch) prepare(ctx context.Context) error {
	b.pickApart()
	for _, s := range b.steps {
		if err := context.Cause(ctx); err != nil {
			return err
		}
		err := checkItem(s.Item)
		if err == nil && !s.apart {
			err = b.ready(s)
		}
		b.settle(s, err)
	}
	return b.fill(ctx)
}

// errItem is a caller's mistake.
var errItem = errors.New("impossible item")

func checkItem(it Item) error {
	for _, path := range []string{it.Path, it.To} {
		if reserved(path) {
			return ErrReserved
		}
	}
	switch it.Op {
	case Put:
		if it.Record != nil && (it.Record.Kind != replication.Directory || it.Expect.IsZero()) {
			return nil
		}
	case SetAttr:
		if it.Record != nil && !it.Expect.IsZero() {
			return nil
		}
	case Move:
		if it.To != "" && !it.Expect.IsZero() {
			return nil
		}
	case Remove:
		if !it.Expect.IsZero() {
			return nil
		}
	}
	return errItem
}

// harden makes contents, metadata and manifest durable before a name points
// at them.
func (b *batch) harden() {
	lines, err := b.intentions()
	b.failLines(err)
	var fresh []*step
	b.pending(func(s *step) error {
		if s.temp != "" || s.unnamed != nil {
			fresh = append(fresh, s)
		}
		return nil
	})
	if len(fresh) > fewFiles && b.syncAll(fresh) {
		return
	}
	for _, s := range fresh {
		if s.before.Kind != fsx.Symlink { // whose handle cannot be synced: it comes with its directory
			b.settle(s, s.handle.Sync())
		}
	}
	if lines > 0 && err == nil {
		b.failLines(b.in.store.sync())
	}
}

// failLines ends the steps that displace a file, when their lines are not in
// the manifest.
func (b *batch) failLines(err error) {
	b.pending(func(s *step) error {
		if s.line != nil {
			return err
		}
		return nil
	})
}

// syncAll makes the batch durable at once, and answers false where the file
// system cannot. After a failed sync nothing is known to be on disk.
func (b *batch) syncAll(fresh []*step) bool {
	err := b.in.staging.SyncFS()
	if errors.Is(err, fsx.ErrUnsupported) {
		return false
	}
	for _, s := range fresh {
		b.settle(s, err)
	}
	b.failLines(err)
	return true
}

// intentions writes the lines of all files that will make way.
func (b *batch) intentions() (n int, err error) {
	var lines []*line
	b.pending(func(s *step) error {
		if s.line != nil {
			lines = append(lines, s.line)
		}
		return nil
	})
	return len(lines), b.in.store.append(lines...)
}

// publish makes the changes visible, in order; moves that stand side by side
// go together.
func (b *batch) publish() {
	for i := 0; i < len(b.steps); {
		n := 1
		if b.steps[i].Op == Move {
			for i+n < len(b.steps) && b.steps[i+n].Op == Move {
				n++
			}
			b.moves(b.steps[i : i+n])
		} else if s := b.steps[i]; s.result.Outcome == 0 {
			b.settle(s, b.show(s))
		}
		i += n
	}
}

// show makes one step visible.
func (b *batch) show(s *step) error {
	switch {
	case s.Op == Remove:
		return b.remove(s)
	case s.temp == "" && s.unnamed == nil:
		return b.setAttr(s)
	case s.Expect.IsZero():
		return b.create(s)
	}
	return b.replace(s)
}

// finish makes the changes durable and settles what they displaced: what is
// kept before that, what is superseded after it, so that a crash between
// leaves a file too many and never one too few.
func (b *batch) finish() {
	var lines []*line
	for _, s := range b.steps {
		if s.line == nil || !s.line.written {
			continue
		}
		if s.slot != "" {
			s.line.Slot = escaped(s.slot)
		}
		lines = append(lines, s.line)
	}
	err := b.in.store.keepAll(lines)
	if err == nil {
		err = b.syncTouched()
	}
	if err == nil {
		b.in.store.dropAll(lines)
		return
	}
	for _, s := range b.steps {
		if s.result.Outcome == Done {
			s.result = failed(s.Item, err)
		}
	}
}

// syncTouched makes the renames and the metadata of the batch durable.
func (b *batch) syncTouched() error {
	if len(b.touched)+len(b.dressed) > fewFiles {
		if err := b.in.staging.SyncFS(); !errors.Is(err, fsx.ErrUnsupported) {
			return err
		}
	}
	for _, s := range b.dressed {
		if s.Expect.Kind == fsx.Symlink {
			b.touch(s.Path) // a link has no handle that can be synced
			continue
		}
		if err := s.handle.Sync(); err != nil {
			return err
		}
	}
	for _, path := range slices.Sorted(maps.Keys(b.touched)) {
		d, err := b.dir(path)
		if errors.Is(err, fsx.ErrNotExist) {
			continue // it went later in the batch, with its own parent touched
		}
		if err != nil {
			return err
		}
		if err := d.Sync(); err != nil {
			return err
		}
	}
	return nil
}

// abandon takes away what prepare made.
func (b *batch) abandon() {
	for _, s := range b.steps {
		b.discard(s)
	}
}

// discard removes a step's own temporary; one that the caller staged stays.
func (b *batch) discard(s *step) {
	if s.temp == "" || s.temp == s.Staged {
		return
	}
	if s.before.Kind == fsx.Directory {
		_ = b.in.staging.RemoveDir(s.temp)
	} else {
		_ = b.in.staging.Remove(s.temp)
	}
	s.temp = ""
}

func (b *batch) results() []Result {
	out := make([]Result, len(b.steps))
	for i, s := range b.steps {
		if s.result.Outcome != Done {
			b.discard(s)
		}
		if s.line != nil && s.line.State == kept {
			s.result.Preserved = s.line.name()
		}
		out[i] = s.result
	}
	return out
}

// close closes every handle of the batch.
func (b *batch) close() {
	for _, s := range b.steps {
		if s.handle != nil {
			_ = s.handle.Close()
		}
	}
	b.forget()
}

// forget closes the directories: a rename of one makes their paths stale.
func (b *batch) forget() {
	for _, path := range slices.Sorted(maps.Keys(b.parents)) {
		_ = b.parents[path].Close()
	}
	clear(b.parents)
}

// dir opens a directory of the folder, once a batch.
func (b *batch) dir(path string) (fsx.Dir, error) {
	if d, ok := b.parents[path]; ok {
		return d, nil
	}
	d, err := b.in.root.OpenDir(path)
	if err == nil {
		b.parents[path] = d
	}
	return d, err
}

// parent opens the directory that holds path's last component.
func (b *batch) parent(path string) (fsx.Dir, string, error) {
	dir, name := fsx.Split(path)
	d, err := b.dir(dir)
	return d, name, err
}

// touch notes that path's directory has changed.
func (b *batch) touch(path string) {
	dir, _ := fsx.Split(path)
	b.touched[dir] = struct{}{}
}
