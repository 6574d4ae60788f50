package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/netip"
	"os"
	"reflect"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/zap"

	"dfsd/configs"
	"dfsd/internal/event"
	"dfsd/internal/resolve"
	"dfsd/internal/targets"
	"dfsd/namespace"
	"dfsd/sites"
	"dfsd/sites/adsites"
)

// directory is what this host learns from others than its configuration: the
// sites that a directory server tells, and the addresses of targets' hosts. The
// last whole topology is kept on disk, so that a start needs no directory.
type directory struct {
	config  *adsites.Config // nil: no directory server
	dataDir string
	log     *zap.Logger

	topology func() *sites.Topology // in force
	reader   *adsites.Reader
	dns      *resolve.Client
	hosts    *resolve.Hosts

	last   atomic.Pointer[adsites.Reading] // nil: none yet
	faults prometheus.Counter
	fault  atomic.Pointer[string] // why the latest reading failed; nil: it did not
}

// world is what a view is built from beside the configuration.
type world struct {
	reading *adsites.Reading
	addrs   func(host string) []netip.Addr
	own     []netip.Addr    // of this host, but loopback
	targets *targets.Source // nil: of their states nothing is known
	left    []string        // what was told to be left out of the sites last
}

// newDirectory reads the last topology. Nothing is asked yet.
// topology gives the one in force, once there is one.
func newDirectory(file *configs.File, registry *prometheus.Registry, topology func() *sites.Topology, log *zap.Logger) (*directory, error) {
	d := &directory{config: ldapOf(file), dataDir: file.DataDir, topology: topology, log: log.Named("directory")}
	o := resolve.Options{Log: d.log}
	if d.config != nil && d.config.DNS != "" {
		o.Servers = []string{d.config.DNS}
	}
	var err error
	if d.dns, err = resolve.New(o); err != nil {
		return nil, withHint(fmt.Errorf("find the DNS servers: %w", err), "set sites.ldap.dns to the host:port of a resolver")
	}
	d.hosts = resolve.NewHosts(d.dns, resolve.HostsOptions{Log: d.log})
	if d.config == nil {
		return d, nil
	}
	if err := os.MkdirAll(d.dataDir, 0o700); err != nil {
		return nil, withHint(fmt.Errorf("make room for the last topology: %w", err), "set data_dir to a directory that this user may write")
	}
	d.last.Store(d.recall())
	d.reader = adsites.NewReader(*d.config, adsites.Options{Locate: d.locate, Log: d.log, Secured: certificateGauge(registry)})
	d.faults = prometheus.NewCounter(prometheus.CounterOpts{Name: "dfsd_directory_failures_total", Help: "Readings of the directory that failed."})
	registry.MustRegister(d.faults, prometheus.NewGaugeFunc(
		prometheus.GaugeOpts{Name: "dfsd_directory_age_seconds", Help: "Age of the topology in force, which the directory told; -1 where it never did."}, d.age,
	))
	return d, nil
}

// certificateGauge tells metrics when the certificate of the server ends that was
// asked last. One that is gone for good is not warned of for ever.
func certificateGauge(registry *prometheus.Registry) func(server string, ends time.Time) {
	g := prometheus.NewGaugeVec(prometheus.GaugeOpts{
		Name: "dfsd_directory_certificate_expires_timestamp_seconds",
		Help: "When the first certificate ends that the directory server asked last showed.",
	}, []string{"server"})
	registry.MustRegister(g)
	return func(server string, ends time.Time) {
		g.Reset()
		g.WithLabelValues(server).Set(float64(ends.Unix()))
	}
}

// recall returns the topology that is on disk, nil if there is none.
func (d *directory) recall() *adsites.Reading {
	r, err := adsites.LoadSnapshot(d.dataDir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		d.log.Warn("the topology on disk is of no use; the directory is read anew", zap.Error(err))
		return nil
	}
	d.log.Info("last topology read from disk", zap.Time("of", r.At), zap.String("server", r.Server), zap.Int("sites", len(r.Config.Sites)))
	return &r
}

func (d *directory) age() float64 {
	if r := d.last.Load(); r != nil {
		return time.Since(r.At).Seconds()
	}
	return -1
}

func (d *directory) world() world {
	return world{reading: d.last.Load(), addrs: d.hosts.Addrs, own: ownAddrs()}
}

// locate finds domain controllers, those of this host's site first.
func (d *directory) locate(ctx context.Context) ([]adsites.Server, error) {
	found, err := d.dns.Controllers(ctx, d.config.Domain, d.ownSite())
	if err != nil {
		return nil, err
	}
	servers := make([]adsites.Server, len(found))
	for i, c := range found {
		servers[i] = adsites.Server{Host: c.Host, Port: c.Port, Addrs: c.Addrs}
	}
	return servers, nil
}

