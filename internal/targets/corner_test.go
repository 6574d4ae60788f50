package targets

import (
	"context"
	"fmt"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"
	"pgregory.net/rapid"

	"dfsd/namespace"
	"dfsd/referral"
	"dfsd/referral/health"
	"dfsd/referral/targetstate"
	"dfsd/replication/status"
	"dfsd/replication/summary"
)

// wellBoth has both members say that the other lacks nothing.
func (f *fakeReplicas) wellBoth(at time.Time) {
	f.say("fs1", at, status.Normal, status.Connection{To: "fs2"})
	f.say("fs2", at, status.Normal, status.Connection{To: "fs1"})
}

// TestSilentBeforeBehind: while a target has its initial sync, the one that it
// gets the files from stays first though its member is not heard any more.
func TestSilentBeforeBehind(t *testing.T) {
	r, now := &fakeReplicas{}, time.Now()
	k := keeper(t, t.TempDir(), snapshot(t), r)
	r.wellBoth(now)
	k.turn(now)
	for _, c := range []struct {
		after time.Duration
		fs2   status.State
		want  string
	}{{0, status.InitialSync, "up lagging"}, {2 * time.Minute, status.InitialSync, "up lagging"}, {3 * time.Minute, status.InitialSync, "up lagging"}} {
		at := now.Add(c.after)
		r.say("fs2", at, c.fs2)
		k.turn(at)
		if got := states(t, k); got != c.want {
			t.Errorf("after %v: %s, want %s", c.after, got, c.want)
		}
	}
	link := k.current().snapshot.Match(`\x\public\projects`).Link
	if why := k.State(link.Target(0)).Reason; !strings.Contains(why, "no word of its replication for 3m") {
		t.Errorf("reason %q", why)
	}
	r.wellBoth(now.Add(3 * time.Minute))
	k.turn(now.Add(3 * time.Minute))
	r.say("fs2", now.Add(6*time.Minute), status.Normal)
	k.turn(now.Add(6 * time.Minute))
	if got := states(t, k); got != "lagging up" {
		t.Errorf("fs1 is silent and fs2 well: %s", got)
	}
}

// TestReloadWithoutTheDrained: a drain does not end by a reload that loses its
// target, nor is the target out when it is back.
func TestReloadWithoutTheDrained(t *testing.T) {
	r, now := &fakeReplicas{}, time.Now()
	ns := snapshot(t)
	k := keeper(t, t.TempDir(), ns, r)
	r.wellBoth(now)
	r.say("fs2", now, status.Normal, status.Connection{To: "fs1", BacklogFiles: 2, OldestSeconds: 1})
	k.turn(now)
	if _, err := k.Drain(Request{Path: `\\x\public\projects`, Target: "fs2"}, now); err != nil {
		t.Fatal(err)
	}
	without := snapshot(t, func(f *namespace.FolderConfig) { f.Targets = f.Targets[:1] })
	at := now.Add(10 * time.Second)
	k.Use(k.See(without))
	k.turn(at)
	if d := k.Drains(); len(d) != 1 || d[0].Plan.TakenOut || d[0].Targets != 0 || !strings.Contains(d[0].Plan.WaitingFor[0], "no such target any more") {
		t.Errorf("without its target: %+v", d)
	}
	r.say("fs1", at, status.Normal, status.Connection{To: "fs2"})
	r.say("fs2", at, status.Normal, status.Connection{To: "fs1", BacklogFiles: 2, OldestSeconds: 1})
	k.Use(k.See(snapshot(t)))
	k.turn(at)
	if got := states(t, k); got != "up up" {
		t.Errorf("with its target again: %s", got)
	}
}

