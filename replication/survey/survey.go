package survey

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"dfsd/internal/fsx"
	"dfsd/replication"
	"dfsd/replication/chunk"
	"dfsd/replication/index"
	"dfsd/replication/reconcile"
)

// Why a path is Later, beside what the file system says.
var (
	// ErrOpen: the file is open for writing.
	ErrOpen = errors.New("open for writing")
	// ErrChanged: it changed while it was read, twice.
	ErrChanged = errors.New("changed while it was read")
	// ErrMounted: another file system, or another part of this one, is mounted
	// there. What lies below it is neither Found nor Missing.
	ErrMounted = errors.New("something is mounted here")
	// ErrAttributes: it has more attributes than a record can hold.
	ErrAttributes = errors.New("too many or too large extended attributes")
)

// ErrArea is the fault of an [Area] that is no path inside the folder.
var ErrArea = errors.New("not a path inside the folder")

// Index is what a survey asks of the index. It must be safe for concurrent use,
// and must not hold a lock while it yields: other methods are called meanwhile.
type Index interface {
	// Standing yields the live entries that stand in dir, ascending by the bytes
	// of their names.
	Standing(dir replication.FileID) iter.Seq2[index.Standing, error]
	// StandingAt returns the live entries that stand at p.
	StandingAt(p reconcile.Place) ([]index.Standing, error)
	// Bound returns the facts of files that name this inode.
	Bound(dev, inode uint64) ([]index.Facts, error)
	// Entry returns an entry, or index.ErrNotFound.
	Entry(id replication.FileID) (reconcile.Entry, error)
}

// Options of a survey. Root and Index are needed.
type Options struct {
	// Root is the folder. The caller keeps it open, and closes it.
	Root  fsx.Dir
	Index Index // committed state
	// Private is the name at the root that is not replicated, in any case.
	Private string
	// Hold is the path of the holding directory, below Private; empty: there is
	// none. What stands in it has a place under reconcile.HoldID.
	Hold string
	// Skip tells which names the filters leave out; nil: none.
	Skip func(name string, dir bool) bool
	// Workers is how many directories are walked, and how many files are read and
	// hashed, at once; 0: as many as there are processors.
	Workers int
	// Lists makes contents of at least so many bytes get a chunk list; 0: none.
	Lists int64
	// Progress is called now and then, and at the end, from one goroutine: how
	// many objects were looked at, and how many bytes were read; nil: not.
	Progress func(files, bytes int64)
}

// Area is what to compare.
type Area struct {
	Dir  string // "." or "" is the root
	Name string // in Dir; "" stands for Dir with every name in it
	Deep bool   // with everything below
}

// Found is an object on disk that is new, moved or changed.
type Found struct {
	Dir, Name string // Dir is "." for the root
	Info      fsx.Info
	Kind      replication.Kind
	Size      int64            // bytes of content; 0 for all but files
	Hash      replication.Hash // of the content; zero for all but files
	Target    string           // of a symbolic link
	Attr      replication.Attr
	// List is the chunk list of a large content, nil otherwise.
	List *chunk.List
	// ID is the live object that the index bound to this inode, RootID if none.
	ID replication.FileID
	// Stood tells that ID is what the index has at this very place.
	Stood bool
}

// Missing is a place where the index has a live object and the disk has none, or
// another one.
type Missing struct {
	Dir, Name string
	ID        replication.FileID
	Kind      replication.Kind
	Replaced  bool // something else stands there now
}

// Later is a path that cannot be read now: one of the errors of this package,
// or what the file system said. What stands below it was not looked at.
type Later struct {
	Dir, Name string
	Err       error
}

// Sink takes what a survey finds; its methods are called by one goroutine at a
// time. What they are given is theirs. An error ends the survey.
type Sink interface {
	Found(Found) error
	Missing(Missing) error
	Later(Later) error
}

// Result is what a survey did.
type Result struct {
	Files     int64 // objects looked at, directories and links among them
	Unchanged int64 // of those, as the index has them
	Hashed    int64 // files that were read
	Bytes     int64 // that were read
	Skipped   int64 // devices, pipes, sockets, and names that cannot replicate
	// SkippedPaths are the first ten of those.
	SkippedPaths []string
	Duration     time.Duration
}

