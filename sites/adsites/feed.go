package adsites

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/go-ldap/ldap/v3"
)

const (
	// settled is how long a feed must be quiet for what it holds to be taken: a
	// site and its subnets come one after the other.
	settled = 100 * time.Millisecond
	// restless is how long a feed that is never quiet is waited for.
	restless = time.Second
)

// errNotFollowed is of a server that offers to tell changes and does not.
var errNotFollowed = errors.New("the server does not tell changes as it offers to")

// feed is the content of a mapped directory, which the server keeps fresh: a
// search of each kind stands open (RFC 4533, refreshAndPersist) and brings every
// change. It lives as long as its session's connection, and is safe for
// concurrent use.
type feed struct {
	stop    context.CancelFunc
	running sync.WaitGroup
	woken   chan<- struct{} // receives when something changed
	now     func() time.Time

	mu      sync.Mutex // guards what follows
	content *content
	told    budget    // bounds what came since it began
	changes uint64    // so far
	last    time.Time // of the last change
	taken   bool      // nothing has changed since snapshot was called
	err     error     // why it ended
}

// newFeed follows a server from the state in which it held c; position is its
// contextCSN of before c was read. After an error the connection is of no use.
func (d mappedDirectory) newFeed(ctx context.Context, s *session, c *content, position string) (*feed, error) {
	f := &feed{content: c, woken: s.woken, now: s.now}
	standing, stop := context.WithCancel(context.WithoutCancel(ctx))
	f.stop = stop
	// The searches stand open for as long as they may; the library takes the
	// time limit of a request when it sends it.
	s.conn.SetTimeout(0)
	defer s.conn.SetTimeout(stallTimeout)
	kinds := d.mapping.kinds()
	begun := make(chan error, len(kinds))
	for _, k := range kinds {
		request := ldap.NewSearchRequest(d.mapping.Base, ldap.ScopeWholeSubtree, ldap.NeverDerefAliases, 0, 0, false, k.filter, k.attributes, nil)
		answers := s.conn.Syncrepl(standing, request, 0, ldap.SyncRequestModeRefreshAndPersist, syncCookie(position), false)
		f.running.Go(func() { f.follow(k, answers, begun) })
	}
	patience := time.NewTimer(stallTimeout)
	defer patience.Stop()
	for range kinds {
		var err error
		select {
		case err = <-begun:
		case <-patience.C:
			err = fmt.Errorf("no answer within %s", stallTimeout)
		case <-ctx.Done():
			f.close()
			return nil, context.Cause(ctx)
		}
		if err != nil {
			f.close()
			return nil, fmt.Errorf("%w: %w", errNotFollowed, err)
		}
	}
	return f, nil
}

// syncCookie is the state that OpenLDAP calls by the change sequence numbers
// of its databases. A server that has other cookies refuses it.
func syncCookie(position string) []byte {
	return []byte("rid=000,csn=" + strings.ReplaceAll(position, " ", ";"))
}

// follow takes the answers of one search until they end, and says once, in
// begun, that all that changed before it stood open is in, or why not.
func (f *feed) follow(k kind, answers ldap.Response, begun chan<- error) {
	r := refresh{kind: k, present: map[string]bool{}}
	for answers.Next() {
		fresh, err := f.take(&r, answers.Entry(), answers.Controls())
		if err != nil {
			f.end(err, r, begun)
			return
		}
		if fresh {
			begun <- nil
		}
	}
	err := answers.Err()
	if err == nil {
		err = errors.New("the search for changes ended")
	}
	f.end(err, r, begun)
}

// refresh is how far a search has come in telling what changed before it stood
// open (RFC 4533 3.3.2).
type refresh struct {
	kind    kind
	present map[string]bool // what the server says is still there
	done    bool
}

