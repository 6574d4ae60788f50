package targets

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"dfsd/namespace"
	"dfsd/referral"
	"dfsd/referral/targetstate"
	"dfsd/replication/status"
	"dfsd/replication/summary"
)

// TestChainUnderRandomChanges lives through random changes of state with all
// parts but the network real: snapshots, the store, probes, the Keeper, and the
// referrals that clients get; and looks at every referral after every change.
func TestChainUnderRandomChanges(t *testing.T) {
	changes, seen := 0, map[string]int{}
	rapid.Check(t, func(rt *rapid.T) {
		s := anyScript(rt)
		var fault error
		synctest.Test(t, func(t *testing.T) {
			c := newChain(t, &s, seen)
			fault = c.live()
			c.stop()
		})
		changes += len(s.steps)
		if fault != nil {
			rt.Fatal(fault)
		}
	})
	if testing.Short() || t.Failed() {
		return
	}
	if changes < 1000 {
		t.Errorf("%d changes, want a thousand", changes)
	}
	t.Log(changes, "changes:", seen)
	for _, what := range []string{
		"up", "lagging", "down", "drained", "offline", "leaving", "last resort", "empty",
		"back from lagging", "back from down", "demoted over a restart", "demoted over a reload",
	} {
		if seen[what] == 0 {
			t.Errorf("%q was never seen: this proves little", what)
		}
	}
}

// live makes one change after the other until something is wrong.
func (c *chain) live() error {
	if err := c.examine("the start"); err != nil {
		return err
	}
	for i := range c.script.steps {
		s := &c.script.steps[i]
		if err := c.change(s); err != nil {
			return fmt.Errorf("step %d, %#v: %w", i, *s, err)
		}
		if err := c.examine("as judged last"); err != nil {
			return fmt.Errorf("step %d, %#v: %w", i, *s, err)
		}
		c.settle()
		if err := c.examine("judged anew"); err != nil {
			return fmt.Errorf("step %d, %#v: %w", i, *s, err)
		}
	}
	return nil
}

