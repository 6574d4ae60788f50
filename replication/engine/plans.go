package engine

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"

	"go.uber.org/zap"

	"dfsd/internal/event"
	"dfsd/internal/fsx"
	"dfsd/replication"
	"dfsd/replication/install"
	"dfsd/replication/reconcile"
	"dfsd/replication/survey"
)

const (
	// patience is how often in a row a plan may find the disk changed before it
	// is left alone for a while: a survey may see less than is there, as in a
	// directory that holds a socket.
	patience   = 4
	batchFiles = 1024
	batchBytes = 64 << 20
)

// task is a plan as the installer carries it out.
type task struct {
	plan  reconcile.Plan
	items []install.Item // the last is the plan itself; one before it takes an occupant away
	from  string         // path, where the plan has one
	to    string
}

// movesDirectory tells whether paths below the task's change with it.
func (t *task) movesDirectory() bool { return movesDirectory(&t.plan) }

func movesDirectory(p *reconcile.Plan) bool {
	return p.Op == reconcile.Move && p.Record.Kind == replication.Directory
}

// dispatch gives the installer the next batch if it has none. A directory moves
// alone, since the paths of the others might lead through it.
func (r *replica) dispatch() error {
	if len(r.running) > 0 || r.paused {
		return nil
	}
	var batch []*task
	var bytes int64
	for len(r.queue) > 0 && len(batch) < batchFiles && bytes < batchBytes {
		alone := movesDirectory(&r.queue[0])
		if alone && len(batch) > 0 {
			break
		}
		p := r.queue[0]
		r.queue = r.queue[1:]
		t, err := r.task(p)
		if errors.Is(err, errUnprepared) {
			r.log.Debug("plan found the disk changed", zap.Stringer("op", p.Op), zap.Stringer("id", p.ID), zap.Error(err))
			r.lookFirst(t, err)
			continue
		}
		if err != nil {
			return err
		}
		batch, bytes = append(batch, t), bytes+p.Record.Size
		if alone {
			break
		}
	}
	if len(r.queue) == 0 {
		r.queue = nil
	}
	if len(batch) == 0 {
		return nil
	}
	r.running = batch
	for _, t := range batch {
		r.busy[t.plan.ID] = true
		if t.plan.Occupant != nil {
			r.busy[t.plan.Occupant.ID] = true
		}
		for _, path := range []string{t.from, t.to} {
			if path != "" {
				r.touched[path] = true
			}
		}
	}
	r.work <- batch // never waits: there is at most one
	return nil
}

// underWay tells whether the batch that is being installed touches an object
// or a path: what the disk shows of it is not for sure.
func (r *replica) underWay(id replication.FileID, path string) bool {
	if id != replication.RootID && r.busy[id] || r.touched[path] {
		return true
	}
	for _, t := range r.running {
		if !t.movesDirectory() {
			break
		}
		if strings.HasPrefix(path, t.from+"/") || strings.HasPrefix(path, t.to+"/") {
			return true
		}
	}
	return false
}

// errUnprepared is returned for a plan that cannot be put into paths and facts:
// the disk has to be looked at first.
var errUnprepared = errors.New("nothing is recorded of what the plan is about")

// errAstray is errUnprepared for an object that is on disk by the records, but
// what it stood in is not.
var errAstray = fmt.Errorf("%w: what it stood in has gone", errUnprepared)

// errFound is errUnprepared for an object that was not on disk when it was planned
// to be made, and has been found there since: a crash and a user had left it
// somewhere else.
var errFound = fmt.Errorf("%w: it is on disk already", errUnprepared)

// errNoContent is errUnprepared for a content that was brought and is not there.
var errNoContent = fmt.Errorf("%w: no content", errUnprepared)

// task puts a plan into paths and facts. With errUnprepared there is a task of
// the paths that are known.
func (r *replica) task(p reconcile.Plan) (*task, error) {
	t := &task{plan: p}
	var err error
	if p.Expect == nil {
		if e, ok, err := r.store.Entry(p.ID); err != nil || ok && e.Live() {
			return t, cmp.Or(err, errFound)
		}
	} else {
		if t.from, err = r.tree.of(p.From); errors.Is(err, errNoPlace) {
			return t, errAstray
		} else if err != nil {
			return t, err
		}
	}
	if p.To.Name != "" {
		if t.to, err = r.tree.of(p.To); err != nil {
			return t, unprepared(err)
		}
	}
	expect, err := r.identity(p.Expect)
	if err != nil {
		return t, err
	}
	occupant, err := r.identity(p.Occupant)
	if err != nil {
		return t, err
	}
	t.items, err = r.items(t, expect, occupant)
	return t, err
}

func unprepared(err error) error {
	if errors.Is(err, errNoPlace) {
		return fmt.Errorf("%w: %w", errUnprepared, err)
	}
	return err
}

