package admin

import (
	"context"
	"errors"
	"reflect"
	"testing"
	"time"

	"dfsd/internal/report"
)

// fakeTargets answers what a test gives it, and keeps what it was asked for.
type fakeTargets struct {
	err     error
	asked   []string
	changes []TargetChange
	all     []TargetDecision
	facts   report.Facts
}

func (f *fakeTargets) take(verb string, c TargetChange) {
	f.asked, f.changes = append(f.asked, verb), append(f.changes, c)
}

func (f *fakeTargets) Drain(_ context.Context, c TargetChange) (TargetDecision, error) {
	f.take("drain", c)
	return TargetDecision{Kind: "drained", WaitingFor: []string{}}, f.err
}

func (f *fakeTargets) Offline(_ context.Context, c TargetChange) (TargetDecision, error) {
	f.take("offline", c)
	return TargetDecision{Kind: "offline", WaitingFor: []string{}}, f.err
}

func (f *fakeTargets) Online(_ context.Context, c TargetChange) ([]TargetDecision, error) {
	f.take("online", c)
	return f.all, f.err
}

func (f *fakeTargets) Decisions(context.Context) ([]TargetDecision, error) { return f.all, f.err }

func (f *fakeTargets) Health(context.Context) (report.Facts, error) { return f.facts, f.err }

func emptyTargets() fakeTargets {
	return fakeTargets{facts: report.Facts{
		Namespaces: []report.NamespaceFacts{}, Decisions: []report.DecisionFacts{}, Members: []report.MemberFacts{}, Events: []report.EventFacts{},
	}}
}

func fullTargets() fakeTargets {
	at := time.Date(2026, 5, 6, 7, 8, 9, 0, time.UTC)
	return fakeTargets{
		all: []TargetDecision{{
			Kind: "drained", Path: `\\*\public\projects`, Target: `\\fs1\projects`, By: "ann", At: at, Until: at.Add(time.Hour), Targets: 1,
			Phase: "waiting", WaitingFor: []string{"fs2"}, Free: at, Connections: -1,
		}},
		facts: report.Facts{
			At: at, Host: "ns1", Namespaces: []report.NamespaceFacts{}, Decisions: []report.DecisionFacts{},
			Members: []report.MemberFacts{}, Events: []report.EventFacts{},
		},
	}
}

func TestTargetsOverTheSocket(t *testing.T) {
	d := &fakeDaemon{picture: testPicture(t), targets: fullTargets()}
	c := overSocket(t, d)
	change := TargetChange{Path: `\\files\public\projects`, Target: `\\fs1\projects`, Reason: "new disks", For: 90 * time.Minute}
	ctx := t.Context()
	if got, err := c.Drain(ctx, change); err != nil || got.Kind != "drained" {
		t.Errorf("Drain = %+v, %v", got, err)
	}
	if got, err := c.Offline(ctx, change); err != nil || got.Kind != "offline" {
		t.Errorf("Offline = %+v, %v", got, err)
	}
	if got, err := c.Online(ctx, TargetChange{Target: "fs1"}); err != nil || !reflect.DeepEqual(got, d.targets.all) {
		t.Errorf("Online = %+v, %v", got, err)
	}
	if got, err := c.Decisions(ctx); err != nil || !reflect.DeepEqual(got, d.targets.all) {
		t.Errorf("Decisions = %+v, %v", got, err)
	}
	if got, err := c.Health(ctx); err != nil || !reflect.DeepEqual(got, d.targets.facts) {
		t.Errorf("Health = %+v, %v", got, err)
	}
	if !reflect.DeepEqual(d.targets.asked, []string{"drain", "offline", "online"}) {
		t.Errorf("asked for %v", d.targets.asked)
	}
	got := d.targets.changes[0]
	if got.By = ""; got != change {
		t.Errorf("asked for %+v, want %+v", got, change)
	}
}

func TestTargetChangesThatMakeNoSense(t *testing.T) {
	d := &fakeDaemon{picture: testPicture(t)}
	c := overSocket(t, d)
	for _, change := range []TargetChange{{}, {Path: `\\x\y\z`}, {Target: "fs1", Reason: "a\nb"}} {
		if _, err := c.Drain(t.Context(), change); !errors.Is(err, ErrBadRequest) {
			t.Errorf("Drain(%+v) = %v, want ErrBadRequest", change, err)
		}
	}
	if len(d.targets.asked) > 0 {
		t.Errorf("asked for %v", d.targets.asked)
	}
}
