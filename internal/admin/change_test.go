package admin

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/user"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"dfsd/internal/audit"
	"dfsd/replication/status"
)

// fakeAudit keeps entries, or fails as told.
type fakeAudit struct {
	check, append error
	entries       []audit.Entry
	kept          error // what the context of the last Append had ended in
}

func (f *fakeAudit) Check(context.Context) error { return f.check }
func (f *fakeAudit) Append(ctx context.Context, e audit.Entry) error {
	if f.append == nil {
		f.entries = append(f.entries, e)
	}
	f.kept = ctx.Err()
	return f.append
}

// changingDaemon has another configuration after each reload.
type changingDaemon struct{ fakeDaemon }

func (d *changingDaemon) Configuration() Configuration {
	return Configuration{File: "f.yaml", Digest: "d" + strconv.Itoa(d.reloads)}
}

// TestChangesAreRecorded: with what was there before and after, and the result.
func TestChangesAreRecorded(t *testing.T) {
	broken := errors.New("the disk is on fire")
	tests := []struct {
		name, target string
		fail         error
		status       int
		want         audit.Entry
	}{
		{"reload", "/v1/configuration/reload?reason=new+site", nil, http.StatusOK, audit.Entry{
			Action: "configuration.reload", Object: "configuration", Reason: "new site",
			Before: []byte(`{"file":"f.yaml","host":"","digest":"d0","loaded":""}`), After: []byte(`{"file":"f.yaml","host":"","digest":"d1","loaded":""}`),
		}},
		{"refused reload", "/v1/configuration/reload", errors.Join(ErrRefused, broken), http.StatusUnprocessableEntity, audit.Entry{
			Action: "configuration.reload", Object: "configuration", Result: "configuration refused\nthe disk is on fire",
			Before: []byte(`{"file":"f.yaml","host":"","digest":"d0","loaded":""}`), After: []byte(`{"file":"f.yaml","host":"","digest":"d1","loaded":""}`),
		}},
		{"pause", "/v1/replication/pause?folder=branch/projects", nil, http.StatusOK, audit.Entry{
			Action: "replication.pause", Object: "branch/projects", After: []byte(`{"folder":"branch/projects","did":"paused"}`),
		}},
		{"resume all", "/v1/replication/resume?all=true", nil, http.StatusOK, audit.Entry{
			Action: "replication.resume", Object: "all folders", After: []byte(`{"folder":"","did":"resumed"}`),
		}},
		{"failed sync", "/v1/replication/sync?folder=a/b&reason=na%C3%AFve", broken, http.StatusInternalServerError, audit.Entry{
			Action: "replication.sync", Object: "a/b", Reason: "naïve", Result: broken.Error(),
		}},
		{"restore", "/v1/preserved/restore?folder=branch/projects&id=7", nil, http.StatusOK, audit.Entry{
			Action: "preserved.restore", Object: "7", After: []byte(`{"folder":"branch/projects","id":"7","path":"/srv/x"}`),
		}},
		{"nothing named", "/v1/replication/pause", nil, http.StatusBadRequest, audit.Entry{
			Action: "replication.pause", Object: "all folders", Result: "bad request: want either folder=GROUP/FOLDER or all=true",
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			d := &changingDaemon{fakeDaemon{refuse: tt.fail, replicas: &fakeReplicas{err: tt.fail, restored: "/srv/x"}}}
			log := &fakeAudit{}
			w := httptest.NewRecorder()
			Handler(d, nil, HandlerOptions{Audit: log}).ServeHTTP(w, httptest.NewRequest(http.MethodPost, tt.target, nil))
			if w.Code != tt.status || len(log.entries) != 1 {
				t.Fatalf("answered %d %s with %d entries", w.Code, w.Body, len(log.entries))
			}
			got := log.entries[0]
			if got.Action != tt.want.Action || got.Object != tt.want.Object || got.Reason != tt.want.Reason || got.Result != tt.want.Result {
				t.Errorf("recorded %+v, want %+v", got, tt.want)
			}
			if string(got.Before) != string(tt.want.Before) || string(got.After) != string(tt.want.After) {
				t.Errorf("recorded %s before and %s after, want %s and %s", got.Before, got.After, tt.want.Before, tt.want.After)
			}
			if want := (audit.Who{Way: audit.HTTP, UID: -1, Address: "192.0.2.1:1234"}); got.Who != want {
				t.Errorf("recorded %+v, want %+v", got.Who, want)
			}
		})
	}
}

