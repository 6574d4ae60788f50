//go:build !linux

package doctor

import "net/netip"

// holderOf cannot tell who listens here.
func holderOf(netip.AddrPort) string { return "" }