// TestEndedWhileNobodyRan: a target that was out catches up first, also where its
// decision ended while this host was off.
func TestEndedWhileNobodyRan(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir, r := t.TempDir(), &fakeReplicas{}
		k := keeper(t, dir, snapshot(t), r)
		r.wellBoth(time.Now())
		k.turn(time.Now())
		if _, err := k.Offline(Request{Path: `\\x\public\projects`, Target: "fs2", For: 20 * time.Second}, time.Now()); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Minute)
		store, err := targetstate.OpenStore(dir)
		if err != nil {
			t.Fatal(err)
		}
		k = NewKeeper(Options{Store: store, Replicas: r, Started: time.Now()})
		r.say("fs1", time.Now(), status.Normal, status.Connection{To: "fs2", BacklogFiles: 9, OldestSeconds: 50})
		r.say("fs2", time.Now(), status.Normal, status.Connection{To: "fs1"})
		k.Use(k.See(snapshot(t)))
		if got := states(t, k); got != "up lagging" {
			t.Errorf("back and 50 s behind: %s", got)
		}
		r.wellBoth(time.Now())
		k.turn(time.Now())
		if got := states(t, k); got != "up up" {
			t.Errorf("caught up: %s", got)
		}
	})
}

// TestWhatADrainIsTold: what the member of the target says of itself decides when
// the drain may go on, and what is said too early does not.
func TestWhatADrainIsTold(t *testing.T) {
	r, now := &fakeReplicas{}, time.Now()
	k := keeper(t, t.TempDir(), snapshot(t), r)
	r.wellBoth(now)
	k.turn(now)
	// The clock was an hour fast then.
	if _, err := k.Drain(Request{Path: `\\x\public\projects`, Target: "fs2"}, now.Add(time.Hour)); err != nil {
		t.Fatal(err)
	}
	k.turn(now)
	if d := k.Drains()[0].Decision; d.At.Sub(now) > time.Minute {
		t.Errorf("it counts from %v, want %v", d.At, now)
	}
	check := func(name string, at time.Time, phase targetstate.Phase, want string) {
		t.Helper()
		k.turn(at)
		plan := k.Drains()[0].Plan
		if got := strings.Join(plan.WaitingFor, "|"); plan.Phase != phase || !strings.Contains(got, want) {
			t.Errorf("%s: %v, waiting for %q", name, plan.Phase, got)
		}
	}
	at := now.Add(5 * time.Second)
	r.wellBoth(at)
	r.say("fs2", at, status.Failed, status.Connection{To: "fs1"})
	check("halted", at, targetstate.WaitForOthers, "is not known to hold everything, the replication of FS2 is halted")
	r.wellBoth(at)
	check("well", at, targetstate.WaitForTTL, "clients to forget it")
	end := k.Drains()[0].Plan.Until
	r.wellBoth(end.Add(-5 * time.Second))
	check("said before the last client was gone", end.Add(time.Second), targetstate.WaitForLast, "fs1\\projects is not known to hold everything")
	r.wellBoth(end.Add(time.Second))
	r.hosts[1].Folders[0].UnreadFiles = 2
	check("open files", end.Add(time.Second), targetstate.WaitForLast, "2 files there cannot be read")
	r.wellBoth(end.Add(time.Second))
	check("well", end.Add(time.Second), targetstate.Emptied, "")
	if s := k.current(); len(s.decided.done) != 0 {
		t.Error("what was only now noted passes for noted before")
	}
	check("later", end.Add(time.Hour), targetstate.Emptied, "")
	check("later", end.Add(time.Hour), targetstate.Emptied, "")
	if s := k.current(); len(s.decided.done) != 1 {
		t.Error("a drain that is done is worked out at each turn")
	}
	if _, err := k.Online(Request{Path: `\\x\public\projects`, Target: "fs2"}); err != nil || len(k.Drains()) != 0 {
		t.Errorf("online: %v, %v", err, k.Drains())
	}
}

