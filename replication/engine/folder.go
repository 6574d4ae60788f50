package engine

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"go.uber.org/zap"

	"dfsd/internal/event"
	"dfsd/replication/install"
	"dfsd/replication/reconcile"
	"dfsd/replication/transfer"
	"dfsd/replication/version"
)

// reopenAfter is how long a folder that halted is left alone.
const reopenAfter = 3 * time.Second

// folder is one replicated folder for as long as its spec stays. Its replica comes
// and goes.
type folder struct {
	spec  spec
	own   int           // Options.Own
	retry time.Duration // how long what failed is left alone
	host  string        // this one
	dir   string        // of its index and its memo
	log   *zap.Logger

	terms       atomic.Pointer[terms]
	acceptEmpty atomic.Bool // the administrator has said that the folder is meant to be empty
	elected     atomic.Bool // no member has anything: the primary begins anew
	recovering  atomic.Bool // the index is being rebuilt
	reopen      chan struct{}
	asking      atomic.Int32 // answers that are being taken in

	mu      sync.Mutex
	replica *replica // nil while it is closed
	halted  error    // why there is none
}

func newFolder(s spec, o *Options) (*folder, error) {
	f := &folder{
		spec: s, own: o.Own, retry: cmp.Or(o.retry, retryEvery), host: o.Host, dir: filepath.Join(o.DataDir, "replication", s.key.String()),
		log: o.Log.With(zap.String("folder", s.String())), reopen: make(chan struct{}, 1),
	}
	f.terms.Store(&terms{})
	if err := os.MkdirAll(f.dir, 0o700); err != nil {
		return nil, fmt.Errorf("make room for the index of %s: %w", s.String(), err)
	}
	return f, nil
}

// terms are what of a folder may change while it is open. They do not change
// themselves: others take their place.
type terms struct {
	primary bool
	members []string // all of the group, this host among them
	ways    []way
	links   []*link // one for each of ways
}

// termsOf returns the terms that a setting asks for. Links that f has stay.
func (f *folder) termsOf(s setting) *terms {
	t := &terms{primary: s.primary, members: s.members, ways: s.ways}
	for _, w := range s.ways {
		i := slices.IndexFunc(f.links(), func(l *link) bool { return l.way.sameAs(w) })
		if i < 0 {
			t.links = append(t.links, newLink(f, w))
		} else {
			t.links = append(t.links, f.links()[i])
		}
	}
	return t
}

func (f *folder) links() []*link { return f.terms.Load().links }

// follow puts terms in force. What the index remembers of new partners counts at
// once.
func (f *folder) follow(t *terms) {
	before := f.terms.Swap(t)
	r := f.current()
	if r == nil || !r.enter() {
		return
	}
	defer r.leave()
	for _, l := range t.links {
		if slices.Contains(before.links, l) {
			continue
		}
		if err := l.recall(r); err != nil {
			f.log.Warn("what a partner held is not remembered", zap.String("partner", l.way.partner.Host), zap.Error(err))
		}
	}
	r.fetcher.Changed()
	f.tell()
}

// run keeps a replica open until ctx ends.
func (f *folder) run(ctx context.Context) {
	for ctx.Err() == nil {
		err := f.runOnce(ctx)
		if ctx.Err() != nil {
			return
		}
		if errors.Is(err, errReopen) {
			f.log.Info("the folder is opened anew", zap.Error(err))
			continue
		}
		f.halt(err)
		timer := time.NewTimer(reopenAfter)
		select {
		case <-ctx.Done():
		case <-timer.C:
		case <-f.reopen:
		}
		timer.Stop()
	}
}

// errReopen ends a replica that shall be opened anew at once.
var errReopen = errors.New("the folder is to be opened anew")

// errOpening answers questions about a folder before it is open.
var errOpening = errors.New("the folder is being opened")

func (f *folder) runOnce(ctx context.Context) error {
	r, err := openReplica(f)
	if err != nil {
		return err
	}
	f.mu.Lock()
	f.replica, f.halted = r, nil
	f.mu.Unlock()
	f.tell()
	err = r.run(ctx)
	f.mu.Lock()
	f.replica = nil
	f.mu.Unlock()
	return err
}

