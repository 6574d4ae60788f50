package smbd

import (
	"net/netip"
	"testing"
)

func TestAdmission(t *testing.T) {
	limits := Limits{Connections: 6, ConnectionsPerAddress: 4, Unauthenticated: 3, UnauthenticatedPerAddress: 2}
	const (
		enter = iota
		authenticate
		leave
		leaveAuthenticated
	)
	type step struct {
		do   int
		addr string
		why  reason
		ok   bool
	}
	tests := []struct {
		name  string
		steps []step
	}{
		{name: "per address before log-on", steps: []step{
			{do: enter, addr: "10.0.0.1", ok: true},
			{do: enter, addr: "10.0.0.1", ok: true},
			{do: enter, addr: "10.0.0.1", why: rejectUnauthenticatedPerAddress},
			{do: enter, addr: "10.0.0.2", ok: true},
			{do: enter, addr: "10.0.0.3", why: rejectUnauthenticated},
			{do: leave, addr: "10.0.0.1"},
			{do: enter, addr: "10.0.0.3", ok: true},
		}},
		{name: "per address in all", steps: []step{
			{do: enter, addr: "10.0.0.1", ok: true},
			{do: authenticate, addr: "10.0.0.1"},
			{do: enter, addr: "10.0.0.1", ok: true},
			{do: authenticate, addr: "10.0.0.1"},
			{do: enter, addr: "10.0.0.1", ok: true},
			{do: authenticate, addr: "10.0.0.1"},
			{do: enter, addr: "10.0.0.1", ok: true},
			{do: authenticate, addr: "10.0.0.1"},
			{do: enter, addr: "10.0.0.1", why: rejectConnectionsPerAddress},
			{do: leaveAuthenticated, addr: "10.0.0.1"},
			{do: enter, addr: "10.0.0.1", ok: true},
			{do: enter, addr: "10.0.0.2", ok: true},
			{do: enter, addr: "10.0.0.3", ok: true},
			{do: enter, addr: "10.0.0.4", why: rejectConnections},
		}},
		{name: "one IPv6 network", steps: []step{
			{do: enter, addr: "2001:db8::1", ok: true},
			{do: enter, addr: "2001:db8::2:0:0:2", ok: true},
			{do: enter, addr: "2001:db8::ffff:1:2:3", why: rejectUnauthenticatedPerAddress},
			{do: enter, addr: "2001:db8:0:1::1", ok: true},
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			a := newAdmission(limits)
			for i, s := range tt.steps {
				addr := netip.MustParseAddr(s.addr)
				switch s.do {
				case authenticate:
					a.authenticated(addr)
				case leave, leaveAuthenticated:
					a.leave(addr, s.do == leaveAuthenticated)
				default:
					if why, ok := a.enter(addr); ok != s.ok || why != s.why {
						t.Errorf("step %d: enter(%s) = %s, %v, want %s, %v", i, s.addr, reasonLabels[why], ok, reasonLabels[s.why], s.ok)
					}
				}
			}
		})
	}
}

// TestAdmissionForgets: addresses that have gone leave nothing behind.
func TestAdmissionForgets(t *testing.T) {
	var limits Limits
	limits.SetDefaults()
	a := newAdmission(limits)
	for i := range 1000 {
		addr := netip.AddrFrom4([4]byte{10, 0, byte(i >> 8), byte(i)})
		if why, ok := a.enter(addr); !ok {
			t.Fatalf("enter(%s) refused: %s", addr, reasonLabels[why])
		}
		authenticated := i%2 == 0
		if authenticated {
			a.authenticated(addr)
		}
		a.leave(addr, authenticated)
	}
	if len(a.byAddr) != 0 || a.all != (headcount{}) {
		t.Errorf("after all have left: %d addresses, %+v in all, want none", len(a.byAddr), a.all)
	}
}
