//go:build integration && bench

package bench_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"dfsd/internal/lab"
	"dfsd/internal/smbclient"
	"dfsd/referral/dfsc"
)

// busyServer is a daemon that answers referrals, and that may at the same time
// probe targets, replicate a folder with another member and read its
// configuration again and again.
type busyServer struct {
	*lab.Dfsd
	lab    *lab.Lab
	hosts  []netip.Addr
	asked  *answering
	own    string // the replicated folder
	member string // and on the other member
	rest   string // replication, as both members have it
	round  int
}

const busyLinks = 1_000

func newBusyServer(t *testing.T, l *lab.Lab) *busyServer {
	t.Helper()
	s := &busyServer{lab: l, hosts: hostsAt(20), own: l.Dir("own"), member: l.Dir("other")}
	s.asked = answerAt(t, s.hosts)
	addrs := [2]netip.Addr{l.Address(), l.Address()}
	names := [2]string{"ns.lab.example", "other.lab.example"}
	paths := [2]string{s.own, s.member}
	var members, folders strings.Builder
	for i, a := range addrs {
		fmt.Fprintf(&members, "        - {host: %s, address: \"%s:5722\", key: '%s'}\n", names[i], a, keyOf(t, l, a))
		fmt.Fprintf(&folders, "%s: {path: %s}, ", names[i], paths[i])
	}
	section := func(i int) string {
		return fmt.Sprintf("replication:\n  listen: %s:5722\n  groups:\n    - name: branch\n      members:\n%s"+
			"      folders:\n        - {name: projects, path: /elsewhere, primary: %s, settle: 50ms, members: {%s}}\n",
			addrs[i], &members, names[0], strings.TrimSuffix(folders.String(), ", "))
	}
	l.Dfsd(lab.DfsdSetup{Addr: addrs[1], Host: names[1], Rest: section(1)})
	s.rest = section(0)
	s.Dfsd = l.Dfsd(lab.DfsdSetup{Addr: addrs[0], Host: names[0], Rest: s.yaml("")})
	supervise(t, filepath.Join(l.Dir("dfsd-"+addrs[0].String()), "notify.sock"))
	s.change(t, 0)
	s.replicated(0)
	return s
}

// replicated waits for a change to arrive from the other member.
func (s *busyServer) replicated(n int) {
	s.lab.Await("a file of the other member", func() error {
		b, err := os.ReadFile(filepath.Join(s.own, fileName(n)))
		if err == nil && !strings.HasPrefix(string(b), fmt.Sprintln("change", n)) {
			err = errors.New("it has old content")
		}
		return err
	})
}

func fileName(n int) string { return fmt.Sprintf("file-%d", n%200) }

// supervise takes what a daemon tells its supervisor at each reload, as systemd
// does: it waits where nobody takes it.
func supervise(t *testing.T, path string) {
	t.Helper()
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	socket, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		room := make([]byte, 4096)
		for {
			if _, err := socket.Read(room); err != nil {
				return
			}
		}
	}()
	t.Cleanup(func() { _ = socket.Close(); <-done })
}

// keyOf makes the key of the daemon that will run at an address.
func keyOf(t *testing.T, l *lab.Lab, a netip.Addr) string {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), os.Getenv("DFSD_LAB_BINARY"), "identity", "--data-dir", l.Dir("dfsd-"+a.String()+"/data")).Output()
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(string(out))
}

// yaml is the configuration, another one each time. A folder of it replicates.
func (s *busyServer) yaml(probe string) string {
	s.round++
	return probedYAML(s.hosts, busyLinks, probe) + fmt.Sprintf(
		"      - {path: projects, comment: 'read %d times', replicates: branch/projects, gate: {max_lag: 1m}, targets: [{path: '%s', member: ns.lab.example}, {path: '%s', member: other.lab.example}]}\n",
		s.round, lab.UNC(s.hosts[0], "projects"), lab.UNC(s.hosts[1], "projects")) + s.rest
}

