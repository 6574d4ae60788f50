package engine

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"go.uber.org/zap"

	"dfsd/internal/event"
	"dfsd/internal/fsx"
	"dfsd/replication"
	"dfsd/replication/index"
	"dfsd/replication/install"
	"dfsd/replication/journal"
	"dfsd/replication/reconcile"
	"dfsd/replication/survey"
	"dfsd/replication/transfer"
	"dfsd/replication/version"
)

// listsFrom is the size from which a content has a chunk list.
const listsFrom = 64 << 10

// replica is one folder while it is open. The fields below loop belong to the
// goroutine that runs it.
type replica struct {
	f   *folder
	log *zap.Logger

	idx       *index.Index
	installer *install.Installer
	root      fsx.Dir
	staging   fsx.Dir
	journal   *journal.Journal
	fetcher   *transfer.Fetcher
	server    *transfer.Server
	atlas     *atlas // of what is committed

	inbox    chan func() error
	work     chan []*task
	requests requests
	lists    chan index.List
	meta     atomic.Pointer[meta] // as last committed
	scan     progress
	pace     pace
	rescan   chan struct{} // asks for a scan of everything
	ended    chan struct{} // closed when the loop takes nothing more
	stopped  atomic.Bool   // paused: nothing goes out and nothing is asked for
	users    users         // of the index, from outside
	keeping  keeping
	// toldOf is up to which count others may know of this member's changes: what the
	// index held when it was opened, and what was told since.
	toldOf  atomic.Uint64
	surveys atomic.Int64 // that are under way
	batches atomic.Int64 // that have been installed
	unreads unreads

	loop
}

// users counts who uses a replica from outside of its run.
type users struct {
	mu     sync.Mutex
	closed bool
	wg     sync.WaitGroup
}

// enter lets the caller use the replica until leave. False: it is closed.
func (r *replica) enter() bool {
	r.users.mu.Lock()
	defer r.users.mu.Unlock()
	if r.users.closed {
		return false
	}
	r.users.wg.Add(1)
	return true
}

func (r *replica) leave() { r.users.wg.Done() }

// shut lets nobody in any more and waits until all have left.
func (r *replica) shut() {
	r.users.mu.Lock()
	r.users.closed = true
	r.users.mu.Unlock()
	r.users.wg.Wait()
}

// meta is what others than the loop may know of the core.
type meta struct {
	reconcile.Meta
	pending int
}

// loop is the state that one goroutine owns.
type loop struct {
	store *index.Store
	core  *reconcile.State
	tree  *atlas // of what the store holds, committed or not

	events    []reconcile.Event
	arrivals  int        // contents among events
	sightings []sighting // of the Observed among events, in their order
	after     []func()   // to be called once events are committed
	fresh     freshIDs
	dirs      map[string]replication.FileID // directories by path

	queue    []reconcile.Plan
	running  []*task // the batch that the installer has
	busy     map[replication.FileID]bool
	touched  map[string]bool  // paths of the running batch
	recent   map[string]int64 // paths that installs have touched while a survey was under way, with the batch
	contents map[replication.FileID]content
	kept     int64 // bytes of contents in memory
	wants    map[replication.FileID]replication.Hash
	faults   map[replication.FileID]string
	allTold  bool                       // at the retry before, everybody had told all
	changed  map[replication.FileID]int // how often in a row a plan found the disk changed
	gone     map[replication.Hash]int   // how often a content was nowhere to be had
	again    []survey.Area              // to be surveyed once the running batch is through
	unread   map[survey.Area]bool       // to be surveyed after a while
	paused   bool

	exhausted bool // the fetcher gives no contents any more
}

// freshIDs gives out IDs for new objects: a random beginning and a counter, so
// that those of one run are unique and cost little on the wire.
type freshIDs struct {
	id   replication.FileID
	next uint64
}

func newFreshIDs() (f freshIDs, err error) {
	if _, err = rand.Read(f.id[:8]); err != nil {
		return f, fmt.Errorf("draw an ID: %w", err)
	}
	f.id[0] &= 0x7f // never that of the holding directory
	f.id[7] |= 1    // never that of the root
	return f, nil
}

func (f *freshIDs) draw() replication.FileID {
	f.next++
	id := f.id
	binary.BigEndian.PutUint64(id[8:], f.next)
	return id
}