// TestDrainWithinSites: where clients are sent within their site alone, a target
// of another site takes over from none.
func TestDrainWithinSites(t *testing.T) {
	for _, c := range []struct {
		name   string
		sites  map[string]string // nil: as configured, which is nowhere
		class  namespace.Class   // of fs1, that leaves
		others namespace.Class
		want   int // that may take over
	}{
		{"the same, as configured", nil, namespace.SiteCostNormal, namespace.SiteCostNormal, 1},
		{"the same, by address", map[string]string{"fs1": "A", "FS2": "A"}, namespace.SiteCostNormal, namespace.SiteCostNormal, 1},
		{"another, by address", map[string]string{"fs1": "A", "FS2": "B"}, namespace.SiteCostNormal, namespace.SiteCostNormal, 0},
		{"nobody knows where", map[string]string{}, namespace.SiteCostNormal, namespace.SiteCostNormal, 0},
		{"another, for all sites", map[string]string{"fs1": "A", "FS2": "B"}, namespace.SiteCostNormal, namespace.GlobalLow, 1},
		{"for all sites leaves", nil, namespace.GlobalHigh, namespace.SiteCostNormal, 0},
	} {
		ns := snapshot(t, func(f *namespace.FolderConfig) {
			f.InSiteOnly, f.Targets[0].Priority, f.Targets[1].Priority = true, c.class, c.others
		})
		k := keeper(t, t.TempDir(), ns, &fakeReplicas{})
		if c.sites != nil {
			k.o.SiteOf = func(t namespace.Target) string { return c.sites[t.Host()] }
		}
		s := k.current()
		j := k.judge(s, time.Now())
		d := newDecided(ns, []targetstate.Decision{{Kind: targetstate.Drained, Path: `\\*\public\projects`, Target: `\\fs1\projects`}}, nil)
		folders, targets := k.affected(j, d.leaving[0])
		if targets != 1 || len(folders) != 1 || len(folders[0].Others) != c.want {
			t.Errorf("%s: %d targets leave %+v, want %d others", c.name, targets, folders, c.want)
		}
	}
}

// TestOppositeDecisions: what another host took out stays out, whatever begins
// here.
func TestOppositeDecisions(t *testing.T) {
	r, now := &fakeReplicas{}, time.Now()
	ns := snapshot(t)
	other, own := keeper(t, t.TempDir(), ns, &fakeReplicas{}), keeper(t, t.TempDir(), ns, r)
	if _, err := other.Offline(Request{Target: "fs2"}, now); err != nil {
		t.Fatal(err)
	}
	r.hosts = append(r.hosts, summary.Host{Host: "ns2", HeardAt: now, Notes: other.Notes()})
	r.say("fs1", now, status.Normal, status.Connection{To: "fs2"})
	own.turn(now)
	request := Request{Path: `\\x\public\projects`, Target: "fs2"}
	if _, err := own.Drain(request, now); err != nil {
		t.Fatal(err)
	}
	if got := states(t, own); !strings.HasSuffix(got, " offline") {
		t.Errorf("drained here, offline there: %s", got)
	}
	if _, err := own.Online(request); err != nil {
		t.Fatal(err)
	}
	if _, err := own.Online(request); err == nil || !strings.Contains(err.Error(), "on ns2: give the command there") {
		t.Errorf("online here, while its host is offline there: %v", err)
	}
}

// TestForeignDecisionsOverARestart: they count from the first judgement on, until
// their host is heard again, is not known any more, or was silent for a day.
func TestForeignDecisionsOverARestart(t *testing.T) {
	dir, r, now := t.TempDir(), &knowing{}, time.Now()
	ns := snapshot(t)
	start := func() *Keeper {
		store, err := targetstate.OpenStore(dir)
		if err != nil {
			t.Fatal(err)
		}
		k := NewKeeper(Options{Store: store, Replicas: r, Started: time.Now().Add(-time.Hour)})
		k.Use(k.See(ns))
		return k
	}
	other, own := keeper(t, t.TempDir(), ns, &fakeReplicas{}), start()
	if _, err := other.Offline(Request{Target: "fs2"}, now); err != nil {
		t.Fatal(err)
	}
	heard := summary.Host{Host: "ns2", HeardAt: now, Notes: other.Notes()}
	r.hosts = []summary.Host{heard}
	own.turn(now)
	r.hosts = nil
	if got := states(t, start()); !strings.HasSuffix(got, " offline") {
		t.Errorf("after a restart: %s", got)
	}
	for _, c := range []struct {
		name string
		make func() time.Time // and when it is judged
	}{
		{"heard again", func() time.Time { r.hosts = []summary.Host{{Host: "ns2", HeardAt: now}}; return now }},
		{"not known", func() time.Time { r.stranger = "ns2"; return now }},
		{"a day later", func() time.Time { return now.Add(summary.Forget + time.Second) }},
	} {
		r.hosts, r.stranger = []summary.Host{heard}, ""
		k := start()
		k.turn(now.Add(time.Hour)) // it is on disk again
		r.hosts = nil
		k = start()
		if got := states(t, k); !strings.HasSuffix(got, " offline") {
			t.Errorf("%s: before that %s", c.name, got)
		}
		k.turn(c.make())
		if got := states(t, k); strings.HasSuffix(got, " offline") {
			t.Errorf("%s: %s", c.name, got)
		}
	}
	if err := os.WriteFile(dir+"/targets-heard.json", []byte("nonsense"), 0o600); err != nil {
		t.Fatal(err)
	}
	r.stranger = ""
	if got := states(t, start()); strings.Contains(got, "offline") {
		t.Errorf("with a damaged file: %s", got)
	}
}

