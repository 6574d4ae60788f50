package adsites

import (
	"context"
	"errors"
	"maps"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/go-ldap/ldap/v3"
	"go.uber.org/zap"
)

// ServersError says for each server that was asked what went wrong.
type ServersError struct {
	// Errs begin with the server's host:port, in the order asked.
	Errs []error
}

// Error names the servers by the alphabet: servers that are equally near are
// asked in another order each time, and who compares texts sees no other fault.
func (e *ServersError) Error() string {
	texts := make([]string, len(e.Errs))
	for i, err := range e.Errs {
		texts[i] = err.Error()
	}
	slices.Sort(texts)
	return strings.Join(texts, "; ")
}

// Unwrap returns the errors of all servers.
func (e *ServersError) Unwrap() []error { return e.Errs }

// serverError is what went wrong with one server.
type serverError struct {
	name string
	err  error
}

// ownEnd is what a fault of a connection says of this end of it, whose port is
// another each time.
var ownEnd = regexp.MustCompile(`\S+->`)

func (e *serverError) Error() string {
	return e.name + ": " + ownEnd.ReplaceAllString(e.err.Error(), "")
}
func (e *serverError) Unwrap() error { return e.err }

// ask does work with the first server with which it succeeds, and keeps the
// session. The caller has the turn.
func (r *Reader) ask(ctx context.Context, work func(context.Context, *session) error) error {
	all, err := r.targets(ctx)
	if err != nil && (r.kept == nil || ctx.Err() != nil) {
		return err
	}
	if err != nil { // who finds servers is away; the one at hand may do
		all = []target{r.kept.target}
	}
	order := r.order(all)
	var faults ServersError
	for _, t := range order {
		err := r.patiently(ctx, func(ctx context.Context) error { return r.askOne(ctx, t, order, work) })
		if err == nil {
			delete(r.failed, t.name)
			delete(r.told, t.name)
			return nil
		}
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		r.failed[t.name] = r.options.Now()
		fault := &serverError{t.name, err}
		if text := fault.Error(); r.told[t.name] != text { // a fault that lasts is told once
			r.told[t.name] = text
			r.options.Log.Info("directory server failed", zap.String("server", t.name), zap.Error(err))
		}
		faults.Errs = append(faults.Errs, fault)
	}
	return &faults
}

// order returns the servers as given, those that failed lately behind the
// others, and forgets what it knows of servers that are gone.
func (r *Reader) order(all []target) []target {
	now := r.options.Now()
	known := make(map[string]bool, len(all))
	var good, bad []target
	for _, t := range all {
		if known[t.name] {
			continue
		}
		known[t.name] = true
		if at, ok := r.failed[t.name]; ok && now.Sub(at) < demoted {
			bad = append(bad, t)
		} else {
			good = append(good, t)
		}
	}
	if r.ahead && r.kept != nil {
		slices.SortStableFunc(good, func(a, b target) int { return r.behindKept(a) - r.behindKept(b) })
	}
	gone := func(name string) bool { return !known[name] }
	maps.DeleteFunc(r.failed, func(name string, _ time.Time) bool { return gone(name) })
	maps.DeleteFunc(r.polled, func(name string, _ bool) bool { return gone(name) })
	maps.DeleteFunc(r.told, func(name, _ string) bool { return gone(name) })
	return slices.Concat(good, bad)
}

// behindKept is 0 for the server whose session is kept, 1 for others.
func (r *Reader) behindKept(t target) int {
	if t.name == r.kept.target.name {
		return 0
	}
	return 1
}

func (r *Reader) askOne(ctx context.Context, t target, all []target, work func(context.Context, *session) error) error {
	if r.kept != nil && (r.kept.target.name != t.name || r.kept.conn.IsClosing()) {
		r.kept.close()
		r.kept = nil
	}
	if r.kept == nil {
		s, err := r.open(ctx, t, all)
		if err != nil {
			return err
		}
		r.kept = s
	}
	err := work(ctx, r.kept)
	if err != nil {
		r.drop()
	}
	if errors.Is(err, errNotFollowed) && !r.polled[t.name] {
		r.options.Log.Warn("directory server cannot be followed and is asked for changes instead", zap.String("server", t.name), zap.Error(err))
		r.polled[t.name] = true
		return r.askOne(ctx, t, all, work)
	}
	return err
}

// drop gives a session up after a fault: what may still come on its connection
// belongs to nothing.
func (r *Reader) drop() {
	if r.kept != nil {
		r.kept.close()
		r.kept = nil
	}
}

// open connects, binds and asks the server what it is.
func (r *Reader) open(ctx context.Context, t target, all []target) (*session, error) {
	raw, err := r.connect(ctx, t)
	if err != nil {
		return nil, err
	}
	s := &session{
		conn: ldap.NewConn(newFramedConn(raw), r.config.TLS.Mode != Off), target: t, remote: raw.RemoteAddr(),
		polled: r.polled[t.name], woken: r.woken, now: r.options.Now,
	}
	s.conn.SetTimeout(stallTimeout)
	s.conn.Start()
	// The library's bind knows no context.
	defer context.AfterFunc(ctx, func() { _ = raw.Close() })()
	err = r.introduce(ctx, s, all)
	if err == nil && ctx.Err() != nil {
		err = errors.New("cancelled")
	}
	if err != nil {
		s.close()
		return nil, err
	}
	return s, nil
}

func (r *Reader) introduce(ctx context.Context, s *session, all []target) error {
	var err error
	if s.root, err = s.readRoot(ctx); err != nil {
		return err
	}
	if err := r.bind(s, all); err != nil {
		return err
	}
	// A bound account may be told more than a stranger.
	if s.root, err = s.readRoot(ctx); err != nil {
		return err
	}
	if s.origin, err = r.directory.identify(ctx, s); err != nil {
		return err
	}
	if d, ok := r.directory.(activeDirectory); ok {
		visible, err := d.seesDeleted(ctx, s)
		s.deletedHidden = !visible
		return err
	}
	return nil
}
