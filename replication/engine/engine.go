package engine

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync"
	"sync/atomic"
	"time"

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

	retry time.Duration // 0: retryEvery
}

// Engine keeps the replicated folders of one host. Its methods are safe for
// concurrent use.
type Engine struct {
	host     string
	log      *zap.Logger
	o        Options
	peer     peer.Options
	dialer   *peer.Dialer
	canaries *canary.Metrics // of all folders

	roster  atomic.Pointer[roster]
	changes chan change   // that Run takes in
	ended   chan struct{} // closed when Run has
}

// New returns an engine for the folders that the configuration gives to this
// host. Nothing runs yet. Run must be called once.
func New(o Options) (*Engine, error) {
	if o.Log == nil {
		o.Log = zap.NewNop()
	}
	config := o.Config
	o.Config = replication.Config{} // whoever follows another lets go of it
	e := &Engine{host: o.Host, log: o.Log, o: o, changes: make(chan change), ended: make(chan struct{})}
	e.canaries = canary.NewMetrics(o.Registry)
	e.peer = peer.Options{
		Identity: o.Identity, Status: o.Status, Hello: func(p peer.Partner) wire.Hello { return e.hello(p, o.Software) },
		Metrics: peer.NewMetrics(o.Registry), Log: o.Log.Named("peer"),
	}
	e.roster.Store(&roster{})
	first, err := e.draft(config)
	if err != nil {
		return nil, err
	}
	e.warnOfIslands(config)
	e.enforce(first)
	if e.dialer, err = peer.NewDialer(e.peer); err != nil {
		return nil, err
	}
	if o.Registry != nil {
		o.Registry.MustRegister(collector{e})
	}
	return e, nil
}

// hello is what this host says of itself to a partner.
func (e *Engine) hello(p peer.Partner, software string) wire.Hello {
	h := wire.Hello{Host: e.host, Software: software}
	for _, f := range e.folders() {
		for _, l := range f.links() {
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
	defer close(e.ended)
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
	t := newRunners(ctx)
	e.begin(t, e.roster.Load())
	e.follow(ctx, t)
	t.wait()
	wg.Wait()
	if err := context.Cause(ctx); !errors.Is(err, context.Canceled) {
		return err
	}
	return nil
}

// folders are those of the configuration in force.
func (e *Engine) folders() []*folder { return e.roster.Load().folders() }

// known returns the partners that may connect.
func (e *Engine) known() []peer.Partner {
	var all []peer.Partner
	for _, p := range e.roster.Load().partners {
		all = append(all, p.Partner)
	}
	return all
}

func (e *Engine) accepted(ctx context.Context, s *peer.Session) {
	for _, p := range e.roster.Load().partners {
		if p.Key == s.Partner().Key {
			p.serve(ctx, s)
			return
		}
	}
}
