package main

import (
	"context"
	"strings"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/zap"

	"dfsd/configs"
	"dfsd/internal/smbclient"
	"dfsd/internal/smbprobe"
	"dfsd/internal/targets"
	"dfsd/namespace"
	"dfsd/referral/health"
	"dfsd/referral/targetstate"
	"dfsd/replication/peer"
)

// targetKeeping are the parts that know how targets are: probes, summaries of
// replication, and the keeper that joins them with what was decided.
type targetKeeping struct {
	keeper  *targets.Keeper
	monitor *health.Monitor
	prober  *smbprobe.Prober
	knock   *knocking
	heard   *summaries // nil: this host knows nothing of replication

	judged sync.Once     // the first judgement, before which no drain is known
	began  *configs.File // what the daemon started with, of which some counts until it ends
	config *configs.File // that use took in last; its own
}

// newTargetKeeping puts them together. Nothing runs yet.
func newTargetKeeping(d *daemon, file *configs.File, identity *peer.Identity) (*targetKeeping, error) {
	log := d.log.Named("targets")
	store, err := targetstate.OpenStore(file.DataDir)
	if err != nil {
		return nil, err
	}
	k := &targetKeeping{knock: &knocking{log: log}, began: file}
	if identity != nil {
		if k.heard, err = newSummaries(file, identity, d.registry, d.log.Named("summaries")); err != nil {
			return nil, err
		}
	}
	k.prober = smbprobe.New(smbprobe.Options{Addrs: d.directory.hosts.Addrs, Credentials: k.knock.of, Port: k.knock.port, Log: log})
	k.monitor = health.NewMonitor(health.Options{Prober: k.prober, Registry: d.registry, Log: log})
	o := targets.Options{Monitor: k.monitor, Store: store, SiteOf: d.siteOf, Started: time.Now(), Registry: d.registry, Log: log}
	if k.heard != nil {
		o.Replicas = k.heard.exchange
		o.Members = k.heard.membersOf
	}
	k.keeper = targets.NewKeeper(o)
	if k.heard != nil {
		d.registry.MustRegister(memberCollector{k})
	}
	return k, nil
}

// siteOf is the site of a target by the state in force, "" where that is unknown
// or of another reading of the configuration.
func (d *daemon) siteOf(t namespace.Target) string {
	s := d.state.Load()
	if s == nil {
		return t.SiteName()
	}
	hosts, id := s.namespaces.Hosts(), int(t.HostID())
	if t.SiteName() == "" && id < len(hosts) && hosts[id] == t.Host() {
		return s.view.Topology().Name(s.view.SiteOfHost(t.HostID()))
	}
	site, _ := s.view.Topology().Lookup(t.SiteName())
	return s.view.Topology().Name(site)
}

// memberCollector shows how old the word of each member is.
type memberCollector struct{ k *targetKeeping }

var heardDesc = prometheus.NewDesc("dfsd_replication_member_heard_seconds", "Age of what a member told of its replication last; -1: it never did.", []string{"member"}, nil)

// Describe implements prometheus.Collector.
func (c memberCollector) Describe(out chan<- *prometheus.Desc) { out <- heardDesc }

// Collect implements prometheus.Collector.
func (c memberCollector) Collect(out chan<- prometheus.Metric) {
	for _, m := range c.k.members(time.Now()) {
		out <- prometheus.MustNewConstMetric(heardDesc, prometheus.GaugeValue, m.HeardSeconds, m.Host)
	}
}

// drains are all decisions and how far they are. Who asks right after the start
// is told of them too: one that is not told of counts as ended.
func (k *targetKeeping) drains() []targets.Drain {
	k.judged.Do(k.keeper.Settle)
	return k.keeper.Drains()
}

// use puts what a state says of targets in force.
func (k *targetKeeping) use(s *state) {
	if k.config != s.config { // a reload, and not only something learnt
		k.config = s.config
		k.knock.use(s.config)
		if k.heard != nil {
			k.heard.follow(s.config)
		}
	}
	k.keeper.Use(s.targets)
}

// run keeps targets current until ctx ends.
func (k *targetKeeping) run(ctx context.Context, d *daemon) {
	var all sync.WaitGroup
	all.Go(func() { _ = k.monitor.Run(ctx) }) // ends with ctx alone
	all.Go(func() { k.keeper.Run(ctx) })
	if k.heard != nil {
		all.Go(func() { _ = k.heard.exchange.Run(ctx) }) // ends with ctx alone
		all.Go(func() { k.heard.tell(ctx, d.engine, k.keeper.Notes) })
	}
	all.Wait()
	_ = k.prober.Close() // nothing is written over its connections
}

// needsWord reports whether a file has folders whose replication this host must
// hear of.
func needsWord(file *configs.File) bool {
	for _, ns := range file.Namespaces {
		for _, f := range ns.Folders {
			if f.Replicates != "" {
				return true
			}
		}
	}
	return false
}

// knocking knows where and as whom to knock at which host. It is safe for concurrent
// use.
type knocking struct {
	log *zap.Logger

	mu     sync.Mutex
	byHost map[string]smbclient.Credentials
	ports  map[string]int
}

func (p *knocking) of(host string) smbclient.Credentials {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.byHost[strings.ToLower(host)]
}

func (p *knocking) port(host string) int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.ports[strings.ToLower(host)]
}

// use reads what a file says of how to knock, and the secrets that it names.
// Where one cannot be read, probes look less deep and say so.
func (p *knocking) use(file *configs.File) {
	byHost, ports := map[string]smbclient.Credentials{}, map[string]int{}
	for _, ns := range file.Namespaces {
		if ns.Probe == nil {
			continue
		}
		for _, f := range ns.Folders {
			for _, t := range f.Targets {
				ports[strings.ToLower(t.Path.Host())] = ns.Probe.Port
			}
		}
		if ns.Probe.User == "" {
			continue
		}
		c, err := probeCredentials(ns.Probe.User, ns.Probe.PasswordFile)
		if err != nil {
			p.log.Error("probes do not log on to targets", zap.String("namespace", ns.Name), zap.Error(err),
				zap.String("next_step", "give probe.password_file mode 0600, and read access to the user that runs the daemon"))
			continue
		}
		for _, f := range ns.Folders {
			for _, t := range f.Targets {
				byHost[strings.ToLower(t.Path.Host())] = c
			}
		}
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.byHost, p.ports = byHost, ports
}

func probeCredentials(user, file string) (c smbclient.Credentials, err error) {
	text, err := readSecret("probe.password_file", file)
	if err != nil {
		return c, err
	}
	c.Password = strings.TrimRight(text, "\r\n")
	if domain, name, found := strings.Cut(user, `\`); found {
		c.Domain, c.User = domain, name
	} else {
		c.User = user
	}
	return c, nil
}
