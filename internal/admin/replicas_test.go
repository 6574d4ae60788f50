package admin

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"dfsd/replication/status"
)

// hostile is a name that a terminal, a shell, HTML and a URL would trip over.
const hostile = "a\nb\x1b[2J\t\u202e&?#%00<é>\"\\ "

// fakeReplicas answers what it holds, or err, and notes what it was asked.
type fakeReplicas struct {
	err       error
	status    status.Replication
	backlog   []status.Backlog
	file      status.File
	preserved []status.PreservedFile
	restored  string
	work      time.Duration // of a sync that is waited for

	asked []string
}

func (f *fakeReplicas) note(format string, args ...any) error {
	f.asked = append(f.asked, fmt.Sprintf(format, args...))
	return f.err
}

func (f *fakeReplicas) Status(context.Context) (status.Replication, error) {
	return f.status, f.note("status")
}

func (f *fakeReplicas) Backlog(_ context.Context, folder, member string, limit int) ([]status.Backlog, error) {
	return f.backlog, f.note("backlog %q %q %d", folder, member, limit)
}

func (f *fakeReplicas) Pause(_ context.Context, folder string) error {
	return f.note("pause %q", folder)
}

func (f *fakeReplicas) Resume(_ context.Context, folder string) error {
	return f.note("resume %q", folder)
}

func (f *fakeReplicas) Sync(ctx context.Context, folder string, wait bool) error {
	err := f.note("sync %q %v", folder, wait)
	if !wait {
		return err
	}
	select {
	case <-time.After(f.work):
		return err
	case <-ctx.Done():
		return fmt.Errorf("wait for %s: %w", folder, ctx.Err())
	}
}

func (f *fakeReplicas) Inspect(_ context.Context, path string) (status.File, error) {
	return f.file, f.note("inspect %q", path)
}

func (f *fakeReplicas) Preserved(_ context.Context, folder string) ([]status.PreservedFile, error) {
	return f.preserved, f.note("preserved %q", folder)
}

func (f *fakeReplicas) Restore(_ context.Context, folder, id, to string) (string, error) {
	return f.restored, f.note("restore %q %q %q", folder, id, to)
}

func fullReplicas() *fakeReplicas {
	when := time.Date(2026, 11, 22, 10, 0, 0, 123, time.UTC)
	return &fakeReplicas{
		status: status.Replication{Host: "fs1", Folders: []status.Folder{{
			Group: "branch", Folder: "projects", State: status.InitialSync, Path: "/srv/" + hostile, Files: 3, Bytes: math.MaxInt64, Watch: "inotify",
			Progress: &status.Progress{Phase: "installing", FilesDone: 1, FilesTotal: 3, BytesTotal: 1 << 40, FilesPerSecond: 0.5, SecondsLeft: -1},
			Connections: []status.Connection{{
				From: "fs1", To: "fs2", State: status.Connecting, BacklogFiles: 2, BacklogBytes: 9, OldestSeconds: 1.5,
				SentBytes: math.MaxUint64, LastError: hostile,
			}},
		}}},
		backlog:   []status.Backlog{{Group: "branch", Folder: "projects", From: "fs1", To: "fs2", Files: 2, Bytes: 9, Items: []status.BacklogItem{{Path: hostile, Kind: "file", Bytes: 9, AgeSeconds: 1.5, Reason: "fetching"}}}},
		file:      status.File{Group: "branch", Folder: "projects", Path: hostile, ID: "00ff", Kind: "file", Changed: when, Modified: when, Xattrs: []string{"user.x"}, HeldBy: map[string]string{"fs2": "no"}},
		preserved: []status.PreservedFile{{Group: "branch", Folder: "projects", ID: "7", When: when, Why: "conflict", By: "fs2", Path: hostile, Size: 5, Kind: "file"}},
		restored:  "/srv/" + hostile,
	}
}

