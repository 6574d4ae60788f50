package smbprobe

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"dfsd/internal/smb2"
	"dfsd/internal/smbclient"
	"dfsd/referral/health"
)

const (
	window   = 16          // jobs under way; each costs two credits at most
	treeLife = time.Minute // then a share must let us in anew
	maxTrees = 1024        // of one kept session
	maxName  = 16 << 10    // bytes of a path
)

var (
	errNoCredits   = errors.New("server grants no credits")
	errSessionGone = errors.New("server has ended the session")
)

// walk looks at the paths of one host.
type walk struct {
	targets []target
	results []*health.Failure
	shares  map[string]*share // by name in lower case
	stale   bool              // the session is not to be kept

	s    *session
	now  time.Time
	todo []*job
	due  map[uint64]*job // by message id
}

// target is one path.
type target struct {
	share   *share
	folder  string // within the share; empty: its root
	decided bool
}

// share is one of the shares that the paths of a walk are in.
type share struct {
	unc     string // `\\host\share`
	key     string // of session.trees
	kept    bool   // the tree is from an earlier walk
	waiting []int  // targets that wait for the tree
}

// job is one request of a walk.
type job struct {
	kind   jobKind
	share  *share          // connect
	index  int             // touch, finish: the target
	tree   *smbclient.Tree // touch, disconnect
	kept   bool            // touch: the tree is from an earlier walk
	opened bool            // finish: the CREATE before it opened something
}

type jobKind uint8

const (
	disconnect jobKind = iota // give back a tree that is old
	connect                   // TREE_CONNECT
	touch                     // CREATE and CLOSE
	finish                    // the CLOSE of a touch
)