// knowing are replicas that know all hosts but one.
type knowing struct {
	fakeReplicas
	stranger string
}

func (k *knowing) Knows(host string) bool { return host != k.stranger }

// TestManyNotes: as many decisions are told as there is room for, and not none.
func TestManyNotes(t *testing.T) {
	var all []targetstate.Decision
	for i := range maxNoted {
		all = append(all, targetstate.Decision{
			Kind: targetstate.Offline, Path: `\\*\public\projects`, Target: fmt.Sprintf(`\\fs%d\projects`, i),
			Reason: strings.Repeat("x", 250), By: "ann", At: time.Now(),
		})
	}
	notes, n := noted(all)
	if len(notes) > summary.MaxNotes || len(notes) < summary.MaxNotes-1000 || n == len(all) {
		t.Errorf("%d decisions in %d bytes", n, len(notes))
	}
	if got := readNotes("ns2", notes); len(got) != n || got[n-1].Target != all[n-1].Target {
		t.Errorf("%d of %d are read", len(got), n)
	}
	if notes, n := noted(nil); notes != nil || n != 0 {
		t.Errorf("of none: %q, %d", notes, n)
	}
}

// TestNotesAreMadeOnce: asking costs nothing while nothing changes.
func TestNotesAreMadeOnce(t *testing.T) {
	k := keeper(t, t.TempDir(), snapshot(t), &fakeReplicas{})
	if _, err := k.Offline(Request{Target: "fs1"}, time.Now()); err != nil {
		t.Fatal(err)
	}
	a, b := k.Notes(), k.Notes()
	if len(a) == 0 || &a[0] != &b[0] {
		t.Errorf("%q, and then another", a)
	}
	if _, err := k.Offline(Request{Path: `\\x\public\projects`, Target: "fs2"}, time.Now()); err != nil {
		t.Fatal(err)
	}
	if c := k.Notes(); string(c) == string(a) {
		t.Errorf("after another decision: %q", c)
	}
}

// TestNotesAreClean: what would end up on terminals and is no text counts for
// nothing.
func TestNotesAreClean(t *testing.T) {
	const at = `,"at":"2026-01-02T03:04:05Z"}]}`
	for _, b := range []string{
		`{"decisions":[{"kind":"offline","host":"fs1","by":"\u001b[2J"` + at,
		`{"decisions":[{"kind":"offline","host":"fs1","reason":"a\nb"` + at,
		`{"decisions":[{"kind":"offline","host":"fs1","reason":"` + strings.Repeat("x", 300) + `"` + at,
		`{"decisions":[{"kind":"offline","host":"fs1\\x"` + at,
	} {
		if got := readNotes("ns2", []byte(b)); len(got) > 0 {
			t.Errorf("readNotes(%s) = %+v", b, got)
		}
	}
}

