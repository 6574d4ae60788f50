//go:build integration

package lab_test

import (
	"errors"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"dfsd/internal/lab"
)

// hastyProbes are a namespace's lines that have its targets probed often.
func hastyProbes(more ...string) []string {
	// A server that is well answers in time on a busy machine, too; one that is dead refuses at once.
	return append([]string{"failback: true", "probe: {interval: 1s, timeout: 1s, down_after: 3, up_after: 2}", "degraded_ttl: 5s"}, more...)
}

var somebody = netip.MustParseAddr("10.99.1.5")

// orderIs tells whether the targets of a folder come in an order with states,
// written as "fs1:up fs2:lagging" with the numbers of members.
func orderIs(e *lab.Estate, folder, want string) func() error {
	var targets []string
	for _, m := range e.Members {
		targets = append(targets, m.Target())
	}
	return orderOf(e.Namespace, folder, want, targets...)
}

// orderOf does so for the targets that a test names.
func orderOf(d *lab.Dfsd, folder, want string, targets ...string) func() error {
	return func() error {
		explained := d.Explain(lab.UNC(d.Addr, "public", folder), somebody)
		var got []string
		for _, target := range explained.Targets {
			if i := slices.Index(targets, target.Path); i >= 0 {
				got = append(got, fmt.Sprintf("fs%d:%s", i+1, target.State))
			}
		}
		if strings.Join(got, " ") != want {
			return fmt.Errorf("the order is %v, want %s: %+v", got, want, explained.Targets)
		}
		return nil
	}
}

func projects(gate string) func(*lab.Estate) string {
	return func(e *lab.Estate) string {
		return "      - path: projects\n        replicates: branch/projects\n" + gate + "        targets:\n" + e.Targets()
	}
}

// TestKilledTargetReturnsWithTheData: the first target dies; clients are on the
// second at once and write there. The first comes back without what was written:
// no client reads the old content through the namespace, until it has it.
func TestKilledTargetReturnsWithTheData(t *testing.T) {
	t.Parallel()
	l := lab.New(t)
	e := l.Estate(2, hastyProbes(), projects("        gate: {max_lag: 10m}\n"))
	first, second := e.Members[0], e.Members[1]
	client, public := l.Station(somebody.String()), lab.UNC(e.Namespace.Addr, "public")
	e.AwaitInStep()
	l.Await("both targets hold everything", orderIs(e, "projects", "fs1:up fs2:up"))
	put := func(text string) {
		t.Helper()
		local := l.WriteFile(l.Dir("client"), "plan.txt", text)
		if out := client.Smbclient(public, lab.Alice, "cd projects; put "+local+" plan.txt"); !out.OK() {
			t.Fatalf("put %q:\n%s", text, out)
		}
	}
	read := func() string {
		out := client.Smbclient(public, lab.Alice, "cd projects; get plan.txt -")
		return out.Stdout
	}
	put("old content")
	l.Await("the old content on both", func() error {
		if got := second.Read("plan.txt"); got != "old content" {
			return fmt.Errorf("the second has %q", got)
		}
		return nil
	})

	first.Dfsd.Stop()
	first.Samba.Stop()
	began := time.Now()
	l.Await("the first is down", orderIs(e, "projects", "fs2:up fs1:down"))
	t.Logf("down after %v", time.Since(began).Round(10*time.Millisecond))
	began = time.Now()
	put("new content")
	t.Logf("a fresh client wrote on the second within %v", time.Since(began).Round(time.Millisecond))

	first.StartSamba()
	l.Await("the first answers, and stands behind", orderIs(e, "projects", "fs2:up fs1:lagging"))
	if got := first.Read("plan.txt"); got != "old content" {
		t.Fatalf("the first has %q, and was to have the old content", got)
	}
	for range 5 {
		if got := read(); !strings.Contains(got, "new content") {
			t.Errorf("a client reads %q while the first has the old content", got)
		}
	}
	l.Await("the reason to be what it lacks", func() error {
		if why := e.Namespace.Explain(lab.UNC(e.Namespace.Addr, "public", "projects"), somebody).Targets[1].Reason; !strings.Contains(why, "behind") {
			return fmt.Errorf("it is %q", why)
		}
		return nil
	})
	mark := time.Now()
	first.StartDfsd()
	l.Await("the first is back in its place", orderIs(e, "projects", "fs1:up fs2:up"))
	t.Logf("back in its place %v after its replication started", time.Since(mark).Round(10*time.Millisecond))
	if got := first.Read("plan.txt"); got != "new content" {
		t.Errorf("the first is up with %q", got)
	}
	if got := read(); !strings.Contains(got, "new content") {
		t.Errorf("a client reads %q", got)
	}
}

