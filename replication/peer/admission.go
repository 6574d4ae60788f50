package peer

import (
	"net/netip"
	"sync"

	"dfsd/internal/netaddr"
)

// admission counts connections that have not proven who they are, in all and
// by address, so that one network that floods leaves the others room. Safe for
// concurrent use.
type admission struct {
	limits Limits

	mu     sync.Mutex // guards all below
	all    int
	byAddr map[netip.Addr]int
}

func newAdmission(l Limits) *admission { return &admission{limits: l, byAddr: map[netip.Addr]int{}} }

// enter counts a connection from addr, or says why it may not come in. leave
// gives its place back.
func (a *admission) enter(addr netip.Addr) (why reason, ok bool) {
	addr = netaddr.Neighbourhood(addr)
	a.mu.Lock()
	defer a.mu.Unlock()
	switch {
	case a.byAddr[addr] >= a.limits.UnprovenPerAddress:
		return refusedPerAddress, false
	case a.all >= a.limits.Unproven:
		return refusedUnproven, false
	}
	a.all++
	a.byAddr[addr]++
	return 0, true
}

func (a *admission) leave(addr netip.Addr) {
	addr = netaddr.Neighbourhood(addr)
	a.mu.Lock()
	defer a.mu.Unlock()
	a.all--
	if a.byAddr[addr]--; a.byAddr[addr] == 0 {
		delete(a.byAddr, addr)
	}
}
