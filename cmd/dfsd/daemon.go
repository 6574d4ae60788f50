package main

import (
	"context"
	cryptorand "crypto/rand"
	"errors"
	"fmt"
	"hash/fnv"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"os/signal"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/zap"

	"dfsd/configs"
	"dfsd/internal/admin"
	"dfsd/internal/event"
	"dfsd/internal/smbauth"
	"dfsd/internal/smbd"
	"dfsd/internal/smbtree"
	"dfsd/namespace"
	"dfsd/referral"
	"dfsd/replication/engine"
)

// daemon is one running dfsd: the parts and what they share.
type daemon struct {
	from      *fileFlags
	log       logging
	state     atomic.Pointer[state]
	users     *userTable
	keytab    *keytabTable // nil: no Kerberos
	directory *directory
	targets   *targetKeeping
	clients   clientCounts
	smb       *smbd.Server   // nil on a host that serves no namespaces
	engine    *engine.Engine // nil on a host that replicates nothing
	registry  *prometheus.Registry
	metrics   *metrics
	spaces    *spaces
	random    *rand.Rand // draws among equal targets, for any goroutine
	serving   atomic.Bool
	started   time.Time
	refused   atomic.Pointer[string] // why the latest reload was; nil: it was not
	audit     *auditLog

	reloading sync.Mutex // one reload at a time
}

// newDaemon puts the parts together. Nothing runs and nothing listens yet.
func newDaemon(from *fileFlags, s *state, log logging) (*daemon, error) {
	d := &daemon{from: from, log: log, registry: prometheus.NewRegistry(), started: time.Now(), random: referral.NewRandom()}
	d.metrics = newMetrics(d.registry)
	d.spaces = newSpaces(s.config, d.registry)
	var err error
	d.audit = newAuditLog(s.config.DataDir, log.Named("audit"))
	if d.directory, err = newDirectory(s.config, d.registry, d.topology, log.Logger); err != nil {
		return nil, err
	}
	identity, err := identityFor(s.config)
	if err != nil {
		return nil, err
	}
	if d.targets, err = newTargetKeeping(d, s.config, identity); err != nil {
		return nil, err
	}
	if d.targets.heard == nil && needsWord(s.config) {
		log.Warn("folders of a namespace replicate, and this host may not ask how: no target of them is known to hold the data",
			zap.String("next_step", "put this host with the key that `dfsd identity` prints into replication.observers, on every member"))
	}
	if s, err = d.see(s); err != nil {
		return nil, err
	}
	d.use(s)
	if s.config.SMB != nil {
		if d.users, err = openUserTable(s.config.SMB.UsersFile, log.Logger); err != nil {
			return nil, err
		}
		if d.keytab, err = openKeytab(s.config.SMB.Keytab, serviceNames(s.config), log.Logger); err != nil {
			return nil, err
		}
		if s.config.SMB.UsersFile == "" && d.keytab == nil && !s.config.SMB.Guest {
			log.Warn("neither users_file nor keytab: nobody can log on")
		}
		if d.smb, err = d.newServer(s); err != nil {
			return nil, err
		}
	}
	if replicates(s.config) {
		saveMemory()
		d.engine, err = newEngine(s.config, identity, d.targets.heard.service(), d.registry, log.Logger)
	}
	return d, err
}

// newServer makes the SMB front door of this host.
func (d *daemon) newServer(s *state) (*smbd.Server, error) {
	short, domain, _ := strings.Cut(s.config.Host, ".")
	netbios := strings.ToUpper(short[:min(len(short), 15)])
	accepts := smbauth.Config{
		NetBIOSName: netbios, NetBIOSDomain: netbios, DNSName: s.config.Host, DNSDomain: domain,
		Guest: s.config.SMB.Guest,
	}
	if d.keytab != nil {
		accepts.Kerberos, accepts.ServiceNames = d.keytab.current, serviceNames(s.config)
		accepts.AllowRC4 = s.config.SMB.AllowRC4
	}
	auth := smbauth.NewAuthenticator(accepts, d.users.current, cryptorand.Reader)
	serial := fnv.New32a()
	serial.Write([]byte(s.config.Host))
	forest := smbtree.New(smbtree.Options{
		Snapshot:     func() *namespace.Snapshot { return d.state.Load().view.Namespaces() },
		Host:         smbtree.Host{Name: netbios, Domain: netbios, Comment: "dfsd namespace server"},
		Start:        time.Now(),
		VolumeSerial: serial.Sum32(),
	})
	o := smbd.Options{
		Config: *s.config.SMB, Log: d.log.Named("smb"), Auth: auth, Forest: forest,
		Refer: d.refer, Metrics: smbd.NewMetrics(d.registry),
	}
	if _, err := cryptorand.Read(o.GUID[:]); err != nil {
		return nil, err
	}
	return smbd.New(o)
}

