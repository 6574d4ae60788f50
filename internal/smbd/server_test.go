package smbd

import (
	"context"
	"errors"
	"net"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"dfsd/internal/smb2"
	"dfsd/referral"
)

func TestNewNeedsItsParts(t *testing.T) {
	for name, change := range map[string]func(*Options){
		"auth":   func(o *Options) { o.Auth = nil },
		"forest": func(o *Options) { o.Forest = nil },
		"config": func(o *Options) { o.Config = Config{} },
	} {
		o := testOptions(t)
		change(&o)
		if _, err := New(o); err == nil {
			t.Errorf("New without %s = nil, want an error", name)
		}
	}
}

// TestZeroOptions: log, metrics, clock and random source need not be given.
func TestZeroOptions(t *testing.T) {
	s, err := New(testOptions(t))
	if err != nil {
		t.Fatal(err)
	}
	if s.log == nil || s.metrics == nil || s.now == nil || s.registry.rand == nil {
		t.Errorf("New left something out: %+v", s)
	}
}

// TestServeEnds: Serve returns once its context ends, every connection is closed
// then, and other listeners of the server go on.
func TestServeEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := listenPipe(t, testOptions(t))
		second := newPipeListener()
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error)
		go func() { done <- h.Serve(ctx, second) }()
		there := newClient(t, second.dialFrom("10.1.0.7"))
		there.negotiate(offer())
		there.mustLogon(testUser, testPassword)
		there.connectTree("public")
		there.watch("docs")
		here := h.logon(t, "IPC$")
		cancel()
		if err := <-done; err != nil {
			t.Errorf("Serve() = %v, want nil", err)
		}
		there.wantEnd()
		here.referral(`\fs1\public`)
		h.stop()
		here.wantEnd()
	})
}

func TestServeAfterTheEnd(t *testing.T) {
	s, err := New(testOptions(t))
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := s.Serve(ctx, newPipeListener()); err != nil {
		t.Errorf("Serve() with a context that has ended = %v, want nil", err)
	}
}

func TestListenerCloses(t *testing.T) {
	s, err := New(testOptions(t))
	if err != nil {
		t.Fatal(err)
	}
	l := newPipeListener()
	l.Close() //nolint:errcheck // a pipe
	if err := s.Serve(t.Context(), l); !errors.Is(err, net.ErrClosed) {
		t.Errorf("Serve() = %v, want %v", err, net.ErrClosed)
	}
}

// TestAcceptFails: want of file descriptors passes, and the server waits for it
// to.
func TestAcceptFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := testOptions(t)
		lines := observeLog(&o)
		pipes := newPipeListener()
		began := time.Now()
		h := serve(t, o, &faultyListener{Listener: pipes, failures: 12})
		c := newClient(t, pipes.dialFrom("10.1.0.7"))
		c.negotiate(offer())
		if got := time.Since(began); got < time.Second || got > 12*time.Second {
			t.Errorf("accepted after %v, want after some seconds", got)
		}
		if got := lines.FilterMessage("accept failed").Len(); got != 12 {
			t.Errorf("%d log lines, want 12", got)
		}
		h.stop()
	})
}

// TestPanicCostsOneConnection: a fault of the server ends the connection that
// met it and no other, and what its client held is given back.
func TestPanicCostsOneConnection(t *testing.T) {
	o := testOptions(t)
	lines := observeLog(&o)
	resolve := o.Refer
	o.Refer = func(req referral.Request, out *referral.Referral) error {
		if strings.HasSuffix(req.Path, "panic") {
			panic("a fault of ours")
		}
		return resolve(req, out)
	}
	h := listen(t, o)
	h.panics = 1
	c := h.logon(t, "public")
	c.open("docs")
	other := h.logon(t, "IPC$")
	c.send(ioctlOp(referralRequest(`\fs1\public\panic`, 4, 4096)))
	c.wantEnd()
	other.referral(`\fs1\public`)
	h.connect(t)
	h.stop()
	if got := lines.FilterMessage("smb connection failed").Len(); got != 1 {
		t.Errorf("%d log lines, want 1", got)
	}
}