// TestLagDemotes: a member that is paused falls behind; within two seconds of
// its lag passing the gate it stands last, and within two of catching up it is
// back. A folder whose only target lags is still given.
func TestLagDemotes(t *testing.T) {
	t.Parallel()
	l := lab.New(t)
	e := l.Estate(2, hastyProbes(), func(e *lab.Estate) string {
		only := fmt.Sprintf("      - path: only\n        replicates: branch/projects\n        gate: {max_lag: 3s}\n        targets:\n          - {path: '%s', member: %s}\n",
			e.Members[0].Target()+`\sub`, e.Members[0].Host)
		return projects("        gate: {max_lag: 3s}\n")(e) + only
	})
	first, second := e.Members[0], e.Members[1]
	e.AwaitInStep()
	l.Await("both targets hold everything", orderIs(e, "projects", "fs1:up fs2:up"))
	if out := first.Dfsd.Command("replication", "pause", "branch/projects"); !out.OK() {
		t.Fatal(out)
	}
	written := time.Now()
	if err := os.WriteFile(filepath.Join(second.Folder, "late.txt"), []byte("late"), 0o644); err != nil {
		t.Fatal(err)
	}
	l.Await("the first lags", orderIs(e, "projects", "fs2:up fs1:lagging"))
	demoted := time.Since(written)
	if demoted < 3*time.Second {
		t.Errorf("demoted %v after the change, within its gate of 3s", demoted)
	}
	t.Logf("demoted %v after a change, with a gate of 3s", demoted.Round(10*time.Millisecond))
	if only := e.Namespace.Explain(lab.UNC(e.Namespace.Addr, "public", "only"), somebody); len(only.Targets) != 1 || only.Targets[0].State != "lagging" || only.TTLSeconds != 5 {
		t.Errorf("the only target: %+v", only)
	}
	if out := first.Dfsd.Command("replication", "resume", "branch/projects"); !out.OK() {
		t.Fatal(out)
	}
	l.Await("the file arrives", func() error {
		if first.Read("late.txt") != "late" {
			return errors.New("it is not there")
		}
		return nil
	})
	caught := time.Now()
	l.Await("the first is back", orderIs(e, "projects", "fs1:up fs2:up"))
	t.Logf("back in its place %v after it caught up", time.Since(caught).Round(10*time.Millisecond))
}

// TestDrainUnderLoad: clients open, read and write all the time while the first
// target is drained; none fails, nothing is lost, and the drain survives a
// restart.
func TestDrainUnderLoad(t *testing.T) {
	t.Parallel()
	l := lab.New(t)
	e := l.Estate(2, hastyProbes(), func(e *lab.Estate) string {
		return "      - path: projects\n        ttl: 6s\n        replicates: branch/projects\n        targets:\n" + e.Targets()
	})
	first, second := e.Members[0], e.Members[1]
	e.AwaitInStep()
	l.Await("both targets hold everything", orderIs(e, "projects", "fs1:up fs2:up"))
	if err := os.WriteFile(filepath.Join(first.Folder, "steady.txt"), []byte("steady"), 0o644); err != nil {
		t.Fatal(err)
	}
	l.Await("the file to be read on both", func() error {
		if second.Read("steady.txt") != "steady" {
			return errors.New("it is not there")
		}
		return nil
	})
	stop, done := make(chan struct{}), make(chan []string)
	var wrote atomic.Int32
	go func() { done <- load(t, l, e, &wrote, stop) }()
	writes := func(more int32) {
		t.Helper()
		until := wrote.Load() + more
		l.Await("the clients to write on", func() error {
			if n := wrote.Load(); n < until {
				return fmt.Errorf("%d files of %d", n, until)
			}
			return nil
		})
	}
	writes(2)

	folder := lab.UNC(e.Namespace.Addr, "public", "projects")
	if out := e.Namespace.Command("target", "drain", folder, first.Target(), "--reason", "new disks"); !out.OK() {
		t.Fatal(out)
	}
	l.Await("the first is out", orderIs(e, "projects", "fs2:up"))
	explained := e.Namespace.Explain(folder, somebody)
	if len(explained.Excluded) != 1 || !strings.Contains(explained.Excluded[0].Reason, "new disks") {
		t.Errorf("excluded: %+v", explained.Excluded)
	}
	out := e.Namespace.Command("target", "drain", folder, first.Target(), "--wait", "--timeout", "60s")
	if missing := lacks(out.All(), "drained"); !out.OK() || missing != nil {
		t.Errorf("the drain does not end:\n%s", out)
	}
	writes(2)
	close(stop)
	written := <-done
	e.Namespace.Restart()
	l.Await("it stays out over a restart", orderIs(e, "projects", "fs2:up"))
	t.Logf("the clients wrote %d files", len(written))
	l.Await("everything on the second", func() error {
		for _, name := range written {
			if second.Read(name) != name {
				return fmt.Errorf("%s is %q", name, second.Read(name))
			}
		}
		return nil
	})
	if out := e.Namespace.Command("target", "online", folder, first.Target()); !out.OK() {
		t.Error(out)
	}
	l.Await("the first is back", orderIs(e, "projects", "fs1:up fs2:up"))
	if out := e.Namespace.Command("status"); out.Code != 0 && out.Code != 8 {
		t.Error(out)
	}
}