// TestOfflineIsToldOnce: what the configuration has offline is no news when
// something is decided about another target.
func TestOfflineIsToldOnce(t *testing.T) {
	var folders []namespace.FolderConfig
	for i := range 50 {
		f := namespace.FolderConfig{Path: fmt.Sprintf("plain%d", i), TTL: time.Minute, Targets: []namespace.TargetConfig{
			{Path: namespace.UNC(fmt.Sprintf(`\\fs1\plain%d`, i))}, {Path: `\\fs3\plain`},
		}}
		if i == 7 {
			f.Targets[1].State = namespace.Offline
		}
		folders = append(folders, f)
	}
	ns, err := namespace.New([]namespace.Config{{Name: "public", TTL: time.Minute, Folders: folders}})
	if err != nil {
		t.Fatal(err)
	}
	core, logs := observer.New(zap.InfoLevel)
	store, err := targetstate.OpenStore(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	k := NewKeeper(Options{Store: store, Log: zap.New(core), Started: time.Now()})
	k.Use(k.See(ns))
	k.turn(time.Now())
	gone := ns.Match(`\x\public\plain7`).Link.Target(1)
	if k.State(gone).State != referral.Offline {
		t.Errorf("it is %v", k.State(gone).State)
	}
	request := Request{Path: `\\x\public\plain3`, Target: "fs1"}
	for range 3 {
		if _, err := k.Offline(request, time.Now()); err != nil {
			t.Fatal(err)
		}
		if _, err := k.Online(request); err != nil {
			t.Fatal(err)
		}
	}
	if n := logs.FilterMessage("target is out of referrals").Len(); n != 3 {
		t.Errorf("targets were taken out %d times, want 3: %v", n, logs.All())
	}
	if n := logs.FilterMessage("target is back in its place").Len(); n != 3 {
		t.Errorf("targets came back %d times, want 3", n)
	}
	if s := k.current(); s.many || len(s.extra)+len(s.ended) > 0 {
		t.Errorf("%d and %d targets are still looked at", len(s.extra), len(s.ended))
	}
}

// TestDiskFault: what cannot be written is told once, and tried until it can.
func TestDiskFault(t *testing.T) {
	dir := t.TempDir() + "/data"
	store, err := targetstate.OpenStore(dir)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(dir, nil, 0o600); err != nil { // in place of the directory
		t.Fatal(err)
	}
	r, now := &fakeReplicas{}, time.Now()
	core, logs := observer.New(zap.InfoLevel)
	k := NewKeeper(Options{Store: store, Replicas: r, Log: zap.New(core), Started: now.Add(-time.Hour)})
	k.Use(k.See(snapshot(t)))
	r.say("fs1", now, status.Normal, status.Connection{To: "fs2"})
	r.say("fs2", now, status.InitialSync, status.Connection{To: "fs1"})
	for range 5 {
		k.turn(now)
	}
	if n := logs.FilterMessage("state is not kept").Len(); n != 1 {
		t.Errorf("told %d times, want once: %v", n, logs.All())
	}
	if err := os.Remove(dir); err != nil {
		t.Fatal(err)
	}
	k.turn(now)
	if n := logs.FilterMessage("state is kept again").Len(); n != 1 || len(store.Statuses()) != 1 {
		t.Errorf("told %d times, kept %v", n, store.Statuses())
	}
}

// TestHaltedKnowsNothing: a member that is halted says that nobody lacks
// anything, because it cannot look.
func TestHaltedKnowsNothing(t *testing.T) {
	now := time.Now()
	for state, want := range map[status.State]bool{
		status.Normal: true, status.Paused: true, status.Failed: false, status.InitialSync: false, status.Recovering: false, "unknown": false,
	} {
		r := &fakeReplicas{}
		r.say("fs1", now, state, status.Connection{To: "hub"})
		r.say("hub", now, status.Normal, status.Connection{To: "fs2"})
		words := gather(r.Hosts(), now)["branch/projects"]
		_, _, direct := words.lacks("fs1", "hub")
		_, _, onward := words.lacks("fs1", "fs2")
		if direct != want || onward != want || (words.doubt("fs1") == "") != (want || state == "unknown") {
			t.Errorf("%s: known %v, through the hub %v, want %v; doubt %q", state, direct, onward, want, words.doubt("fs1"))
		}
		r = &fakeReplicas{}
		r.say("fs1", now, status.Normal, status.Connection{To: "hub"})
		r.say("hub", now, state, status.Connection{To: "fs2"})
		if _, _, known := gather(r.Hosts(), now)["branch/projects"].lacks("fs1", "fs2"); known != want {
			t.Errorf("a hub that is %s: known %v, want %v", state, known, want)
		}
	}
}

// TestDrainAfterAStart: nothing is taken out for a target that was not probed
// since the start.
func TestDrainAfterAStart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ns := probedPair(t)
		store, err := targetstate.OpenStore(t.TempDir())
		if err != nil {
			t.Fatal(err)
		}
		monitor := health.NewMonitor(health.Options{Prober: scriptProber{good: true}})
		k := NewKeeper(Options{Store: store, Monitor: monitor, Started: time.Now()})
		k.Use(k.See(ns))
		if _, err := k.Drain(Request{Path: `\\x\public\projects`, Target: "fs2"}, time.Now().Add(-time.Hour)); err != nil {
			t.Fatal(err)
		}
		if got := states(t, k); got != "up up" {
			t.Errorf("before the first probe: %s", got)
		}
		ctx, stop := context.WithCancel(t.Context())
		go func() { _ = monitor.Run(ctx) }()
		defer func() { stop(); synctest.Wait() }()
		time.Sleep(3 * time.Second)
		synctest.Wait()
		k.turn(time.Now())
		if got := states(t, k); got != "up drained" {
			t.Errorf("once fs1 has answered: %s", got)
		}
	})
}