// TestReplicasOverTheSocket: what the daemon's side answers arrives as it is,
// and what the client asks is what the daemon's side is asked.
func TestReplicasOverTheSocket(t *testing.T) {
	fake := fullReplicas()
	r := overSocket(t, &fakeDaemon{replicas: fake}).Replicas()
	ctx := t.Context()
	tests := []struct {
		asked string
		ask   func() (any, error)
		want  any
	}{
		{`status`, func() (any, error) { return r.Status(ctx) }, fake.status},
		{
			fmt.Sprintf("backlog %q %q %d", "branch/projects", hostile, 7),
			func() (any, error) { return r.Backlog(ctx, "branch/projects", hostile, 7) }, fake.backlog,
		},
		{`backlog "" "" 0`, func() (any, error) { return r.Backlog(ctx, "", "", 0) }, fake.backlog},
		{`backlog "" "" 100000`, func() (any, error) { return r.Backlog(ctx, "", "", math.MaxInt32) }, fake.backlog},
		{fmt.Sprintf("inspect %q", "/srv/"+hostile), func() (any, error) { return r.Inspect(ctx, "/srv/"+hostile) }, fake.file},
		{`preserved "branch/projects"`, func() (any, error) { return r.Preserved(ctx, "branch/projects") }, fake.preserved},
		{`pause "branch/projects"`, func() (any, error) { return nil, r.Pause(ctx, "branch/projects") }, nil},
		{`pause ""`, func() (any, error) { return nil, r.Pause(ctx, "") }, nil},
		{`resume "branch/projects"`, func() (any, error) { return nil, r.Resume(ctx, "branch/projects") }, nil},
		{`sync "branch/projects" false`, func() (any, error) { return nil, r.Sync(ctx, "branch/projects", false) }, nil},
		{`sync "" true`, func() (any, error) { return nil, r.Sync(ctx, "", true) }, nil},
		{
			fmt.Sprintf("restore %q %q %q", "branch/projects", "7", hostile),
			func() (any, error) { return r.Restore(ctx, "branch/projects", "7", hostile) }, fake.restored,
		},
	}
	for _, tt := range tests {
		fake.asked = nil
		got, err := tt.ask()
		if err != nil || !reflect.DeepEqual(got, tt.want) {
			t.Errorf("%s = %+v, %v, want %+v", tt.asked, got, err, tt.want)
		}
		if len(fake.asked) != 1 || fake.asked[0] != tt.asked {
			t.Errorf("asked %q, want %q", fake.asked, tt.asked)
		}
	}
}

// TestReplicaErrors: an error means the same on both sides of the socket, and
// has the same words.
func TestReplicaErrors(t *testing.T) {
	fake := &fakeReplicas{}
	r := overSocket(t, &fakeDaemon{replicas: fake}).Replicas()
	ctx := t.Context()
	asks := map[string]func() error{
		"status":    func() error { _, err := r.Status(ctx); return err },
		"backlog":   func() error { _, err := r.Backlog(ctx, "", "", 1); return err },
		"pause":     func() error { return r.Pause(ctx, "a/b") },
		"resume":    func() error { return r.Resume(ctx, "a/b") },
		"sync":      func() error { return r.Sync(ctx, "a/b", true) },
		"inspect":   func() error { _, err := r.Inspect(ctx, "/x"); return err },
		"preserved": func() error { _, err := r.Preserved(ctx, ""); return err },
		"restore":   func() error { _, err := r.Restore(ctx, "a/b", "1", ""); return err },
	}
	sentinels := []error{ErrNoReplication, ErrUnknownFolder, ErrNotFound, ErrBadRequest, context.DeadlineExceeded}
	for _, err := range []error{
		fmt.Errorf("%w: a/b", ErrUnknownFolder),
		fmt.Errorf("%w: /srv/%s", ErrNotFound, hostile),
		fmt.Errorf("%w: no path", ErrBadRequest),
		fmt.Errorf("ask fs2: %w", context.DeadlineExceeded),
		ErrNoReplication,
		fmt.Errorf("the disk is full: %w", fs.ErrPermission),
	} {
		fake.err = err
		for name, ask := range asks {
			got := ask()
			if got == nil || got.Error() != err.Error() {
				t.Errorf("%s = %v, want %v", name, got, err)
			}
			for _, s := range sentinels {
				if errors.Is(got, s) != errors.Is(err, s) {
					t.Errorf("%s: errors.Is(%v, %v) is %v, want %v", name, got, s, errors.Is(got, s), errors.Is(err, s))
				}
			}
		}
	}
}

func TestNoReplication(t *testing.T) {
	r := overSocket(t, &fakeDaemon{}).Replicas()
	_, err := r.Status(t.Context())
	if !errors.Is(err, ErrNoReplication) || !errors.Is(err, ErrNotFound) || errors.Is(err, ErrUnknownFolder) {
		t.Errorf("Status where nothing replicates = %v, want %v", err, ErrNoReplication)
	}
	if err := r.Pause(t.Context(), "a/b"); !errors.Is(err, ErrNoReplication) {
		t.Errorf("Pause where nothing replicates = %v, want %v", err, ErrNoReplication)
	}
	gone := NewClient(filepath.Join(t.TempDir(), "none")).Replicas()
	if _, err := gone.Status(t.Context()); !errors.Is(err, ErrUnreachable) {
		t.Errorf("Status without a daemon = %v, want %v", err, ErrUnreachable)
	}
}

