package targets

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"dfsd/namespace"
	"dfsd/referral"
	"dfsd/referral/health"
	"dfsd/referral/targetstate"
	"dfsd/replication/status"
	"dfsd/sites"
)

// numHosts is how many file servers there are.
const numHosts = 4

// hostName spells a server as replication does, which is not how targets do.
func hostName(i int) string { return fmt.Sprintf("FS%d.", i) }

func folderName(i int) string { return fmt.Sprintf("folder%d", i) }

// members counts the members of a replicated folder.
func members(folder string) int {
	if strings.HasPrefix(folder, "alone/") {
		return 1
	}
	return numHosts
}

// script is an estate and what happens to it.
type script struct {
	inSiteOnly  bool
	degradedTTL time.Duration
	probed      bool
	folders     []scriptFolder
	steps       []step
}

type scriptFolder struct {
	replicates string
	maxLag     time.Duration
	ttl        time.Duration
	inSiteOnly bool
	targets    []scriptTarget
}

type scriptTarget struct {
	host    int
	site    string
	class   namespace.Class
	rank    int
	offline bool
}

// kind is what a step changes.
type kind int

const (
	timePasses kind = iota
	hostAnswers
	hostRefuses
	hostHangs
	hostLosesShare
	allHostsAnswer
	allHostsRefuse
	hostSays
	hostSaysAgain
	hostIsSilent
	allSayWell
	drainTarget
	drainHost
	offlineTarget
	offlineHost
	onlineTarget
	onlineHost
	elsewhereDrained
	elsewhereOnline
	reloaded
	reloadedWithNews
	reconfigured
	restarted
	kinds
)

var kindNames = [kinds]string{
	"time passes", "host answers", "host refuses", "host hangs", "host loses share", "all hosts answer", "all hosts refuse",
	"host says", "host says again", "host is silent", "all say well", "drain target", "drain host", "offline target",
	"offline host", "online target", "online host", "elsewhere drained", "elsewhere online", "reloaded", "reloaded with news",
	"reconfigured", "restarted",
}

type step struct {
	kind   kind
	host   int
	folder int
	target int
	wait   time.Duration
	until  time.Duration
	state  status.State
	words  [numHosts]scriptWord
}

// GoString is short, so that a script that breaks a rule can be read.
func (s step) GoString() string {
	text := fmt.Sprintf("%s (host %d, folder %d, target %d", kindNames[s.kind], s.host, s.folder, s.target)
	if s.wait+s.until > 0 {
		text += fmt.Sprintf(", wait %v, until %v", s.wait, s.until)
	}
	if s.state != "" {
		text += fmt.Sprintf(", %s %+v", s.state, s.words)
	}
	return text + ")"
}

type scriptWord struct {
	absent, incoming bool
	state            status.ConnectionState
	files            int64
	oldest           time.Duration
}

// anyScript draws an estate and a life of it.
func anyScript(t *rapid.T) script {
	s := script{
		inSiteOnly:  rapid.IntRange(0, 4).Draw(t, "in site") == 0,
		degradedTTL: rapid.SampledFrom([]time.Duration{5 * time.Second, time.Minute}).Draw(t, "degraded TTL"),
		probed:      rapid.IntRange(0, 5).Draw(t, "probed") > 0,
		folders:     rapid.SliceOfN(rapid.Custom(anyFolder), 1, 3).Draw(t, "folders"),
	}
	s.steps = rapid.SliceOfN(rapid.Custom(func(t *rapid.T) step { return anyStep(t, len(s.folders)) }), 10, 60).Draw(t, "steps")
	return s
}