// serviceNames are the names under which clients ask for tickets for this host:
// in full, short, and as the configuration says besides.
func serviceNames(file *configs.File) []string {
	names := []string{file.Host}
	if short, _, dotted := strings.Cut(file.Host, "."); dotted {
		names = append(names, short)
	}
	return append(names, file.SMB.Names...)
}

// refer answers one referral from the state of this moment.
func (d *daemon) refer(req referral.Request, out *referral.Referral) error {
	err := d.state.Load().view.Resolve(req, d.random, out)
	if err == nil {
		d.clients.note(req.Client, out.Client.By)
	}
	return err
}

// use puts a state in force.
func (d *daemon) use(s *state) {
	d.targets.use(s)
	d.spaces.follow(s.config)
	d.state.Store(s)
	d.log.level.SetLevel(zapLevel(s.config.Log.Level))
	d.metrics.loaded(s)
}

// Picture implements admin.Daemon.
func (d *daemon) Picture() admin.Picture { return d.state.Load().picture() }

// Configuration implements admin.Daemon.
func (d *daemon) Configuration() admin.Configuration { return d.state.Load().about }

// Ready implements admin.Daemon.
func (d *daemon) Ready() error {
	if !d.serving.Load() {
		return errors.New("not listening for clients yet")
	}
	return nil
}

// run serves until ctx ends or a part fails, and returns that failure. When it
// returns, every goroutine that it started has ended.
func (d *daemon) run(ctx context.Context) error {
	s := d.state.Load()
	parts, opened, err := d.listen(s)
	if err != nil {
		return errors.Join(err, closeAll(opened))
	}
	hangup := make(chan os.Signal, 1)
	signal.Notify(hangup, syscall.SIGHUP)
	defer signal.Stop(hangup)

	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	var wg sync.WaitGroup
	for _, part := range parts {
		wg.Go(func() { stop(part(ctx)) })
	}
	wg.Go(func() { d.reloadOn(ctx, hangup) })
	wg.Go(func() { d.directory.run(ctx, d.relearned) })
	wg.Go(func() { d.targets.run(ctx, d) })
	wg.Go(func() { d.spaces.run(ctx) })
	if every, wanted := watchdogEvery(os.Getenv); wanted {
		wg.Go(func() { d.live(ctx, every) })
	}
	d.serving.Store(true)
	d.log.Info("serving", event.Serving.Field(), zap.String("host", s.config.Host), zap.Strings("addresses", addresses(opened)), zap.String("admin", s.config.Admin.Socket))
	d.tell("READY=1\nSTATUS=Serving " + d.summary())
	<-ctx.Done()
	d.serving.Store(false)
	d.tell("STOPPING=1")
	wg.Wait()
	d.log.Info("stopped", event.Stopped.Field())
	if err := d.audit.Close(); err != nil {
		d.log.Error("the audit log does not close", zap.Error(err))
	}
	if err := context.Cause(ctx); !errors.Is(err, context.Canceled) {
		return err
	}
	return nil
}

// part runs until its context ends.
type part func(context.Context) error

