//go:build integration

package lab

import (
	"context"
	"fmt"
	"net/netip"
	"strings"
	"sync"
)

// The laboratory's network is one bridge in the namespace of the tests.
// Servers bind addresses of their own on the bridge, so that a stopped one
// refuses connections as a real machine does; client machines are namespaces
// of their own, joined to the bridge by a veth pair, so that each has the
// source address its test gives it. Addresses say nothing about sites: the
// whole 10.99.0.0/16 is one wire, and each test draws its own subnets in it.
const (
	bridge    = "lab0"
	bridge4   = "10.99.0.1/16"
	bridge6   = "fd99::1/64"
	netnsPath = "/run/netns/"
)

// ServerSubnet holds the addresses of servers, unless a test asks for others.
var ServerSubnet = netip.MustParsePrefix("10.99.0.0/24")

// network keeps what Labs of one process share: addresses handed out and
// client machines made.
var network = struct {
	sync.Mutex
	next     map[netip.Prefix]netip.Addr // guarded by Mutex: last address handed out
	stations map[netip.Addr]string       // guarded by Mutex: address to namespace
}{
	next:     map[netip.Prefix]netip.Addr{},
	stations: map[netip.Addr]string{},
}

func openNetwork(ctx context.Context) error {
	return ipBatch(
		ctx, "",
		"link set lo up",
		// Without an address of its own it takes a new one as ports join, and clients lose it.
		"link add "+bridge+" address 02:00:00:00:00:01 type bridge",
		"link set "+bridge+" up",
		"addr add "+bridge4+" dev "+bridge,
		"addr add "+bridge6+" dev "+bridge+" nodad",
	)
}

// serverAddress takes the next free address of a subnet and puts it on the
// bridge.
func serverAddress(ctx context.Context, in netip.Prefix) (netip.Addr, error) {
	a, err := freeAddress(in)
	if err != nil {
		return a, err
	}
	line := fmt.Sprintf("addr add %s/%d dev %s", a, a.BitLen(), bridge)
	if a.Is6() {
		line += " nodad"
	}
	return a, ipBatch(ctx, "", line)
}

// freeAddress takes the next free address of a subnet. The first nine stay
// free for client machines.
func freeAddress(in netip.Prefix) (netip.Addr, error) {
	network.Lock()
	defer network.Unlock()
	last, ok := network.next[in]
	if !ok {
		last = in.Masked().Addr()
		for range 9 {
			last = last.Next()
		}
	}
	a := last.Next()
	if !in.Contains(a) {
		return a, fmt.Errorf("no address left in %s", in)
	}
	network.next[in] = a
	return a, nil
}

// stationAt returns the namespace of the client machine with an address,
// making it the first time. It lasts until the process ends.
func stationAt(ctx context.Context, a netip.Addr) (string, error) {
	network.Lock()
	defer network.Unlock()
	if ns, ok := network.stations[a]; ok {
		return ns, nil
	}
	ns := fmt.Sprintf("c%d", len(network.stations)+1)
	bits := 16
	if a.Is6() {
		bits = 64
	}
	err := ipBatch(ctx, "",
		"netns add "+ns,
		fmt.Sprintf("link add v-%s type veth peer name eth0 netns %s", ns, ns),
		fmt.Sprintf("link set v-%s master %s up", ns, bridge))
	if err != nil {
		return "", err
	}
	line := fmt.Sprintf("addr add %s/%d dev eth0", a, bits)
	if a.Is6() {
		line += " nodad"
	}
	if err := ipBatch(ctx, ns, line, "link set lo up", "link set eth0 up"); err != nil {
		return "", err
	}
	network.stations[a] = ns
	return ns, nil
}

// ipBatch runs lines of ip(8) in a namespace, "" for this one.
func ipBatch(ctx context.Context, ns string, lines ...string) error {
	args := []string{"-batch", "-"}
	if ns != "" {
		args = append([]string{"-netns", ns}, args...)
	}
	out := execute(ctx, strings.Join(lines, "\n")+"\n", "ip", args...)
	if !out.OK() {
		return fmt.Errorf("%s\n%s", strings.Join(lines, "\n"), out)
	}
	return nil
}
