package install

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"dfsd/internal/fsx"
)

// Private is the name of the private area at the root of a folder. No path
// below it replicates.
const Private = ".dfsd"

// Hold is the holding directory: where an object waits whose name another one
// needs before its own new name is free.
const Hold = Private + "/hold"

const (
	stagingDir   = "staging"
	holdDir      = "hold"
	preservedDir = "preserved"
	manifestFile = "manifest"
	markerFile   = "marker"

	privateMode = 0o700
	// fewFiles is how many fsyncs are cheaper than a sync of the file system,
	// which writes what others have dirtied as well.
	fewFiles = 4
)

// Options say where an Installer works.
type Options struct {
	FS   fsx.FS // nil: the operating system's
	Path string // of the folder's root
	// Marker is the name that the index knows this folder by; empty when it
	// knows none, which adopts the folder's marker or makes one.
	Marker string
	// Quota is how many bytes the preserved store shall take; 0: no bound. A
	// batch that fills more than nine tenths of it makes others go until six
	// tenths are left: first the versions that a later one replaced, then what
	// partners deleted, last what exists nowhere else, always the oldest first
	// and none of the batch itself. What exists nowhere else stays for 30 days
	// at least, and exceeds the quota if it must: nothing fails or waits for
	// that, and Installer.PreservedTotals shows it.
	Quota int64
	Now   func() time.Time // nil: time.Now
}

// Installer writes inside one replicated folder.
type Installer struct {
	o      Options
	marker string

	mu      sync.Mutex
	closed  bool     // guarded by mu, as all below; read under gate too
	root    fsx.Dir  // the folder
	private fsx.Dir  // .dfsd
	staging fsx.Dir  // .dfsd/staging
	store   *store   // .dfsd/preserved with its manifest
	itself  fsx.Info // of root

	// gate keeps the handles open for those who use them without mu: Close
	// holds both. It is never held during a Commit.
	gate sync.RWMutex

	temps atomic.Uint64 // names of temporaries given by this Installer
	named atomic.Bool   // this file system has no unnamed files that can get a name
}

// Open opens the private area of a folder, makes it if the folder is new, and
// settles what a crash left there: files on their way out are preserved or
// removed, temporaries of interrupted batches go. A folder that is not the
// one of Options.Marker is a *RootError.
func Open(o Options) (*Installer, error) {
	if o.FS == nil {
		o.FS = fsx.OS()
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	in := &Installer{o: o, marker: o.Marker}
	if err := in.open(); err != nil {
		_ = in.closeHandles()
		return nil, fmt.Errorf("open folder %s: %w", o.Path, err)
	}
	return in, nil
}

func (in *Installer) open() error {
	var err error
	if in.root, err = in.o.FS.OpenRoot(in.o.Path); err != nil {
		return err
	}
	if in.itself, err = in.root.Info(); err != nil {
		return err
	}
	if in.marker, err = ensureMarker(in.root, in.marker); err != nil {
		return err
	}
	if in.private, err = in.root.OpenDir(Private); err != nil {
		return err
	}
	if in.staging, err = ensureDir(in.private, stagingDir); err != nil {
		return err
	}
	hold, err := ensureDir(in.private, holdDir)
	if err != nil {
		return err
	}
	if err := hold.Close(); err != nil {
		return err
	}
	if in.store, err = openStore(in.root, in.private, in.staging, in.o.Now); err != nil {
		return err
	}
	return in.sweep(func(name string) bool { return !strings.HasPrefix(name, tempPrefix) })
}

// ensureDir opens a directory of the private area and makes it if need be.
func ensureDir(in fsx.Dir, name string) (fsx.Dir, error) {
	if err := in.Mkdir(name, privateMode); err != nil && !errors.Is(err, fsx.ErrExist) {
		return nil, err
	}
	return in.OpenDir(name)
}

// Close ends the use of the folder.
func (in *Installer) Close() error {
	in.mu.Lock()
	defer in.mu.Unlock()
	in.gate.Lock()
	defer in.gate.Unlock()
	if in.closed {
		return nil
	}
	in.closed = true
	return in.closeHandles()
}

func (in *Installer) closeHandles() error {
	var errs []error
	if in.store != nil {
		errs = append(errs, in.store.close())
	}
	for _, d := range []fsx.Dir{in.staging, in.private, in.root} {
		if d != nil {
			errs = append(errs, d.Close())
		}
	}
	return errors.Join(errs...)
}

// Marker is the name that this folder is known by; the index keeps it for the
// next Open.
func (in *Installer) Marker() string { return in.marker }

// Staging opens the directory of temporaries; the caller closes it. Names
// that begin with "dfsd-" are the Installer's own.
func (in *Installer) Staging() (fsx.Dir, error) {
	in.mu.Lock()
	defer in.mu.Unlock()
	if in.closed {
		return nil, ErrClosed
	}
	return in.staging.OpenDir(".")
}

// Sweep removes the temporaries that keep does not want: at the start, those
// that cannot be resumed. The Installer's own are never asked about.
func (in *Installer) Sweep(keep func(name string) bool) error {
	in.mu.Lock()
	defer in.mu.Unlock()
	if in.closed {
		return ErrClosed
	}
	return in.sweep(func(name string) bool { return strings.HasPrefix(name, tempPrefix) || keep(name) })
}

func (in *Installer) sweep(keep func(name string) bool) error {
	var errs []error
	err := in.staging.ReadDir(func(e fsx.Entry) bool {
		switch {
		case keep(e.Name):
		case e.Kind == fsx.Directory:
			errs = append(errs, in.staging.RemoveDir(e.Name))
		default:
			errs = append(errs, in.staging.Remove(e.Name))
		}
		return true
	})
	return errors.Join(append(errs, err)...)
}

// tempPrefix begins the names of the Installer's own temporaries.
const tempPrefix = "dfsd-"

// temp returns a name in staging that nothing has.
func (in *Installer) temp() string {
	return tempPrefix + strconv.FormatUint(in.temps.Add(1), 10)
}

// Commit installs a batch and tells for each item what became of it. It takes
// one open file for each item, so a batch is best kept to some hundred. The
// error is for the whole batch and means that nothing of it was installed:
// ErrClosed, or that ctx ended.
func (in *Installer) Commit(ctx context.Context, items []Item) ([]Result, error) {
	in.mu.Lock()
	defer in.mu.Unlock()
	if in.closed {
		return nil, ErrClosed
	}
	b := newBatch(in, items)
	defer b.close()
	if err := b.prepare(ctx); err != nil {
		b.abandon()
		return nil, err
	}
	b.harden()
	b.publish()
	b.finish()
	in.store.trim(in.o.Quota, b.firstID)
	return b.results(), nil
}
