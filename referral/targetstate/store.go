package targetstate

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"dfsd/internal/durable"
	"dfsd/namespace"
	"dfsd/referral"
)

// The bounds of a Store.
const (
	maxDecisions = 10_000
	maxStatuses  = 20_000
	maxFile      = 64 << 20 // bytes
)

// storeFile is the name of the file in a Store's directory.
const storeFile = "targets.json"

// ErrCorrupt is a file of decisions that cannot be read as one.
var ErrCorrupt = errors.New("damaged")

// ErrFull means that a Store holds as many decisions as it may.
var ErrFull = fmt.Errorf("there are %d decisions about targets already; end some with dfsd target online", maxDecisions)

// SavedStatus is what is remembered of a target that was demoted.
type SavedStatus struct {
	State  referral.State // Lagging or Down
	Reason string
	Since  time.Time
}

// StatusKey names a target of a folder in Statuses: its host, its path, and the
// folder (FolderPath), folded, with bars between.
func StatusKey(folder string, target namespace.Target) string {
	return namespace.FoldString(target.Host() + "|" + target.Path() + "|" + folder)
}

// Store keeps the administrator's decisions and the remembered demotions in one
// file. It is safe for concurrent use; a change returns once it is on disk. Of
// two processes with one directory, the later to write wins.
type Store struct {
	path string
	// writing is held over a change and its writing, so that readers wait for no
	// disk.
	writing sync.Mutex

	mu      sync.RWMutex
	content content // guarded by mu; its maps never change once they are here
}

// content is what the file holds.
type content struct {
	decisions map[Scope]Decision // by folded scope
	statuses  map[string]SavedStatus
	sorted    []Decision // decisions, in the order of All
}

// OpenStore reads dir/targets.json; where there is none, the Store is empty and
// the first change makes it, and dir. A damaged file is ErrCorrupt, and the
// error says what to do: without knowing what was drained, nobody should serve.
func OpenStore(dir string) (*Store, error) {
	s := &Store{path: filepath.Join(dir, storeFile)}
	b, err := readBounded(s.path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return s, nil
	case err != nil:
		return nil, fmt.Errorf("read the decisions about targets: %w", err)
	}
	if s.content, err = decode(b); err != nil {
		return nil, fmt.Errorf("%s: %w; move the file away, start again, and give the commands of dfsd target again that are to hold",
			s.path, err)
	}
	s.content.sort()
	return s, nil
}

func readBounded(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(io.LimitReader(f, maxFile+1))
}

// foldScope makes scopes that Windows takes for the same equal.
func foldScope(s Scope) Scope {
	return Scope{namespace.FoldString(s.Host), namespace.FoldString(s.Path), namespace.FoldString(s.Target)}
}

// Set stores d in place of the decision of the same scope, which it returns, nil
// where there was none that held. At is now where it is zero. A drain that is
// given again goes on: it keeps At, OldTTL, TakenOut and Finished of before, and
// a target that is out of referrals stays out. An error leaves the
// store as it was; only where the disk failed at the end, a restart may find d.
func (s *Store) Set(d Decision, now time.Time) (before *Decision, err error) {
	if d.At.IsZero() {
		d.At = now
	}
	d = d.normal()
	if err := d.check(); err != nil {
		return nil, err
	}
	if d.Expired(now) {
		return nil, fmt.Errorf("until %s is in the past", stamp(d.Until))
	}
	err = s.change(func(c *content) error {
		maps.DeleteFunc(c.decisions, func(_ Scope, old Decision) bool { return old.Expired(now) })
		scope := foldScope(d.Scope())
		if old, ok := c.decisions[scope]; ok {
			before = &old
			d = d.after(old)
		}
		if before == nil && len(c.decisions) >= maxDecisions {
			return ErrFull
		}
		c.decisions[scope] = d
		return nil
	})
	if err != nil {
		return nil, err
	}
	return before, nil
}