// openReplica opens all that a folder needs. On an error nothing stays open.
func openReplica(f *folder) (r *replica, err error) {
	r = &replica{
		f: f, log: f.log,
		inbox: make(chan func() error, 16), work: make(chan []*task, 1),
		lists: make(chan index.List, 64), rescan: make(chan struct{}, 1), ended: make(chan struct{}),
		loop: loop{
			dirs: map[string]replication.FileID{}, busy: map[replication.FileID]bool{}, touched: map[string]bool{}, recent: map[string]int64{},
			contents: map[replication.FileID]content{}, wants: map[replication.FileID]replication.Hash{},
			faults: map[replication.FileID]string{}, changed: map[replication.FileID]int{}, gone: map[replication.Hash]int{}, unread: map[survey.Area]bool{},
		},
	}
	r.requests.wake = make(chan struct{}, 1)
	defer func() {
		if err != nil {
			err = errors.Join(err, r.close())
		}
	}()
	memo, err := readMemo(f.dir)
	if err != nil {
		return r, err
	}
	r.paused = memo.Paused
	r.stopped.Store(memo.Paused)
	known, err := r.openDisk(&memo)
	if err != nil {
		return r, err
	}
	if err := r.openIndex(known); err != nil {
		return r, err
	}
	r.keeping.root, r.keeping.log = r.root, r.log
	if r.fresh, err = newFreshIDs(); err != nil {
		return r, err
	}
	if err := r.openTransfer(); err != nil {
		return r, err
	}
	r.journal, err = journal.Open(journal.Options{
		Path: f.spec.path, Skip: install.Private, Settle: f.spec.settle, Own: f.own, MaxWait: 2 * time.Second, Log: r.log.Named("journal"),
	})
	return r, err
}

// openDisk opens the folder. known tells whether it has been replicated before.
func (r *replica) openDisk(m *memo) (known bool, err error) {
	if r.root, err = fsx.OS().OpenRoot(r.f.spec.path); err != nil {
		if errors.Is(err, fs.ErrNotExist) {
			return false, &install.RootError{Path: r.f.spec.path, Reason: install.ErrRootGone}
		}
		return false, err
	}
	_, err = r.root.Stat(install.Private + "/marker")
	if known = err == nil; !known && !errors.Is(err, fs.ErrNotExist) {
		return known, err
	}
	r.installer, err = install.Open(install.Options{Path: r.f.spec.path, Marker: m.Marker, Quota: r.f.spec.preserved})
	if err != nil {
		return known, err
	}
	if m.Marker != r.installer.Marker() || m.Path != r.f.spec.path {
		m.Group, m.Folder, m.Path, m.Marker = r.f.spec.group, r.f.spec.name, r.f.spec.path, r.installer.Marker()
		if err := m.write(r.f.dir); err != nil {
			return known, err
		}
	}
	r.staging, err = r.installer.Staging()
	return known, err
}

// openIndex opens the index and begins a new life of the member if it is empty.
func (r *replica) openIndex(known bool) (err error) {
	dir := filepath.Join(r.f.dir, "index")
	if err := r.openLife(dir); err != nil {
		return err
	}
	top, err := r.root.Stat(".")
	if err != nil {
		return err
	}
	if r.idx, err = index.Open(dir, index.Options{Device: top.Dev, Log: r.log.Named("index")}); err != nil {
		return err
	}
	if o := r.idx.Opening(); o.Cause != nil {
		r.log.Warn("the index was damaged and is rebuilt", event.IndexRebuilt.Field(), zap.String("aside", o.Aside), zap.Error(o.Cause))
	}
	for _, l := range r.f.links() {
		if err := l.recall(r); err != nil {
			return err
		}
	}
	r.store = r.idx.Store()
	if r.core, err = reconcile.New(r.store); err != nil {
		return err
	}
	r.core.Limit(reconcile.Limits{Plans: 2 * batchFiles, Contents: 4 * batchFiles})
	r.atlas, r.tree = newAtlas(committed(r.idx.Reader)), newAtlas(r.store.Entry)
	if m := r.core.Meta(); m.Origin != (version.Origin{}) {
		r.tells(m.Count)
		r.publish()
		return nil
	}
	var o version.Origin
	if _, err := rand.Read(o[:]); err != nil {
		return fmt.Errorf("draw an origin: %w", err)
	}
	primary := r.f.terms.Load().primary && (!known || r.f.elected.Swap(false))
	r.f.recovering.Store(known && !primary)
	r.log.Info("a new index begins", event.IndexBegun.Field(), zap.Bool("primary", primary), zap.Bool("replicated_before", known), zap.Stringer("origin", o))
	if _, err = r.core.Step(time.Now().UnixNano(), reconcile.Begin{Origin: o, Primary: primary}); err != nil {
		return err
	}
	r.publish()
	return nil
}

