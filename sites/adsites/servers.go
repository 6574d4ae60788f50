package adsites

import (
	"context"
	"errors"
	"fmt"
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
	// Errs begin with the server's host:port; each server has one.
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
// session. The caller has the turn. Servers are knocked at in a race; who asks is
// shown to one at a time, for a wrong password that is tried in several places
// locks an account sooner.
func (r *Reader) ask(ctx context.Context, work func(context.Context, *session) error) error {
	order, err := r.candidates(ctx)
	if err != nil {
		return err
	}
	var faults ServersError
	slow := map[string]bool{}
	for left := order; len(left) > 0; {
		out := r.contest(ctx, left)
		if ctx.Err() != nil {
			r.dismiss(out.prize)
			return context.Cause(ctx)
		}
		for _, i := range out.silent {
			slow[left[i].name] = true
		}
		rest := r.judge(left, out, &faults)
		if out.winner < 0 {
			break
		}
		slices.SortStableFunc(rest, func(a, b target) int { return behind(slow[a.name]) - behind(slow[b.name]) })
		winner, others := left[out.winner], slices.Concat(rest, order)
		err := r.patiently(ctx, func(ctx context.Context) error { return r.use(ctx, out.prize, others, work) })
		switch {
		case err == nil:
			r.settle(winner, rest, slow)
			return nil
		case ctx.Err() != nil:
			return context.Cause(ctx)
		}
		faults.Errs = append(faults.Errs, r.fail(winner, err))
		left = rest
	}
	return &faults
}

// candidates returns who may be asked, in order.
func (r *Reader) candidates(ctx context.Context) ([]target, error) {
	all, err := r.targets(ctx)
	if err != nil && (r.kept == nil || ctx.Err() != nil) {
		return nil, err
	}
	if err != nil { // who finds servers is away; the one at hand may do
		all = []target{r.kept.target}
	}
	order := r.order(all)
	if r.kept != nil && (r.kept.conn.IsClosing() || !slices.ContainsFunc(order, r.isKept)) {
		r.drop()
	}
	return order, nil
}

// contest knocks at servers until one answers. The one whose session is kept
// has answered when its turn comes.
func (r *Reader) contest(ctx context.Context, order []target) outcome[*session] {
	return race[*session]{
		headStart: r.headStart, abreast: abreast, discard: r.dismiss,
		try: func(ctx context.Context, i int) (s *session, err error) {
			if r.isKept(order[i]) {
				return r.kept, nil
			}
			err = r.patiently(ctx, func(ctx context.Context) error {
				s, err = r.knock(ctx, order[i])
				return err
			})
			return s, err
		},
	}.run(ctx, len(order))
}

// isKept reports whether the session with t is kept.
func (r *Reader) isKept(t target) bool { return r.kept != nil && r.kept.target.name == t.name }

// dismiss closes a session that is not kept.
func (r *Reader) dismiss(s *session) {
	if s != nil && s != r.kept {
		s.close()
	}
}

// judge takes in who failed, and returns whom that and winning leaves.
func (r *Reader) judge(order []target, out outcome[*session], faults *ServersError) []target {
	var rest []target
	for i, t := range order {
		switch {
		case out.faults[i] != nil:
			faults.Errs = append(faults.Errs, r.fail(t, out.faults[i]))
		case i != out.winner:
			rest = append(rest, t)
		}
	}
	return rest
}

// settle takes in that winner gave what was asked for. Whoever let it overtake
// is asked last for a while, as who failed is.
func (r *Reader) settle(winner target, rest []target, slow map[string]bool) {
	delete(r.failed, winner.name)
	delete(r.told, winner.name)
	for _, t := range rest {
		if slow[t.name] {
			_ = r.fail(t, fmt.Errorf("no answer within %s, another server gave one", r.headStart)) // no fault of the asking
		}
	}
}

// fail remembers and tells what went wrong with a server.
func (r *Reader) fail(t target, err error) error {
	r.failed[t.name] = r.options.Now()
	fault := &serverError{t.name, err}
	if text := fault.Error(); r.told[t.name] != text { // a fault that lasts is told once
		r.told[t.name] = text
		r.options.Log.Info("directory server failed", zap.String("server", t.name), zap.Error(err))
	}
	return fault
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
	if r.ahead {
		slices.SortStableFunc(good, func(a, b target) int { return behind(!r.isKept(a)) - behind(!r.isKept(b)) })
	}
	gone := func(name string) bool { return !known[name] }
	maps.DeleteFunc(r.failed, func(name string, _ time.Time) bool { return gone(name) })
	maps.DeleteFunc(r.polled, func(name string, _ bool) bool { return gone(name) })
	maps.DeleteFunc(r.told, func(name, _ string) bool { return gone(name) })
	return slices.Concat(good, bad)
}

// behind is 1 for what stands behind the others, which have 0.
func behind(yes bool) int {
	if yes {
		return 1
	}
	return 0
}

// use does work with a session, which is introduced unless it was kept, and
// keeps it. Others may give out tickets for it, the likelier ones first.
func (r *Reader) use(ctx context.Context, s *session, others []target, work func(context.Context, *session) error) error {
	if s != r.kept {
		r.drop()
		if err := r.introduce(ctx, s, others); err != nil {
			s.close()
			return err
		}
		r.kept = s
	}
	err := work(ctx, s)
	if err != nil {
		r.drop()
	}
	if name := s.target.name; errors.Is(err, errNotFollowed) && !r.polled[name] {
		r.options.Log.Warn("directory server cannot be followed and is asked for changes instead", zap.String("server", name), zap.Error(err))
		r.polled[name] = true
		again, err := r.knock(ctx, s.target)
		if err != nil {
			return err
		}
		return r.use(ctx, again, others, work)
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

// knock connects to a server and asks it what it is: one that is frozen still
// takes connections. It sends no credentials, changes nothing in r, and may be
// called concurrently.
func (r *Reader) knock(ctx context.Context, t target) (*session, error) {
	raw, ends, err := r.connect(ctx, t)
	if err != nil {
		return nil, err
	}
	s := &session{
		conn: ldap.NewConn(newFramedConn(raw), r.config.TLS.Mode != Off), raw: raw, target: t, ends: ends,
		polled: r.polled[t.name], woken: r.woken, now: r.options.Now,
	}
	s.conn.SetTimeout(stallTimeout)
	s.conn.Start()
	if s.root, err = s.readRoot(ctx); err != nil {
		s.close()
		return nil, err
	}
	return s, nil
}

// introduce binds on a session and learns what the server then says that it is.
func (r *Reader) introduce(ctx context.Context, s *session, others []target) error {
	if r.options.Secured != nil && !s.ends.IsZero() {
		r.options.Secured(s.target.name, s.ends)
	}
	// The library's bind knows no context.
	release := context.AfterFunc(ctx, func() { _ = s.raw.Close() })
	err := r.learn(ctx, s, others)
	if !release() && err == nil {
		err = context.Cause(ctx)
	}
	return err
}

func (r *Reader) learn(ctx context.Context, s *session, others []target) error {
	err := r.bind(ctx, s, others)
	if err != nil {
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