// examine holds the states and all referrals against the rules.
func (c *chain) examine(when string) error {
	errs := []error{c.examineReturns()}
	var out referral.Referral
	for _, site := range []string{"London", "Paris", "Rome", ""} {
		view := referral.NewView(c.ns, c.topology, referral.ViewOptions{States: c.keeper.current()})
		for i := range c.script.folders {
			link := c.ns.Match(`\x\public\` + folderName(i)).Link
			if err := view.Resolve(referral.Request{Path: `\x\public\` + folderName(i) + `\a`, Site: site}, c.random, &out); err != nil {
				return err
			}
			for _, rule := range []func(*referral.Referral, namespace.Link) error{c.notEmpty, c.inOrder, c.accounted, c.shortened} {
				if err := rule(&out, link); err != nil {
					errs = append(errs, fmt.Errorf("%s, folder %d, site %q: %w\n%s", when, i, site, err, explained(&out)))
				}
			}
		}
	}
	return errors.Join(errs...)
}

func explained(r *referral.Referral) string {
	var b strings.Builder
	for _, p := range r.Targets {
		fmt.Fprintf(&b, "%s: %s\n", p.Path(), r.Why(p))
	}
	for _, e := range r.Excluded {
		fmt.Fprintf(&b, "not %s: %s\n", e.Path(), r.WhyNot(e))
	}
	return b.String()
}

// permitted tells whether the configuration lets clients of a site be sent to a
// target.
func (c *chain) permitted(r *referral.Referral, link namespace.Link, t namespace.Target) bool {
	inSite := c.script.inSiteOnly || link.InSiteOnly()
	global := t.Class() == namespace.GlobalHigh || t.Class() == namespace.GlobalLow
	local := t.SiteName() != "" && t.SiteName() == r.SiteName(r.Client.Site)
	return link.State() == namespace.Online && t.State() == namespace.Online && (!inSite || global || local)
}

// notEmpty: clients are sent somewhere as long as the configuration lets them.
func (c *chain) notEmpty(r *referral.Referral, link namespace.Link) error {
	want := false
	for i := range link.NumTargets() {
		want = want || c.permitted(r, link, link.Target(i))
	}
	for _, p := range r.Targets {
		if !c.permitted(r, link, p.Target) {
			return fmt.Errorf("%s is given against the configuration", p.Path())
		}
	}
	if !want {
		c.seen["empty"]++
	}
	if want != (len(r.Targets) > 0) {
		return fmt.Errorf("%d targets, want some: %v", len(r.Targets), want)
	}
	return nil
}

// inOrder: no target stands before one in a better state, and one that a command
// took out is given out only where nothing else is.
func (c *chain) inOrder(r *referral.Referral, link namespace.Link) error {
	byCommand := func(s referral.State) int {
		if s >= referral.Drained {
			return int(referral.Drained)
		}
		return int(s)
	}
	for i, p := range r.Targets {
		if now := c.keeper.State(p.Target).State; p.State != now {
			return fmt.Errorf("%s is given as %v and is %v", p.Path(), p.State, now)
		}
		if i > 0 && byCommand(p.State) < byCommand(r.Targets[i-1].State) {
			return fmt.Errorf("%s stands behind one that is %v", p.Path(), r.Targets[i-1].State)
		}
		if byCommand(p.State) != int(referral.Drained) {
			continue
		}
		c.seen["last resort"]++
		for k := range link.NumTargets() {
			if t := link.Target(k); c.permitted(r, link, t) && c.keeper.State(t).State < referral.Drained {
				return fmt.Errorf("%s is given though %s is %v", p.Path(), t.Path(), c.keeper.State(t).State)
			}
		}
	}
	return nil
}

// accounted: every target is either given out or left out, for a reason.
func (c *chain) accounted(r *referral.Referral, link namespace.Link) error {
	times := map[namespace.Target]int{}
	for _, p := range r.Targets {
		times[p.Target]++
		if why := r.Why(p); why == "" || strings.Contains(why, "%!") {
			return fmt.Errorf("%s stands there for %q", p.Path(), why)
		}
		if s := c.keeper.State(p.Target); s.State != referral.Up && !strings.Contains(r.Why(p), s.Reason) || s.State != referral.Up && s.Reason == "" {
			return fmt.Errorf("%s is %v for %q, but stands there for %q", p.Path(), s.State, s.Reason, r.Why(p))
		}
	}
	for _, e := range r.Excluded {
		times[e.Target]++
		if why := r.WhyNot(e); why == "" || strings.HasPrefix(why, "reason") {
			return fmt.Errorf("%s is left out for %q", e.Path(), why)
		}
	}
	for i := range link.NumTargets() {
		if t := link.Target(i); times[t] != 1 {
			return fmt.Errorf("%s appears %d times", t.Path(), times[t])
		}
	}
	if len(times) != link.NumTargets() {
		return fmt.Errorf("%d targets of %d", len(times), link.NumTargets())
	}
	return nil
}

// shortened: the TTL is short where, and only where, not all is well.
func (c *chain) shortened(r *referral.Referral, link namespace.Link) error {
	degraded := false
	for i := range link.NumTargets() {
		t := link.Target(i)
		if t.State() == namespace.Offline {
			continue
		}
		s := c.keeper.State(t)
		d := c.store.Of("public", link.Path(), t.Path(), c.judged)
		if leaving := d != nil && !d.InEffect(); leaving {
			c.seen["leaving"]++
			degraded = true
		}
		degraded = degraded || s.State != referral.Up
		c.seen[s.State.String()]++
	}
	want := link.TTL()
	if degraded {
		want = min(want, c.script.degradedTTL)
	}
	if r.TTL != want {
		return fmt.Errorf("TTL %v, want %v; degraded: %v", r.TTL, want, degraded)
	}
	return nil
}

// examineReturns: what was down or lagging is up again only where somebody who
// can know says that it lacks nothing to speak of.
func (c *chain) examineReturns() error {
	var errs []error
	each(c.ns, func(root *namespace.Root, link namespace.Link, t namespace.Target) {
		name := key(root, link, t)
		was, is := c.before[name], c.keeper.State(t)
		c.before[name] = is.State
		if is.State != referral.Up || was != referral.Lagging && was != referral.Down {
			return
		}
		c.seen["back from "+was.String()]++
		if folder := link.Replicates(); folder != "" && members(folder) > 1 && !c.proven(folder, t.Member()) {
			errs = append(errs, fmt.Errorf("%s is up again, but nobody says that it has caught up: %+v", name, c.replicas.hosts))
		}
	})
	return errors.Join(errs...)
}

// proven reports whether a fresh word of somebody connected says that a member
// lacks nothing to speak of, and none that it does.
func (c *chain) proven(folder, member string) bool {
	proven := false
	for _, h := range c.replicas.hosts {
		for _, f := range h.Folders {
			if !strings.EqualFold(f.Group+"/"+f.Folder, folder) {
				continue
			}
			for _, w := range f.Connections {
				age := time.Since(h.HeardAt)
				if !sameHost(w.To, member) || w.State != status.Connected || age > targetstate.StaleAfter {
					continue
				}
				lag := time.Duration(w.OldestSeconds*float64(time.Second)) + age
				if w.BacklogFiles > 0 && lag > targetstate.CaughtUp {
					return false
				}
				proven = true
			}
		}
	}
	return proven
}

func sameHost(a, b string) bool {
	return strings.EqualFold(strings.TrimSuffix(a, "."), strings.TrimSuffix(b, "."))
}

// noBetter returns an error where the state of a target is better than it was.
func (c *chain) noBetter(what string, was map[string]referral.State) error {
	var errs []error
	for name, is := range c.states() {
		if was[name] == referral.Lagging || was[name] == referral.Down {
			c.seen["demoted over a "+what]++
		}
		if is < was[name] {
			errs = append(errs, fmt.Errorf("a %s has made %s %v, which was %v", what, name, is, was[name]))
		}
	}
	return errors.Join(errs...)
}

func (c *chain) states() map[string]referral.State {
	all := map[string]referral.State{}
	each(c.ns, func(root *namespace.Root, link namespace.Link, t namespace.Target) {
		all[key(root, link, t)] = c.keeper.State(t).State
	})
	return all
}

// say has one host tell how it and its partners do in a folder; of its other
// folders it says what it said before.
func (c *chain) say(s *step) {
	said := summary.Host{Host: hostName(s.host), HeardAt: time.Now()}
	for _, folder := range []string{"branch/a", "branch/b"} {
		group, name, _ := strings.Cut(folder, "/")
		f := status.Folder{Group: group, Folder: name, State: status.Normal}
		if old := c.replicas.of(said.Host, f.Group, f.Folder); old != nil {
			f = *old
		}
		if folder == c.script.folders[s.folder].replicates || s.kind == allSayWell {
			f = s.about(f)
		}
		said.Folders = append(said.Folders, f)
	}
	c.replicas.put(said)
}

// about is what a step has a host say of a folder.
func (s *step) about(f status.Folder) status.Folder {
	f.State, f.Error, f.Connections = s.state, "", nil
	if s.state == status.Failed {
		f.Error = "the disk is full"
	}
	for i, w := range s.words {
		if i == s.host || w.absent {
			continue
		}
		conn := status.Connection{
			From: hostName(s.host), To: hostName(i), State: w.state,
			BacklogFiles: w.files, OldestSeconds: w.oldest.Seconds(),
		}
		if w.incoming {
			conn.From, conn.To = conn.To, conn.From
		}
		f.Connections = append(f.Connections, conn)
	}
	return f
}

func (f *fakeReplicas) of(host, group, folder string) *status.Folder {
	for _, h := range f.hosts {
		for i := range h.Folders {
			if h.Host == host && h.Folders[i].Group == group && h.Folders[i].Folder == folder {
				return &h.Folders[i]
			}
		}
	}
	return nil
}

// put takes what a host says in place of what it said before.
func (f *fakeReplicas) put(said summary.Host) {
	f.remove(said.Host)
	f.hosts = append(f.hosts, said)
}

func (f *fakeReplicas) remove(host string) {
	kept := f.hosts[:0:0]
	for _, h := range f.hosts {
		if h.Host != host {
			kept = append(kept, h)
		}
	}
	f.hosts = kept
}

func (f *fakeReplicas) said(host string) summary.Host {
	for _, h := range f.hosts {
		if h.Host == host {
			return h
		}
	}
	return summary.Host{Host: host}
}

// TestDemotionFoundByReload: what the first judgement of a new snapshot finds is
// remembered over a restart like any other.
func TestDemotionFoundByReload(t *testing.T) {
	dir, r, now := t.TempDir(), &fakeReplicas{}, time.Now()
	k := keeper(t, dir, snapshot(t), r)
	r.say("fs1", now, status.Normal, status.Connection{To: "fs2"})
	r.say("fs2", now, status.Normal, status.Connection{To: "fs1"})
	k.turn(now)
	r.say("fs1", now, status.Normal, status.Connection{To: "fs2", BacklogFiles: 3, OldestSeconds: 125})
	k.Use(k.See(snapshot(t)))
	k.turn(now)
	store, err := targetstate.OpenStore(dir)
	if err != nil {
		t.Fatal(err)
	}
	k = NewKeeper(Options{Store: store, Replicas: &fakeReplicas{}, Started: now})
	k.Use(k.See(snapshot(t)))
	if got := states(t, k); got != "up lagging" {
		t.Errorf("after the restart: %s", got)
	}
}