// identity returns how the file of a record looks on disk, zero for none.
func (r *replica) identity(record *replication.Record) (install.Identity, error) {
	if record == nil {
		return install.Identity{}, nil
	}
	f, ok, err := r.store.Facts(record.ID)
	if err != nil {
		return install.Identity{}, err
	}
	if !ok {
		return install.Identity{}, errUnprepared
	}
	kind := map[replication.Kind]fsx.Kind{
		replication.File: fsx.Regular, replication.Directory: fsx.Directory, replication.Symlink: fsx.Symlink,
	}[record.Kind]
	return install.Identity{
		Dev: f.Dev, Inode: f.Inode, Kind: kind, Size: f.Size, MTime: f.Modified, CTime: f.Changed, BTime: f.Birth,
	}, nil
}

// items are what the installer does for a task.
func (r *replica) items(t *task, expect, occupant install.Identity) ([]install.Item, error) {
	p := &t.plan
	record := &p.Record
	keep := r.preserve(p)
	switch p.Op {
	case reconcile.Create:
		if record.Kind == replication.Directory && p.Occupant != nil { // a directory cannot take a file's name in one step
			return []install.Item{
				{Op: install.Remove, Path: t.to, Expect: occupant, Preserve: keep},
				{Op: install.Put, Path: t.to, Record: record},
			}, nil
		}
		return r.put(p, install.Item{Op: install.Put, Path: t.to, Expect: occupant, Record: record, Preserve: keep})
	case reconcile.Replace:
		if p.Expect.SameContent(record) {
			return []install.Item{{Op: install.SetAttr, Path: t.from, Expect: expect, Record: record}}, nil
		}
		if keep.Why == install.Superseded && !isCanary(t.from) {
			keep = install.Preserve{Why: install.Replaced, By: r.f.hostOf(record.Stamp.Origin), Record: p.Expect}
		}
		return r.put(p, install.Item{Op: install.Put, Path: t.from, Expect: expect, Record: record, Preserve: keep})
	case reconcile.Adopt:
		return []install.Item{{Op: install.SetAttr, Path: t.to, Expect: occupant, Record: record}}, nil
	case reconcile.Move:
		var items []install.Item
		if p.Occupant != nil {
			items = append(items, install.Item{Op: install.Remove, Path: t.to, Expect: occupant, Preserve: keep})
		}
		return append(items, install.Item{Op: install.Move, Path: t.from, To: t.to, Expect: expect}), nil
	case reconcile.Rmdir:
		items, err := r.leftovers(t.from, p)
		return append(items, install.Item{Op: install.Remove, Path: t.from, Expect: expect}), err
	default:
		return []install.Item{{Op: install.Remove, Path: t.from, Expect: expect, Preserve: keep}}, nil
	}
}

// leftovers preserves and removes what filters left alone in a directory that
// was deleted elsewhere: it cannot stay without its directory.
func (r *replica) leftovers(dir string, p *reconcile.Plan) ([]install.Item, error) {
	d, err := r.root.OpenDir(dir)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errUnprepared, err)
	}
	defer d.Close()
	var names []string
	err = d.ReadDir(func(e fsx.Entry) bool {
		if e.Kind != fsx.Directory && r.f.spec.skip(e.Name, false) {
			names = append(names, e.Name)
		}
		return true
	})
	var items []install.Item
	for _, name := range names {
		info, err := d.Stat(name)
		if err != nil {
			return nil, fmt.Errorf("%w: %w", errUnprepared, err)
		}
		items = append(items, install.Item{
			Op: install.Remove, Path: fsx.Join(dir, name), Expect: install.IdentityOf(info),
			Preserve: install.Preserve{Why: install.Deleted, By: r.f.hostOf(p.Record.Stamp.Origin)},
		})
	}
	return items, err
}

// put adds the content to an item that brings a file.
func (r *replica) put(p *reconcile.Plan, item install.Item) ([]install.Item, error) {
	if p.Record.Kind == replication.File && p.Record.Size > 0 {
		c, ok := r.contents[p.ID]
		if !ok || c.hash != p.Record.Hash {
			return nil, errNoContent
		}
		item.Bytes, item.Staged = c.bytes, c.staged
	}
	return []install.Item{item}, nil
}

// preserve says what becomes of the object that makes way for a plan.
func (r *replica) preserve(p *reconcile.Plan) install.Preserve {
	if p.Preserve == nil {
		return install.Preserve{}
	}
	why := map[reconcile.Reason]install.Reason{
		reconcile.Conflict: install.Conflicting, reconcile.Deleted: install.Deleted, reconcile.PreExisting: install.PreExisting,
	}[p.Preserve.Reason]
	return install.Preserve{Why: why, By: r.f.hostOf(p.Record.Stamp.Origin), Record: &p.Preserve.Record}
}

// installBatches carries batches out, one after the other.
func (r *replica) installBatches(ctx context.Context) error {
	for {
		var batch []*task
		select {
		case <-ctx.Done():
			return nil
		case batch = <-r.work:
		}
		var items []install.Item
		for _, t := range batch {
			items = append(items, t.items...)
		}
		results, err := r.installer.Commit(ctx, items)
		if err != nil {
			if ctx.Err() != nil {
				return nil
			}
			return fmt.Errorf("install a batch: %w", err)
		}
		if r.post(ctx, func() error { return r.installed(results) }) != nil {
			return nil
		}
	}
}