func anyFolder(t *rapid.T) scriptFolder {
	f := scriptFolder{
		replicates: rapid.SampledFrom([]string{"", "branch/a", "branch/b", "alone/c"}).Draw(t, "replicates"),
		ttl:        rapid.SampledFrom([]time.Duration{10 * time.Second, 30 * time.Minute}).Draw(t, "TTL"),
		inSiteOnly: rapid.IntRange(0, 4).Draw(t, "in site") == 0,
	}
	if f.replicates != "" {
		f.maxLag = rapid.SampledFrom([]time.Duration{0, 3 * time.Second, time.Minute}).Draw(t, "gate")
	}
	for _, host := range rapid.Permutation([]int{0, 1, 2, 3}).Draw(t, "hosts")[:rapid.IntRange(1, numHosts).Draw(t, "targets")] {
		f.targets = append(f.targets, scriptTarget{
			host: host, site: rapid.SampledFrom([]string{"London", "Paris", "Rome", ""}).Draw(t, "site"),
			class: rapid.SampledFrom([]namespace.Class{
				namespace.SiteCostNormal, namespace.SiteCostNormal, namespace.SiteCostHigh, namespace.GlobalHigh, namespace.GlobalLow,
			}).Draw(t, "class"),
			rank: rapid.IntRange(0, 2).Draw(t, "rank"), offline: rapid.IntRange(0, 7).Draw(t, "offline") == 0,
		})
	}
	return f
}

func anyStep(t *rapid.T, folders int) step {
	s := step{
		kind: kind(rapid.IntRange(0, int(kinds)+11).Draw(t, "kind")),
		host: rapid.IntRange(0, numHosts-1).Draw(t, "host"), folder: rapid.IntRange(0, folders-1).Draw(t, "folder"),
		target: rapid.IntRange(0, numHosts-1).Draw(t, "target"),
	}
	if s.kind >= kinds { // what says nothing of itself, often
		s.kind = []kind{timePasses, timePasses, timePasses, timePasses, hostRefuses, hostRefuses, allHostsAnswer, allHostsAnswer, allSayWell, hostSays, hostSays, hostSays}[s.kind-kinds]
	}
	switch s.kind {
	case timePasses, reloadedWithNews:
		s.wait = rapid.SampledFrom([]time.Duration{
			100 * time.Millisecond, 3 * time.Second, 8 * time.Second, 8 * time.Second, 20 * time.Second, time.Minute, 35 * time.Minute,
		}).Draw(t, "wait")
	case drainTarget, drainHost, offlineTarget, offlineHost:
		s.until = rapid.SampledFrom([]time.Duration{0, 0, 5 * time.Second, time.Hour}).Draw(t, "until")
	}
	if s.kind == hostSays || s.kind == reloadedWithNews {
		s.state = rapid.SampledFrom([]status.State{
			status.Normal, status.Normal, status.Normal, status.Paused, status.InitialSync, status.Recovering, status.Failed,
		}).Draw(t, "state")
		alike := rapid.Bool().Draw(t, "alike")
		for i := range s.words {
			if alike && i > 0 {
				s.words[i] = s.words[0]
				continue
			}
			s.words[i] = scriptWord{
				absent: rapid.IntRange(0, 3).Draw(t, "absent") == 0, incoming: rapid.Bool().Draw(t, "incoming"),
				state:  rapid.SampledFrom([]status.ConnectionState{status.Connected, status.Connected, status.Connecting}).Draw(t, "connection"),
				files:  rapid.SampledFrom([]int64{0, 0, 1, 12}).Draw(t, "files"),
				oldest: rapid.SampledFrom([]time.Duration{0, time.Second, 5 * time.Second, time.Hour}).Draw(t, "oldest"),
			}
		}
	}
	return s
}

// chain is all parts put together, as a daemon has them.
type chain struct {
	t        *testing.T
	script   *script
	seen     map[string]int // what the script led to; of all scripts
	dir      string
	random   *rand.Rand
	topology *sites.Topology
	estate   *knockedAt
	replicas *fakeReplicas
	other    *Keeper // of another namespace server

	ns      *namespace.Snapshot
	store   *targetstate.Store
	monitor *health.Monitor
	keeper  *Keeper
	stop    func()
	judged  time.Time                 // last
	before  map[string]referral.State // as examined last
}

func newChain(t *testing.T, s *script, seen map[string]int) *chain {
	t.Helper()
	c := &chain{
		t: t, script: s, seen: seen, dir: t.TempDir(), random: rand.New(rand.NewPCG(1, 2)),
		estate: &knockedAt{}, replicas: &fakeReplicas{}, before: map[string]referral.State{},
	}
	var err error
	c.topology, err = sites.New(sites.Config{
		Sites: []string{"London", "Paris", "Rome"}, BridgeAll: true,
		Links: []sites.LinkConfig{{Name: "channel", Sites: []string{"London", "Paris"}, Cost: 10}},
	})
	if err != nil {
		t.Fatal(err)
	}
	c.ns = c.snapshot()
	c.other = keeper(t, t.TempDir(), c.ns, &fakeReplicas{})
	c.start()
	return c
}