// Run compares areas of the folder with the index and reports to sink; see the
// package for what the reports mean. Areas may come in any order and overlap.
// The error is that of the index, the sink, the folder's root or ctx, or
// [ErrArea]; what was reported until then is true. Whatever else fails is Later.
func Run(ctx context.Context, o Options, areas []Area, sink Sink) (Result, error) {
	began := time.Now()
	info, err := o.Root.Info()
	if err != nil {
		return Result{}, fmt.Errorf("survey: %w", err)
	}
	if o.Workers <= 0 {
		o.Workers = runtime.GOMAXPROCS(0)
	}
	r := &run{
		o: o, sink: sink, mount: info.Mount,
		jobs: make(chan job, queued), moved: map[replication.FileID]string{},
		claims: map[replication.FileID]string{}, looked: map[string]level{}, reached: map[string]task{},
	}
	todo, err := r.plan(areas)
	if err != nil {
		return Result{}, err
	}
	err = r.run(ctx, todo)
	return Result{
		Files: r.files.Load(), Unchanged: r.unchanged.Load(), Hashed: r.hashed.Load(), Bytes: r.bytes.Load(),
		Skipped: r.skipped, SkippedPaths: r.skippedPaths, Duration: time.Since(began),
	}, err
}

// queued is how many files may wait for a worker, each with its directory open.
const queued = 256

// run is one survey under way. Walkers compare names; workers read what they
// come upon.
type run struct {
	o     Options
	mount uint64 // of the root
	jobs  chan job
	stop  context.CancelCauseFunc

	out  sync.Mutex // is held while sink is called
	sink Sink
	full error // what sink refused with; it is not called again

	files, unchanged, hashed, bytes atomic.Int64

	mu           sync.Mutex                    // guards what follows
	moved        map[replication.FileID]string // paths of directories
	claims       map[replication.FileID]string // paths, for objects that had several names
	skipped      int64
	skippedPaths []string

	// What follows belongs to the goroutine that works off the areas.
	looked  map[string]level // what is done, by path
	reached map[string]task  // directories that stand as the index has them
}

func (r *run) run(ctx context.Context, todo []look) error {
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	r.stop = stop
	var workers, progress sync.WaitGroup
	for range r.o.Workers {
		workers.Go(func() {
			if err := r.work(ctx); err != nil {
				stop(err)
			}
		})
	}
	ended := make(chan struct{})
	if r.o.Progress != nil {
		progress.Go(func() { r.tell(ended) })
	}
	if err := r.walkAll(ctx, todo); err != nil {
		stop(err)
	}
	close(r.jobs)
	workers.Wait()
	close(ended)
	progress.Wait()
	if err := context.Cause(ctx); err != nil {
		return fmt.Errorf("survey: %w", err)
	}
	return nil
}

// tell reports progress until ended is closed, and then once more.
func (r *run) tell(ended <-chan struct{}) {
	tick := time.NewTicker(200 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			r.o.Progress(r.files.Load(), r.bytes.Load())
		case <-ended:
			r.o.Progress(r.files.Load(), r.bytes.Load())
			return
		}
	}
}

// emit lets one report out, and none once the survey is ending.
func (r *run) emit(ctx context.Context, report func(Sink) error) error {
	r.out.Lock()
	defer r.out.Unlock()
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if r.full == nil {
		r.full = report(r.sink)
	}
	return r.full
}

func (r *run) later(ctx context.Context, dir, name string, err error) error {
	return r.emit(ctx, func(s Sink) error { return s.Later(Later{Dir: dir, Name: name, Err: err}) })
}

// missing reports the objects of group, which stood in dir, all but one.
func (r *run) missing(ctx context.Context, dir string, group []index.Standing, but identity, replaced bool) error {
	for _, s := range group {
		if s.Entry.ID == but.id {
			continue
		}
		m := Missing{Dir: dir, Name: s.Name, ID: s.Entry.ID, Kind: s.Entry.Disk.Kind, Replaced: replaced}
		if err := r.emit(ctx, func(sink Sink) error { return sink.Missing(m) }); err != nil {
			return err
		}
	}
	return nil
}

// skip counts what cannot replicate.
func (r *run) skip(path string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.skipped++
	if len(r.skippedPaths) < 10 {
		r.skippedPaths = append(r.skippedPaths, path)
	}
}
