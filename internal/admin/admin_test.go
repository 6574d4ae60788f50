package admin

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"dfsd/namespace"
	"dfsd/referral"
	"dfsd/sites"
)

func testPicture(t *testing.T) Picture {
	t.Helper()
	var sc sites.Config
	sc.SetDefaults()
	sc.Sites = []string{"HQ", "NewYork", "London"}
	sc.Subnets = []sites.SubnetConfig{
		{Prefix: netip.MustParsePrefix("10.1.0.0/16"), Site: "NewYork"},
		{Prefix: netip.MustParsePrefix("10.2.0.0/16"), Site: "London"},
		{Prefix: netip.MustParsePrefix("2001:db8:2::/48"), Site: "London"},
	}
	sc.Links = []sites.LinkConfig{{Name: "hq-ny", Sites: []string{"HQ", "NewYork"}, Cost: 100}, {Name: "hq-lon", Sites: []string{"HQ", "London"}, Cost: 200}}
	topology, err := sites.New(sc)
	if err != nil {
		t.Fatal(err)
	}
	var nc namespace.Config
	nc.SetDefaults()
	nc.Name, nc.Comment = "public", "Company shares"
	var fc namespace.FolderConfig
	fc.SetDefaults()
	fc.Path = "projects"
	fc.Targets = []namespace.TargetConfig{
		{Path: `\\fs2\projects`, Site: "London"},
		{Path: `\\fs1\projects`, Site: "NewYork"},
		{Path: `\\fs3\projects`, Site: "HQ", State: namespace.Offline},
	}
	nc.Folders = []namespace.FolderConfig{fc}
	snapshot, err := namespace.New([]namespace.Config{nc})
	if err != nil {
		t.Fatal(err)
	}
	return NewPicture(referral.NewView(snapshot, topology, referral.ViewOptions{}), Sources{})
}

// fakeDaemon serves one picture and counts reloads.
type fakeDaemon struct {
	picture Picture
	reloads int
	refuse  error
	ready   error

	replicas Replicas
	targets  fakeTargets
}

func (d *fakeDaemon) Picture() Picture { return d.picture }
func (d *fakeDaemon) Configuration() Configuration {
	return Configuration{File: "f.yaml", Host: "fs1", Digest: "d"}
}
func (d *fakeDaemon) Ready() error       { return d.ready }
func (d *fakeDaemon) Replicas() Replicas { return d.replicas }
func (d *fakeDaemon) Targets() Targets   { return &d.targets }
func (d *fakeDaemon) Reload(context.Context) error {
	d.reloads++
	return d.refuse
}

// answerer is what Picture and Client both are.
type answerer interface {
	Explain(context.Context, ExplainQuery) (Explanation, error)
	SiteOf(context.Context, netip.Addr) (SiteAnswer, error)
	Sites(context.Context) (SiteList, error)
	Cost(context.Context, string, string) (CostAnswer, error)
	Namespaces(context.Context) ([]NamespaceItem, error)
	Namespace(context.Context, string) (NamespaceAnswer, error)
}

// overSocket serves d on a unix socket and returns a client of it.
func overSocket(t *testing.T, d Daemon) *Client {
	t.Helper()
	path := filepath.Join(t.TempDir(), "run", "admin.sock")
	l, err := ListenSocket(path)
	if err != nil {
		t.Fatal(err)
	}
	srv := &http.Server{Handler: Handler(d, nil, HandlerOptions{}), ReadHeaderTimeout: time.Second}
	ended := make(chan error)
	go func() { ended <- srv.Serve(l) }()
	t.Cleanup(func() {
		_ = srv.Close() // ended is awaited either way
		<-ended
	})
	return NewClient(path)
}

// TestAnswers holds both ways to ask to the same answers.
func TestAnswers(t *testing.T) {
	p := testPicture(t)
	for name, a := range map[string]answerer{"picture": p, "client": overSocket(t, &fakeDaemon{picture: p})} {
		t.Run(name, func(t *testing.T) { testAnswers(t, a) })
	}
}