// snapshot builds the namespace as the script has it now.
func (c *chain) snapshot() *namespace.Snapshot {
	c.t.Helper()
	cfg := namespace.Config{Name: "public", TTL: 300 * time.Second, DegradedTTL: c.script.degradedTTL, InSiteOnly: c.script.inSiteOnly}
	if c.script.probed {
		cfg.Probe = &namespace.ProbeConfig{Interval: 2 * time.Second, Timeout: time.Second, DownAfter: 2, UpAfter: 2, Port: 445}
	}
	for i, f := range c.script.folders {
		folder := namespace.FolderConfig{Path: folderName(i), TTL: f.ttl, InSiteOnly: f.inSiteOnly, Replicates: f.replicates}
		if f.maxLag > 0 {
			folder.Gate = &namespace.GateConfig{MaxLag: f.maxLag}
		}
		for _, target := range f.targets {
			t := namespace.TargetConfig{
				Path: namespace.UNC(fmt.Sprintf(`\\fs%d\share%d`, target.host, i)), Site: target.site,
				Priority: target.class, Rank: target.rank,
			}
			if target.offline {
				t.State = namespace.Offline
			}
			folder.Targets = append(folder.Targets, t)
		}
		cfg.Folders = append(cfg.Folders, folder)
	}
	ns, err := namespace.New([]namespace.Config{cfg})
	if err != nil {
		c.t.Fatal(err)
	}
	return ns
}

// start is the start of the daemon.
func (c *chain) start() {
	c.t.Helper()
	var err error
	if c.store, err = targetstate.OpenStore(c.dir); err != nil {
		c.t.Fatal(err)
	}
	c.monitor = health.NewMonitor(health.Options{Prober: c.estate, Random: rand.New(rand.NewPCG(3, 4))})
	c.keeper = NewKeeper(Options{Monitor: c.monitor, Replicas: c.replicas, Members: members, Store: c.store, Started: time.Now()})
	c.see()
	ctx, cancel := context.WithCancel(c.t.Context())
	done := make(chan error, 1)
	go func() { done <- c.monitor.Run(ctx) }()
	c.stop = func() {
		cancel()
		if err := <-done; err != nil {
			c.t.Error(err)
		}
	}
}

// see puts the snapshot in force.
func (c *chain) see() {
	c.keeper.Use(c.keeper.See(c.ns))
	c.judged = time.Now()
}

// settle judges all targets anew.
func (c *chain) settle() {
	c.keeper.Settle()
	c.judged = time.Now()
}

// change does what a step says. An error is a rule broken on the way.
func (c *chain) change(s *step) error {
	switch s.kind {
	case timePasses:
		time.Sleep(s.wait)
		synctest.Wait()
	case hostAnswers, hostRefuses, hostHangs, hostLosesShare:
		c.estate.become(s.kind, s.host)
	case allHostsAnswer, allHostsRefuse:
		c.estate.become(s.kind-allHostsAnswer+hostAnswers, 0, 1, 2, 3)
	case hostSays, hostSaysAgain, hostIsSilent, allSayWell:
		c.hear(s)
	case drainTarget, drainHost, offlineTarget, offlineHost, onlineTarget, onlineHost:
		return c.command(s)
	case elsewhereDrained, elsewhereOnline:
		return c.elsewhere(s)
	default:
		return c.replaced(s)
	}
	return nil
}

// hear has hosts say something, or nothing any more.
func (c *chain) hear(s *step) {
	switch s.kind {
	case hostSays:
		c.say(s)
	case hostSaysAgain:
		for i := range c.replicas.hosts {
			c.replicas.hosts[i].HeardAt = time.Now()
		}
	case hostIsSilent:
		c.replicas.remove(hostName(s.host))
	case allSayWell:
		well := step{kind: allSayWell, state: status.Normal}
		for i := range well.words {
			well.words[i].state = status.Connected
		}
		for well.host = range numHosts {
			c.say(&well)
		}
	}
}