// reload has the daemon read a configuration that differs from the one before.
func (s *busyServer) reload(probe string) {
	s.Configure(s.yaml(probe))
	s.Reload()
}

// change writes a file of the other member anew.
func (s *busyServer) change(t *testing.T, n int) {
	content := strings.Repeat(fmt.Sprintln("change", n), 1_000)
	if err := os.WriteFile(filepath.Join(s.member, fileName(n)), []byte(content), 0o644); err != nil {
		t.Error(err)
	}
}

// load is what a daemon has to do beside answering.
type load struct {
	name     string
	interval time.Duration // between the probes of a host
	changes  int           // of files of the other member between two reloads, 20 a second
}

var loads = []load{
	{"probes every 10 s, the default", 10 * time.Second, 100},
	{"probes every second", time.Second, 20},
}

func (l load) probe() string {
	return fmt.Sprintf("    probe: {interval: %v, timeout: 1s}\n", l.interval)
}

// busy probes and reloads as l says, and changes 20 files a second on the other
// member until stop, which waits for the end of it.
func (s *busyServer) busy(t *testing.T, l load) (stop func()) {
	s.reload(l.probe())
	asked, began := s.asked.answered.Load(), time.Now()
	ctx, cancel := context.WithCancel(t.Context())
	var all sync.WaitGroup
	n := 0
	all.Go(func() {
		tick := time.NewTicker(50 * time.Millisecond)
		defer tick.Stop()
		for ctx.Err() == nil {
			n++
			s.change(t, n)
			if n%l.changes == 0 {
				s.reload(l.probe())
			}
			<-tick.C
		}
	})
	return func() {
		cancel()
		all.Wait()
		if got, want := s.asked.answered.Load()-asked, int64(time.Since(began)/l.interval)*int64(len(s.hosts))/2; got < want {
			t.Errorf("%d probes in %v, want %d at least", got, time.Since(began), want)
		}
		s.replicated(n)
		s.Configure(s.yaml(""))
		if out := s.Command("config", "reload"); !out.OK() {
			t.Error(out)
		}
	}
}

// slice is a stretch of time in which clients ask for referrals.
type slice struct {
	took   time.Duration
	cpu    time.Duration // of the daemon
	asked  int
	middle time.Duration // time to an answer: the median
	late   time.Duration // and the 99th percentile
}

func (s slice) rate() float64        { return float64(s.asked) / s.took.Seconds() }
func (s slice) perReferral() float64 { return s.cpu.Seconds() / float64(s.asked) * 1e6 }
func (s slice) latency() float64     { return float64(s.middle) }
func (s slice) tail() float64        { return float64(s.late) }
func (s slice) share() float64       { return s.cpu.Seconds() / s.took.Seconds() }
func (s slice) net(idle slice) float64 {
	return (s.cpu.Seconds() - idle.share()*s.took.Seconds()) / float64(s.asked) * 1e6
}

