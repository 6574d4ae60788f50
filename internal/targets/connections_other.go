//go:build !linux

package targets

import "net/netip"

// Established counts the connections that others have to one of some addresses
// of this machine. On this system nobody can know.
func Established([]netip.Addr, uint16) (int, bool) { return 0, false }