// installed takes in what became of the running batch.
func (r *replica) installed(results []install.Result) error {
	batch := r.running
	r.running = nil
	clear(r.busy)
	touched, again := r.touched, r.again
	r.touched, r.again = map[string]bool{}, nil
	r.after = append(r.after, func() { // once a survey can see what was installed
		done := r.batches.Add(1)
		if r.surveys.Load() > 0 {
			for path := range touched {
				r.recent[path] = done
			}
		}
		r.requests.add(again, nil)
	})
	relocated := false
	for _, t := range batch {
		own := results[:len(t.items)]
		results = results[len(t.items):]
		relocated = relocated || t.plan.Record.Kind == replication.Directory && t.plan.Op != reconcile.Create && t.plan.Op != reconcile.Replace
		r.settle(t, own)
	}
	if relocated {
		if err := r.step(); err != nil {
			return err
		}
		r.moved()
		return nil
	}
	return r.dispatch() // while the core takes in this batch, the next is on its way
}

// settle makes the event of a task.
func (r *replica) settle(t *task, results []install.Result) {
	p := &t.plan
	r.log.Debug("plan carried out", zap.Stringer("op", p.Op), zap.Stringer("id", p.ID), zap.String("from", t.from), zap.String("to", t.to), zap.Stringer("outcome", results[len(results)-1].Outcome))
	for _, result := range results {
		for _, d := range result.Degraded {
			r.log.Warn("metadata not taken by this file system", zap.String("facet", d.Facet), zap.Error(d.Err))
		}
		switch result.Outcome {
		case install.Done:
			continue
		case install.Conflict:
			r.lookFirst(t, result.Err)
			return
		case install.NameImpossible:
			r.refuse(p, reconcile.BadName, result.Err)
		default:
			r.refuse(p, reconcile.NoSpace, result.Err)
		}
		return
	}
	delete(r.changed, p.ID)
	if p.Op == reconcile.Move && p.From.Parent == reconcile.HoldID { // nobody heard what a user did to it there
		dir, name := fsx.Split(t.to)
		r.requests.add([]survey.Area{{Dir: dir, Name: name, Deep: true}}, nil)
	}
	id := results[len(results)-1].Identity
	if p.Occupant != nil {
		r.store.DropFacts(p.Occupant.ID)
	}
	if p.Op == reconcile.Delete || p.Op == reconcile.Rmdir {
		r.store.DropFacts(p.ID)
	} else {
		r.store.PutFacts(factsOf(p.ID, fsx.Info{Dev: id.Dev, Inode: id.Inode, BTime: id.BTime, CTime: id.CTime, MTime: id.MTime, Size: id.Size}))
	}
	if c, ok := r.contents[p.ID]; ok && c.hash == p.Record.Hash && p.Op != reconcile.Move { // which may be for the plan after it
		c.staged = "" // it is the file now
		r.contents[p.ID] = c
		r.drop(p.ID)
	}
	r.events = append(r.events, reconcile.Installed{ID: p.ID, Outcome: reconcile.Done})
}

func (r *replica) refuse(p *reconcile.Plan, o reconcile.Outcome, err error) {
	r.faults[p.ID] = err.Error()
	r.log.Warn("not installed", event.NotInstalled.Field(), zap.Stringer("op", p.Op), zap.Stringer("id", p.ID), zap.Error(err))
	r.events = append(r.events, reconcile.Installed{ID: p.ID, Outcome: o})
}

// lookFirst has what a plan is about surveyed, and answers the plan after that.
func (r *replica) lookFirst(t *task, err error) {
	changed := []reconcile.Event{reconcile.Installed{ID: t.plan.ID, Outcome: reconcile.Changed}}
	r.changed[t.plan.ID]++
	switch {
	case errors.Is(err, errAstray):
		r.astray(t.plan.ID, changed)
		return
	case errors.Is(err, errNoContent): // to be brought again
		r.log.Warn("a content that was brought is not there", zap.Stringer("id", t.plan.ID))
		r.events = append(append(r.events, reconcile.Fetched{ID: t.plan.ID, Hash: t.plan.Record.Hash}), changed...)
		return
	}
	if r.changed[t.plan.ID] > patience {
		r.refuse(&t.plan, reconcile.NoSpace, fmt.Errorf("the disk is never as it was seen a moment ago: %w", err))
		return
	}
	var areas []survey.Area
	for _, path := range []string{t.from, t.to} {
		if path == "" {
			continue
		}
		dir, name := fsx.Split(path)
		areas = append(areas, survey.Area{Dir: dir, Name: name, Deep: t.plan.Op == reconcile.Rmdir})
	}
	r.requests.add(areas, changed)
}

// astray looks everywhere for an object that stands nowhere, and gives it up as
// gone with what it stood in when it was not found twice.
func (r *replica) astray(id replication.FileID, then []reconcile.Event) {
	if r.changed[id] <= 2 {
		r.requests.add(everything(), then)
		return
	}
	r.log.Warn("an object has gone with the directory it stood in", zap.Stringer("id", id))
	r.store.DropFacts(id)
	r.events = append(append(r.events, reconcile.Gone{ID: id}), then...)
}
