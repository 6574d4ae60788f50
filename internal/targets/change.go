package targets

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"go.uber.org/zap"

	"dfsd/internal/event"
	"dfsd/namespace"
	"dfsd/referral/targetstate"
	"dfsd/replication"
)

// ErrNotFound means that no target here is what a command names.
var ErrNotFound = errors.New("no such target")

// Request is what a command wants of a target.
type Request struct {
	// Path is the folder, \\host\namespace\folder, and Target its target: a UNC
	// path, or a host of which the folder has one target. With an empty Path,
	// Target is a host, and all its targets are meant.
	Path, Target string
	Reason       string // in the administrator's words; may be empty
	By           string
	For          time.Duration // 0: until it is ended
}

// Drain begins to drain what r names: clients are told to ask again soon, and
// when another target of each folder is up and holds everything, it is taken
// out. Drains tells how far that is.
func (k *Keeper) Drain(r Request, now time.Time) (targetstate.Decision, error) {
	return k.decide(targetstate.Drained, r, now)
}

// Offline takes what r names out of referrals at once.
func (k *Keeper) Offline(r Request, now time.Time) (targetstate.Decision, error) {
	return k.decide(targetstate.Offline, r, now)
}

func (k *Keeper) decide(kind targetstate.Kind, r Request, now time.Time) (targetstate.Decision, error) {
	scope, ttl, err := k.find(r)
	if err != nil {
		return targetstate.Decision{}, err
	}
	d := targetstate.Decision{
		Kind: kind, Host: scope.Host, Path: scope.Path, Target: scope.Target,
		Reason: r.Reason, By: r.By, At: now, OldTTL: ttl,
	}
	if r.For > 0 {
		d.Until = now.Add(r.For)
	}
	if _, err := k.o.Store.Set(d, now); err != nil {
		return d, err
	}
	k.o.Log.Info("decision about a target", event.DecisionMade.Field(), zap.String("kind", string(kind)), zap.String("host", d.Host),
		zap.String("folder", d.Path), zap.String("target", d.Target), zap.String("by", d.By), zap.String("reason", d.Reason))
	k.Settle()
	return d, nil
}

// Online ends what was decided about what r names, and returns it. The target
// then comes back when it answers, and where its folder replicates, when it has
// caught up. That nothing was decided is no error.
func (k *Keeper) Online(r Request) ([]targetstate.Decision, error) {
	scope, _, err := k.find(r)
	if err != nil && r.Path == "" { // a host that has no targets any more may still have a decision
		scope, err = targetstate.Scope{Host: strings.TrimSuffix(r.Target, ".")}, nil
	}
	if err != nil {
		return nil, err
	}
	ended, err := k.o.Store.Clear(scope)
	if err != nil {
		return nil, err
	}
	if len(ended) == 0 {
		if err := k.stillDecided(scope); err != nil {
			return nil, err
		}
	}
	for _, d := range ended {
		k.o.Log.Info("decision about a target has ended", event.DecisionCleared.Field(), zap.String("kind", string(d.Kind)),
			zap.String("host", d.Host), zap.String("folder", d.Path), zap.String("target", d.Target), zap.String("by", r.By))
	}
	k.Settle()
	return ended, nil
}

// stillDecided is why what a scope names does not come back by a command here,
// nil where nothing keeps it.
func (k *Keeper) stillDecided(scope targetstate.Scope) error {
	host := scope.Host
	if host == "" {
		host = namespace.UNC(scope.Target).Host()
		for _, d := range k.o.Store.All(time.Now()) {
			if d.Host != "" && replication.FoldHost(d.Host) == replication.FoldHost(host) {
				return fmt.Errorf("all targets of %s are %s; `dfsd target online %s` brings them back together", d.Host, d.Kind, d.Host)
			}
		}
	}
	k.judging.Lock()
	defer k.judging.Unlock()
	for _, d := range k.foreign.current(time.Now()) {
		same := foldScope(d.Path, d.Target) == foldScope(scope.Path, scope.Target)
		if d.Host != "" && replication.FoldHost(d.Host) == replication.FoldHost(host) || d.Host == "" && same ||
			d.Host == "" && scope.Host != "" && replication.FoldHost(namespace.UNC(d.Target).Host()) == replication.FoldHost(host) {
			return fmt.Errorf("it is %s by %s: give the command there", d.Kind, d.By)
		}
	}
	return nil
}

// Settle judges all targets at once, so that who asks next sees what was decided.
func (k *Keeper) Settle() { k.turn(time.Now()) }

// find returns the targets that a request names, and the longest TTL that
// clients may have been given with them.
func (k *Keeper) find(r Request) (scope targetstate.Scope, ttl time.Duration, err error) {
	s := k.current()
	if s == nil {
		return scope, 0, fmt.Errorf("%w: no namespace is served here", ErrNotFound)
	}
	if r.Path == "" {
		return findHost(s.snapshot, r.Target)
	}
	return findTarget(s.snapshot, r)
}

func findHost(ns *namespace.Snapshot, host string) (scope targetstate.Scope, ttl time.Duration, err error) {
	d, want := targetstate.Decision{Host: strings.TrimSuffix(host, ".")}, replication.FoldHost(host)
	found := false
	each(ns, func(_ *namespace.Root, link namespace.Link, t namespace.Target) {
		if replication.FoldHost(t.Host()) == want {
			found, ttl = true, max(ttl, link.TTL())
			d.Host = t.Host() // as the configuration spells it
		}
	})
	if !found {
		return scope, 0, fmt.Errorf("%w: no target of a namespace here is on the host %q; `dfsd namespace show` lists them", ErrNotFound, host)
	}
	return d.Scope(), ttl, nil
}

func findTarget(ns *namespace.Snapshot, r Request) (scope targetstate.Scope, ttl time.Duration, err error) {
	path := `\` + strings.Trim(strings.ReplaceAll(r.Path, "/", `\`), `\`)
	m := ns.Match(path)
	if m.Root == nil || m.Link.IsZero() || m.Consumed != len(path) {
		return scope, 0, fmt.Errorf("%w: %q is no folder with targets here; give \\\\HOST\\NAMESPACE\\FOLDER, as `dfsd namespace show` lists it", ErrNotFound, r.Path)
	}
	want := strings.ReplaceAll(r.Target, "/", `\`)
	var found []namespace.Target
	for i := range m.Link.NumTargets() {
		t := m.Link.Target(i)
		if namespace.EqualFold(t.Path(), want) || namespace.EqualFold(t.Host(), strings.Trim(want, `\.`)) {
			found = append(found, t)
		}
	}
	switch len(found) {
	case 0:
		return scope, 0, fmt.Errorf("%w: %s has no target %q; it has %s", ErrNotFound, r.Path, r.Target, listed(m.Link))
	case 1:
		return targetstate.Scope{Path: targetstate.FolderPath(m.Root.Name(), m.Link.Path()), Target: found[0].Path()}, m.Link.TTL(), nil
	}
	return scope, 0, fmt.Errorf("%w: %s has several targets on %q; give one of %s", ErrNotFound, r.Path, r.Target, listed(m.Link))
}

// maxListed bounds the targets that an error lists.
const maxListed = 8

func listed(link namespace.Link) string {
	var all []string
	for i := range link.NumTargets() {
		if i == maxListed {
			all = append(all, fmt.Sprintf("and %d more", link.NumTargets()-maxListed))
			break
		}
		all = append(all, link.Target(i).Path())
	}
	return strings.Join(all, ", ")
}