// TestFloodOfOneAddress: half-open connections of one address, more than it may
// have, do not keep others out.
func TestFloodOfOneAddress(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := limited(t, func(l *Limits) { l.Unauthenticated = 64; l.UnauthenticatedPerAddress = 16 })
		l := newPipeListener()
		h := serve(t, o, l)
		honest := func() *client {
			c := newClient(t, l.dialFrom("10.1.0.99"))
			c.negotiate(offer())
			c.mustLogon(testUser, testPassword)
			c.connectTree("IPC$")
			return c
		}
		before := honest()
		for round := range 3 {
			for i := range 40 {
				nc := l.dialFrom("10.66.6.6")
				if i%2 == 0 {
					go nc.Write([]byte{0, 0}) //nolint:errcheck // half a header
				}
			}
			began := time.Now()
			before.referral(`\fs1\public`)
			honest().referral(`\fs1\public`)
			if got := time.Since(began); got != 0 {
				t.Errorf("honest clients waited %v", got)
			}
			synctest.Wait()
			h.wantRejected(t, rejectUnauthenticatedPerAddress, float64(24*(round+1)))
			time.Sleep(h.limits.AuthenticateWithin)
			synctest.Wait()
			h.wantRejected(t, rejectAuthenticateTimeout, float64(16*(round+1)))
			if got := testutil.ToFloat64(h.metrics.connections); got != float64(round+2) {
				t.Errorf("%v connections after the flood, want %d", got, round+2)
			}
		}
		h.stop()
	})
}

// TestConnectAndClose: connections that come and go at any step of their set-up
// leave nothing behind; the harness checks it.
func TestConnectAndClose(t *testing.T) {
	h := listen(t, testOptions(t))
	steps := []func(c *client){
		func(*client) {},
		func(c *client) { c.nc.Write([]byte{0, 0, 1}) }, //nolint:errcheck // part of a frame
		func(c *client) { c.negotiate(offer()) },
		func(c *client) { c.negotiate(offer()); c.beginLogon() },
		func(c *client) { c.negotiate(offer()); c.mustLogon(testUser, testPassword) },
		func(c *client) { c.negotiate(offer()); c.wantLogon(smb2.StatusLogonFailure, testUser, "guess", nil) },
		func(c *client) {
			c.negotiate(offer())
			c.mustLogon(testUser, testPassword)
			c.connectTree("public")
			c.watch("docs")
		},
	}
	for range 30 {
		for _, step := range steps {
			c := newClient(t, h.dial())
			step(c)
			c.nc.Close() //nolint:errcheck // what is tested
		}
	}
}

// TestMetricNames: the names are a contract, and no label holds what a client
// sends.
func TestMetricNames(t *testing.T) {
	reg := prometheus.NewRegistry()
	o := testOptions(t)
	o.Metrics = NewMetrics(reg)
	h := listen(t, o)
	c := h.logon(t, "IPC$")
	c.referral(`\fs1\public\docs\projects`)
	c.want(c.one(ioctlOp(referralRequest(`\fs1\public\docs\projects`, 3, 220))), smb2.StatusSuccess)
	want := []string{
		"dfsd_smb_connections", "dfsd_smb_connections_total", "dfsd_smb_sessions", "dfsd_smb_opens", "dfsd_smb_parked_requests",
		"dfsd_smb_panics_total", "dfsd_smb_auth_total", "dfsd_smb_requests_total", "dfsd_smb_rejected_total", "dfsd_smb_malformed_total",
		"dfsd_referral_requests_total", "dfsd_referral_duration_seconds", "dfsd_referral_truncated_total", "dfsd_referral_site_match_total",
	}
	families, err := reg.Gather()
	if err != nil {
		t.Fatal(err)
	}
	have := map[string]bool{}
	for _, f := range families {
		have[f.GetName()] = true
		if n := len(f.GetMetric()); n > int(kindCount)*levelCount*int(outcomeCount) {
			t.Errorf("%s has %d series", f.GetName(), n)
		}
		for _, m := range f.GetMetric() {
			for _, label := range m.GetLabel() {
				if strings.ContainsAny(label.GetValue(), `\.`) || strings.Contains(label.GetValue(), testUser) {
					t.Errorf("%s has the label %s=%s", f.GetName(), label.GetName(), label.GetValue())
				}
			}
		}
	}
	for _, name := range want {
		if !have[name] {
			t.Errorf("no series %s", name)
		}
		delete(have, name)
	}
	for name := range have {
		t.Errorf("series %s is not in the list", name)
	}
	m := h.metrics
	for name, tt := range map[string]struct {
		series prometheus.Counter
		want   float64
	}{
		"link referrals of level 4": {m.referrals[kindLink][4][outcomeOK], 1},
		"truncated":                 {m.referralsCut, 1},
		"same site":                 {m.siteMatches[siteSame], 2},
		"logged on":                 {m.auth.WithLabelValues("ntlmv2", logonOK), 1},
		"accepted":                  {m.accepted, 1},
		"IOCTLs":                    {m.requests[smb2.CommandIoctl][0], 2},
	} {
		if got := testutil.ToFloat64(tt.series); got != tt.want {
			t.Errorf("%s: %v, want %v", name, got, tt.want)
		}
	}
	if problems, err := testutil.GatherAndLint(reg); err != nil || len(problems) > 0 {
		t.Errorf("lint: %v, %v", problems, err)
	}
}
