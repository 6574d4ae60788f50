package smbd

import (
	"net/netip"
	"sync"

	"dfsd/internal/netaddr"
)

// admission counts connections in all and per address, and says who may come
// in. Counting by address keeps one client, or one network that floods, from
// taking the room of the others. Safe for concurrent use.
type admission struct {
	limits Limits

	mu     sync.Mutex // guards all below
	all    headcount
	byAddr map[netip.Addr]headcount
}

// headcount counts connections, and those among them that have not logged on.
type headcount struct{ connections, unauthenticated int32 }

func newAdmission(l Limits) *admission {
	return &admission{limits: l, byAddr: map[netip.Addr]headcount{}}
}

// enter counts a new connection of addr, or says why it may not come in. Every
// connection that came in is given back by one leave.
func (a *admission) enter(addr netip.Addr) (why reason, ok bool) {
	key := netaddr.Neighbourhood(addr)
	a.mu.Lock()
	defer a.mu.Unlock()
	local := a.byAddr[key]
	switch {
	case int(a.all.connections) >= a.limits.Connections:
		return rejectConnections, false
	case int(local.connections) >= a.limits.ConnectionsPerAddress:
		return rejectConnectionsPerAddress, false
	case int(local.unauthenticated) >= a.limits.UnauthenticatedPerAddress:
		return rejectUnauthenticatedPerAddress, false
	case int(a.all.unauthenticated) >= a.limits.Unauthenticated:
		return rejectUnauthenticated, false
	}
	a.add(key, headcount{1, 1})
	return 0, true
}

// authenticated counts a connection of addr as one that has logged on.
func (a *admission) authenticated(addr netip.Addr) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.add(netaddr.Neighbourhood(addr), headcount{0, -1})
}

// leave gives the place of a connection back.
func (a *admission) leave(addr netip.Addr, authenticated bool) {
	gone := headcount{-1, -1}
	if authenticated {
		gone.unauthenticated = 0
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.add(netaddr.Neighbourhood(addr), gone)
}

// present counts the connections that are open.
func (a *admission) present() int {
	a.mu.Lock()
	defer a.mu.Unlock()
	return int(a.all.connections)
}

// add runs with mu held.
func (a *admission) add(key netip.Addr, n headcount) {
	a.all = a.all.plus(n)
	if local := a.byAddr[key].plus(n); local == (headcount{}) {
		delete(a.byAddr, key)
	} else {
		a.byAddr[key] = local
	}
}

func (h headcount) plus(n headcount) headcount {
	return headcount{h.connections + n.connections, h.unauthenticated + n.unauthenticated}
}
