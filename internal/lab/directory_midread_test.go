//go:build integration

package lab_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"dfsd/internal/lab"
	"dfsd/sites/adsites"
)

// gate forwards the connections of dfsd to a controller. Where it has a limit,
// it lets that many bytes of the controller's through, and holds the rest until
// it is released.
type gate struct {
	addr    netip.Addr
	limit   int64         // 0: none
	reached chan struct{} // closed when the limit is
	release chan struct{}
	ended   <-chan struct{} // closed when the test is over

	mu     sync.Mutex // guards what follows
	passed int64      // bytes of the controller's
}

// newGate listens at an address of its own until the test ends.
func newGate(t *testing.T, l *lab.Lab, to netip.Addr, limit int64) *gate {
	t.Helper()
	g := &gate{addr: l.Address(), limit: limit, reached: make(chan struct{}), release: make(chan struct{}), ended: t.Context().Done()}
	listener, err := net.Listen("tcp", netip.AddrPortFrom(g.addr, 636).String())
	if err != nil {
		t.Fatal(err)
	}
	var running sync.WaitGroup
	t.Cleanup(func() {
		_ = listener.Close() // that ends it
		running.Wait()
	})
	running.Go(func() {
		for {
			c, err := listener.Accept()
			if err != nil {
				return
			}
			running.Go(func() { g.forward(t.Context(), c, netip.AddrPortFrom(to, 636).String()) })
		}
	})
	return g
}

// forward returns when either end has gone, or the test ends.
func (g *gate) forward(ctx context.Context, c net.Conn, to string) {
	defer c.Close()
	defer context.AfterFunc(ctx, func() { _ = c.Close() })()
	up, err := net.Dial("tcp", to)
	if err != nil {
		return
	}
	defer up.Close()
	var asking sync.WaitGroup
	asking.Go(func() {
		_, _ = io.Copy(up, c) // until either end has gone
		_ = up.Close()
	})
	_, _ = io.Copy(c, io.TeeReader(up, g))
	_ = c.Close()
	asking.Wait()
}

// Write takes note of what the controller sends, before it goes on.
func (g *gate) Write(b []byte) (int, error) {
	g.mu.Lock()
	before := g.passed
	g.passed += int64(len(b))
	g.mu.Unlock()
	if g.limit > 0 && before < g.limit && before+int64(len(b)) >= g.limit {
		close(g.reached)
		select {
		case <-g.release:
		case <-g.ended:
		}
	}
	return len(b), nil
}

// midway waits until the limit is reached: much has come, and not all.
func (g *gate) midway(t *testing.T) {
	t.Helper()
	select {
	case <-g.reached:
	case <-time.After(longWait):
		t.Fatalf("the limit of %d bytes was not reached: there were %d", g.limit, g.bytes())
	}
}

func (g *gate) bytes() int64 {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.passed
}

// failsMidway: while a controller of Active Directory is being read, it freezes
// or dies, at several points between the first byte and the last. No part of the
// topology counts, and the whole does once the controller is there again.
func (p *pairLab) failsMidway(t *testing.T) {
	p.first.Start()
	serve := func(g *gate) *lab.Dfsd {
		return p.Dfsd(lab.DfsdSetup{Rest: fmt.Sprintf(`
sites:
  ldap:
    url: ldaps://%s
    bind: {dn: 'Administrator@%s', password_file: %s}
    tls: {insecure_skip_verify: true} # the gate is not whom the certificate names
namespaces:
  - name: public
    folders: [{path: f, targets: [{path: '\\nice\a', site: Nice}, {path: '\\lyon\a', site: Lyon}]}]
`, g.addr, p.first.DNSDomain, secretFile(t, p.Lab, p.first.AdminPassword))})
	}
	want := func(d *lab.Dfsd) func() error {
		return func() error {
			if e := d.Explain(`\\dfsd\public\f`, netip.MustParseAddr(parisian)); e.Client.Site != "Paris" {
				return fmt.Errorf("the client is in site %q", e.Client.Site)
			}
			return ordered(d, parisian, "nice lyon")()
		}
	}
	undisturbed := newGate(t, p.Lab, p.first.Addr, 0)
	d := serve(undisturbed)
	d.AwaitLog(0, "topology read")
	all := undisturbed.bytes() // at once: what comes later is no reading
	awaitWithin(t, d, "a reading that nothing disturbs", longWait, want(d))
	for _, tt := range []struct {
		percent int64
		fail    func()
		recover func()
	}{
		{10, p.first.Pause, p.first.Resume},
		{50, p.first.Pause, p.first.Resume},
		{75, p.first.Pause, p.first.Resume},
		{90, p.first.Pause, p.first.Resume},
		{80, p.first.Stop, p.first.Start},
	} {
		g := newGate(t, p.Lab, p.first.Addr, all*tt.percent/100)
		d := serve(g)
		g.midway(t)
		tt.fail()
		for range 5 {
			e := d.Explain(`\\dfsd\public\f`, netip.MustParseAddr(parisian))
			if e.Client.Site != "" || len(e.Targets) != 2 {
				t.Errorf("after %d%% of %d bytes: %+v", tt.percent, all, e)
			}
		}
		if _, err := os.Stat(filepath.Join(d.Data(), adsites.SnapshotName)); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("after %d%% of %d bytes a topology was kept: %v", tt.percent, all, err)
		}
		tt.recover()
		close(g.release)
		awaitWithin(t, d, fmt.Sprintf("failed after %d%% of %d bytes, and is back", tt.percent, all), longWait, want(d))
	}
}
