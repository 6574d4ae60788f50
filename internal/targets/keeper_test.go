package targets

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"dfsd/referral/health"

	"dfsd/namespace"
	"dfsd/referral"
	"dfsd/referral/targetstate"
	"dfsd/replication/status"
	"dfsd/replication/summary"
)

// fakeReplicas are what hosts say, as a test has them say it.
type fakeReplicas struct{ hosts []summary.Host }

func (f *fakeReplicas) Hosts() []summary.Host    { return f.hosts }
func (f *fakeReplicas) Changed() <-chan struct{} { return nil }
func (f *fakeReplicas) Knows(string) bool        { return true }

// say has host say at a time what its partners lack of what it holds.
func (f *fakeReplicas) say(host string, at time.Time, state status.State, lacking ...status.Connection) {
	folder := status.Folder{Group: "branch", Folder: "projects", State: state}
	for _, c := range lacking {
		c.State = status.Connected
		if c.From == "" {
			c.From = host
		}
		folder.Connections = append(folder.Connections, c)
	}
	said := summary.Host{Host: host, HeardAt: at, Folders: []status.Folder{folder}}
	for i := range f.hosts {
		if f.hosts[i].Host == host {
			f.hosts[i] = said
			return
		}
	}
	f.hosts = append(f.hosts, said)
}

func snapshot(t *testing.T, change ...func(*namespace.FolderConfig)) *namespace.Snapshot {
	t.Helper()
	folder := namespace.FolderConfig{
		Path: "projects", TTL: 1800 * time.Second, Replicates: "branch/projects", Gate: &namespace.GateConfig{MaxLag: time.Minute},
		Targets: []namespace.TargetConfig{{Path: `\\fs1\projects`}, {Path: `\\FS2\projects`}},
	}
	plain := namespace.FolderConfig{Path: `a\plain`, TTL: 600 * time.Second, Targets: []namespace.TargetConfig{{Path: `\\fs1\plain`}}}
	for _, c := range change {
		c(&folder)
	}
	ns, err := namespace.New([]namespace.Config{{Name: "public", TTL: 300 * time.Second, DegradedTTL: time.Minute, Folders: []namespace.FolderConfig{folder, plain}}})
	if err != nil {
		t.Fatal(err)
	}
	return ns
}

// keeper is a Keeper of a snapshot that started long ago, with what hosts say.
func keeper(t *testing.T, dir string, ns *namespace.Snapshot, r *fakeReplicas) *Keeper {
	t.Helper()
	store, err := targetstate.OpenStore(dir)
	if err != nil {
		t.Fatal(err)
	}
	k := NewKeeper(Options{Store: store, Replicas: r, Started: time.Now().Add(-time.Hour)})
	k.Use(k.See(ns))
	return k
}

// states writes the states of the targets of public\projects.
func states(t *testing.T, k *Keeper) string {
	t.Helper()
	link := k.current().snapshot.Match(`\x\public\projects`).Link
	var all []string
	for i := range link.NumTargets() {
		all = append(all, k.State(link.Target(i)).State.String())
	}
	return strings.Join(all, " ")
}

func TestStatesFollowWhatMembersSay(t *testing.T) {
	r, now := &fakeReplicas{}, time.Now()
	k := keeper(t, t.TempDir(), snapshot(t), r)
	step := func(name, want string) {
		t.Helper()
		k.turn(now)
		if got := states(t, k); got != want {
			t.Errorf("%s: %s, want %s", name, got, want)
		}
	}
	step("nobody was ever heard", "lagging lagging")
	r.say("fs1", now, status.Normal, status.Connection{To: "fs2"})
	r.say("FS2.", now, status.Normal, status.Connection{To: "fs1"})
	step("both hold everything", "up up")
	r.say("fs1", now, status.Normal, status.Connection{To: "fs2", BacklogFiles: 3, OldestSeconds: 50})
	step("within the gate", "up up")
	now = now.Add(11 * time.Second)
	r.say("FS2.", now, status.Normal, status.Connection{To: "fs1"})
	step("the lag has grown beyond the gate by itself", "up lagging")
	r.say("fs1", now, status.Normal, status.Connection{To: "fs2", BacklogFiles: 1, OldestSeconds: 20})
	step("within the gate again, but not caught up", "up lagging")
	r.say("fs1", now, status.Normal, status.Connection{To: "fs2"})
	step("caught up", "up up")
	r.say("FS2.", now, status.InitialSync)
	step("initial sync", "up lagging")
}

