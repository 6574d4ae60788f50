package engine

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/zap"

	"dfsd/replication"
	"dfsd/replication/canary"
	"dfsd/replication/peer"
	"dfsd/replication/wire"
)

// Options is what an Engine needs.
type Options struct {
	Config  replication.Config
	Host    string // of this host, as the configuration names it
	DataDir string // indexes and memos stand below it
	// Own is the process ID of this process if nothing in it but the engine
	// changes the folders: then what it does is not taken for a user's. 0: not so.
	Own      int
	Identity *peer.Identity
	Software string // for partners and people
	// Status serves those that ask, on the same port, how replication is; nil:
	// nobody is told.
	Status   *peer.StatusService
	Registry prometheus.Registerer // nil: nobody looks
	Log      *zap.Logger           // nil: nobody hears

	canaries *canary.Metrics // of all folders
}

// Engine keeps the replicated folders of one host. Its methods are safe for
// concurrent use.
type Engine struct {
	host     string
	log      *zap.Logger
	folders  []*folder
	partners []*partner
	peer     peer.Options
	dialer   *peer.Dialer
}

// New returns an engine for the folders that the configuration gives to this
// host. Nothing runs yet.
func New(o Options) (*Engine, error) {
	if o.Log == nil {
		o.Log = zap.NewNop()
	}
	e := &Engine{host: o.Host, log: o.Log}
	o.canaries = canary.NewMetrics(o.Registry)
	for _, s := range specsOf(o.Config, o.Host) {
		f, err := newFolder(s, &o)
		if err != nil {
			return nil, err
		}
		e.folders = append(e.folders, f)
	}
	for _, g := range o.Config.Groups {
		if islands := g.Islands(); len(islands) > 1 {
			o.Log.Warn("the topology has islands: what changes on one never reaches the others", zap.String("group", g.Name), zap.Any("islands", islands))
		}
		if m, ok := g.Member(o.Host); ok && !m.Key.IsZero() && m.Key != o.Identity.Fingerprint() {
			return nil, fmt.Errorf("the key of %s in group %s is %v, but this host's key is %v; correct it in the configuration of every member", m.Host, g.Name, m.Key, o.Identity.Fingerprint())
		}
	}
	e.partners = partnersOf(e.folders, e)
	e.peer = peer.Options{
		Identity: o.Identity, Status: o.Status, Hello: func(p peer.Partner) wire.Hello { return e.hello(p, o.Software) },
		Metrics: peer.NewMetrics(o.Registry), Log: o.Log.Named("peer"),
	}
	if o.Registry != nil {
		o.Registry.MustRegister(collector{e})
	}
	var err error
	e.dialer, err = peer.NewDialer(e.peer)
	return e, err
}

// hello is what this host says of itself to a partner.
func (e *Engine) hello(p peer.Partner, software string) wire.Hello {
	h := wire.Hello{Host: e.host, Software: software}
	for _, f := range e.folders {
		for _, l := range f.links {
			if l.way.partner.Key == p.Key {
				h.Offers = append(h.Offers, wire.Offer{Group: f.spec.group, Folder: f.spec.name})
			}
		}
	}
	return h
}

// Run replicates until ctx ends. It accepts partners on ln, which it closes; nil
// is for a host that only dials. When it returns, all that it started has ended.
func (e *Engine) Run(ctx context.Context, ln net.Listener) error {
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	var wg sync.WaitGroup
	if ln != nil {
		listener, err := peer.NewListener(e.peer, e.known)
		if err != nil {
			return errors.Join(err, ln.Close())
		}
		wg.Go(func() {
			if err := listener.Serve(ctx, ln, e.accepted); ctx.Err() == nil {
				stop(fmt.Errorf("listen for replication partners: %w", err))
			}
		})
	}
	for _, f := range e.folders {
		wg.Go(func() { f.run(ctx) })
		if f.canary != nil {
			wg.Go(func() { _ = f.canary.Run(ctx) }) // ends with ctx alone
		}
	}
	for _, p := range e.partners {
		wg.Go(func() { p.dial(ctx, e.dialer) })
	}
	wg.Wait()
	if err := context.Cause(ctx); !errors.Is(err, context.Canceled) {
		return err
	}
	return nil
}

// known returns the partners that may connect.
func (e *Engine) known() []peer.Partner {
	var all []peer.Partner
	for _, p := range e.partners {
		all = append(all, p.Partner)
	}
	return all
}

func (e *Engine) accepted(ctx context.Context, s *peer.Session) {
	for _, p := range e.partners {
		if p.Key == s.Partner().Key {
			p.serve(ctx, s)
			return
		}
	}
}
