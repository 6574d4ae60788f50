package peer

import (
	"context"
	"errors"
	"net/netip"
	"testing"
	"time"

	"dfsd/replication/wire"
)

func TestBackoff(t *testing.T) {
	tests := []struct {
		failed int
		chance float64
		want   time.Duration
	}{
		{-1, 0, 0},
		{0, 0, 0},
		{1, 0, 500 * time.Millisecond},
		{1, 1, 250 * time.Millisecond},
		{2, 0, time.Second},
		{2, 0.5, 750 * time.Millisecond},
		{7, 0, 32 * time.Second},
		{8, 0, time.Minute},
		{1 << 40, 0, time.Minute},
		{1 << 40, 1, 30 * time.Second},
		{3, 7, time.Second},
	}
	for _, tt := range tests {
		if got := Backoff(tt.failed, tt.chance); got != tt.want {
			t.Errorf("Backoff(%d, %v) = %v, want %v", tt.failed, tt.chance, got, tt.want)
		}
	}
}

func TestKeepsOneOfTwo(t *testing.T) {
	a, b := newHost(t, "fs1", 1).id.Fingerprint(), newHost(t, "fs2", 2).id.Fingerprint()
	for _, aDialled := range []bool{true, false} {
		if Keeps(a, b, aDialled) != Keeps(b, a, !aDialled) {
			t.Errorf("the sides do not agree on the session that a dialled: %v", aDialled)
		}
	}
	if Keeps(a, b, true) == Keeps(a, b, false) {
		t.Error("both sessions stay, or none")
	}
}

func TestLimits(t *testing.T) {
	tests := []struct {
		name string
		l    Limits
		ok   bool
	}{
		{"defaults", Limits{}, true},
		{"defaults in full", DefaultLimits(), true},
		{"negative time", Limits{Stall: -1}, false},
		{"negative number", Limits{Requests: -1}, false},
		{"silence within a heartbeat", Limits{Silence: time.Second}, false},
		{"window less than a frame", Limits{Window: wire.MaxBody}, false},
		{"least window", Limits{Window: leastWindow}, true},
	}
	for _, tt := range tests {
		if err := tt.l.Validate(); (err == nil) != tt.ok {
			t.Errorf("%s: Validate = %v", tt.name, err)
		}
	}
}

func TestCreditGoesInOrder(t *testing.T) {
	var c credit
	over := newEnding()
	order := make(chan int, 3)
	for i, n := range []int64{100, 10, 50} {
		go func() {
			if err := c.take(t.Context(), n, over); err == nil {
				order <- i
			}
		}()
		for {
			c.mu.Lock()
			waiting := len(c.waiting)
			c.mu.Unlock()
			if waiting == i+1 {
				break
			}
		}
	}
	for i, n := range []int64{99, 1 + 10, 50} { // the small one does not overtake
		if err := c.grant(n); err != nil {
			t.Fatal(err)
		}
		if i == 0 {
			if len(order) != 0 {
				t.Errorf("%d overtook", <-order)
			}
			continue
		}
	}
	got := map[int]bool{}
	for range 3 {
		got[within(t, order)] = true
	}
	if len(got) != 3 || c.left != 0 {
		t.Errorf("took %v, left %d", got, c.left)
	}
}

func TestCreditOfThoseWhoLeave(t *testing.T) {
	var c credit
	over := newEnding()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := c.take(ctx, 10, over); !errors.Is(err, context.Canceled) {
		t.Errorf("take = %v, want %v", err, context.Canceled)
	}
	if err := c.grant(10); err != nil || c.left != 10 {
		t.Errorf("grant = %v, left %d, want 10", err, c.left)
	}
	over.because(ErrClosed)
	if err := c.take(t.Context(), 1, over); !errors.Is(err, ErrClosed) {
		t.Errorf("take = %v, want %v", err, ErrClosed)
	}
	if err := c.grant(maxCredit); !errors.Is(err, wire.ErrProtocol) {
		t.Errorf("grant = %v, want %v", err, wire.ErrProtocol)
	}
}

func TestAdmission(t *testing.T) {
	a := newAdmission(Limits{Unproven: 3, UnprovenPerAddress: 2})
	addr := netip.MustParseAddr
	steps := []struct {
		addr string
		why  reason
		ok   bool
	}{
		{"192.0.2.1", 0, true},
		{"192.0.2.1", 0, true},
		{"192.0.2.1", refusedPerAddress, false},
		{"2001:db8::1", 0, true},
		{"2001:db8::2", refusedUnproven, false},
	}
	for i, s := range steps {
		if why, ok := a.enter(addr(s.addr)); why != s.why || ok != s.ok {
			t.Errorf("step %d: enter(%s) = %d, %v, want %d, %v", i, s.addr, why, ok, s.why, s.ok)
		}
	}
	a.leave(addr("2001:db8::ffff")) // the same network
	a.leave(addr("192.0.2.1"))
	a.leave(addr("192.0.2.1"))
	if a.all != 0 || len(a.byAddr) != 0 {
		t.Errorf("%d places are taken by %v", a.all, a.byAddr)
	}
}
