package smbprobe

import (
	"context"
	"errors"
	"fmt"
	"math"
	"net"
	"net/netip"
	"os"
	"strings"
	"sync"
	"time"

	"dfsd/internal/smbclient"
	"dfsd/referral/health"
)

const (
	attemptDelay = 250 * time.Millisecond // between attempts (RFC 8305 section 5)
	maxAddrs     = 16                     // of one host
	readBuffer   = 1 << 10                // a NEGOTIATE answer of Windows has some 400 bytes
	maxFrame     = 64 << 10
	credits      = 64
)

// knock connects to one of the addresses of h and negotiates, to log on with
// cred or not at all.
func (p *Prober) knock(ctx context.Context, h *host, cred smbclient.Credentials) (*smbclient.Conn, *health.Failure) {
	addrs, err := p.addresses(ctx, h.name)
	if err != nil {
		return nil, &health.Failure{Stage: health.StageResolve, Err: err}
	}
	o := smbclient.Options{
		SigningRequired: p.o.SigningRequired || cred != smbclient.Credentials{}, Credentials: cred,
		ReadBuffer: readBuffer, MaxFrame: maxFrame, Credits: credits,
	}
	knock := func(ctx context.Context, a netip.Addr) attempt { return p.attempt(ctx, h.name, a, o) }
	a := race(ctx, preferred(addrs, h.last), knock)
	if a.failure == nil {
		h.last = a.addr
	}
	return a.conn, a.failure
}

// addresses returns those of name, at least one.
func (p *Prober) addresses(ctx context.Context, name string) ([]netip.Addr, error) {
	if p.o.Addrs != nil {
		if addrs := p.o.Addrs(name); len(addrs) > 0 {
			return addrs, nil
		}
	}
	if a, err := netip.ParseAddr(name); err == nil {
		return []netip.Addr{a}, nil
	}
	addrs, err := net.DefaultResolver.LookupNetIP(ctx, "ip", name)
	if err != nil {
		return nil, err
	}
	if len(addrs) == 0 {
		return nil, fmt.Errorf("host %s has no address", name)
	}
	return addrs, nil
}

// preferred returns the addresses in the order of trying: last first where it is
// among them, then the families in turn, IPv6 first (RFC 8305 section 4).
func preferred(addrs []netip.Addr, last netip.Addr) []netip.Addr {
	if len(addrs) == 1 {
		return addrs[:1:1]
	}
	var order, v4, v6 []netip.Addr
	seen := make(map[netip.Addr]bool, len(addrs))
	last = last.Unmap()
	for _, a := range addrs {
		a = a.Unmap()
		switch {
		case seen[a]:
			continue
		case a == last:
			order = append(order, a)
		case a.Is4():
			v4 = append(v4, a)
		default:
			v6 = append(v6, a)
		}
		seen[a] = true
	}
	next, other := v6, v4
	if len(order) > 0 && last.Is6() {
		next, other = v4, v6
	}
	for len(next)+len(other) > 0 {
		if len(next) > 0 {
			order, next = append(order, next[0]), next[1:]
		}
		next, other = other, next
	}
	return order[:min(len(order), maxAddrs)]
}

// attempt is how one address answered: conn or failure is set.
type attempt struct {
	addr    netip.Addr
	conn    *smbclient.Conn
	failure *health.Failure
}

// attempt connects to addr and negotiates.
func (p *Prober) attempt(ctx context.Context, name string, addr netip.Addr, o smbclient.Options) attempt {
	a := attempt{addr: addr}
	d := net.Dialer{KeepAlive: -1} // the probes themselves keep it alive
	if p.o.Source.IsValid() && p.o.Source.Is4() == addr.Is4() {
		d.LocalAddr = net.TCPAddrFromAddrPort(netip.AddrPortFrom(p.o.Source, 0))
	}
	to := netip.AddrPortFrom(addr, p.port(name)).String()
	nc, err := d.DialContext(ctx, "tcp", to)
	if err != nil {
		a.failure = &health.Failure{Stage: health.StageDial, Err: withCause(ctx, refusedBy(to, err))}
		return a
	}
	if a.conn, err = smbclient.Open(ctx, nc, name, o); err != nil {
		a.conn = nil
		a.failure = &health.Failure{Stage: health.StageNegotiate, Err: fmt.Errorf("%s accepts connections but does not negotiate: %w", to, err)}
	}
	return a
}