// TestReadingIsNotRecorded, nor needs a log that can be written.
func TestReadingIsNotRecorded(t *testing.T) {
	log := &fakeAudit{check: errors.New("full"), append: errors.New("full")}
	h := Handler(&fakeDaemon{picture: testPicture(t), replicas: fullReplicas()}, metricsHandler(), HandlerOptions{Audit: log})
	for _, rt := range routes() {
		if rt.change == nil && rt.gives != nil {
			if w := ask(h, rt, goodValues(rt)); w.Code != http.StatusOK {
				t.Errorf("%s: %d %s", rt.path, w.Code, w.Body)
			}
		}
	}
}

// TestNoChangeWithoutALog: a log that cannot be written keeps each change from
// being made; one that fails afterwards is told as it is.
func TestNoChangeWithoutALog(t *testing.T) {
	c := checker{readDocument(t)}
	for _, rt := range routes() {
		if rt.change == nil {
			continue
		}
		fake := &fakeReplicas{restored: "/srv/x"}
		d := &fakeDaemon{replicas: fake}
		w := ask(Handler(d, nil, HandlerOptions{Audit: &fakeAudit{check: errors.New("no space")}}), rt, goodValues(rt))
		if w.Code != http.StatusInternalServerError || !strings.Contains(w.Body.String(), "urn:dfsd:audit") || !strings.Contains(w.Body.String(), "nothing was changed") {
			t.Errorf("%s: %d %s", rt.path, w.Code, w.Body)
		}
		c.check(t, c.d.Paths[rt.path]["post"], w)
		if d.reloads > 0 || len(fake.asked) > 0 || len(d.targets.asked) > 0 {
			t.Errorf("%s: %d reloads, asked %q, %q", rt.path, d.reloads, fake.asked, d.targets.asked)
		}
		w = ask(Handler(d, nil, HandlerOptions{Audit: &fakeAudit{append: errors.New("no space")}}), rt, goodValues(rt))
		if w.Code != http.StatusInternalServerError || !strings.Contains(w.Body.String(), "urn:dfsd:audit") || !strings.Contains(w.Body.String(), "made but not recorded") {
			t.Errorf("%s: %d %s", rt.path, w.Code, w.Body)
		}
		d.refuse, fake.err, d.targets.err = ErrNotFound, ErrNotFound, ErrNotFound
		w = ask(Handler(d, nil, HandlerOptions{Audit: &fakeAudit{append: errors.New("no space")}}), rt, goodValues(rt))
		if w.Code != http.StatusInternalServerError || !strings.Contains(w.Body.String(), "the change itself failed: not found") {
			t.Errorf("%s: %d %s", rt.path, w.Code, w.Body)
		}
	}
}

// TestChangeOfAGoneCallerIsRecorded: what was begun is recorded also when
// nobody waits for the answer any more.
func TestChangeOfAGoneCallerIsRecorded(t *testing.T) {
	ctx, leave := context.WithCancel(t.Context())
	log := &fakeAudit{}
	h := Handler(&fakeDaemon{replicas: leaving{&fakeReplicas{work: time.Hour}, leave}}, nil, HandlerOptions{Audit: log})
	r := httptest.NewRequestWithContext(ctx, http.MethodPost, "/v1/replication/sync?folder=a/b&wait=true", nil)
	h.ServeHTTP(httptest.NewRecorder(), r)
	if len(log.entries) != 1 || !strings.Contains(log.entries[0].Result, "canceled") || log.kept != nil {
		t.Errorf("recorded %+v, %v", log.entries, log.kept)
	}
}

// leaving is a Replicas whose caller goes while it syncs.
type leaving struct {
	Replicas
	leave context.CancelFunc
}

func (l leaving) Sync(ctx context.Context, folder string, wait bool) error {
	l.leave()
	return l.Replicas.Sync(ctx, folder, wait)
}

// panicking breaks in the middle of a change.
type panicking struct{ Replicas }