func (r *replica) openTransfer() error {
	if err := r.installer.Sweep(transfer.KeepTemporary); err != nil {
		return err
	}
	l := &local{r: r}
	r.server = transfer.NewServer(r.f.spec.key, l, transfer.ServerOptions{})
	r.fetcher = transfer.NewFetcher(transfer.Options{
		Folder: r.f.spec.key, Local: l, Staging: r.staging, Quota: r.f.spec.staging,
		Partners: r.f.sources, Log: r.log.Named("transfer"),
	})
	return nil
}

// close closes what is open, in the order in which it hangs together.
func (r *replica) close() error {
	var errs []error
	if r.journal != nil {
		errs = append(errs, r.journal.Close())
	}
	if r.staging != nil {
		errs = append(errs, r.staging.Close())
	}
	if r.installer != nil {
		errs = append(errs, r.installer.Close())
	}
	if r.root != nil {
		errs = append(errs, r.root.Close())
	}
	if r.idx != nil {
		errs = append(errs, r.idx.Close())
	}
	return errors.Join(errs...)
}

// run moves the folder until ctx ends or a part fails, and returns why. When it
// returns, all that it started has ended and nothing is open.
func (r *replica) run(ctx context.Context) error {
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	var wg sync.WaitGroup
	for _, part := range []func(context.Context) error{
		r.turn, r.installBatches, r.listen, r.recheck, r.scanAll, r.fetcher.Run,
	} {
		wg.Go(func() {
			if err := part(ctx); err != nil {
				stop(err)
			}
		})
	}
	wg.Wait()
	close(r.ended)
	r.shut()
	cause := context.Cause(ctx)
	err := r.close()
	if errors.Is(cause, errRebuild) && err == nil {
		err = removeIndex(r.f.dir)
	}
	return errors.Join(cause, err)
}

// errRebuild ends a replica whose index is to be made anew.
var errRebuild = fmt.Errorf("the index is made anew: %w", errReopen)

// rebuild has the index set aside and the folder opened with a new one.
func (r *replica) rebuild() { r.later(func() error { return errRebuild }) }

// later gives the loop something to do without waiting for it, which may be
// busy, or for the caller.
func (r *replica) later(do func() error) {
	go func() {
		select {
		case r.inbox <- do:
		case <-r.ended:
		}
	}()
}

// suspect begins a new life of this member if a partner knows of changes that this
// index never told of: it was rolled back, with the folder perhaps, as a virtual
// machine is. That it has made as many others since does not make it so.
func (r *replica) suspect(partner string, known version.Vector) (rolledBack bool) {
	if known.Count(r.meta.Load().Origin) <= r.toldOf.Load() {
		return false
	}
	r.later(func() error {
		r.log.Warn("the index was rolled back and is rebuilt", event.IndexRebuilt.Field(), zap.String("told_by", partner))
		return errRebuild
	})
	return true
}

// tells notes, before it happens, that partners are told of this member's changes up
// to a count.
func (r *replica) tells(count uint64) {
	for {
		before := r.toldOf.Load()
		if count <= before || r.toldOf.CompareAndSwap(before, count) {
			return
		}
	}
}

// post gives the loop something to do. It waits while the loop is behind.
func (r *replica) post(ctx context.Context, do func() error) error {
	select {
	case r.inbox <- do:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// publish makes what the core knows known to others.
func (r *replica) publish() {
	r.meta.Store(&meta{r.core.Meta(), r.core.Pending()})
}

// removeIndex sets the index aside, so that the next opening begins anew.
func removeIndex(dir string) error {
	aside := filepath.Join(dir, "index.aside")
	if err := os.RemoveAll(aside); err != nil {
		return err
	}
	err := os.Rename(filepath.Join(dir, "index"), aside)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}