// refusedBy says of a dial that failed where it led and why. That it was a dial,
// by which calls and from which port, the stage of the failure and its reader do
// without.
func refusedBy(to string, err error) error {
	var dial *net.OpError
	if errors.As(err, &dial) && dial.Err != nil {
		err = dial.Err
	}
	var call *os.SyscallError
	if errors.As(err, &call) {
		err = call.Err
	}
	return fmt.Errorf("%s: %w", to, err)
}

// port is where the server of a host listens.
func (p *Prober) port(name string) uint16 {
	if p.o.Port != nil {
		if port := p.o.Port(name); port > 0 && port <= math.MaxUint16 {
			return uint16(port)
		}
	}
	return defaultPort
}

// hangUp ends a connection that has served its purpose, abortively: an orderly
// end would leave a socket in TIME_WAIT for each probe of the last minute.
func hangUp(c *smbclient.Conn) {
	if nc, ok := c.NetConn().(*net.TCPConn); ok {
		_ = nc.SetLinger(0) // it saves memory, no more
	}
	_ = c.Close() // the server has answered all that it was asked
}

// withCause adds why ctx ended, where it did and that ended the attempt.
func withCause(ctx context.Context, err error) error {
	if cause := context.Cause(ctx); cause != nil && !errors.Is(err, cause) {
		return fmt.Errorf("%w: %w", err, cause)
	}
	return err
}

// race tries the addresses one after the other, the next one when a fourth of a
// second has passed or all before it have failed, and returns the first that
// answers well. When it returns, every attempt has ended.
func race(ctx context.Context, addrs []netip.Addr, try func(context.Context, netip.Addr) attempt) attempt {
	if len(addrs) == 1 {
		return try(ctx, addrs[0])
	}
	ctx, cancel := context.WithCancel(ctx)
	ended := make(chan attempt, len(addrs))
	var wg sync.WaitGroup
	defer func() {
		cancel()
		wg.Wait()
		close(ended)
		for a := range ended {
			if a.conn != nil {
				hangUp(a.conn) // another one was faster
			}
		}
	}()
	next := time.NewTimer(0)
	defer next.Stop()
	var failed []*health.Failure
	for started := 0; ; {
		select {
		case <-next.C:
			if started < len(addrs) {
				addr := addrs[started]
				wg.Go(func() { ended <- try(ctx, addr) })
				started++
				next.Reset(attemptDelay)
			}
		case a := <-ended:
			if a.failure == nil {
				return a
			}
			if failed = append(failed, a.failure); len(failed) == len(addrs) || ctx.Err() != nil && len(failed) == started {
				return attempt{failure: deepest(failed)}
			}
			if len(failed) == started {
				next.Reset(0)
			}
		}
	}
}

// deepest makes one failure of many: the stage is that of who got furthest.
func deepest(failed []*health.Failure) *health.Failure {
	f := &health.Failure{Stage: failed[0].Stage}
	errs := make(failures, 0, len(failed))
	for _, x := range failed {
		f.Stage = max(f.Stage, x.Stage)
		errs = append(errs, x.Err)
	}
	f.Err = errs
	return f
}

// failures are those of several addresses.
type failures []error

func (f failures) Error() string {
	words := make([]string, len(f))
	for i, err := range f {
		words[i] = err.Error()
	}
	return strings.Join(words, "; ")
}

// Unwrap returns all of them.
func (f failures) Unwrap() []error { return f }