func TestReasonsReachExplanations(t *testing.T) {
	r, now := &fakeReplicas{}, time.Now()
	k := keeper(t, t.TempDir(), snapshot(t), r)
	r.say("fs1", now, status.Normal, status.Connection{To: "fs2", BacklogFiles: 3, OldestSeconds: 125})
	r.say("fs2", now, status.Normal, status.Connection{To: "fs1"})
	k.turn(now)
	view := referral.NewView(k.current().snapshot, nil, referral.ViewOptions{States: k.current()})
	var out referral.Referral
	if err := view.Resolve(referral.Request{Path: `\x\public\projects\a`}, nil, &out); err != nil {
		t.Fatal(err)
	}
	if got := out.Why(out.Targets[1]); !strings.Contains(got, "lagging (3 files behind fs1, the oldest by 2m5s") {
		t.Errorf("Why = %q", got)
	}
	if out.TTL != time.Minute || out.Targets[0].Target.Host() != "fs1" {
		t.Errorf("TTL %v, first %s", out.TTL, out.Targets[0].Path())
	}
}

// TestDemotionsAreRemembered: neither a reload nor a restart sends clients back
// to what lagged.
func TestDemotionsAreRemembered(t *testing.T) {
	dir, r, now := t.TempDir(), &fakeReplicas{}, time.Now()
	k := keeper(t, dir, snapshot(t), r)
	r.say("fs1", now, status.Normal, status.Connection{To: "fs2", BacklogFiles: 3, OldestSeconds: 125})
	r.say("fs2", now, status.Normal, status.Connection{To: "fs1"})
	k.turn(now)
	r.say("fs1", now, status.Normal, status.Connection{To: "fs2", BacklogFiles: 3, OldestSeconds: 20})
	s := k.See(snapshot(t, func(f *namespace.FolderConfig) { f.TTL = 900 * time.Second }))
	k.Use(s)
	if got := states(t, k); got != "up lagging" {
		t.Errorf("after a reload: %s", got)
	}
	store, err := targetstate.OpenStore(dir)
	if err != nil {
		t.Fatal(err)
	}
	k = NewKeeper(Options{Store: store, Replicas: &fakeReplicas{}, Started: now})
	k.Use(k.See(snapshot(t)))
	if got := states(t, k); got != "up lagging" {
		t.Errorf("after a restart, before anybody was heard: %s", got)
	}
}

func TestDrain(t *testing.T) {
	r, now := &fakeReplicas{}, time.Now()
	dir, ns := t.TempDir(), snapshot(t)
	k := keeper(t, dir, ns, r)
	quiet := func(at time.Time) {
		r.say("fs1", at, status.Normal, status.Connection{To: "fs2"})
		r.say("fs2", at, status.Normal, status.Connection{To: "fs1"})
	}
	quiet(now)
	k.turn(now)
	if _, err := k.Drain(Request{Path: `\\files\public\projects`, Target: "fs2", Reason: "new disks", By: "ann"}, now); err != nil {
		t.Fatal(err)
	}
	link := ns.Match(`\x\public\projects`).Link
	if got := states(t, k); got != "up up" || !k.current().Degraded(link) {
		t.Errorf("at first: %s, degraded %v; want both up and the TTL short", got, k.current().Degraded(link))
	}
	at := now.Add(5 * time.Second)
	r.say("fs1", at, status.Normal, status.Connection{To: "fs2"})
	r.say("fs2", at, status.Normal, status.Connection{To: "fs1", BacklogFiles: 2, OldestSeconds: 1})
	k.turn(at)
	if got := states(t, k); got != "up up" || len(k.Drains()) != 1 || k.Drains()[0].Plan.TakenOut {
		t.Errorf("fs1 lacks files of fs2's, but: %s, %+v", got, k.Drains())
	}
	at = at.Add(time.Second)
	quiet(at)
	k.turn(at)
	if got := states(t, k); got != "up drained" || !k.Drains()[0].Plan.TakenOut || k.Drains()[0].Plan.Done {
		t.Errorf("fs1 holds everything, but: %s, %+v", got, k.Drains())
	}
	at = now.Add(31 * time.Minute)
	quiet(at)
	k = keeper(t, dir, ns, r) // over a restart
	k.turn(at)
	if d := k.Drains(); len(d) != 1 || !d[0].Plan.Done || d[0].Targets != 1 {
		t.Errorf("when every referral has run out: %+v", d)
	}
	if _, err := k.Online(Request{Path: `\\files\public\projects`, Target: `\\fs2\projects`}); err != nil {
		t.Fatal(err)
	}
	k.turn(at)
	if got := states(t, k); got != "up up" || len(k.Drains()) != 0 {
		t.Errorf("online again: %s, %v", got, k.Drains())
	}
}