func TestRestoreFindsTheFolder(t *testing.T) {
	fake := fullReplicas()
	fake.preserved = append(fake.preserved,
		status.PreservedFile{Group: "branch", Folder: "projects", ID: "8"},
		status.PreservedFile{Group: "branch", Folder: "homes", ID: "8"})
	r := overSocket(t, &fakeDaemon{replicas: fake}).Replicas()

	a, err := r.RestoreAnywhere(t.Context(), "", "7", "x")
	if want := (RestoreAnswer{Folder: "branch/projects", ID: "7", Path: fake.restored}); a != want || err != nil {
		t.Errorf("restore of the only 7 = %+v, %v, want %+v", a, err, want)
	}
	if got := strings.Join(fake.asked, "; "); got != `preserved ""; restore "branch/projects" "7" "x"` {
		t.Errorf("asked %s", got)
	}
	fake.asked = nil
	_, err = r.RestoreAnywhere(t.Context(), "", "8", "")
	if !errors.Is(err, ErrBadRequest) || !strings.Contains(err.Error(), "branch/homes") || !strings.Contains(err.Error(), "--folder") {
		t.Errorf("restore of an ambiguous id = %v", err)
	}
	if _, err = r.RestoreAnywhere(t.Context(), "", "9", ""); !errors.Is(err, ErrNotFound) || !strings.Contains(err.Error(), "preserved list") {
		t.Errorf("restore of an unknown id = %v", err)
	}
	for _, asked := range fake.asked {
		if strings.HasPrefix(asked, "restore") {
			t.Errorf("a refused restore reached the daemon's side: %s", asked)
		}
	}
	if a, err := r.RestoreAnywhere(t.Context(), "branch/homes", "8", ""); err != nil || a.Folder != "branch/homes" {
		t.Errorf("restore with the folder named = %+v, %v", a, err)
	}
}

// TestWaitingSyncOutlastsTheReadTimeout: the server's bound on reading requests
// is none on answering them, and a client that leaves ends the waiting.
func TestWaitingSyncOutlastsTheReadTimeout(t *testing.T) {
	fake := &fakeReplicas{work: 2500 * time.Millisecond}
	path := filepath.Join(t.TempDir(), "admin.sock")
	l, err := ListenSocket(path)
	if err != nil {
		t.Fatal(err)
	}
	srv := &http.Server{Handler: Handler(&fakeDaemon{replicas: fake}, nil, HandlerOptions{}), ReadTimeout: time.Second, ReadHeaderTimeout: time.Second}
	ended := make(chan error)
	go func() { ended <- srv.Serve(l) }()
	defer func() {
		_ = srv.Close() // ended is awaited either way
		<-ended
	}()
	r := NewClient(path).Replicas()
	if err := r.Sync(t.Context(), "a/b", true); err != nil {
		t.Errorf("a sync of %s = %v", fake.work, err)
	}
	fake.work = time.Hour
	ctx, stop := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer stop()
	if err := r.Sync(ctx, "a/b", true); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("a sync that is not waited for = %v, want %v", err, context.DeadlineExceeded)
	}
}