// halt notes why the folder does not run, and says it once.
func (f *folder) halt(err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.halted == nil || f.halted.Error() != err.Error() {
		f.log.Error("the folder is halted; nothing in it is touched until this is mended", event.FolderHalted.Field(), zap.Error(err), zap.String("next_step", f.nextStep(err)))
	}
	f.halted = err
}

// nextStep says how a halt ends.
func (f *folder) nextStep(err error) string {
	switch {
	case errors.Is(err, install.ErrRootGone):
		return "make or mount " + f.spec.path + "; replication goes on by itself"
	case errors.Is(err, install.ErrRootEmpty):
		return "mount or restore what belongs there, and replication goes on by itself; if it is meant to be empty, run `dfsd replication resume " + f.spec.String() + "`"
	case errors.Is(err, install.ErrRootUnmarked), errors.Is(err, install.ErrRootReplaced):
		return "put the directory back that was replicated, and replication goes on by itself; if this one is meant to be replicated from now on, stop dfsd and remove " + f.dir
	}
	if errors.Is(err, syscall.EROFS) {
		return "mount it for writing; under systemd, name " + f.spec.path + " in ReadWritePaths of the unit; it is tried again every few seconds"
	}
	return "it is tried again every few seconds"
}

// current returns the open replica, nil if there is none.
func (f *folder) current() *replica {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.replica
}

// open returns the replica, and an error that says why there is none.
func (f *folder) open() (*replica, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.replica != nil {
		return f.replica, nil
	}
	if f.halted != nil {
		return nil, fmt.Errorf("%s is halted: %w", f.spec.String(), f.halted)
	}
	return nil, fmt.Errorf("%s: %w", f.spec.String(), errOpening)
}

// tell has all partners told what this member knows by now, and asked for what
// it may be ready for only now.
func (f *folder) tell() {
	for _, l := range f.links() {
		l.signal()
	}
}

// sources returns the partners that can be asked for contents, the nearest
// first.
func (f *folder) sources() []transfer.Source {
	r := f.current()
	if r == nil || r.stopped.Load() {
		return nil
	}
	var all []transfer.Source
	for _, l := range f.links() {
		if s := l.source(); s != nil {
			all = append(all, *s)
		}
	}
	return all
}

// allConnected tells whether every other member of the group is a partner that
// is connected.
func (f *folder) allConnected() bool {
	t := f.terms.Load()
	if len(t.links) != len(t.members)-1 {
		return false
	}
	for _, l := range f.links() {
		if !l.connected() {
			return false
		}
	}
	return true
}

// allKnow tells whether every other member is connected and knows what it has: one
// that lost its index and still scans says of nothing on its disk that it is there.
func (f *folder) allKnow() bool {
	if !f.allConnected() {
		return false
	}
	for _, l := range f.links() {
		if !l.knows() {
			return false
		}
	}
	return true
}

// allTold tells whether every member knows what it has and has nothing to tell that
// this one has not seen, and none is being asked.
func (f *folder) allTold() bool {
	if f.asking.Load() > 0 || !f.allKnow() {
		return false
	}
	for _, l := range f.links() {
		if l.owes() {
			return false
		}
	}
	return true
}

// cutOff ends the session with a partner that broke the protocol.
func (f *folder) cutOff(host string, err error) {
	for _, l := range f.links() {
		if l.way.partner.Host == host {
			l.failed(err)
			l.end()
		}
	}
}

// hostOf returns the member that makes versions under an origin, "" if nobody
// has told.
func (f *folder) hostOf(o version.Origin) string {
	for _, l := range f.links() {
		if l.makes(o) {
			return l.way.partner.Host
		}
	}
	return ""
}

// elect makes the primary begin anew as such when it waits for the others and
// none of them has anything: all indexes were lost at once.
func (f *folder) elect() {
	r := f.current()
	if r == nil || !f.terms.Load().primary || r.meta.Load().Phase != reconcile.Joining || !f.allConnected() {
		return
	}
	for _, l := range f.links() {
		if l.holds() {
			return
		}
	}
	f.log.Warn("no member has an index: what is on this primary's disk counts from now on")
	f.elected.Store(true)
	r.rebuild()
}