// measure asks over all connections for a while, each one request at a time. Of
// no connections it measures what the daemon does without clients.
func (s *busyServer) measure(t *testing.T, conns []asker, period time.Duration) slice {
	t.Helper()
	times := make([][]time.Duration, len(conns))
	errs := make([]error, len(conns))
	began, before := time.Now(), s.Usage()
	var all sync.WaitGroup
	for i, c := range conns {
		all.Go(func() {
			for n := 0; errs[i] == nil && time.Since(began) < period; n++ {
				start := time.Now()
				errs[i] = c.ask(t.Context(), `\`+s.Addr.String()+`\dfs\`+link((n*7919+i)%busyLinks))
				times[i] = append(times[i], time.Since(start))
			}
		})
	}
	if len(conns) == 0 {
		<-time.After(period)
	}
	all.Wait()
	out := slice{took: time.Since(began), cpu: s.Usage().CPU - before.CPU}
	if err := errors.Join(errs...); err != nil {
		t.Fatal(err)
	}
	sorted := slices.Concat(times...)
	slices.Sort(sorted)
	if out.asked = len(sorted); out.asked > 0 {
		out.middle, out.late = sorted[len(sorted)/2], sorted[len(sorted)*99/100]
	}
	return out
}

// asker is one signed connection with its IPC$ tree.
type asker struct {
	conn *smbclient.Conn
	tree *smbclient.Tree
}

func connect(t *testing.T, to netip.Addr) asker {
	t.Helper()
	c, err := smbclient.Dial(t.Context(), netip.AddrPortFrom(to, 445).String(), signed())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	tree, err := c.TreeConnect(t.Context(), `\\`+to.String()+`\IPC$`)
	if err != nil {
		t.Fatal(err)
	}
	return asker{c, tree}
}

func (a asker) ask(ctx context.Context, path string) error {
	blob, err := a.conn.Referral(ctx, a.tree, path, 3, 8192)
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	answer, err := dfsc.ParseResponse(blob)
	if err == nil && len(answer.Entries) != 2 {
		err = fmt.Errorf("%d targets, want 2", len(answer.Entries))
	}
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	return nil
}

// TestReferralsWhileBusy prints what probes, replication and reloads cost those
// who ask for referrals: quiet and busy slices in turns, and their ratios. All
// share the machine's cores, so that the CPU per referral counts, of which the
// last figure leaves out what the daemon takes for the rest alone.
func TestReferralsWhileBusy(t *testing.T) {
	const period, rounds = 5 * time.Second, 5
	s := newBusyServer(t, lab.New(t))
	for _, l := range loads {
		for _, clients := range []int{1, 4} {
			var conns []asker
			for range clients {
				conns = append(conns, connect(t, s.Addr))
			}
			s.measure(t, conns, period/2) // caches fill
			var quiet, busy, idle []slice
			for range rounds {
				quiet = append(quiet, s.measure(t, conns, period))
				stop := s.busy(t, l)
				busy = append(busy, s.measure(t, conns, period))
				idle = append(idle, s.measure(t, nil, period))
				stop()
			}
			show(l, clients, quiet, busy, idle)
		}
	}
}

// show prints medians of the slices, and of the ratios of neighbours.
func show(l load, clients int, quiet, busy, idle []slice) {
	fmt.Printf("referrals while busy: %s, %d connections\n", l.name, clients)
	figure := func(name string, of func(slice) float64, unit float64) {
		var q, b, ratio []float64
		for i := range quiet {
			q, b = append(q, of(quiet[i])/unit), append(b, of(busy[i])/unit)
			ratio = append(ratio, b[i]/q[i])
		}
		fmt.Printf("  %-26s quiet %8.1f (%.1f to %.1f) busy %8.1f ratio %.2f (%.2f to %.2f)\n",
			name, median(q), slices.Min(q), slices.Max(q), median(b), median(ratio), slices.Min(ratio), slices.Max(ratio))
	}
	figure("median latency, µs", slice.latency, 1e3)
	figure("99th percentile, µs", slice.tail, 1e3)
	figure("referrals a second", slice.rate, 1)
	figure("server CPU a referral, µs", slice.perReferral, 1)
	var q, own, ratio, rest []float64
	for i := range quiet {
		q, own, rest = append(q, quiet[i].perReferral()), append(own, busy[i].net(idle[i])), append(rest, 100*idle[i].share())
		ratio = append(ratio, own[i]/q[i])
	}
	fmt.Printf("  %-26s quiet %8.1f busy %8.1f ratio %.2f (%.2f to %.2f); the rest takes %.1f %% of a core\n",
		"of it for referrals, µs", median(q), median(own), median(ratio), slices.Min(ratio), slices.Max(ratio), median(rest))
}

func median(all []float64) float64 {
	sorted := slices.Sorted(slices.Values(all))
	return sorted[len(sorted)/2]
}
