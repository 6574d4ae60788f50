package smbd

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"time"

	"go.uber.org/zap"

	"dfsd/internal/netaddr"
	"dfsd/internal/smbauth"
	"dfsd/internal/smbtree"
	"dfsd/referral"
)

// Options are what a Server needs of the rest of the program.
type Options struct {
	Config Config
	// Log takes the lines of the server; nil: none are written.
	Log *zap.Logger
	// Auth says who is asking.
	Auth *smbauth.Authenticator
	// Forest holds the shares.
	Forest *smbtree.Forest
	// Refer answers a referral request, from any goroutine. nil: this server
	// has no namespaces at all, and says so (STATUS_FS_DRIVER_REQUIRED).
	Refer func(req referral.Request, out *referral.Referral) error
	// Metrics counts; nil: nobody reads the counters.
	Metrics *Metrics
	// GUID names this server to its clients, the same as long as it runs.
	GUID [16]byte
	// Now is the clock of log-ons and session ends; nil: time.Now.
	Now func() time.Time
	// Rand gives session ids and salts; nil: crypto/rand.
	Rand io.Reader
}

// Server serves SMB clients. It is safe for concurrent use.
type Server struct {
	config  Config
	limits  Limits
	log     *zap.Logger
	auth    *smbauth.Authenticator
	forest  *smbtree.Forest
	refer   func(req referral.Request, out *referral.Referral) error
	metrics *Metrics
	guid    [16]byte
	now     func() time.Time

	admission *admission
	registry  *registry
	scratches scratchPool
	failures  *logonLog

	mu    sync.Mutex // guards conns
	conns map[*conn]struct{}
}

// New makes a Server. Nothing runs until Serve. The error holds the faults of
// the configuration, or says which option is missing.
func New(o Options) (*Server, error) {
	if err := o.Config.Validate().Err(); err != nil {
		return nil, fmt.Errorf("smb configuration: %w", err)
	}
	if o.Auth == nil || o.Forest == nil {
		return nil, errors.New("smb server needs an authenticator and a forest")
	}
	if o.Log == nil {
		o.Log = zap.NewNop()
	}
	if o.Metrics == nil {
		o.Metrics = NewMetrics(nil)
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Rand == nil {
		o.Rand = rand.Reader
	}
	return &Server{
		config: o.Config, limits: o.Config.Limits,
		log: o.Log, auth: o.Auth, forest: o.Forest, refer: o.Refer,
		metrics: o.Metrics, guid: o.GUID, now: o.Now,
		admission: newAdmission(o.Config.Limits),
		registry:  newRegistry(o.Rand),
		failures:  newLogonLog(o.Log),
		conns:     map[*conn]struct{}{},
	}, nil
}

// Serve accepts clients of l until ctx ends, then closes l and every connection
// that came from it, and returns nil once all their goroutines have ended. It
// may be called for several listeners at a time. The error says why l accepts no
// more.
func (s *Server) Serve(ctx context.Context, l net.Listener) error {
	var clients sync.WaitGroup
	ctx, stop := context.WithCancel(ctx)
	stopped := make(chan struct{})
	go func() {
		defer close(stopped)
		<-ctx.Done()
		l.Close() //nolint:errcheck // the listener ends either way
		s.closeAll(&clients)
	}()
	err := s.accept(ctx, l, &clients)
	stop()
	<-stopped
	clients.Wait()
	return err
}

// Bounds on the pause after an accept that failed, such as for want of file
// descriptors.
const (
	firstPause = 5 * time.Millisecond
	lastPause  = time.Second
)

// accept runs the connections of l as goroutines of clients. It returns nil
// where ctx ended it.
func (s *Server) accept(ctx context.Context, l net.Listener, clients *sync.WaitGroup) error {
	pause := time.Duration(0)
	for {
		nc, err := l.Accept()
		switch {
		case ctx.Err() != nil:
			if err == nil {
				nc.Close() //nolint:errcheck // nobody has been told of it
			}
			return nil
		case errors.Is(err, net.ErrClosed):
			return fmt.Errorf("accept on %s: %w", l.Addr(), err)
		case err != nil:
			pause = min(max(2*pause, firstPause), lastPause)
			s.log.Warn("accept failed", zap.Duration("pause", pause), zap.Error(err))
			wait(ctx, pause)
			continue
		}
		pause = 0
		s.admit(ctx, nc, clients)
	}
}

func wait(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-ctx.Done():
	}
}

// admit lets nc in as a goroutine of clients, or closes it.
func (s *Server) admit(ctx context.Context, nc net.Conn, clients *sync.WaitGroup) {
	client := netaddr.Of(nc.RemoteAddr())
	if why, ok := s.admission.enter(client); !ok {
		s.metrics.rejected[why].Inc()
		s.metrics.refused.Inc()
		nc.Close() //nolint:errcheck // it is refused either way
		return
	}
	s.metrics.accepted.Inc()
	s.metrics.connections.Inc()
	c := newConn(s, nc, client, clients)
	s.mu.Lock()
	s.conns[c] = struct{}{}
	s.mu.Unlock()
	clients.Go(c.run)
	if ctx.Err() != nil {
		nc.Close() //nolint:errcheck // closeAll may have gone by already
	}
}

// discharge forgets c, whose goroutine is about to end.
func (s *Server) discharge(c *conn, authenticated bool) {
	s.mu.Lock()
	delete(s.conns, c)
	s.mu.Unlock()
	s.admission.leave(c.client, authenticated)
	s.metrics.connections.Dec()
}

// closeAll closes the connections of one Serve.
func (s *Server) closeAll(clients *sync.WaitGroup) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for c := range s.conns {
		if c.clients == clients {
			c.nc.Close() //nolint:errcheck // its goroutine sees it
		}
	}
}

// spawn runs f on the side of c's goroutine, unless that has ended. s.mu keeps
// the group from being waited out in between.
func (s *Server) spawn(c *conn, f func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, live := s.conns[c]; live {
		c.clients.Go(func() { c.guarded(f) })
	}
}

// NamespaceChanged tells the clients that watch folders to look again. It does
// not wait for them.
func (s *Server) NamespaceChanged() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for c := range s.conns {
		if c.watches.Load() > 0 && c.announcing.CompareAndSwap(false, true) {
			c.clients.Go(func() { c.guarded(c.announceChange) })
		}
	}
}

// Counts returns how many connections are open now, and how many sessions are
// set up on them.
func (s *Server) Counts() (connections, sessions int) {
	return s.admission.present(), s.registry.established()
}