// newWalk prepares a look at paths, share\folder each, whose failures go to
// results.
func newWalk(host string, paths []string, results []*health.Failure) *walk {
	w := &walk{targets: make([]target, len(paths)), results: results, shares: make(map[string]*share)}
	for i, path := range paths {
		name, folder, _ := strings.Cut(strings.Trim(path, `\`), `\`)
		if name == "" || len(path) > maxName {
			w.targets[i].decided = true
			results[i] = &health.Failure{Stage: health.StageTree, Err: fmt.Errorf("path %.64q names no share", path)}
			continue
		}
		key := strings.ToLower(name)
		if w.shares[key] == nil {
			w.shares[key] = &share{unc: `\\` + host + `\` + name, key: key}
		}
		w.targets[i].share, w.targets[i].folder = w.shares[key], folder
	}
	return w
}

// run asks about all targets that are not decided, over s. The error is what
// ended the connection or makes it useless.
func (w *walk) run(ctx context.Context, s *session, now time.Time) error {
	w.s, w.now, w.due, w.todo, w.stale = s, now, make(map[uint64]*job), nil, false
	w.plan()
	for len(w.todo)+len(w.due) > 0 {
		if err := w.fill(ctx); err != nil {
			return err
		}
		h, msg, err := s.conn.Receive(ctx)
		if err != nil {
			return err
		}
		j := w.due[h.MessageID]
		delete(w.due, h.MessageID)
		if err := w.settle(ctx, j, h, msg); err != nil {
			return err
		}
	}
	w.stale = w.stale || len(s.trees) > maxTrees
	return nil
}

// plan makes the first jobs.
func (w *walk) plan() {
	for key, t := range w.s.trees {
		if w.now.Sub(t.since) >= treeLife {
			if t.Tree != nil {
				w.todo = append(w.todo, &job{kind: disconnect, tree: t.Tree})
			}
			delete(w.s.trees, key)
		}
	}
	for _, sh := range w.shares {
		sh.waiting = sh.waiting[:0]
		_, sh.kept = w.s.trees[sh.key]
	}
	for i, t := range w.targets {
		if !t.decided {
			w.ask(i)
		}
	}
}

// ask makes the next job for a target: its share must be connected to first,
// once for all its targets.
func (w *walk) ask(i int) {
	sh := w.targets[i].share
	if t, ok := w.s.trees[sh.key]; ok {
		if t.Tree == nil {
			w.decide(i, nil)
			return
		}
		w.todo = append(w.todo, &job{kind: touch, index: i, tree: t.Tree, kept: sh.kept})
		return
	}
	if sh.waiting = append(sh.waiting, i); len(sh.waiting) == 1 {
		w.todo = append(w.todo, &job{kind: connect, share: sh})
	}
}

// fill sends as many jobs as may be under way.
func (w *walk) fill(ctx context.Context) error {
	for len(w.todo) > 0 && len(w.due) < window {
		j := w.todo[0]
		id, err := w.send(ctx, j)
		if errors.Is(err, smbclient.ErrNoCredits) {
			if len(w.due) == 0 {
				return errNoCredits
			}
			return nil
		}
		if err != nil {
			return err
		}
		w.todo = w.todo[1:]
		w.due[id] = j
		if j.kind == touch {
			w.due[id+1] = &job{kind: finish, index: j.index}
		}
	}
	return nil
}

func (w *walk) send(ctx context.Context, j *job) (messageID uint64, err error) {
	switch j.kind {
	case disconnect:
		return w.s.conn.Send(ctx, smb2.Header{Command: smb2.CommandTreeDisconnect, TreeID: j.tree.ID()}, smb2.TreeDisconnectRequest{})
	case connect:
		return w.s.conn.SendTreeConnect(ctx, j.share.unc)
	}
	return j.tree.SendTouch(ctx, smb2.CreateRequest{
		Impersonation: smb2.ImpersonationImpersonation, DesiredAccess: smb2.AccessReadAttributes,
		ShareAccess: smb2.ShareRead | smb2.ShareWrite | smb2.ShareDelete,
		Disposition: smb2.DispositionOpen, Options: smb2.OptionDirectoryFile, Name: w.targets[j.index].folder,
	})
}

// settle takes in the answer to j. The error is as that of run.
func (w *walk) settle(ctx context.Context, j *job, h smb2.Header, msg []byte) error {
	switch j.kind {
	case connect:
		t, err := w.s.conn.AcceptTree(ctx, h, msg)
		return w.connected(j.share, t, err)
	case touch:
		err := w.s.conn.AcceptTouch(ctx, h, msg)
		if f, ok := w.due[h.MessageID+1]; ok && f.kind == finish {
			f.opened = err == nil
		}
		return w.touched(j, err)
	case finish:
		if err := w.s.conn.AcceptTouch(ctx, h, msg); err != nil && j.opened {
			w.stale = true // the server keeps it open
		}
	}
	return nil // a tree that cannot be given back is as good as given back
}

// connected takes in a tree, or why there is none.
func (w *walk) connected(sh *share, t *smbclient.Tree, err error) error {
	status, err := statusOf(err)
	if err != nil {
		return err
	}
	failure := judgeTree(status, sh.unc)
	if failure == nil {
		w.s.trees[sh.key] = tree{Tree: t, since: w.now}
	}
	waiting := sh.waiting
	sh.waiting = nil
	for _, i := range waiting {
		if failure == nil {
			w.ask(i)
		} else {
			w.decide(i, failure)
		}
	}
	return nil
}

// touched takes in how a path answered.
func (w *walk) touched(j *job, err error) error {
	status, err := statusOf(err)
	if err != nil {
		return err
	}
	t := w.targets[j.index]
	if status == smb2.StatusNetworkNameDeleted && j.kept {
		// The share has gone since, and may have come back. Another target may
		// have found that out before.
		if w.s.trees[t.share.key].Tree == j.tree {
			delete(w.s.trees, t.share.key)
			t.share.kept = false
		}
		w.ask(j.index)
		return nil
	}
	w.decide(j.index, judgePath(status, t.share.unc, t.folder))
	return nil
}

func (w *walk) decide(i int, f *health.Failure) {
	w.targets[i].decided = true
	w.results[i] = f
}

// failRest fails every target that is not decided with what ended the
// connection.
func (w *walk) failRest(err error) {
	for i, t := range w.targets {
		if t.decided {
			continue
		}
		if _, ok := w.s.trees[t.share.key]; ok {
			w.decide(i, &health.Failure{Stage: health.StagePath, Err: fmt.Errorf("no answer about %s: %w", join(t.share.unc, t.folder), err)})
		} else {
			w.decide(i, &health.Failure{Stage: health.StageTree, Err: fmt.Errorf("no answer about share %s: %w", t.share.unc, err)})
		}
	}
}

// statusOf splits the error of an answer into the server's status and what ends
// the walk.
func statusOf(err error) (smb2.Status, error) {
	var refusal *smbclient.StatusError
	switch {
	case err == nil:
		return smb2.StatusSuccess, nil
	case !errors.As(err, &refusal):
		return 0, err
	case refusal.Status == smb2.StatusUserSessionDeleted || refusal.Status == smb2.StatusNetworkSessionExpired:
		return 0, fmt.Errorf("%w (%w)", errSessionGone, refusal.Status)
	}
	return refusal.Status, nil
}
