package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"runtime/debug"
	"slices"
	"strings"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/zap"

	"dfsd/configs"
	"dfsd/internal/admin"
	"dfsd/replication"
	"dfsd/replication/engine"
	"dfsd/replication/peer"
	"dfsd/replication/status"
)

// replicates tells whether the host of a file is in a replication group.
func replicates(file *configs.File) bool {
	if file.Replication == nil {
		return false
	}
	for _, g := range file.Replication.Groups {
		if _, ok := g.Member(file.Host); ok {
			return true
		}
	}
	return false
}

// Replication makes garbage by the gigabyte, of which little is alive at a time:
// collecting it sooner costs a few percent of the processor and halves the
// memory at the peak. GOGC and GOMEMLIMIT in the environment win.
const (
	gcPercent   = 50
	memoryLimit = 256 << 20 // bytes, beyond which collecting takes precedence
)

func saveMemory() {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(gcPercent)
	}
	if os.Getenv("GOMEMLIMIT") == "" {
		debug.SetMemoryLimit(memoryLimit)
	}
}

// observes tells whether the host of a file may ask others how replication is,
// without being a member.
func observes(file *configs.File) bool {
	return file.Replication != nil && slices.ContainsFunc(file.Replication.Observers, func(o replication.ObserverConfig) bool {
		return replication.SameHost(o.Host, file.Host)
	})
}

// identityFor returns the key of the host of a file, nil where it needs none.
func identityFor(file *configs.File) (*peer.Identity, error) {
	if !replicates(file) && !observes(file) {
		return nil, nil
	}
	identity, err := peer.LoadOrCreateIdentity(file.DataDir)
	if err != nil {
		return nil, keyError(file.DataDir, fmt.Errorf("this host's key: %w", err))
	}
	return identity, nil
}

// keyError says what to do next where the key of a host is not to be had.
func keyError(dir string, err error) error {
	var path *fs.PathError
	if errors.As(err, &path) {
		return withHint(err, "set data_dir to a directory that this user may write")
	}
	return withHint(err, "put %s back from a backup, or remove it: `dfsd identity` makes another, whose fingerprint goes into the file of all hosts",
		filepath.Join(dir, peer.KeyFile))
}

// software is how this program names itself to others.
func software() string { return "dfsd " + thisBuild().Version }

// newEngine makes the replication engine of this host. Nothing runs yet.
func newEngine(file *configs.File, identity *peer.Identity, status *peer.StatusService, registry prometheus.Registerer, log *zap.Logger) (*engine.Engine, error) {
	return engine.New(engine.Options{
		Config: *file.Replication, Host: file.Host, DataDir: file.DataDir, Own: os.Getpid(), Identity: identity,
		Software: software(), Status: status, Registry: registry, Log: log.Named("replication"),
	})
}

func listenPartners(addr string) (net.Listener, error) {
	l, err := net.Listen("tcp", addr)
	if err != nil {
		return nil, withHint(fmt.Errorf("listen for replication partners: %w", err), "set replication.listen to an address and port of this host that is free")
	}
	return l, nil
}

// Replicas implements admin.Daemon.
func (d *daemon) Replicas() admin.Replicas {
	if d.engine == nil {
		return nil
	}
	return replicas{d.engine}
}

// replicas gives the engine's errors the meaning that they have for commands.
type replicas struct{ e *engine.Engine }

func meaning(err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, engine.ErrUnknownFolder):
		return &unknownFolder{err} // whose words are the same
	case errors.Is(err, engine.ErrUnknownPath), errors.Is(err, engine.ErrUnknownMember), errors.Is(err, engine.ErrUnknownEntry):
		return fmt.Errorf("%w (%w)", err, admin.ErrNotFound)
	case errors.Is(err, engine.ErrPaused):
		return fmt.Errorf("%w (%w)", err, admin.ErrBadRequest)
	}
	return err
}

// unknownFolder is an error of the engine that is admin.ErrUnknownFolder too.
type unknownFolder struct{ error }

func (e *unknownFolder) Unwrap() []error { return []error{e.error, admin.ErrUnknownFolder} }

func (r replicas) Status(ctx context.Context) (status.Replication, error) {
	s, err := r.e.Status(ctx)
	return s, meaning(err)
}

func (r replicas) Backlog(ctx context.Context, folder, member string, limit int) ([]status.Backlog, error) {
	b, err := r.e.Backlog(ctx, folder, member, limit)
	return b, meaning(err)
}

func (r replicas) Pause(ctx context.Context, folder string) error {
	return meaning(r.e.Pause(ctx, folder))
}

func (r replicas) Resume(ctx context.Context, folder string) error {
	return meaning(r.e.Resume(ctx, folder))
}

func (r replicas) Sync(ctx context.Context, folder string, wait bool) error {
	return meaning(r.e.Sync(ctx, folder, wait))
}

func (r replicas) Inspect(ctx context.Context, path string) (status.File, error) {
	f, err := r.e.Inspect(ctx, path)
	return f, meaning(err)
}

func (r replicas) Preserved(ctx context.Context, folder string) ([]status.PreservedFile, error) {
	all, err := r.e.Preserved(ctx, folder)
	return all, meaning(err)
}

// entryID is the id of a preserved file in full: leading zeros need not be typed.
func entryID(typed string) string {
	const digits = 16
	return strings.Repeat("0", max(0, digits-len(typed))) + strings.ToLower(typed)
}

func (r replicas) Restore(ctx context.Context, folder, id, to string) (string, error) {
	at, err := r.e.Restore(ctx, folder, entryID(id), to)
	return at, meaning(err)
}