func testAnswers(t *testing.T, a answerer) {
	ctx := t.Context()
	e, err := a.Explain(ctx, ExplainQuery{Path: "//files/PUBLIC/projects/plan.txt", IP: netip.MustParseAddr("10.1.2.3")})
	if err != nil {
		t.Fatal(err)
	}
	if e.Path != `\\files\PUBLIC\projects\plan.txt` || e.Namespace != "public" || e.Folder != "projects" || e.PathConsumed != 2*len(`\files\PUBLIC\projects`) || e.TTLSeconds != 1800 {
		t.Errorf("Explain = %+v", e)
	}
	if want := (ExplainedClient{IP: "10.1.2.3", Site: "NewYork", Subnet: "10.1.0.0/16"}); e.Client != want {
		t.Errorf("client = %+v, want %+v", e.Client, want)
	}
	if len(e.Targets) != 2 || e.Targets[0].Path != `\\fs1\projects` || *e.Targets[0].Cost != 0 || *e.Targets[1].Cost != 300 || e.Targets[1].Set != 1 {
		t.Errorf("targets = %+v", e.Targets)
	}
	if len(e.Excluded) != 1 || e.Excluded[0].Path != `\\fs3\projects` || !strings.Contains(e.Excluded[0].Reason, "offline") {
		t.Errorf("excluded = %+v", e.Excluded)
	}

	s, err := a.SiteOf(ctx, netip.MustParseAddr("2001:db8:2::7"))
	if want := (SiteAnswer{IP: "2001:db8:2::7", Subnet: "2001:db8:2::/48", Site: "London"}); s != want || err != nil {
		t.Errorf("SiteOf = %+v, %v, want %+v", s, err, want)
	}
	nowhere, err := a.SiteOf(ctx, netip.MustParseAddr("192.0.2.1"))
	if want := (SiteAnswer{IP: "192.0.2.1"}); nowhere != want || err != nil {
		t.Errorf("SiteOf nowhere = %+v, %v, want %+v", nowhere, err, want)
	}
	c, err := a.Cost(ctx, "newyork", "LONDON")
	if want := (CostAnswer{From: "NewYork", To: "London", Cost: 300, Route: []string{"NewYork", "HQ", "London"}}); !reflect.DeepEqual(c, want) || err != nil {
		t.Errorf("Cost = %+v, %v, want %+v", c, err, want)
	}
	l, err := a.Sites(ctx)
	if err != nil || len(l.Sites) != 3 || len(l.Subnets) != 3 || len(l.Links) != 2 || l.Links[1].Cost != 200 {
		t.Errorf("Sites = %+v, %v", l, err)
	}
	items, err := a.Namespaces(ctx)
	if err != nil || len(items) != 1 || items[0].Folders != 1 || items[0].Comment != "Company shares" {
		t.Errorf("Namespaces = %+v, %v", items, err)
	}
	for _, name := range []string{"Public", `\\files\public`, "//files/public"} {
		n, err := a.Namespace(ctx, name)
		if err != nil || len(n.Links) != 1 || len(n.Links[0].Targets) != 3 || n.Links[0].Targets[0].Site != "London" {
			t.Errorf("Namespace(%q) = %+v, %v", name, n, err)
		}
	}
}

