// Package netaddr holds what addresses need beyond net/netip: what limits count as
// one, and how systems write them.
package netaddr

import (
	"net"
	"net/netip"
)

// Neighbourhood is what counts as one address: an IPv4 address, or the /64 that
// one IPv6 host may choose its addresses from.
func Neighbourhood(addr netip.Addr) netip.Addr {
	if !addr.Is6() {
		return addr
	}
	prefix, err := addr.WithZone("").Prefix(64)
	if err != nil {
		return addr
	}
	return prefix.Addr()
}

// Of returns the address of a peer without its port, IPv4 as IPv4; the zero Addr
// where the network has none.
func Of(remote net.Addr) netip.Addr {
	tcp, ok := remote.(*net.TCPAddr)
	if !ok {
		return netip.Addr{}
	}
	return tcp.AddrPort().Addr().Unmap()
}
