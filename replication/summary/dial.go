package summary

import (
	"context"
	"net"
	"sync"
	"time"

	"go.uber.org/zap"
)

const (
	firstWait   = 500 * time.Millisecond
	longestWait = 10 * time.Second
)

// backoff returns how long to wait after so many attempts in a row have failed:
// half a second, doubling up to ten, of which chance takes away up to half.
func backoff(failed int, chance uint64) time.Duration {
	if failed <= 0 {
		return 0
	}
	wait := longestWait
	if shift := failed - 1; shift < 5 {
		wait = min(longestWait, firstWait<<shift)
	}
	return wait - time.Duration(chance%uint64(wait/2+1))
}

// neighbour is a host that connects with this one. Guarded by Exchange.mu.
type neighbour struct {
	conns []*conn // at most one of each direction but for those that are ending
	ended time.Time
	err   error
	idle  chan struct{} // buffered: the last connection has ended
}

func (n *neighbour) rouse() {
	select {
	case n.idle <- struct{}{}:
	default:
	}
}

// link returns the state of n: that of its oldest connection, so that it stays
// while another takes its place.
func (n *neighbour) link(host string) Link {
	for _, c := range n.conns {
		if c.ready {
			return Link{Host: host, Connected: true, Dialled: c.dialled, Since: c.began}
		}
	}
	return Link{Host: host, Since: n.ended, Err: n.err}
}

// neighbour returns that of a host. It runs with mu held.
func (x *Exchange) neighbour(host string) *neighbour {
	n := x.peers[host]
	if n == nil {
		n = &neighbour{idle: make(chan struct{}, 1)}
		x.peers[host] = n
	}
	return n
}

// dialler keeps one peer connected.
type dialler struct {
	peer Peer
	stop context.CancelFunc
	done chan struct{}
}

// Run keeps a connection with each peer until ctx ends: it dials those that are
// not connected, again and again with pauses of up to ten seconds. When it
// returns, all that it started has ended. Its error says what is wrong with
// the options.
func (x *Exchange) Run(ctx context.Context) error {
	if err := x.o.validate(); err != nil {
		return err
	}
	diallers := map[string]*dialler{}
	var wg sync.WaitGroup
	defer wg.Wait()
	ticker := time.NewTicker(BeatEvery)
	defer ticker.Stop()
	for {
		peers := x.o.Peers()
		x.refresh(peers, time.Now())
		x.employ(ctx, &wg, diallers, peers)
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C:
		}
	}
}

// employ makes diallers those of peers.
func (x *Exchange) employ(ctx context.Context, wg *sync.WaitGroup, diallers map[string]*dialler, peers []Peer) {
	wanted := map[string]Peer{}
	for _, p := range peers {
		if _, twice := wanted[p.Host]; !twice && p.Host != x.o.Host {
			wanted[p.Host] = p
		}
	}
	for host, d := range diallers {
		if p, ok := wanted[host]; !ok || p != d.peer {
			d.stop()
			<-d.done
			delete(diallers, host)
		}
	}
	for host, p := range wanted {
		if diallers[host] != nil {
			continue
		}
		ctx, stop := context.WithCancel(ctx)
		d := &dialler{p, stop, make(chan struct{})}
		diallers[host] = d
		wg.Go(func() {
			defer close(d.done)
			defer stop()
			x.keep(ctx, p)
		})
	}
}

// keep keeps p connected until ctx ends.
func (x *Exchange) keep(ctx context.Context, p Peer) {
	for failed := 0; x.awaitIdle(ctx, p.Host); {
		if failed > 0 && !pause(ctx, backoff(failed, x.o.Random())) {
			return
		}
		if x.busy(p.Host) { // it called in the meantime
			continue
		}
		c, err := x.dial(ctx, p)
		if err != nil {
			failed++
			if ctx.Err() == nil {
				x.unreached(p, err)
			}
			continue
		}
		if c := newConn(x, p.Host, c, true); x.connect(ctx, c) {
			failed = 0
		}
		failed++
	}
}

func (x *Exchange) dial(ctx context.Context, p Peer) (net.Conn, error) {
	ctx, stop := context.WithTimeout(ctx, Silence)
	defer stop()
	return x.o.Dial(ctx, p)
}

// connect runs c to its end and returns whether it worked for a while.
func (x *Exchange) connect(ctx context.Context, c *conn) bool {
	err := c.run(ctx)
	x.mu.Lock()
	began := !c.began.IsZero()
	worked := c.ready
	x.mu.Unlock()
	if !began && ctx.Err() == nil {
		x.unreached(Peer{Host: c.host}, err)
	}
	return worked
}

// Serve exchanges summaries with a host on a connection that it opened and on
// which it has proven to be that host. It closes c and returns when the
// connection or ctx ends.
func (x *Exchange) Serve(ctx context.Context, host string, c net.Conn) {
	if x.o.validate() != nil {
		_ = c.Close() // Run says what is wrong
		return
	}
	x.refresh(x.o.Peers(), time.Now())
	x.connect(ctx, newConn(x, host, c, false))
}

// unreached notes why there is no connection with a peer, and logs what is new.
func (x *Exchange) unreached(p Peer, err error) {
	x.mu.Lock()
	defer x.mu.Unlock()
	n := x.neighbour(p.Host)
	if n.err != nil && n.err.Error() == err.Error() {
		return
	}
	n.err = err
	x.signal()
	x.o.Log.Warn("no status connection", zap.String("partner", p.Host), zap.String("address", p.Address), zap.Error(err))
}

func (x *Exchange) busy(host string) bool {
	x.mu.Lock()
	defer x.mu.Unlock()
	return len(x.neighbour(host).conns) > 0
}

// awaitIdle waits until there is no connection with a host; false: ctx ended.
func (x *Exchange) awaitIdle(ctx context.Context, host string) bool {
	for ctx.Err() == nil {
		x.mu.Lock()
		n := x.neighbour(host)
		idle, busy := n.idle, len(n.conns) > 0
		x.mu.Unlock()
		if !busy {
			return true
		}
		select {
		case <-idle:
		case <-ctx.Done():
		}
	}
	return false
}

// pause waits for d; false: ctx ended before.
func pause(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}