// TestErrors: an error means the same on both sides of the socket.
func TestErrors(t *testing.T) {
	p := testPicture(t)
	ip := netip.MustParseAddr("10.1.2.3")
	tests := []struct {
		name string
		ask  func(answerer) error
		want error
	}{
		{"unknown namespace", func(a answerer) error {
			_, err := a.Explain(t.Context(), ExplainQuery{Path: `\\h\none`, IP: ip})
			return err
		}, ErrNotFound},
		{"no UNC path", func(a answerer) error {
			_, err := a.Explain(t.Context(), ExplainQuery{Path: `public`, IP: ip})
			return err
		}, ErrBadRequest},
		{"empty path", func(a answerer) error { _, err := a.Explain(t.Context(), ExplainQuery{IP: ip}); return err }, ErrBadRequest},
		{"unknown site", func(a answerer) error {
			_, err := a.Explain(t.Context(), ExplainQuery{Path: `\\h\public`, Site: "Oz"})
			return err
		}, ErrNotFound},
		{"cost from nowhere", func(a answerer) error { _, err := a.Cost(t.Context(), "Oz", "HQ"); return err }, ErrNotFound},
		{"unknown root", func(a answerer) error { _, err := a.Namespace(t.Context(), "none"); return err }, ErrNotFound},
	}
	client := overSocket(t, &fakeDaemon{picture: p})
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			local, remote := tt.ask(p), tt.ask(client)
			if !errors.Is(local, tt.want) || !errors.Is(remote, tt.want) {
				t.Fatalf("errors are %v and %v, want both %v", local, remote, tt.want)
			}
			if local.Error() != remote.Error() {
				t.Errorf("remote error %q, want %q", remote, local)
			}
		})
	}
}

func TestReload(t *testing.T) {
	d := &fakeDaemon{picture: testPicture(t)}
	c := overSocket(t, d)
	if now, err := c.Reload(t.Context()); err != nil || now.File != "f.yaml" || d.reloads != 1 {
		t.Errorf("Reload = %+v, %v after %d reloads", now, err, d.reloads)
	}
	d.refuse = errors.Join(ErrRefused, errors.New("f.yaml:3:1: unknown key"))
	if _, err := c.Reload(t.Context()); !errors.Is(err, ErrRefused) || !strings.Contains(err.Error(), "f.yaml:3:1") {
		t.Errorf("refused Reload = %v", err)
	}
}

func TestUnreachable(t *testing.T) {
	_, err := NewClient(filepath.Join(t.TempDir(), "none")).Sites(t.Context())
	if !errors.Is(err, ErrUnreachable) {
		t.Errorf("without a daemon = %v, want %v", err, ErrUnreachable)
	}
}

func TestProtect(t *testing.T) {
	d := &fakeDaemon{picture: testPicture(t), ready: errors.New("not yet")}
	tests := []struct {
		name, token, method, path, bearer, origin string
		want                                      int
	}{
		{"read", "s3cret", "GET", "/v1/namespaces", "", "", http.StatusOK},
		{"change without token", "s3cret", "POST", "/v1/configuration/reload", "", "", http.StatusForbidden},
		{"change with a wrong token", "s3cret", "POST", "/v1/configuration/reload", "guess", "", http.StatusForbidden},
		{"change with the token", "s3cret", "POST", "/v1/configuration/reload", "s3cret", "", http.StatusOK},
		{"no token configured", "", "POST", "/v1/configuration/reload", "", "", http.StatusForbidden},
		{"page of another site", "s3cret", "GET", "/v1/namespaces", "", "http://evil.example", http.StatusForbidden},
		{"alive", "", "GET", "/livez", "", "", http.StatusOK},
		{"not ready", "", "GET", "/readyz", "", "", http.StatusServiceUnavailable},
		{"unknown", "", "GET", "/v2/nothing", "", "", http.StatusNotFound},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := httptest.NewRequest(tt.method, tt.path, nil)
			if tt.bearer != "" {
				r.Header.Set("Authorization", "Bearer "+tt.bearer)
			}
			if tt.origin != "" {
				r.Header.Set("Origin", tt.origin)
			}
			w := httptest.NewRecorder()
			Protect(Handler(d, nil, HandlerOptions{}), ProtectOptions{Token: tt.token, Hosts: []string{"example.com"}}).ServeHTTP(w, r)
			if w.Code != tt.want {
				t.Errorf("%s %s = %d %s, want %d", tt.method, tt.path, w.Code, w.Body, tt.want)
			}
		})
	}
}
