package smbprobe

import (
	"container/list"
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"sync"
	"time"

	"go.uber.org/zap"

	"dfsd/internal/smbclient"
	"dfsd/referral/health"
)

// ErrClosed is a probe after Close.
var ErrClosed = errors.New("prober is closed")

const (
	defaultPort    = 445
	defaultMaxIdle = time.Minute
	// longest bounds a probe whose context knows no deadline.
	longest = 30 * time.Second
)

// Options say how to probe. The zero value asks the system's resolver, sends no
// credentials, and logs nothing.
type Options struct {
	// Addrs returns what is known of the addresses of a host, from any
	// goroutine. nil, or no address: the system's resolver is asked.
	Addrs func(host string) []netip.Addr
	// Credentials returns those for a host, from any goroutine. nil, or the
	// zero value: none, and a host that negotiates is good with all its targets.
	Credentials func(host string) smbclient.Credentials
	// Port returns where the server of a host listens, 0 for 445, from any
	// goroutine; nil: 445 for all.
	Port func(host string) int
	// Source is the local address to connect from to servers of its family;
	// zero: the system's choice.
	Source netip.Addr
	// SigningRequired tells servers so in NEGOTIATE. It always holds where there
	// are credentials.
	SigningRequired bool
	// MaxIdle is how long an unused kept connection lives; 0: 1 min.
	MaxIdle time.Duration
	// Log takes what keeps the prober from looking deeper; nil: nobody.
	Log *zap.Logger
}

// Prober probes hosts. It is safe for concurrent use: hosts are probed side by
// side, and one host by one probe at a time.
type Prober struct {
	o   Options
	now func() time.Time

	mu       sync.Mutex
	closed   bool
	hosts    map[string]*host // by name in lower case
	idle     *list.List       // *host: those that nobody probes, last used first
	kept     *list.List       // *host: those of idle that hold a session
	sweeper  *time.Timer      // runs sweep; nil: nothing is kept
	sweeping sync.WaitGroup
	accounts accounts
}

// New makes a Prober. Nothing runs until Probe.
func New(o Options) *Prober {
	if o.MaxIdle <= 0 {
		o.MaxIdle = defaultMaxIdle
	}
	if o.Log == nil {
		o.Log = zap.NewNop()
	}
	return &Prober{o: o, now: time.Now, hosts: make(map[string]*host), idle: list.New(), kept: list.New()}
}

// Probe looks at name and at its paths, which are share\folder or a share alone.
// It returns with ctx at the latest, and after 30 s where ctx has no deadline.
// Where Host is set the targets were not looked at. Local means that the fault
// is our own, or that ctx was cancelled, and says nothing about the host.
func (p *Prober) Probe(ctx context.Context, name string, paths []string) health.Result {
	if _, bounded := ctx.Deadline(); !bounded {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, longest)
		defer cancel()
	}
	r := health.Result{Targets: make([]*health.Failure, len(paths))}
	h, err := p.acquire(ctx, name)
	if err != nil {
		r.Host = &health.Failure{Stage: health.StageResolve, Err: err}
		r.Local = true
		return r
	}
	defer p.release(h)
	start := p.now()
	r.Host = p.look(ctx, h, paths, r.Targets)
	r.Local = r.Host != nil && ownFault(r.Host.Err)
	r.Took = p.now().Sub(start)
	return r
}

// look probes h and fills in targets; what it returns concerns the whole host.
func (p *Prober) look(ctx context.Context, h *host, paths []string, targets []*health.Failure) *health.Failure {
	var cred smbclient.Credentials
	if p.o.Credentials != nil {
		cred = p.o.Credentials(h.name)
	}
	if h.session != nil && h.session.cred != cred {
		h.drop()
	}
	fresh, failure := p.knock(ctx, h, cred)
	if failure != nil {
		return failure
	}
	none := cred == smbclient.Credentials{}
	if none {
		p.note(h, "")
	}
	if none || len(paths) == 0 {
		hangUp(fresh)
		return nil
	}
	return p.lookDeeper(ctx, h, fresh, cred, newWalk(h.name, paths, targets))
}

// Faults returns, by host, what keeps the prober from looking deeper than
// NEGOTIATE.
func (p *Prober) Faults() map[string]string {
	p.mu.Lock()
	defer p.mu.Unlock()
	faults := make(map[string]string)
	for _, h := range p.hosts {
		if h.fault != "" {
			faults[h.name] = h.fault
		}
	}
	return faults
}

// note keeps what is wrong with the log-on at h, empty for nothing, and logs it
// when it changes.
func (p *Prober) note(h *host, fault string) {
	p.mu.Lock()
	before := h.fault
	h.fault = fault
	p.mu.Unlock()
	switch fault {
	case before:
	case "":
		p.o.Log.Info("probe looks at shares again", zap.String("host", h.name))
	default:
		p.o.Log.Warn("probe cannot look at shares", zap.String("host", h.name), zap.String("fault", fault))
	}
}

// Close ends all kept connections. Probes under way end with their contexts,
// and keep nothing; later ones fail.
func (p *Prober) Close() error {
	p.mu.Lock()
	p.closed = true
	var errs []error
	for e := p.kept.Front(); e != nil; e = e.Next() {
		h := e.Value.(*host)
		errs = append(errs, h.session.conn.Close())
		h.session, h.keptAt = nil, nil
	}
	p.kept.Init()
	if p.sweeper != nil && p.sweeper.Stop() {
		p.sweeping.Done()
	}
	p.sweeper = nil
	p.mu.Unlock()
	p.sweeping.Wait()
	if err := errors.Join(errs...); err != nil && !errors.Is(err, net.ErrClosed) {
		return fmt.Errorf("close kept connections: %w", err)
	}
	return nil
}
