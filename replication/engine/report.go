package engine

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"dfsd/internal/fsx"
	"dfsd/replication"
	"dfsd/replication/index"
	"dfsd/replication/reconcile"
	"dfsd/replication/status"
	"dfsd/replication/version"
)

// The errors of questions about folders, beside those of the folder itself.
var (
	ErrUnknownFolder = errors.New("no such replicated folder on this host")
	ErrUnknownPath   = errors.New("nothing is known of this path")
	ErrUnknownMember = errors.New("no such partner in this folder")
	ErrPaused        = errors.New("replication is paused")
	ErrUnknownEntry  = errors.New("no such file in the preserved store")
)

// Status answers what `replication status` shows.
func (e *Engine) Status(context.Context) (status.Replication, error) {
	out := status.Replication{Host: e.host, Folders: []status.Folder{}}
	for _, f := range e.folders() {
		out.Folders = append(out.Folders, f.status(time.Now()))
	}
	return out, nil
}

func (f *folder) status(now time.Time) status.Folder {
	s := status.Folder{
		Group: f.spec.group, Folder: f.spec.name, Path: f.spec.path, State: status.Failed,
		Connections: []status.Connection{}, Preserved: status.Preserved{Quota: f.spec.preserved},
	}
	r, err := f.open()
	if err == nil && !r.enter() {
		r, err = nil, errReopen
	}
	if r != nil {
		defer r.leave()
		err = r.describe(&s, now)
	}
	switch {
	case err == nil:
	case errors.Is(err, errOpening), errors.Is(err, errReopen):
		s.State, s.Opening = status.Recovering, true
	default:
		s.State, s.Error = status.Failed, err.Error()
		if step := f.nextStep(err); f.isHalted() {
			s.Error += " (" + step + ")"
		}
	}
	for _, l := range f.links() {
		s.Connections = append(s.Connections, l.status(r, now)...)
	}
	return s
}

func (f *folder) isHalted() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.halted != nil
}

// describe fills in what an open replica knows.
func (r *replica) describe(s *status.Folder, now time.Time) error {
	totals, err := r.idx.Totals()
	if err != nil {
		return err
	}
	m := r.meta.Load()
	s.Files, s.Bytes, s.Watch = totals.Files, totals.Bytes, string(r.journal.Mode())
	s.Preserved.Files, s.Preserved.Bytes = r.installer.PreservedTotals()
	s.Unread, s.UnreadFiles = r.unreads.status(now)
	s.Progress = r.progress(m, now)
	switch {
	case r.stopped.Load():
		s.State = status.Paused
	case m.Phase == reconcile.Normal:
		s.State = status.Normal
		r.f.recovering.Store(false)
	case r.f.recovering.Load():
		s.State = status.Recovering
	default:
		s.State = status.InitialSync
	}
	return nil
}

// status describes both ways of a link. r may be nil.
func (l *link) status(r *replica, now time.Time) []status.Connection {
	l.mu.Lock()
	session, fresh, err, c := l.session, l.fresh, l.err, l.before
	l.mu.Unlock()
	state, lastError := status.Connecting, ""
	if session != nil {
		n := session.Counters()
		c.Sent, c.Received = c.Sent+n.Sent, c.Received+n.Received
		if fresh {
			state = status.Connected
		}
	}
	if err != nil {
		lastError = err.Error()
	}
	if r != nil && r.stopped.Load() {
		state = status.ConnectionPaused
	}
	host, partner := l.folder.host, l.way.partner.Host
	var all []status.Connection
	if l.way.takes {
		b := l.outgoing(r)
		l.owedPace.note(now, b.Files, b.Bytes)
		all = append(all, connection(host, partner, state, b, now))
	}
	if l.way.sends {
		b := l.incoming(r)
		l.lackedPace.note(now, b.Files, b.Bytes)
		all = append(all, connection(partner, host, state, b, now))
	}
	for i := range all {
		all[i].SentBytes, all[i].ReceivedBytes, all[i].LastError = c.Sent, c.Received, lastError
	}
	return all
}

func connection(from, to string, state status.ConnectionState, b index.Backlog, now time.Time) status.Connection {
	return status.Connection{From: from, To: to, State: state, BacklogFiles: b.Files, BacklogBytes: b.Bytes, OldestSeconds: oldest(b, now)}
}

// oldest is the age of the oldest change of a backlog, in seconds.
func oldest(b index.Backlog, now time.Time) float64 {
	if b.Files == 0 || b.Oldest == 0 {
		return 0
	}
	return max(now.Sub(time.Unix(0, b.Oldest)).Seconds(), 0)
}