// TestDecidedIsWhatEachDecisionSays compares the index with asking every decision
// about every target.
func TestDecidedIsWhatEachDecisionSays(t *testing.T) {
	hosts, spelled := []string{"fs1", "FS1", "fs2", "fs3"}, []string{"fs1", "FS1.", "Fs2", "fs3"}
	rapid.Check(t, func(t *rapid.T) {
		cfg := namespace.Config{Name: "public", TTL: time.Minute}
		for f := range 3 {
			folder := namespace.FolderConfig{Path: folderName(f), TTL: time.Minute}
			for i := range rapid.IntRange(1, 4).Draw(t, "targets") {
				target := namespace.TargetConfig{Path: namespace.UNC(fmt.Sprintf(`\\%s\share%d`, hosts[i], i))}
				if rapid.IntRange(0, 3).Draw(t, "offline") == 0 {
					target.State = namespace.Offline
				}
				folder.Targets = append(folder.Targets, target)
			}
			cfg.Folders = append(cfg.Folders, folder)
		}
		ns, err := namespace.New([]namespace.Config{cfg})
		if err != nil {
			t.Fatal(err)
		}
		decision := rapid.Custom(func(t *rapid.T) targetstate.Decision {
			d := targetstate.Decision{Kind: rapid.SampledFrom([]targetstate.Kind{targetstate.Drained, targetstate.Offline}).Draw(t, "kind"), At: time.Unix(1, 0).UTC()}
			i := rapid.IntRange(0, 3).Draw(t, "host")
			if rapid.Bool().Draw(t, "whole") {
				d.Host = spelled[i]
				return d
			}
			d.Path, d.Target = `\\*\PUBLIC\`+folderName(rapid.IntRange(0, 3).Draw(t, "folder")), fmt.Sprintf(`\\%s\SHARE%d`, hosts[i], i)
			return d
		})
		own, foreign := rapid.SliceOfN(decision, 0, 4).Draw(t, "own"), rapid.SliceOfN(decision, 0, 4).Draw(t, "foreign")
		got := newDecided(ns, own, foreign)
		counted := make([]int, len(own)+len(foreign))
		each(ns, func(_ *namespace.Root, link namespace.Link, target namespace.Target) {
			var want *targetstate.Decision
			for i := range counted {
				d := got.at(i)
				about := d.Host != "" && sameHost(d.Host, target.Host()) ||
					d.Host == "" && strings.EqualFold(d.Target, target.Path()) && strings.EqualFold(d.Path, `\\*\public\`+link.Path())
				if !about {
					continue
				}
				if target.State() == namespace.Online {
					counted[i]++
				}
				if want == nil || d.Outranks(*want) {
					want = d
				}
			}
			if c := got.counts[target.Index()]; c != want {
				t.Fatalf("%s: %+v counts, want %+v", target.Path(), c, want)
			}
		})
		for i, want := range counted {
			n := 0
			for _, d := range got.leaving[i] {
				n += len(d.targets)
			}
			if n != want {
				t.Fatalf("decision %d %+v is about %d targets, want %d", i, *got.at(i), n, want)
			}
		}
	})
}