// take puts one answer into the content. fresh: it is the one that ends the
// refresh.
func (f *feed) take(r *refresh, e *ldap.Entry, controls []ldap.Control) (fresh bool, err error) {
	if e != nil {
		state, ok := ldap.FindControl(controls, ldap.ControlTypeSyncState).(*ldap.ControlSyncState)
		if !ok {
			return false, errors.New("an object comes without its state")
		}
		return false, f.change(r, state, e)
	}
	info, ok := ldap.FindControl(controls, ldap.ControlTypeSyncInfo).(*ldap.ControlSyncInfo)
	switch {
	case !ok:
		return false, nil // a referral
	case info.SyncIdSet != nil:
		ids := make([]string, len(info.SyncIdSet.SyncUUIDs))
		for i, id := range info.SyncIdSet.SyncUUIDs {
			ids[i] = string(id[:])
		}
		return false, f.name(r, ids, info.SyncIdSet.RefreshDeletes)
	case info.RefreshPresent != nil:
		f.retain(r)
		return r.finish(info.RefreshPresent.RefreshDone), nil
	case info.RefreshDelete != nil:
		return r.finish(info.RefreshDelete.RefreshDone), nil
	}
	return false, nil
}

func (r *refresh) finish(done bool) (first bool) {
	if !done || r.done {
		return false
	}
	r.done, r.present = true, nil
	return true
}

// change takes one object as it is now.
func (f *feed) change(r *refresh, state *ldap.ControlSyncState, e *ldap.Entry) error {
	id := string(state.EntryUUID[:])
	if state.State == ldap.SyncStatePresent {
		return f.name(r, []string{id}, false)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := f.told.take(e); err != nil {
		return errors.New("so much has changed that the directory is read anew")
	}
	if state.State == ldap.SyncStateDelete {
		r.kind.remove(f.content, id)
	} else {
		r.kind.put(f.content, id, e)
		if !r.done {
			r.present[id] = true
		}
	}
	f.changed()
	return nil
}

// name takes a list of objects that are gone, or that are as they were.
func (f *feed) name(r *refresh, ids []string, gone bool) error {
	if !gone && r.done {
		return nil // it is there, as all that was not told to have gone
	}
	if !gone {
		if len(r.present)+len(ids) > maxEntries {
			return fmt.Errorf("the directory holds more than %d objects", maxEntries)
		}
		for _, id := range ids {
			r.present[id] = true
		}
		return nil
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, id := range ids {
		r.kind.remove(f.content, id)
	}
	f.changed()
	return nil
}

// retain ends a refresh in which the server named what is there: all else is
// gone. A server to which nothing changed names nothing.
func (f *feed) retain(r *refresh) {
	if len(r.present) == 0 {
		return
	}
	defer clear(r.present)
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, id := range r.kind.ids(f.content) {
		if !r.present[id] {
			r.kind.remove(f.content, id)
			f.changed()
		}
	}
}

// changed notes a change. The caller holds mu.
func (f *feed) changed() {
	f.changes++
	f.taken, f.last = false, f.now()
	f.wake()
}

func (f *feed) wake() {
	select {
	case f.woken <- struct{}{}:
	default:
	}
}

// end notes why f ended, and says so in begun where r has not. Nobody reads the
// connection's answers any more.
func (f *feed) end(err error, r refresh, begun chan<- error) {
	if !r.done {
		begun <- err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.err == nil {
		f.err = err
	}
	f.stop()
	f.wake()
}

// close ends the searches and waits for what they run.
func (f *feed) close() {
	f.stop()
	f.running.Wait()
}

// snapshot returns what is there and how many changes that took, once the feed
// is quiet, or after a while in any case.
func (f *feed) snapshot(ctx context.Context) (rows, uint64, error) {
	for began := f.now(); ; {
		left := min(f.unsettled(), restless-f.now().Sub(began))
		if left <= 0 {
			break
		}
		if !wait(ctx, left) {
			return rows{}, 0, context.Cause(ctx)
		}
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.err != nil {
		return rows{}, 0, f.err
	}
	f.taken = true
	return f.content.rows(), f.changes, nil
}

// unsettled returns how long f has yet to be quiet; 0 when it has ended.
func (f *feed) unsettled() time.Duration {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.err != nil {
		return 0
	}
	return settled - f.now().Sub(f.last)
}

// since reports whether there were changes since that many.
func (f *feed) since(changes uint64) (bool, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.changes != changes, f.err
}

// stale reports whether nothing has changed since it was read: who reads then
// wants to see the server's own word again.
func (f *feed) stale() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.err == nil && f.taken
}