// load has fresh clients write files, and others read one that is there already,
// until stop, and counts those written. It returns the names of the files written,
// which are their content too.
func load(t *testing.T, l *lab.Lab, e *lab.Estate, wrote *atomic.Int32, stop chan struct{}) (written []string) {
	client, public := l.Station(somebody.String()), lab.UNC(e.Namespace.Addr, "public")
	var mu sync.Mutex
	var all sync.WaitGroup
	for worker := range 2 {
		all.Go(func() {
			for i := 0; ; i++ {
				select {
				case <-stop:
					return
				default:
				}
				if worker == 0 {
					out := client.Smbclient(public, lab.Alice, "cd projects; get steady.txt -")
					if missing := lacks(out.Stdout, "steady"); !out.OK() || missing != nil {
						t.Errorf("a client that reads failed:\n%s", out)
						return
					}
					continue
				}
				name := fmt.Sprintf("load-%d-%d.txt", worker, i)
				local := l.WriteFile(l.Dir("load"), name, name)
				if out := client.Smbclient(public, lab.Alice, "cd projects; put "+local+" "+name); !out.OK() {
					t.Errorf("a client that writes failed:\n%s", out)
					return
				}
				mu.Lock()
				written = append(written, name)
				mu.Unlock()
				wrote.Add(1)
			}
		})
	}
	all.Wait()
	return written
}

// TestDecisionReachesTheOtherServer: what is taken out on one namespace server is
// out on the other too, which hears of it by way of the members.
func TestDecisionReachesTheOtherServer(t *testing.T) {
	t.Parallel()
	l := lab.New(t)
	e := l.Estate(2, hastyProbes(), projects(""))
	first, other := e.Members[0], e.Second()
	folder := lab.UNC(e.Namespace.Addr, "public", "projects")
	there := func(want int) func() error {
		return func() error {
			explained := other.Explain(lab.UNC(other.Addr, "public", "projects"), somebody)
			if len(explained.Targets) != want || want == 1 && !strings.Contains(explained.Excluded[0].Reason, "on ns.lab.example (new disks)") {
				return fmt.Errorf("the other server gives %+v, leaves out %+v", explained.Targets, explained.Excluded)
			}
			return nil
		}
	}
	l.Await("both targets on the other server", there(2))
	if out := e.Namespace.Command("target", "offline", folder, first.Target(), "--reason", "new disks"); !out.OK() {
		t.Fatal(out)
	}
	decided := time.Now()
	l.Await("the decision on the other server", there(1))
	t.Logf("it counts there after %v", time.Since(decided).Round(10*time.Millisecond))
	if out := other.Command("target", "online", folder, first.Target()); out.OK() || !strings.Contains(out.Stderr, "give the command there") {
		t.Errorf("online on the other server: %s", out)
	}
	if out := e.Namespace.Command("target", "online", folder, first.Target()); !out.OK() {
		t.Fatal(out)
	}
	l.Await("both targets again", there(2))
}

// TestAllProbesFail: when no file server answers at all, the fault is likely
// here: nothing changes in referrals, and status says so.
func TestAllProbesFail(t *testing.T) {
	t.Parallel()
	l := lab.New(t)
	first, second := l.Address(), l.Address()
	share := []lab.Share{{Name: "projects"}}
	// One program has both addresses: none answers a probe after the other has ended.
	both := l.Samba(lab.SambaSetup{Addr: first, Shares: share, Global: []string{fmt.Sprintf("interfaces = %s/32 %s/32", first, second)}})
	targets := []string{lab.UNC(first, "projects"), lab.UNC(second, "projects")}
	d := l.Dfsd(lab.DfsdSetup{Rest: strings.Replace(namespaceYAML([]lab.Folder{{Path: "projects", Targets: targets}}),
		"    folders:", "    "+strings.Join(hastyProbes(), "\n    ")+"\n    folders:", 1)})
	l.Await("both were probed", func() error {
		if !strings.Contains(d.Metrics(), `dfsd_targets{state="up"} 2`) {
			return errors.New("not yet")
		}
		return orderOf(d, "projects", "fs1:up fs2:up", targets...)()
	})
	mark := len(d.Log())
	both.Stop()
	d.AwaitLog(mark, "DFSD-HEALTH-0003")
	if err := orderOf(d, "projects", "fs1:up fs2:up", targets...)(); err != nil {
		t.Error(err)
	}
	out := d.Command("status")
	if missing := lacks(out.Stdout, "probe"); out.Code != 8 || missing != nil {
		t.Errorf("status, exit code %d:\n%s", out.Code, out)
	}
	l.Samba(lab.SambaSetup{Addr: second, Shares: share})
	l.Await("one answers: the other is down", orderOf(d, "projects", "fs2:up fs1:down", targets...))
}
