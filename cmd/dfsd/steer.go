package main

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"time"

	"dfsd/internal/admin"
	"dfsd/internal/report"
	"dfsd/internal/targets"
	"dfsd/namespace"
	"dfsd/referral/targetstate"
	"dfsd/replication"
)

// Targets implements admin.Daemon.
func (d *daemon) Targets() admin.Targets { return steering{d} }

// steering gives the keeper's answers and errors the meaning that they have for
// commands.
type steering struct{ d *daemon }

func (s steering) keeper() *targets.Keeper { return s.d.targets.keeper }

// request is what the keeper is asked for.
func request(c admin.TargetChange) targets.Request {
	return targets.Request{Path: c.Path, Target: c.Target, Reason: c.Reason, By: c.By, For: c.For}
}

func targetError(err error) error {
	switch {
	case errors.Is(err, targets.ErrNotFound):
		return fmt.Errorf("%w (%w)", err, admin.ErrNotFound)
	case err != nil:
		return fmt.Errorf("%w: %w", admin.ErrBadRequest, err)
	}
	return nil
}

// Drain implements admin.Targets.
func (s steering) Drain(_ context.Context, c admin.TargetChange) (admin.TargetDecision, error) {
	return s.decide(s.keeper().Drain(request(c), time.Now()))
}

// Offline implements admin.Targets.
func (s steering) Offline(_ context.Context, c admin.TargetChange) (admin.TargetDecision, error) {
	return s.decide(s.keeper().Offline(request(c), time.Now()))
}

func (s steering) decide(d targetstate.Decision, err error) (admin.TargetDecision, error) {
	if err != nil {
		return admin.TargetDecision{}, targetError(err)
	}
	for _, drain := range s.d.targets.drains() {
		if drain.Decision.Scope() == d.Scope() {
			return s.decision(drain), nil
		}
	}
	return s.decision(targets.Drain{Decision: d}), nil
}

// Online implements admin.Targets.
func (s steering) Online(_ context.Context, c admin.TargetChange) ([]admin.TargetDecision, error) {
	ended, err := s.keeper().Online(request(c))
	if err != nil {
		return nil, targetError(err)
	}
	if len(ended) == 0 && c.Path == "" && !s.serves(c.Target) {
		return nil, fmt.Errorf("no target of a namespace here is on the host %q, and nothing was decided about it; `dfsd target list` shows what was (%w)", c.Target, admin.ErrNotFound)
	}
	all := make([]admin.TargetDecision, len(ended))
	for i, d := range ended {
		all[i] = s.decision(targets.Drain{Decision: d})
	}
	return all, nil
}

// serves reports whether a namespace has a target on a host.
func (s steering) serves(host string) bool {
	for _, root := range s.d.state.Load().namespaces.Roots() {
		for link := range root.Links() {
			for i := range link.NumTargets() {
				if replication.SameHost(link.Target(i).Host(), host) {
					return true
				}
			}
		}
	}
	return false
}

// Decisions implements admin.Targets.
func (s steering) Decisions(context.Context) ([]admin.TargetDecision, error) {
	all := []admin.TargetDecision{}
	for _, drain := range s.d.targets.drains() {
		all = append(all, s.decision(drain))
	}
	return all, nil
}

// Health implements admin.Targets.
func (s steering) Health(ctx context.Context) (report.Facts, error) { return s.d.health(ctx), nil }

func (s steering) decision(drain targets.Drain) admin.TargetDecision {
	d, plan := drain.Decision, drain.Plan
	out := admin.TargetDecision{
		Kind: string(d.Kind), Host: d.Host, Path: d.Path, Target: d.Target, Reason: d.Reason, By: d.By, At: d.At, Until: d.Until,
		Targets: drain.Targets, Phase: plan.Phase.String(), TakenOut: plan.TakenOut, Done: plan.Done,
		WaitingFor: plan.WaitingFor, Free: plan.Until, Connections: -1,
	}
	if out.WaitingFor == nil {
		out.WaitingFor = []string{}
	}
	host := d.Host
	if host == "" {
		host = namespace.UNC(d.Target).Host()
	}
	if n, known := targets.Established(s.d.addrsOf(host), smbPort); known {
		out.Connections = n
	}
	return out
}

// smbPort is where file servers listen.
const smbPort = 445

// addrsOf is what is known of a target's host.
func (d *daemon) addrsOf(host string) []netip.Addr {
	if a, err := netip.ParseAddr(host); err == nil {
		return []netip.Addr{a}
	}
	return d.directory.hosts.Addrs(host)
}
