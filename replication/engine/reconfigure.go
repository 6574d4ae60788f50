package engine

import (
	"context"
	"slices"
	"sync"

	"go.uber.org/zap"

	"dfsd/replication"
)

// Change is a configuration that an engine could follow. It is used once, by the
// engine that made it, or dropped.
type Change struct {
	engine *Engine
	config replication.Config
	next   *roster
}

// Prepare checks whether the engine can follow a configuration, without doing so.
// All but Listen can change. Between a Prepare and the Use of what it returned
// there must be no other.
func (e *Engine) Prepare(c replication.Config) (*Change, error) {
	next, err := e.draft(c)
	if err != nil {
		return nil, err
	}
	return &Change{e, c, next}, nil
}

// Use puts the change in force and returns when it is. Folders of which only
// partners, primary or canary differ stay open; others that differ are opened anew.
// Sessions with partners whose folders or address differ are made anew.
func (c *Change) Use() {
	done := make(chan struct{})
	select {
	case c.engine.changes <- change{c.next, done}:
		<-done
		c.engine.warnOfIslands(c.config)
	case <-c.engine.ended:
	}
}

// change asks Run to follow another roster.
type change struct {
	next *roster
	done chan struct{}
}

// follow takes in changes until ctx ends.
func (e *Engine) follow(ctx context.Context, t *runners) {
	for {
		select {
		case <-ctx.Done():
			return
		case c := <-e.changes:
			e.replace(t, c.next)
			close(c.done)
		}
	}
}

// replace ends what the next roster has not, partners first, and begins what is new
// in it. Between the two nothing runs that both have under one name.
func (e *Engine) replace(t *runners, next *roster) {
	old := e.roster.Load()
	gone := without(old.partners, next.partners)
	for _, p := range gone {
		p.retire()
	}
	end(t, gone)
	for _, p := range gone {
		p.serving.Wait()
	}
	end(t, without(old.canaries(), next.canaries()))
	closed := without(old.folders(), next.folders())
	end(t, closed)
	e.enforce(next)
	e.begin(t, next)
	e.log.Info("the configuration in force is another", zap.Int("folders", len(next.memberships)), zap.Int("opened", len(without(next.folders(), old.folders()))),
		zap.Int("closed", len(closed)), zap.Int("partners", len(next.partners)))
}

// enforce puts a roster in force.
func (e *Engine) enforce(r *roster) {
	for _, m := range r.memberships {
		m.folder.follow(m.terms)
	}
	e.roster.Store(r)
}

// without returns those of all that are not in others.
func without[T comparable](all, others []T) []T {
	return slices.DeleteFunc(slices.Clone(all), func(v T) bool { return slices.Contains(others, v) })
}

// begin starts what of a roster does not run.
func (e *Engine) begin(t *runners, r *roster) {
	for _, f := range r.folders() {
		t.begin(f, f.run)
	}
	for _, c := range r.canaries() {
		t.begin(c, func(ctx context.Context) { _ = c.Run(ctx) }) // ends with ctx alone
	}
	for _, p := range r.partners {
		t.begin(p, func(ctx context.Context) { p.dial(ctx, e.dialer) })
	}
}

// runners are goroutines that can be ended one by one. They belong to one goroutine.
type runners struct {
	ctx  context.Context //nolint:containedctx // of all that is begun
	of   map[any]runner
	done sync.WaitGroup
}

type runner struct {
	stop  context.CancelFunc
	ended chan struct{}
}

func newRunners(ctx context.Context) *runners { return &runners{ctx: ctx, of: map[any]runner{}} }

// begin runs do for what, unless it runs.
func (t *runners) begin(what any, do func(context.Context)) {
	if _, runs := t.of[what]; runs {
		return
	}
	ctx, stop := context.WithCancel(t.ctx)
	it := runner{stop, make(chan struct{})}
	t.of[what] = it
	t.done.Go(func() {
		defer close(it.ended)
		defer stop()
		do(ctx)
	})
}

// end ends the runners of all, which run, and returns when they have ended.
func end[T any](t *runners, all []T) {
	for _, what := range all {
		t.of[what].stop()
	}
	for _, what := range all {
		<-t.of[what].ended
		delete(t.of, what)
	}
}

// wait waits until all have ended.
func (t *runners) wait() { t.done.Wait() }