// outgoing is what the partner lacks of what this member holds.
func (l *link) outgoing(r *replica) index.Backlog {
	if r == nil {
		return index.Backlog{}
	}
	held := l.held()
	if held.Includes(r.meta.Load().Held) {
		return index.Backlog{}
	}
	l.mu.Lock()
	last := l.counted
	l.mu.Unlock()
	began := time.Now()
	if last.of == r && began.Sub(last.at) < countEvery*last.took {
		return last.backlog
	}
	b, err := r.idx.Backlog(held)
	if err != nil {
		return index.Backlog{}
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.counted = counted{of: r, at: time.Now(), took: time.Since(began), backlog: b}
	return b
}

// counted is a backlog and what counting it cost.
type counted struct {
	of      *replica
	at      time.Time
	took    time.Duration
	backlog index.Backlog
}

// countEvery is how many times its own duration the count of a backlog holds
// good: to look often must not slow down what is looked at.
const countEvery = 20

// incoming is what this member lacks of what the partner holds: what is on its
// work list, and of what it has not even heard of the number.
func (l *link) incoming(r *replica) index.Backlog {
	var b index.Backlog
	if r == nil {
		return b
	}
	m := r.meta.Load()
	held := l.held()
	for _, missing := range m.Seen.Missing(held) {
		b.Files += int64(missing.UpTo - missing.After) //nolint:gosec // counts of files
	}
	switch {
	case m.pending == 0:
		return b
	case m.pending > exactBacklog: // to go through all of them at every look would cost what the work needs
		b.Files += int64(m.pending)
		b.Bytes = r.fetcher.Progress().QueuedBytes
		return b
	}
	for e, err := range r.idx.Wanted() {
		if err != nil {
			break
		}
		if !held.Covers(e.Known.Stamp) {
			continue
		}
		b.Files++
		b.Bytes += e.Known.Size
		if b.Oldest == 0 || e.Known.Clock < b.Oldest {
			b.Oldest = e.Known.Clock
		}
	}
	return b
}

// exactBacklog is up to how many pending files a backlog is told by looking at
// each.
const exactBacklog = 2000

// pick returns the folders that a name means: all for "".
func (e *Engine) pick(name string) ([]*folder, error) {
	if name == "" {
		return e.folders(), nil
	}
	for _, f := range e.folders() {
		if strings.EqualFold(f.spec.String(), name) {
			return []*folder{f}, nil
		}
	}
	return nil, fmt.Errorf("%w: %q", ErrUnknownFolder, name)
}

// using calls do with the open replica of each folder that a name means.
func (e *Engine) using(name string, do func(*folder, *replica) error) error {
	folders, err := e.pick(name)
	if err != nil {
		return err
	}
	for _, f := range folders {
		r, err := f.open()
		if err != nil {
			return err
		}
		if !r.enter() {
			return fmt.Errorf("%s: %w", f.spec.String(), errReopen)
		}
		err = do(f, r)
		r.leave()
		if err != nil {
			return err
		}
	}
	return nil
}

// Backlog answers what single files wait for, in both directions with each
// partner, or the one named member; at most limit files of each direction.
func (e *Engine) Backlog(_ context.Context, name, member string, limit int) ([]status.Backlog, error) {
	out := []status.Backlog{}
	err := e.using(name, func(f *folder, r *replica) error {
		met := member == ""
		for _, l := range f.links() {
			if member != "" && !replication.SameHost(member, l.way.partner.Host) {
				continue
			}
			met = true
			if l.way.takes {
				b, err := l.owed(r, limit)
				if err != nil {
					return err
				}
				out = append(out, b)
			}
			if l.way.sends {
				b, err := l.lacked(r, limit)
				if err != nil {
					return err
				}
				out = append(out, b)
			}
		}
		if !met && name != "" {
			return fmt.Errorf("%w: %q", ErrUnknownMember, member)
		}
		return nil
	})
	return out, err
}

// owed lists what the partner lacks.
func (l *link) owed(r *replica, limit int) (status.Backlog, error) {
	b := l.outgoing(r)
	out := status.Backlog{
		Group: l.folder.spec.group, Folder: l.folder.spec.name, From: l.folder.host, To: l.way.partner.Host,
		Files: b.Files, Bytes: b.Bytes, OldestSeconds: oldest(b, time.Now()), SecondsLeft: l.owedPace.left(b.Files, b.Bytes), Items: []status.BacklogItem{},
	}
	reason := "not yet confirmed by " + l.way.partner.Host
	if !l.connected() {
		reason = l.way.partner.Host + " is not connected"
	}
	for record, err := range r.idx.Newer(l.held()) {
		if err != nil {
			return out, err
		}
		if len(out.Items) >= limit {
			break
		}
		out.Items = append(out.Items, r.item(&record, reason))
	}
	return out, nil
}

// lacked lists what this member lacks.
func (l *link) lacked(r *replica, limit int) (status.Backlog, error) {
	b := l.incoming(r)
	out := status.Backlog{
		Group: l.folder.spec.group, Folder: l.folder.spec.name, From: l.way.partner.Host, To: l.folder.host,
		Files: b.Files, Bytes: b.Bytes, OldestSeconds: oldest(b, time.Now()), SecondsLeft: l.lackedPace.left(b.Files, b.Bytes), Items: []status.BacklogItem{},
	}
	held := l.held()
	for e, err := range r.idx.Wanted() {
		if err != nil {
			return out, err
		}
		if len(out.Items) >= limit {
			break
		}
		if held.Covers(e.Known.Stamp) {
			out.Items = append(out.Items, r.item(&e.Known, r.waiting(e.ID)))
		}
	}
	return out, nil
}

func (r *replica) item(record *replication.Record, reason string) status.BacklogItem {
	path := record.Name
	if dir, err := r.atlas.dir(record.Parent); err == nil {
		path = fsx.Join(dir, record.Name)
	}
	return status.BacklogItem{
		Path: path, Kind: record.Kind.String(), Deleted: record.Deleted, Bytes: record.Size,
		AgeSeconds: max(time.Since(time.Unix(0, record.Clock)).Seconds(), 0), Reason: reason,
	}
}

// waiting asks the loop what an object waits for.
func (r *replica) waiting(id replication.FileID) string {
	answer := make(chan string, 1)
	select {
	case r.inbox <- func() error {
		reason := r.core.Waiting(id)
		if fault := r.faults[id]; fault != "" {
			reason += ": " + fault
		}
		answer <- reason
		return nil
	}:
	case <-r.ended:
		return "the folder is being opened"
	}
	select {
	case reason := <-answer:
		return reason
	case <-r.ended:
		return "the folder is being opened"
	}
}

// Inspect answers what is known of one path: an absolute one of this host, or
// group/folder/path.
func (e *Engine) Inspect(_ context.Context, path string) (out status.File, err error) {
	f, rel, err := e.locate(path)
	if err != nil {
		return out, err
	}
	err = e.using(f.spec.String(), func(f *folder, r *replica) error {
		entry, err := r.find(rel)
		if err != nil {
			return err
		}
		out = r.inspect(&entry, rel)
		return nil
	})
	return out, err
}

// locate finds the folder that a path lies in, and the path within it.
func (e *Engine) locate(path string) (*folder, string, error) {
	for _, f := range e.folders() {
		for _, root := range []string{f.spec.path, f.spec.String()} {
			if rel, ok := strings.CutPrefix(filepath.Clean(path), root+"/"); ok {
				return f, rel, nil
			}
		}
	}
	return nil, "", fmt.Errorf("%w: %q lies in no replicated folder of this host", ErrUnknownFolder, path)
}

// find returns the entry that stands at a path.
func (r *replica) find(path string) (reconcile.Entry, error) {
	at := replication.RootID
	var entry reconcile.Entry
	for name := range strings.SplitSeq(path, "/") {
		standing, err := r.idx.StandingAt(reconcile.Place{Parent: at, Name: name})
		if err != nil {
			return entry, err
		}
		if len(standing) == 0 {
			return entry, fmt.Errorf("%w: %q", ErrUnknownPath, path)
		}
		entry = standing[0].Entry
		at = entry.ID
	}
	return entry, nil
}

func (r *replica) inspect(e *reconcile.Entry, path string) status.File {
	f := r.f
	d := &e.Disk
	out := status.File{
		Group: f.spec.group, Folder: f.spec.name, Path: path, ID: e.ID.String(), Kind: d.Kind.String(), Deleted: d.Deleted,
		Settled: !e.Wanted && !e.Pending, Version: d.Stamp.String(), Latest: e.Known.Stamp.String(), MadeBy: f.hostOf(d.Stamp.Origin),
		Changed: time.Unix(0, d.Clock).UTC(), Size: d.Size, Mode: fmt.Sprintf("%04o", d.Attr.Mode), UID: d.Attr.UID, GID: d.Attr.GID,
		Modified: time.Unix(0, d.Attr.MTime).UTC(), Xattrs: []string{}, HeldBy: map[string]string{},
	}
	if d.Stamp.Origin == r.meta.Load().Origin {
		out.MadeBy = f.host
	}
	if d.Kind == replication.File {
		out.Hash = fmt.Sprintf("%x", d.Hash)
	}
	for _, x := range d.Attr.Xattrs {
		out.Xattrs = append(out.Xattrs, x.Name)
	}
	if !out.Settled {
		out.Waiting = r.waiting(e.ID)
	}
	for _, l := range f.links() {
		out.HeldBy[l.way.partner.Host] = l.holding(d.Stamp)
	}
	return out
}

func (l *link) holding(s version.Stamp) string {
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case l.heard.IsZero():
		return "unknown"
	case l.told.Held.Covers(s):
		return "yes"
	}
	return "no"
}

// Preserved lists the preserved store, oldest first.
func (e *Engine) Preserved(_ context.Context, name string) ([]status.PreservedFile, error) {
	out := []status.PreservedFile{}
	err := e.using(name, func(f *folder, r *replica) error {
		for _, p := range r.installer.Preserved() {
			out = append(out, status.PreservedFile{
				Group: f.spec.group, Folder: f.spec.name, ID: p.ID, When: p.When, Why: string(p.Why), By: p.By,
				Path: p.Path, Size: p.Size, Kind: p.Kind.String(),
			})
		}
		return nil
	})
	slices.SortStableFunc(out, func(a, b status.PreservedFile) int { return cmp.Compare(a.When.UnixNano(), b.When.UnixNano()) })
	return out, err
}