func (panicking) Pause(context.Context, string) error { panic("broken invariant") }

func TestBrokenChangeIsRecorded(t *testing.T) {
	log := &fakeAudit{}
	h := Handler(&fakeDaemon{replicas: panicking{}}, nil, HandlerOptions{Audit: log})
	defer func() {
		if recover() == nil || len(log.entries) != 1 || log.entries[0].Result == "" {
			t.Errorf("recorded %+v", log.entries)
		}
	}()
	h.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest(http.MethodPost, "/v1/replication/pause?all=true", nil))
}

func TestReasons(t *testing.T) {
	for reason, want := range map[string]int{
		"": http.StatusOK, "new disk, #4711 — naïve 磁": http.StatusOK, strings.Repeat("é", MaxReason): http.StatusOK,
		strings.Repeat("é", MaxReason+1): http.StatusBadRequest, "a\nb": http.StatusBadRequest, "\x1b[2J": http.StatusBadRequest,
		"\xff": http.StatusBadRequest, "a\u202eb": http.StatusBadRequest,
	} {
		for _, inBody := range []bool{false, true} {
			log, q := &fakeAudit{}, url.Values{"reason": {reason}}.Encode()
			r := httptest.NewRequest(http.MethodPost, "/v1/configuration/reload?"+q, nil)
			if inBody {
				r = httptest.NewRequest(http.MethodPost, "/v1/configuration/reload", strings.NewReader(q))
				r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
			}
			d, w := &fakeDaemon{}, httptest.NewRecorder()
			Handler(d, nil, HandlerOptions{Audit: log}).ServeHTTP(w, r)
			if w.Code != want || d.reloads != len(log.entries) || (want == http.StatusOK) != (d.reloads == 1) {
				t.Errorf("reason %q: %d %s, %d reloads, %d entries", reason, w.Code, w.Body, d.reloads, len(log.entries))
			}
			if want == http.StatusOK && log.entries[0].Reason != reason {
				t.Errorf("recorded %q, want %q", log.entries[0].Reason, reason)
			}
		}
	}
}

// TestWhoIsAsking over a real socket with a real log: the user of this process,
// and the reason that the client was given.
func TestWhoIsAsking(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("the system does not tell who is at the other end")
	}
	dir := t.TempDir()
	log, err := audit.Open(dir, audit.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	h := Handler(&fakeDaemon{replicas: &fakeReplicas{}}, nil, HandlerOptions{Audit: log})
	ctx := WithReason(t.Context(), "new disk")
	if err := onSocket(t, h, SocketContext).Replicas().Pause(ctx, "a/b"); err != nil {
		t.Error(err)
	}
	if err := onSocket(t, h, nil).Replicas().Pause(t.Context(), "a/b"); err != nil {
		t.Error(err)
	}
	web := httptest.NewUnstartedServer(Protect(h, ProtectOptions{Token: "s3cret"}))
	web.Config.ConnContext = SocketContext // does no harm there
	web.Start()
	defer web.Close()
	for _, token := range []string{"wrong", "s3cret"} {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, web.URL+"/v1/replication/pause?all=true", nil)
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Authorization", "Bearer "+token)
		res, err := web.Client().Do(req)
		if err != nil {
			t.Fatal(err)
		}
		if err := res.Body.Close(); err != nil || (token == "s3cret") != (res.StatusCode == http.StatusOK) {
			t.Errorf("with %s: %d, %v", token, res.StatusCode, err)
		}
	}
	all, err := audit.Tail(dir, 10)
	if err != nil || len(all) != 3 {
		t.Fatalf("Tail = %+v, %v", all, err)
	}
	name := strconv.Itoa(os.Getuid())
	if me, err := user.LookupId(name); err == nil {
		name = me.Username
	}
	if want := (audit.Who{Way: audit.Socket, User: name, UID: os.Getuid()}); all[0].Who != want || all[0].Reason != "new disk" {
		t.Errorf("over the socket recorded %+v, want %+v", all[0], want)
	}
	if want := (audit.Who{Way: audit.Socket, UID: -1}); all[1].Who != want {
		t.Errorf("over a socket without SocketContext recorded %+v, want %+v", all[1].Who, want)
	}
	address := all[2].Who.Address
	if want := (audit.Who{Way: audit.HTTP, User: "token", UID: -1, Address: address}); all[2].Who != want || !strings.HasPrefix(address, "127.0.0.1:") {
		t.Errorf("over HTTP recorded %+v, want %+v", all[2].Who, want)
	}
	if b, err := os.ReadFile(filepath.Join(dir, "audit.jsonl")); err != nil || strings.Contains(string(b), "s3cret") {
		t.Errorf("the log holds the token: %s, %v", b, err)
	}
}