// listen opens every socket before the first client is served, so that a
// daemon that says READY=1 has them all.
func (d *daemon) listen(s *state) (parts []part, opened []net.Listener, err error) {
	if d.smb != nil {
		if parts, opened, err = d.listenSMB(s.config.SMB.Listen); err != nil {
			return nil, opened, err
		}
	}
	if d.engine != nil {
		l, err := listenPartners(s.config.Replication.Listen)
		if err != nil {
			return nil, opened, err
		}
		opened = append(opened, l)
		parts = append(parts, func(ctx context.Context) error { return d.engine.Run(ctx, l) })
	}
	handler := admin.Handler(d, d.metricsHandler(), admin.HandlerOptions{Audit: d.audit})
	socket, err := admin.ListenSocket(s.config.Admin.Socket)
	if err != nil {
		return nil, opened, withHint(err, "set admin.socket to a path that this user may write")
	}
	opened = append(opened, socket)
	parts = append(parts, serveHTTP(socket, handler))
	if s.config.Admin.Listen == "" {
		return parts, opened, nil
	}
	token, err := readToken(s.config.Admin.TokenFile)
	if err != nil {
		return nil, opened, err
	}
	web, err := net.Listen("tcp", s.config.Admin.Listen)
	if err != nil {
		return nil, opened, fmt.Errorf("listen for admin.listen: %w", err)
	}
	return append(parts, serveHTTP(web, admin.Protect(handler, admin.ProtectOptions{Token: token, Hosts: adminHosts(s.config)}))), append(opened, web), nil
}

// adminHosts are the names under which the API over HTTP may be asked for; a
// page of any other host that leads here is turned away.
func adminHosts(file *configs.File) []string {
	short, _, _ := strings.Cut(file.Host, ".")
	names := []string{file.Host, short}
	if listen, _, err := net.SplitHostPort(file.Admin.Listen); err == nil {
		names = append(names, listen)
	}
	if file.SMB != nil {
		names = append(names, file.SMB.Names...)
	}
	return names
}

// listenSMB opens the sockets of the front door.
func (d *daemon) listenSMB(at []string) (parts []part, opened []net.Listener, err error) {
	for _, addr := range at {
		l, err := listenSMB(addr)
		if errors.Is(err, syscall.EAFNOSUPPORT) && len(at) > 1 {
			d.log.Warn("address family missing on this host, not listening", zap.String("address", addr))
			continue
		}
		if err != nil {
			return nil, opened, err
		}
		opened = append(opened, l)
		parts = append(parts, func(ctx context.Context) error { return d.smb.Serve(ctx, l) })
	}
	if len(opened) == 0 {
		return nil, nil, errors.New("none of smb.listen can be listened on")
	}
	return parts, opened, nil
}

func addresses(ls []net.Listener) []string {
	var all []string
	for _, l := range ls {
		all = append(all, l.Addr().String())
	}
	return all
}

func closeAll(ls []net.Listener) error {
	var errs []error
	for _, l := range ls {
		errs = append(errs, l.Close())
	}
	return errors.Join(errs...)
}

// serveHTTP serves h on l until the context ends.
func serveHTTP(l net.Listener, h http.Handler) part {
	return func(ctx context.Context) error {
		srv := &http.Server{Handler: h, ConnContext: admin.SocketContext, ReadHeaderTimeout: 5 * time.Second, ReadTimeout: time.Minute, IdleTimeout: time.Minute, MaxHeaderBytes: 64 << 10}
		ended := make(chan error, 1)
		go func() { ended <- srv.Serve(l) }()
		select {
		case err := <-ended:
			return fmt.Errorf("serve %s: %w", l.Addr(), err)
		case <-ctx.Done():
		}
		patience, stop := context.WithTimeout(context.WithoutCancel(ctx), 2*time.Second)
		defer stop()
		err := srv.Shutdown(patience)
		if errors.Is(err, context.DeadlineExceeded) {
			err = srv.Close()
		}
		<-ended
		return err
	}
}

// live shows systemd that the daemon still judges its targets: one that hangs is
// to be restarted.
func (d *daemon) live(ctx context.Context, every time.Duration) {
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			d.targets.keeper.Drains() // waits for no disk and no network, but for the keeper's lock
			d.tell("WATCHDOG=1")
		}
	}
}

// tell reports to systemd. That it cannot is no reason to stop.
func (d *daemon) tell(state string) {
	if err := notify(state); err != nil {
		d.log.Warn("service manager not told", zap.Error(err))
	}
}

func (d *daemon) summary() string {
	n, links := 0, 0
	for _, root := range d.state.Load().view.Namespaces().Roots() {
		n++
		links += root.NumLinks()
	}
	return fmt.Sprintf("%d namespaces with %d folders", n, links)
}