func TestWholeHostOffline(t *testing.T) {
	r, now := &fakeReplicas{}, time.Now()
	k := keeper(t, t.TempDir(), snapshot(t), r)
	r.say("fs1", now, status.Normal, status.Connection{To: "fs2"})
	r.say("fs2", now, status.Normal, status.Connection{To: "fs1"})
	d, err := k.Offline(Request{Target: "FS1."}, now)
	if err != nil {
		t.Fatal(err)
	}
	if d.Host != "fs1" || d.OldTTL != 1800*time.Second {
		t.Errorf("decision %+v", d)
	}
	if got := states(t, k); got != "offline up" {
		t.Errorf("states %s", got)
	}
	if got := k.Drains(); len(got) != 1 || got[0].Targets != 2 {
		t.Errorf("decisions %+v", got)
	}
}

func TestNamesOfTargets(t *testing.T) {
	k := keeper(t, t.TempDir(), snapshot(t), &fakeReplicas{})
	for _, r := range []Request{
		{Path: `\\x\public\nothing`, Target: "fs1"},
		{Path: `\\x\public`, Target: "fs1"},
		{Path: `\\x\public\projects\deep`, Target: "fs1"},
		{Path: `\\x\public\projects`, Target: "fs3"},
		{Target: "fs3"},
		{Path: `public`, Target: "fs1"},
	} {
		if _, err := k.Drain(r, time.Now()); !errors.Is(err, ErrNotFound) {
			t.Errorf("Drain(%+v) = %v, want ErrNotFound", r, err)
		}
	}
	for _, r := range []Request{
		{Path: `//x/PUBLIC/a/plain`, Target: `//fs1/plain`},
		{Path: `\x\public\a\plain\`, Target: `FS1`},
	} {
		if d, err := k.Offline(r, time.Now()); err != nil || d.Path != `\\*\public\a\plain` || d.Target != `\\fs1\plain` {
			t.Errorf("Offline(%+v) = %+v, %v", r, d, err)
		}
	}
}

// scriptProber is a prober whose hosts all take connections, or none.
type scriptProber struct{ good bool }

func (p scriptProber) Probe(_ context.Context, _ string, paths []string) health.Result {
	if !p.good {
		return health.Result{Host: &health.Failure{Stage: health.StageDial, Err: errors.New("refused")}}
	}
	return health.Result{Targets: make([]*health.Failure, len(paths))}
}

// probedPair is a namespace with one folder, whose two targets are probed.
func probedPair(t *testing.T) *namespace.Snapshot {
	t.Helper()
	folder := namespace.FolderConfig{Path: "projects", TTL: time.Minute, Targets: []namespace.TargetConfig{{Path: `\\fs1\projects`}, {Path: `\\fs2\projects`}}}
	ns, err := namespace.New([]namespace.Config{{
		Name: "public", TTL: time.Minute, Folders: []namespace.FolderConfig{folder},
		Probe: &namespace.ProbeConfig{Interval: 10 * time.Second, Timeout: time.Second, DownAfter: 3, UpAfter: 3, Port: 445},
	}})
	if err != nil {
		t.Fatal(err)
	}
	return ns
}

// TestDownOverARestart: a target that was down before a restart has to answer as
// often as its policy says, not once.
func TestDownOverARestart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ns := probedPair(t)
		dir := t.TempDir()
		store, err := targetstate.OpenStore(dir)
		if err != nil {
			t.Fatal(err)
		}
		first := ns.Match(`\x\public\projects`).Link
		name := targetstate.StatusKey(targetstate.FolderPath("public", "projects"), first.Target(0))
		if err := store.SaveStatuses(map[string]targetstate.SavedStatus{name: {State: referral.Down, Reason: "refused", Since: time.Now().Add(-time.Hour)}}); err != nil {
			t.Fatal(err)
		}
		monitor := health.NewMonitor(health.Options{Prober: scriptProber{good: true}})
		k := NewKeeper(Options{Store: store, Monitor: monitor, Started: time.Now()})
		k.Use(k.See(ns))
		ctx, stop := context.WithCancel(t.Context())
		go func() { _ = monitor.Run(ctx) }()
		defer func() { stop(); synctest.Wait() }()
		for _, tt := range []struct {
			after time.Duration
			want  string
		}{{3 * time.Second, "down up"}, {10 * time.Second, "down up"}, {12 * time.Second, "up up"}} {
			time.Sleep(tt.after)
			synctest.Wait()
			k.turn(time.Now())
			if got := states(t, k); got != tt.want {
				t.Errorf("%v later: %s, want %s", tt.after, got, tt.want)
			}
		}
	})
}