// Note stores what a drain has reached (Decision.Advance): TakenOut and Finished
// of d, if the decision that d was read as still stands. It reports whether it
// does; an administrator may have ended it or taken another meanwhile.
func (s *Store) Note(d Decision) (stands bool, err error) {
	d = d.normal()
	scope := foldScope(d.Scope())
	err = s.change(func(c *content) error {
		old, ok := c.decisions[scope]
		if stands = ok && old.Kind == d.Kind && old.At.Equal(d.At); !stands {
			return errUnchanged
		}
		old.TakenOut, old.Finished = d.TakenOut, d.Finished
		c.decisions[scope] = old
		return old.check()
	})
	return stands && err == nil, err
}

// Clear ends all decisions within a scope, and returns them in the order of All,
// expired ones too: with Host those about the host and about targets on it, with
// Path those about targets of the folder, with Target those about it. Fields
// that are given must all fit, and one must be. A decision about a host stays
// where only a folder or a target is given.
func (s *Store) Clear(scope Scope) (before []Decision, err error) {
	if scope == (Scope{}) {
		return nil, errors.New("say whose decisions are to end: a host, a folder or a target")
	}
	scope.Path, scope.Target = normalFolder(scope.Path), strings.ReplaceAll(scope.Target, "/", `\`)
	scope = foldScope(scope)
	within := func(key Scope, _ Decision) bool { return key.within(scope) }
	s.writing.Lock()
	defer s.writing.Unlock()
	next := s.copied()
	for key, d := range next.decisions {
		if within(key, d) {
			before = append(before, d)
		}
	}
	if len(before) == 0 {
		return nil, nil
	}
	maps.DeleteFunc(next.decisions, within)
	if err := s.write(next); err != nil {
		return nil, err
	}
	slices.SortFunc(before, byScope)
	return before, nil
}

// within reports whether the folded scope of one decision lies in a folded set.
func (s Scope) within(set Scope) bool {
	host := s.Host
	if host == "" {
		host = namespace.UNC(s.Target).Host()
	}
	return (set.Host == "" || strings.TrimSuffix(set.Host, ".") == strings.TrimSuffix(host, ".")) &&
		(set.Path == "" || set.Path == s.Path) &&
		(set.Target == "" || set.Target == s.Target)
}

// All returns the decisions that hold: those about hosts first, then by folder
// and target. The slice is not to be changed, and the same one as before where
// nothing has changed and nothing has expired.
func (s *Store) All(now time.Time) []Decision {
	all := s.read().sorted
	expired := func(d Decision) bool { return d.Expired(now) }
	if slices.ContainsFunc(all, expired) {
		all = slices.DeleteFunc(slices.Clone(all), expired)
	}
	return all
}

// Recount brings times of decisions that have not come yet to now
// (Decision.Recount), and returns how many decisions had some.
func (s *Store) Recount(now time.Time) (changed int, err error) {
	late := func(d Decision) bool { _, late := d.Recount(now); return late }
	if !slices.ContainsFunc(s.read().sorted, late) {
		return 0, nil
	}
	err = s.change(func(c *content) error {
		for scope, d := range c.decisions {
			if next, late := d.Recount(now); late {
				c.decisions[scope] = next
				changed++
			}
		}
		return nil
	})
	return changed, err
}

func byScope(a, b Decision) int {
	return cmp.Or(cmp.Compare(a.Path, b.Path), cmp.Compare(a.Target, b.Target), cmp.Compare(a.Host, b.Host))
}

// Of returns the decision that counts for a target of a folder, nil where there
// is none: of the one about the target alone and that about its host, the one that
// outranks the other. root is the name of the namespace, folder the path in it,
// target the UNC path.
func (s *Store) Of(root, folder, target string, now time.Time) *Decision {
	decisions := s.read().decisions
	if len(decisions) == 0 {
		return nil
	}
	target = namespace.FoldString(target)
	var best *Decision
	for _, scope := range []Scope{
		{Path: namespace.FoldString(FolderPath(root, folder)), Target: target},
		{Host: namespace.UNC(target).Host()},
	} {
		if d, ok := decisions[scope]; ok && !d.Expired(now) && (best == nil || d.Outranks(*best)) {
			best = &d
		}
	}
	return best
}

// SaveStatuses remembers those of the statuses that are demotions, by StatusKey,
// in place of all before; of too many, the latest. It writes where a state or
// its time is another than before: reasons hold ages, and are as they were when
// that was.
func (s *Store) SaveStatuses(statuses map[string]SavedStatus) error {
	next := map[string]SavedStatus{}
	for key, status := range statuses {
		if status = status.normal(); status.check(key) == nil {
			next[key] = status
		}
	}
	bound(next)
	return s.change(func(c *content) error {
		if maps.EqualFunc(c.statuses, next, SavedStatus.same) {
			return errUnchanged
		}
		c.statuses = next
		return nil
	})
}

// Statuses returns what SaveStatuses saved last, before the restart too. The map
// is the caller's.
func (s *Store) Statuses() map[string]SavedStatus { return maps.Clone(s.read().statuses) }

func (s SavedStatus) normal() SavedStatus {
	s.Since, s.Reason = normalTime(s.Since), clip(s.Reason, maxSavedReason)
	return s
}

func (s SavedStatus) same(other SavedStatus) bool {
	return s.State == other.State && s.Since.Equal(other.Since)
}

// The bounds of a remembered status, in bytes.
const (
	maxSavedReason = 512
	maxKey         = 16 << 10
)

// check returns why a status is not one to be remembered.
func (s SavedStatus) check(key string) error {
	switch y := s.Since.Year(); {
	case s.State != referral.Lagging && s.State != referral.Down:
		return fmt.Errorf("%s is no demotion", s.State)
	case y < 1 || y > 9999:
		return fmt.Errorf("the year %d is out of range", y)
	case key == "":
		return errors.New("a status of nothing")
	}
	return errors.Join(checkText("key of a status", key, maxKey), checkText("reason of a status", s.Reason, maxSavedReason))
}

// bound keeps the latest of too many statuses.
func bound(statuses map[string]SavedStatus) {
	if len(statuses) <= maxStatuses {
		return
	}
	keys := slices.SortedFunc(maps.Keys(statuses), func(a, b string) int {
		return cmp.Or(statuses[b].Since.Compare(statuses[a].Since), cmp.Compare(a, b))
	})
	for _, key := range keys[maxStatuses:] {
		delete(statuses, key)
	}
}

func (s *Store) read() content {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.content
}

// copied returns the content with maps that may be changed.
func (s *Store) copied() content {
	c := s.read()
	c.decisions = maps.Clone(c.decisions)
	if c.decisions == nil {
		c.decisions = map[Scope]Decision{}
	}
	return c
}

// errUnchanged ends a change that changes nothing.
var errUnchanged = errors.New("unchanged")

// change edits a copy of the content, writes it, and shows it to readers once it
// is on disk.
func (s *Store) change(edit func(*content) error) error {
	s.writing.Lock()
	defer s.writing.Unlock()
	next := s.copied()
	err := edit(&next)
	if errors.Is(err, errUnchanged) {
		return nil
	}
	if err != nil {
		return err
	}
	return s.write(next)
}

// write makes next durable and current. The caller holds writing.
func (s *Store) write(next content) error {
	b, err := next.encode()
	if err == nil {
		err = os.MkdirAll(filepath.Dir(s.path), 0o700)
	}
	if err == nil {
		err = durable.Replace(s.path, b)
	}
	if err != nil {
		return fmt.Errorf("store the decisions about targets: %w", err)
	}
	next.sort()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.content = next
	return nil
}

// sort lists the decisions in the order of All.
func (c *content) sort() { c.sorted = slices.SortedFunc(maps.Values(c.decisions), byScope) }