// TestReplicaRequests are what only a caller of the HTTP API can get wrong.
func TestReplicaRequests(t *testing.T) {
	tests := []struct {
		method, target, token string
		want                  int
	}{
		{"GET", "/v1/replication", "", http.StatusOK},
		{"GET", "/v1/replication/backlog", "", http.StatusOK},
		{"GET", "/v1/replication/backlog?limit=-1", "", http.StatusBadRequest},
		{"GET", "/v1/replication/backlog?limit=x", "", http.StatusBadRequest},
		{"GET", "/v1/replication/file", "", http.StatusBadRequest},
		{"GET", "/v1/replication/file?path=/x", "", http.StatusOK},
		{"GET", "/v1/preserved", "", http.StatusOK},
		{"GET", "/v1/replication/pause?folder=a/b", "", http.StatusMethodNotAllowed},
		{"POST", "/v1/replication/pause?folder=a/b", "", http.StatusForbidden},
		{"POST", "/v1/replication/pause?folder=a/b", "s3cret", http.StatusOK},
		{"POST", "/v1/replication/pause", "s3cret", http.StatusBadRequest},
		{"POST", "/v1/replication/pause?all=true", "s3cret", http.StatusOK},
		{"POST", "/v1/replication/pause?all=true&folder=a/b", "s3cret", http.StatusBadRequest},
		{"POST", "/v1/replication/sync?folder=a/b", "", http.StatusForbidden},
		{"POST", "/v1/preserved/restore?folder=a/b&id=1", "", http.StatusForbidden},
		{"POST", "/v1/preserved/restore?folder=a/b", "s3cret", http.StatusBadRequest},
	}
	for _, tt := range tests {
		fake := &fakeReplicas{}
		h := Protect(Handler(&fakeDaemon{replicas: fake}, nil, HandlerOptions{}), ProtectOptions{Token: "s3cret", Hosts: []string{"example.com"}})
		req := httptest.NewRequest(tt.method, tt.target, nil)
		if tt.token != "" {
			req.Header.Set("Authorization", "Bearer "+tt.token)
		}
		w := httptest.NewRecorder()
		h.ServeHTTP(w, req)
		if w.Code != tt.want {
			t.Errorf("%s %s = %d %s, want %d", tt.method, tt.target, w.Code, w.Body, tt.want)
		}
		if (len(fake.asked) > 0) != (w.Code == http.StatusOK) {
			t.Errorf("%s %s answered %d and asked %q", tt.method, tt.target, w.Code, fake.asked)
		}
	}
}

// TestEmptyListsAreNotNull, and a rate over no time is no number that ends JSON.
func TestEmptyListsAreNotNull(t *testing.T) {
	fake := &fakeReplicas{
		status:  status.Replication{Host: "fs1", Folders: []status.Folder{{Group: "a", Folder: "b", Progress: &status.Progress{FilesPerSecond: math.NaN(), SecondsLeft: math.Inf(1)}}}},
		backlog: []status.Backlog{{Group: "a"}},
	}
	h := Handler(&fakeDaemon{replicas: fake}, nil, HandlerOptions{})
	for _, target := range []string{"/v1/replication", "/v1/replication/backlog", "/v1/replication/file?path=/x", "/v1/preserved"} {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequest(http.MethodGet, target, nil))
		if w.Code != http.StatusOK || strings.Contains(w.Body.String(), "null") || !json.Valid(w.Body.Bytes()) {
			t.Errorf("%s = %d %s", target, w.Code, w.Body)
		}
	}
	if p := fake.status.Folders[0].Progress; !math.IsNaN(p.FilesPerSecond) {
		t.Error("the answerer's own progress was changed")
	}
	if c := fake.status.Folders[0].Connections; c != nil {
		t.Error("the answerer's own folder was changed")
	}
}

func TestWhatIsMisspelt(t *testing.T) {
	c := overSocket(t, &fakeDaemon{picture: testPicture(t), replicas: &fakeReplicas{}})
	if _, err := c.Replicas().Backlog(t.Context(), "", "fs9", 1); !errors.Is(err, ErrNotFound) || !strings.Contains(err.Error(), `"fs9"`) {
		t.Errorf("backlog of a member that is none = %v", err)
	}
	if found, err := c.Replicas().Backlog(t.Context(), "", "", 1); err != nil || len(found) != 0 {
		t.Errorf("backlog of nobody = %v, %v", found, err)
	}
	if _, err := c.Cost(t.Context(), "HQ", ""); !errors.Is(err, ErrBadRequest) || !strings.Contains(err.Error(), "to: want the name of a site") {
		t.Errorf("cost to no site = %v", err)
	}
}

// TestDaemonThatEndsInTheMiddle: a question is unreachable then and may be asked
// again; a change may have been made, so it is not.
func TestDaemonThatEndsInTheMiddle(t *testing.T) {
	path := filepath.Join(t.TempDir(), "admin.sock")
	l, err := ListenSocket(path)
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			_, _ = c.Read(make([]byte, 4096)) // a request, whatever it is
			_ = c.Close()
		}
	}()
	defer func() { _ = l.Close(); <-ended }()
	c := NewClient(path)
	if _, err := c.Decisions(t.Context()); !errors.Is(err, ErrUnreachable) {
		t.Errorf("Decisions = %v, want ErrUnreachable", err)
	}
	if _, err := c.Drain(t.Context(), TargetChange{Target: "fs1"}); err == nil || errors.Is(err, ErrUnreachable) {
		t.Errorf("Drain = %v", err)
	}
}