// ownSite is the site of the first address of this host that has one.
func (d *directory) ownSite() string {
	topology := d.topology()
	return topology.Name(topology.SiteOfFirst(ownAddrs()))
}

// ownAddrs returns the addresses of this host's interfaces but loopback; none
// where the system does not tell.
func ownAddrs() []netip.Addr {
	addrs, err := net.InterfaceAddrs()
	if err != nil {
		return nil
	}
	var own []netip.Addr
	for _, a := range addrs {
		if p, err := netip.ParsePrefix(a.String()); err == nil && !p.Addr().IsLoopback() {
			own = append(own, p.Addr())
		}
	}
	return own
}

// run learns until ctx ends, and calls changed whenever a view would differ.
func (d *directory) run(ctx context.Context, changed func()) {
	var all sync.WaitGroup
	all.Go(func() { _ = d.hosts.Run(ctx) }) // ends with ctx alone
	if d.reader != nil {
		all.Go(func() {
			adsites.Follow(ctx, d.reader, adsites.FollowOptions{}, func(r adsites.Reading) { d.deliver(r, changed) }, d.failed)
		})
	}
	for ctx.Err() == nil {
		select {
		case <-ctx.Done():
		case <-d.hosts.Changed():
			changed()
		}
	}
	all.Wait()
}

// deliver takes a topology in, if it is one that can be put in force.
func (d *directory) deliver(r adsites.Reading, changed func()) {
	d.fault.Store(nil)
	before := d.last.Load()
	same := before != nil && reflect.DeepEqual(before.Config, r.Config)
	if !same {
		d.log.Info("topology read", event.TopologyRead.Field(), zap.String("server", r.Server), zap.Int("sites", len(r.Config.Sites)),
			zap.Int("subnets", len(r.Config.Subnets)), zap.Int("links", len(r.Config.Links)), zap.Int("warnings", len(r.Warnings)))
	}
	if before == nil || !reflect.DeepEqual(before.Warnings, r.Warnings) {
		for _, w := range r.Warnings {
			d.log.Warn("odd object in the directory", event.OddObject.Field(), zap.String("dn", w.DN), zap.String("what", w.Message))
		}
	}
	d.last.Store(&r)
	if !same {
		changed() // before the disk: clients need not wait for it
	}
	if err := adsites.SaveSnapshot(d.dataDir, r); err != nil {
		d.log.Error("the topology is not kept for the next start", event.SnapshotUnkept.Field(), zap.Error(err))
	}
}

// failed tells a fault once, until another comes or the directory answers.
func (d *directory) failed(err error) {
	d.faults.Inc()
	text := err.Error()
	if told := d.fault.Swap(&text); told != nil && *told == text {
		return
	}
	d.log.Error("directory not read, the last topology stays in force", event.DirectoryUnread.Field(), zap.Error(err), zap.Float64("age_seconds", d.age()))
}

// mergedSites are the sites of a file, laid over what the directory told. left
// says what of the file had to be left out.
func mergedSites(file *configs.File, reading *adsites.Reading) (merged sites.Config, left []string) {
	if file.Sites == nil {
		return sites.Config{}, nil
	}
	var static sites.Config
	if file.Sites.Static != nil {
		static = *file.Sites.Static
	}
	switch {
	case ldapOf(file) == nil:
		return static, nil
	case reading == nil: // what the file names of the directory is not known yet
		return sites.Overlay(sites.Config{BridgeAll: static.BridgeAll}, static)
	}
	return sites.Overlay(reading.Config, static)
}

// relearned sees the configuration in force with what was learnt.
func (d *daemon) relearned() {
	d.reloading.Lock()
	defer d.reloading.Unlock()
	next, err := d.see(d.state.Load())
	if err != nil {
		d.log.Error("what was learnt cannot be put in force, the state before stays", zap.Error(err))
		return
	}
	d.use(next)
}

// see returns s as it is with what was learnt, and has the hosts that it names
// watched.
func (d *daemon) see(s *state) (*state, error) {
	w := d.directory.world()
	w.targets = d.targets.keeper.See(s.namespaces)
	if old := d.state.Load(); old != nil {
		w.left = old.left
	}
	next, err := s.seen(w, d.log.Logger)
	if err != nil {
		return nil, err
	}
	d.directory.hosts.Watch(watchedNames(s))
	return next, nil
}

// watchedNames are the hosts of targets whose addresses are needed: to tell their
// sites, or to probe them.
func watchedNames(s *state) []string {
	probed := slices.ContainsFunc(s.namespaces.Roots(), func(r *namespace.Root) bool { _, yes := r.Probe(); return yes })
	if s.config.Sites == nil && !probed {
		return nil
	}
	var names []string
	for _, host := range s.namespaces.Hosts() {
		if _, err := netip.ParseAddr(host); err != nil {
			names = append(names, host)
		}
	}
	return names
}

// topology is the one in force.
func (d *daemon) topology() *sites.Topology { return d.state.Load().view.Topology() }
