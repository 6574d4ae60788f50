package doctor

import (
	"context"
	"net"
	"net/netip"
	"time"
)

// world is what checks see of the network and the operating system.
type world struct {
	dial   func(ctx context.Context, network, address string) (net.Conn, error)
	listen func(ctx context.Context, network, address string) (net.Listener, error)
	// addrs are the addresses of this machine.
	addrs func() ([]netip.Addr, error)
	// holder names the process that listens at an address, "" where that cannot
	// be told.
	holder func(at netip.AddrPort) string
	// disk looks at the file system that holds a directory.
	disk func(path string) (diskState, error)
	// resolvConf is the path of the system's resolver configuration; empty: the
	// usual one.
	resolvConf string
}

const (
	dialTimeout = 3 * time.Second
	// talkTimeout bounds the handshake that follows.
	talkTimeout = 3 * time.Second
)

// realWorld is the network and the system as they are.
func realWorld() *world {
	return &world{
		dial:   (&net.Dialer{}).DialContext,
		listen: (&net.ListenConfig{}).Listen,
		addrs:  machineAddrs,
		holder: holderOf,
		disk:   lookAtDisk,
	}
}

// machineAddrs returns the addresses of all interfaces.
func machineAddrs() ([]netip.Addr, error) {
	all, err := net.InterfaceAddrs()
	if err != nil {
		return nil, err
	}
	var addrs []netip.Addr
	for _, a := range all {
		if p, err := netip.ParsePrefix(a.String()); err == nil {
			addrs = append(addrs, p.Addr().Unmap())
		}
	}
	return addrs, nil
}

// connect dials within dialTimeout.
func (w *world) connect(ctx context.Context, address string) (net.Conn, error) {
	ctx, stop := context.WithTimeout(ctx, dialTimeout)
	defer stop()
	return w.dial(ctx, "tcp", address)
}

// until makes all that conn does end with the sooner of ctx and d from now. The
// caller calls the returned function when conn is no longer used.
func until(ctx context.Context, conn net.Conn, d time.Duration) func() bool {
	_ = conn.SetDeadline(time.Now().Add(d)) // a connection without deadlines still ends with ctx
	return context.AfterFunc(ctx, func() { _ = conn.Close() })
}