// onSocket serves h on a unix socket and returns a client of it.
func onSocket(t *testing.T, h http.Handler, connContext func(context.Context, net.Conn) context.Context) *Client {
	t.Helper()
	path := filepath.Join(t.TempDir(), "admin.sock")
	l, err := ListenSocket(path)
	if err != nil {
		t.Fatal(err)
	}
	srv := &http.Server{Handler: h, ReadHeaderTimeout: time.Second, ConnContext: connContext}
	ended := make(chan error)
	go func() { ended <- srv.Serve(l) }()
	t.Cleanup(func() {
		_ = srv.Close() // ended is awaited either way
		<-ended
	})
	return NewClient(path)
}

// TestHangingDirectory holds a change up for a moment, and one look-up alone;
// what it finds in the end is remembered.
func TestHangingDirectory(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		u := newUserNames()
		answer := make(chan struct{})
		var mu sync.Mutex
		lookups := 0
		u.lookup = func(string) (*user.User, error) {
			mu.Lock()
			lookups++
			mu.Unlock()
			<-answer
			return &user.User{Username: "alice"}, nil
		}
		start := time.Now()
		for range 3 {
			if got := u.name(1000); got != "1000" {
				t.Errorf("name = %q while the directory hangs", got)
			}
		}
		if took := time.Since(start); took != 3*nameWait {
			t.Errorf("three changes waited %s", took)
		}
		close(answer)
		synctest.Wait()
		if got := u.name(1000); got != "alice" || lookups != 1 {
			t.Errorf("name = %q after %d look-ups", got, lookups)
		}
		u.lookup = func(string) (*user.User, error) { return nil, errors.New("unknown") }
		if got := u.name(4711); got != "4711" {
			t.Errorf("name of an unknown user = %q", got)
		}
		for uid := range 3 * maxNames {
			u.remember(uid, "x")
		}
		if len(u.known) > maxNames {
			t.Errorf("%d names are remembered", len(u.known))
		}
	})
}

// TestAskedBy: what a route is told of its caller is what is recorded.
func TestAskedBy(t *testing.T) {
	var got []string
	log := &fakeAudit{}
	rt := route{change: &change{object: value("x", "")}, answer: func(_ Daemon, r *http.Request) (any, error) {
		got = append(got, askedBy(r))
		return nil, nil
	}}
	for _, a := range []*api{{users: newUserNames(), audit: log}, {users: newUserNames()}} {
		r := httptest.NewRequestWithContext(context.WithValue(t.Context(), trustedKey{}, true), http.MethodPost, "/", nil)
		if _, err := a.change(rt, r); err != nil {
			t.Error(err)
		}
	}
	if len(got) != 2 || got[0] != "token" || got[1] != "token" || log.entries[0].Who.User != "token" {
		t.Errorf("asked by %q, recorded %+v", got, log.entries)
	}
	if by := askedBy(httptest.NewRequest(http.MethodGet, "/", nil)); by != "" {
		t.Errorf("reading is asked by %q", by)
	}
}

// TestLongBodies are not read to their end.
func TestLongBodies(t *testing.T) {
	fake := &fakeReplicas{status: status.Replication{}}
	r := httptest.NewRequest(http.MethodPost, "/v1/replication/pause", strings.NewReader("folder=a/b&x="+strings.Repeat("x", 2*maxForm)))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	w := httptest.NewRecorder()
	Handler(&fakeDaemon{replicas: fake}, nil, HandlerOptions{}).ServeHTTP(w, r)
	if w.Code != http.StatusBadRequest || len(fake.asked) != 0 {
		t.Errorf("a body of %d bytes: %d %s, asked %q", 2*maxForm, w.Code, w.Body, fake.asked)
	}
}
