package netaddr

import (
	"net"
	"net/netip"
	"testing"
)

func TestOf(t *testing.T) {
	tests := []struct {
		name   string
		remote net.Addr
		want   netip.Addr
	}{
		{"IPv4", net.TCPAddrFromAddrPort(netip.MustParseAddrPort("10.1.2.3:445")), netip.MustParseAddr("10.1.2.3")},
		{"IPv4 in IPv6", net.TCPAddrFromAddrPort(netip.MustParseAddrPort("[::ffff:10.1.2.3]:445")), netip.MustParseAddr("10.1.2.3")},
		{"IPv6", net.TCPAddrFromAddrPort(netip.MustParseAddrPort("[2001:db8::7]:1")), netip.MustParseAddr("2001:db8::7")},
		{"no address", &net.UnixAddr{Name: "x"}, netip.Addr{}},
	}
	for _, tt := range tests {
		if got := Of(tt.remote); got != tt.want {
			t.Errorf("Of(%s) = %v, want %v", tt.name, got, tt.want)
		}
	}
}

func TestNeighbourhood(t *testing.T) {
	for addr, want := range map[string]string{
		"10.1.2.3": "10.1.2.3", "2001:db8::7": "2001:db8::", "2001:db8:0:0:ffff::1": "2001:db8::", "2001:db8:0:1::1": "2001:db8:0:1::",
		"fe80::1%eth0": "fe80::", "::": "::",
	} {
		if got := Neighbourhood(netip.MustParseAddr(addr)); got != netip.MustParseAddr(want) {
			t.Errorf("Neighbourhood(%s) = %v, want %s", addr, got, want)
		}
	}
	if got := Neighbourhood(netip.Addr{}); got.IsValid() {
		t.Errorf("Neighbourhood of no address = %v", got)
	}
}