// named is what a command of a step names.
func (c *chain) named(s *step) Request {
	r := Request{Reason: "new disks", By: "ann", For: s.until}
	if s.kind == drainHost || s.kind == offlineHost || s.kind == onlineHost {
		r.Target = fmt.Sprintf("fs%d", s.host)
		return r
	}
	all := c.script.folders[s.folder].targets
	r.Path, r.Target = `\\x\public\`+folderName(s.folder), fmt.Sprintf("fs%d", all[s.target%len(all)].host)
	return r
}

func (c *chain) command(s *step) (err error) {
	c.settle() // what has expired is then gone from the table, as it is from the store
	r, now := c.named(s), time.Now()
	switch s.kind {
	case drainTarget, drainHost:
		_, err = c.keeper.Drain(r, now)
	case offlineTarget, offlineHost:
		_, err = c.keeper.Offline(r, now)
	default:
		if _, err = c.keeper.Online(r); err != nil && strings.Contains(err.Error(), "all targets of") || err != nil && strings.Contains(err.Error(), "give the command there") {
			return nil // something else keeps it out
		}
	}
	if errors.Is(err, ErrNotFound) && r.Path == "" {
		return nil // no target is there
	}
	return err
}

// elsewhere has another namespace server decide about a target.
func (c *chain) elsewhere(s *step) error {
	r, now := c.named(s), time.Now()
	r.For = 0
	var err error
	if s.kind == elsewhereOnline {
		_, err = c.other.Online(r)
	} else if _, err = c.other.Offline(r, now); err == nil && s.host == 0 {
		_, err = c.other.Drain(r, now)
	}
	said := c.replicas.said("ns2.")
	said.HeardAt, said.Notes = now, c.other.Notes()
	c.replicas.put(said)
	return err
}

// replaced puts another snapshot or another process in place of the one before.
func (c *chain) replaced(s *step) error {
	if s.kind == reloadedWithNews {
		time.Sleep(s.wait)
		synctest.Wait()
		c.say(s)
	} else {
		c.settle()
	}
	if s.kind == restarted { // what others decided is on disk by then
		time.Sleep(keepPause)
		synctest.Wait()
		c.settle()
		if err := c.examine("just before the restart"); err != nil { // who returned meanwhile was heard
			return err
		}
	}
	was := c.states()
	switch s.kind {
	case reconfigured:
		f := &c.script.folders[s.folder]
		t := &f.targets[s.target%len(f.targets)]
		t.offline = !t.offline
	case reloaded:
		f := c.script.folders[s.folder]
		slices.Reverse(f.targets)
		c.script.inSiteOnly = c.script.inSiteOnly != (s.host == 0)
	}
	if s.kind == restarted {
		c.stop()
		c.replicas.hosts = nil
		c.start()
		return c.noBetter("restart", was)
	}
	c.ns = c.snapshot()
	c.see()
	if s.kind == reloaded {
		return c.noBetter("reload", was)
	}
	return nil
}

// knockedAt are servers that probes meet.
type knockedAt struct {
	mu    sync.Mutex
	hosts [numHosts]kind // hostAnswers to hostLosesShare; 0: answers
}

func (k *knockedAt) become(what kind, hosts ...int) {
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, h := range hosts {
		k.hosts[h] = what
	}
}

// Probe implements health.Prober.
func (k *knockedAt) Probe(ctx context.Context, host string, paths []string) health.Result {
	k.mu.Lock()
	what := k.hosts[host[len(host)-1]-'0']
	k.mu.Unlock()
	r := health.Result{Targets: make([]*health.Failure, len(paths)), Took: time.Millisecond}
	switch what {
	case hostRefuses:
		r.Host = &health.Failure{Stage: health.StageDial, Err: errors.New("connection refused")}
	case hostHangs:
		<-ctx.Done()
		r.Host = &health.Failure{Stage: health.StageDial, Err: context.Cause(ctx)}
	case hostLosesShare:
		r.Targets[0] = &health.Failure{Stage: health.StageTree, Err: errors.New("no such share")}
	}
	return r
}
