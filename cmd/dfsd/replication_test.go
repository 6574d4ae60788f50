package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"path/filepath"
	"reflect"
	"strings"
	"sync"
	"testing"
	"text/tabwriter"
	"time"

	"dfsd/internal/admin"
	"dfsd/replication/status"
)

// hostileName is a name that a terminal would obey.
const hostileName = "plan\x1b[2J\nfs9 ok\t\u202e.odt"

// oneReplicas is a daemon's side that answers what it holds, or err.
type oneReplicas struct {
	err       error
	status    status.Replication
	backlog   []status.Backlog
	file      status.File
	preserved []status.PreservedFile
	stall     bool // a sync that is waited for never ends by itself
	asked     []string
}

func (o *oneReplicas) note(format string, args ...any) error {
	o.asked = append(o.asked, fmt.Sprintf(format, args...))
	return o.err
}

func (o *oneReplicas) Status(context.Context) (status.Replication, error) {
	return o.status, o.note("status")
}

func (o *oneReplicas) Backlog(_ context.Context, folder, member string, limit int) ([]status.Backlog, error) {
	return o.backlog, o.note("backlog %s %s %d", folder, member, limit)
}

func (o *oneReplicas) Pause(_ context.Context, folder string) error {
	return o.note("pause %s", folder)
}

func (o *oneReplicas) Resume(_ context.Context, folder string) error {
	return o.note("resume %s", folder)
}

func (o *oneReplicas) Sync(ctx context.Context, folder string, wait bool) error {
	if wait && o.stall {
		<-ctx.Done()
		return ctx.Err()
	}
	return o.note("sync %s %v", folder, wait)
}

func (o *oneReplicas) Inspect(_ context.Context, path string) (status.File, error) {
	return o.file, o.note("inspect %s", path)
}

func (o *oneReplicas) Preserved(_ context.Context, folder string) ([]status.PreservedFile, error) {
	return o.preserved, o.note("preserved %s", folder)
}

func (o *oneReplicas) Restore(_ context.Context, folder, id, to string) (string, error) {
	return "/srv/projects/" + hostileName, o.note("restore %s %s %s", folder, id, to)
}

// replicating is a daemon that knows replication alone.
type replicating struct {
	admin.Daemon
	replicas admin.Replicas
}

func (d replicating) Replicas() admin.Replicas { return d.replicas }

// serveReplicas serves r on an admin socket and returns its path.
func serveReplicas(t *testing.T, r admin.Replicas) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "admin.sock")
	l, err := admin.ListenSocket(path)
	if err != nil {
		t.Fatal(err)
	}
	srv := &http.Server{Handler: admin.Handler(replicating{replicas: r}, nil, admin.HandlerOptions{}), ReadHeaderTimeout: time.Second}
	ended := make(chan error)
	go func() { ended <- srv.Serve(l) }()
	t.Cleanup(func() {
		_ = srv.Close() // ended is awaited either way
		<-ended
	})
	return path
}

// dfsd runs a command line in this process.
func dfsd(t *testing.T, args ...string) (code int, out, talk string) {
	t.Helper()
	var o, e bytes.Buffer
	code = run(t.Context(), streams{in: strings.NewReader(""), out: &o, err: &e}, args)
	return code, o.String(), e.String()
}

func testStatus() status.Replication {
	return status.Replication{Host: "fs1", Folders: []status.Folder{
		{
			Group: "branch", Folder: "homes", State: status.Normal, Path: "/srv/homes", Files: 1204, Bytes: 10_522_669_875, Watch: "fanotify",
			Preserved: status.Preserved{Files: 1, Bytes: 1 << 20, Quota: 4 << 30},
			Connections: []status.Connection{
				{From: "fs1", To: "fs2", State: status.Connected},
				{From: "fs2", To: "fs1", State: status.Connected, BacklogFiles: 12, BacklogBytes: 1_258_291, OldestSeconds: 200},
			},
		},
		{
			Group: "branch", Folder: "links", State: status.Normal, Path: "/srv/links", Watch: "scan",
			Connections: []status.Connection{
				{From: "fs1", To: "fs2", State: status.Connected},
				{From: "fs2", To: "fs1", State: status.Connecting, LastError: "dial tcp 10.2.0.1:5722:\nconnection refused\x1b[2J"},
			},
			UnreadFiles: 14, Unread: []status.Unread{{Path: "mail/box.db", Error: "open for writing", Seconds: 7300}, {Path: "new.tmp", Error: "open for writing", Seconds: 2}},
		},
		{
			Group: "branch", Folder: "projects", State: status.InitialSync, Path: "/srv/projects", Files: 12345, Watch: "fanotify",
			Progress: &status.Progress{
				Phase: "installing", FilesDone: 12345, FilesTotal: 100_000, BytesDone: 1_288_490_189, BytesTotal: 10_522_669_875,
				FilesPerSecond: 4210.7, BytesPerSecond: 4e8, SecondsLeft: 21.4,
			},
			Connections: []status.Connection{{From: "fs1", To: "fs2", State: status.ClosedBySchedule}},
		},
		{Group: "branch", Folder: "scans", State: status.Failed, Path: "/srv/scans", Error: "/srv/scans is gone; mount it, then `dfsd replication resume branch/scans`"},
	}}
}

const statusWant = "FOLDER           STATE               NOW\n" +
	"branch/scans     error               /srv/scans is gone; mount it, then `dfsd replication resume branch/scans`\n" +
	`branch/projects  initial-sync        installing  12,345 of 100,000 files, 1.2 GiB of 9.8 GiB, 4,210 files/s, about 21 s left
  fs1 → fs2      closed-by-schedule  no known backlog
branch/links     normal              0 files, 0 B in /srv/links; changes are heard by scans alone
  fs2 → fs1      connecting          no known backlog; last error: dial tcp 10.2.0.1:5722:; connection refused\x1b[2J
  fs1 → fs2      connected           no backlog
                 not read            mail/box.db: open for writing, for 2 h 1 min
                 not read            12 files more
branch/homes     normal              1,204 files, 9.8 GiB in /srv/homes; preserved 1 file, 1 MiB of 4 GiB
  fs2 → fs1      connected           backlog 12 files, 1.2 MiB, oldest 3 min 20 s
  fs1 → fs2      connected           no backlog
`

func TestReplicationStatus(t *testing.T) {
	fake := &oneReplicas{status: testStatus()}
	socket := serveReplicas(t, fake)
	code, out, talk := dfsd(t, "replication", "status", "--socket", socket)
	if code != exitFine || out != statusWant || talk != "" {
		t.Errorf("status = %d\n%s%s, want\n%s", code, out, talk, statusWant)
	}
	code, out, _ = dfsd(t, "replication", "status", "branch/homes", "--socket", socket, "-o", "json")
	var got status.Replication
	if err := json.Unmarshal([]byte(out), &got); err != nil || code != exitFine {
		t.Fatalf("status -o json = %d, %v: %s", code, err, out)
	}
	if want := (status.Replication{Host: "fs1", Folders: fake.status.Folders[:1]}); !reflect.DeepEqual(got, want) {
		t.Errorf("status -o json = %+v, want %+v", got, want)
	}
	for _, field := range []string{
		"host", "folders", "group", "folder", "state", "path", "files", "bytes", "connections", "from", "to",
		"backlog_files", "backlog_bytes", "oldest_seconds", "sent_bytes", "received_bytes", "last_error",
	} {
		if !strings.Contains(out, `"`+field+`": `) {
			t.Errorf("status -o json lacks %q", field)
		}
	}
	if _, out, _ := dfsd(t, "replication", "status", "--socket", socket, "-o", "yaml"); !strings.Contains(out, "state: initial-sync\n") {
		t.Errorf("status -o yaml = %s", out)
	}
	if code, _, talk := dfsd(t, "replication", "status", "branch/nosuch", "--socket", socket); code != exitNotFound || !strings.Contains(talk, "branch/nosuch") {
		t.Errorf("status of an unknown folder = %d, %s", code, talk)
	}
}

// TestWorstFirst: what needs a person stands above what waits for one.
func TestWorstFirst(t *testing.T) {
	link := func(state status.ConnectionState, trouble string) []status.Connection {
		return []status.Connection{{From: "a", To: "b", State: status.Connected}, {From: "b", To: "a", State: state, LastError: trouble}}
	}
	s := status.Replication{Folders: []status.Folder{
		{Folder: "9", State: status.Normal, Connections: link(status.Connected, "")},
		{Folder: "8", State: status.Normal, Connections: link(status.ClosedBySchedule, "")},
		{Folder: "8b", State: status.Normal, Connections: link(status.Connected, "trouble")},
		{Folder: "7", State: status.Normal, Connections: link(status.ConnectionPaused, "")},
		{Folder: "6", State: status.Normal, Connections: link(status.Connecting, "")},
		{Folder: "5", State: status.InitialSync, Connections: link(status.Connecting, "")},
		{Folder: "4", State: status.Paused},
		{Folder: "3", State: status.Recovering},
		{Folder: "2", State: "of a newer daemon"},
		{Folder: "1", State: status.Failed},
	}}
	var b bytes.Buffer
	form := format("table")
	if err := form.write(&b, s, func(w *tabwriter.Writer) { statusTable(w, s, nil) }); err != nil {
		t.Fatal(err)
	}
	var order []string
	for line := range strings.Lines(b.String()) {
		if name, ok := strings.CutPrefix(line, "/"); ok {
			order = append(order, strings.Fields(name)[0])
		}
	}
	if got := strings.Join(order, " "); got != "1 2 3 4 5 6 7 8 8b 9" {
		t.Errorf("order %s in\n%s", got, &b)
	}
}

// TestReplicationExitCodes: errors of the daemon become the code, the words and
// the next step that they deserve.
func TestReplicationExitCodes(t *testing.T) {
	fake := &oneReplicas{}
	socket := serveReplicas(t, fake)
	commands := [][]string{
		{"replication", "status"},
		{"replication", "backlog"},
		{"replication", "pause", "branch/projects"},
		{"replication", "resume", "--all"},
		{"replication", "sync", "branch/projects", "--wait"},
		{"replication", "inspect", "/srv/x"},
		{"preserved", "list"},
		{"preserved", "restore", "7", "--folder", "branch/projects"},
	}
	for _, tt := range []struct {
		err  error
		code int
		says string
	}{
		{fmt.Errorf("%w: branch/projects", admin.ErrUnknownFolder), exitNotFound, "hint: `dfsd replication status`"},
		{fmt.Errorf("%w: no file there", admin.ErrNotFound), exitNotFound, "no file there"},
		{admin.ErrNoReplication, exitNotFound, "replication.groups"},
		{fmt.Errorf("%w: neither path nor folder", admin.ErrBadRequest), exitUsage, "neither"},
		{fmt.Errorf("fs2 is silent: %w", context.DeadlineExceeded), exitTimedOut, "fs2 is silent"},
		{errors.New("no space left: " + hostileName), exitFailed, `plan\x1b[2J` + "\n" + `fs9 ok\t\u202e.odt`},
	} {
		fake.err = tt.err
		for _, args := range commands {
			code, out, talk := dfsd(t, append(args, "--socket", socket)...)
			if code != tt.code || out != "" || !strings.Contains(talk, tt.says) {
				t.Errorf("%s: %v = %d, %q, %q, want %d and %q", args, tt.err, code, out, talk, tt.code, tt.says)
			}
		}
	}
	nothing := serveReplicas(t, nil)
	for _, args := range commands {
		if code, _, talk := dfsd(t, append(args, "--socket", nothing)...); code != exitNotFound || !strings.Contains(talk, "replicates nothing") {
			t.Errorf("%s where nothing replicates = %d, %s", args, code, talk)
		}
		if code, _, talk := dfsd(t, append(args, "--socket", socket+".none")...); code != exitUnreachable || !strings.Contains(talk, "hint: is `dfsd serve` running?") {
			t.Errorf("%s without a daemon = %d, %s", args, code, talk)
		}
	}
}

func TestReplicationChanges(t *testing.T) {
	fake := &oneReplicas{}
	socket := serveReplicas(t, fake)
	for _, tt := range []struct{ args, asked, says string }{
		{"pause branch/projects", "pause branch/projects", "branch/projects: paused; `dfsd replication resume branch/projects` ends it\n"},
		{"pause --all", "pause ", "all folders: paused; `dfsd replication resume --all` ends it\n"},
		{"resume branch/projects", "resume branch/projects", "branch/projects: resumed\n"},
		{"sync branch/projects", "sync branch/projects false", "branch/projects: sync started; `dfsd replication status` shows how far it is\n"},
		{"sync --all --wait", "sync  true", "all folders: in step, nothing is owed in either direction\n"},
		{"sync branch/projects --wait -o json", "sync branch/projects true", "{\n  \"folder\": \"branch/projects\",\n  \"did\": \"finished\"\n}\n"},
	} {
		fake.asked = nil
		code, out, talk := dfsd(t, append(append([]string{"replication"}, strings.Fields(tt.args)...), "--socket", socket)...)
		if code != exitFine || out != tt.says || talk != "" || !reflect.DeepEqual(fake.asked, []string{tt.asked}) {
			t.Errorf("%s = %d, %q, %q; asked %q, want %q and %q", tt.args, code, out, talk, fake.asked, tt.says, tt.asked)
		}
	}
	fake.stall = true
	code, out, talk := dfsd(t, "replication", "sync", "branch/projects", "--wait", "--timeout", "50ms", "--socket", socket)
	if code != exitTimedOut || out != "" || !strings.Contains(talk, "no answer within 50ms") {
		t.Errorf("a sync that takes too long = %d, %q, %q", code, out, talk)
	}
}

// untilTold is a sync that ends once its progress was told.
type untilTold struct {
	oneReplicas
	told chan struct{}
	once sync.Once
}

func (u *untilTold) Sync(ctx context.Context, _ string, _ bool) error {
	select {
	case <-u.told:
		return u.err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Write is the terminal: it takes the first words as seen.
func (u *untilTold) Write(p []byte) (int, error) {
	if bytes.Contains(p, []byte("still owed: 12 files, 1.2 MiB")) {
		u.once.Do(func() { close(u.told) })
	}
	return len(p), nil
}

func TestSyncTellsWhatIsOwed(t *testing.T) {
	u := &untilTold{oneReplicas: oneReplicas{status: testStatus()}, told: make(chan struct{})}
	ctx, stop := context.WithTimeout(t.Context(), patience)
	defer stop()
	if err := syncTelling(ctx, u, "branch/homes", u, 50*time.Millisecond); err != nil {
		t.Errorf("sync = %v", err)
	}
	stop()
	var once bytes.Buffer
	if err := syncTelling(ctx, &untilTold{}, "", &once, time.Hour); !errors.Is(err, context.Canceled) || once.String() != "\r\x1b[K" {
		t.Errorf("an interrupted sync = %v, told %q", err, once.String())
	}
	for folder, want := range map[string]string{"": "still owed: 12 files, 1.2 MiB", "branch/links": "still owed: 0 files, 0 B", "branch/projects": "installing  12,345 of"} {
		if got := owedText(u.status, folder); !strings.HasPrefix(got, want) {
			t.Errorf("owedText(%q) = %q, want %q…", folder, got, want)
		}
	}
}

// TestWaitingHasNoTimeout unless one is given.
func TestWaitingHasNoTimeout(t *testing.T) {
	for args, want := range map[string]string{"": "1m0s", "--wait": "0s", "--wait --timeout 10m": "10m0s", "--timeout 5s": "5s"} {
		cmd := newReplicationSyncCommand()
		if err := cmd.ParseFlags(strings.Fields(args)); err != nil {
			t.Fatal(err)
		}
		cmd.PreRun(cmd, nil)
		if got := cmd.Flags().Lookup("timeout").Value.String(); got != want {
			t.Errorf("sync %s waits for %s, want %s", args, got, want)
		}
	}
}

func TestReplicationBacklog(t *testing.T) {
	fake := &oneReplicas{backlog: []status.Backlog{
		{Group: "branch", Folder: "projects", From: "fs1", To: "fs2", Files: 10_000, Bytes: 5 << 20, Items: []status.BacklogItem{
			{Path: "plans/2026.odt", Kind: "file", Bytes: 1536, AgeSeconds: 61, Reason: "not yet confirmed by fs2"},
			{Path: hostileName, Kind: "file", Deleted: true, AgeSeconds: 5, Reason: "fetching"},
		}},
		{Group: "branch", Folder: "projects", From: "fs2", To: "fs1"},
	}}
	socket := serveReplicas(t, fake)
	code, out, talk := dfsd(t, "replication", "backlog", "branch/projects", "--member", "fs2", "--limit", "2", "--socket", socket)
	want := `branch/projects  fs1 → fs2: 10,000 files, 5 MiB
AGE        SIZE     KIND           REASON                    PATH
1 min 1 s  1.5 KiB  file           not yet confirmed by fs2  plans/2026.odt
5 s        0 B      file, deleted  fetching                  "plan\x1b[2J\nfs9 ok\t\u202e.odt"
… and 9,998 more; a greater --limit lists them

branch/projects  fs2 → fs1: nothing owed
`
	if code != exitFine || out != want || talk != "" {
		t.Errorf("backlog = %d\n%s%s, want\n%s", code, out, talk, want)
	}
	if !reflect.DeepEqual(fake.asked, []string{"backlog branch/projects fs2 2"}) {
		t.Errorf("asked %q", fake.asked)
	}
	if _, out, _ := dfsd(t, "replication", "backlog", "-o", "json", "--socket", socket); !strings.Contains(out, `"path": "plan\u001b[2J\nfs9 ok\t`) {
		t.Errorf("backlog -o json = %s", out)
	}
}

func TestReplicationInspect(t *testing.T) {
	now := time.Date(2026, 11, 22, 12, 0, 0, 0, time.Local)
	f := status.File{
		Group: "branch", Folder: "projects", Path: hostileName, ID: "00ff", Kind: "file", Version: "fs1:7", Latest: "fs2:9", MadeBy: "fs1",
		Changed: now.Add(-90 * time.Minute), Size: 1_234_567, Hash: "b3:abcd", Mode: "0644", UID: 10, GID: 20, Modified: now.Add(-2 * time.Hour),
		Xattrs: []string{"user.a", "user.b\n"}, HeldBy: map[string]string{"fs3": "unknown", "fs2": "yes"}, Waiting: "fetching from fs2",
	}
	fake := &oneReplicas{file: f}
	socket := serveReplicas(t, fake)
	code, out, _ := dfsd(t, "replication", "inspect", "/srv/projects//plan.odt", "--socket", socket)
	if code != exitFine || !strings.Contains(out, `Path        "plan\x1b[2J\nfs9 ok\t\u202e.odt"`+"\n") || !reflect.DeepEqual(fake.asked, []string{"inspect /srv/projects/plan.odt"}) {
		t.Errorf("inspect = %d, asked %q\n%s", code, fake.asked, out)
	}
	var b bytes.Buffer
	form := format("table")
	if err := form.write(&b, nil, func(w *tabwriter.Writer) { inspectTable(w, f, now) }); err != nil {
		t.Fatal(err)
	}
	want := `Folder      branch/projects
Path        "plan\x1b[2J\nfs9 ok\t\u202e.odt"
State       waits: fetching from fs2
Kind        file
Size        1.2 MiB (1,234,567 bytes)
Mode        0644, owner 10, group 20
Modified    2026-11-22 10:00:00 (2 h ago)
Content     b3:abcd
Attributes  user.a "user.b\n"
Version     fs1:7
Latest      fs2:9
Made by     fs1
Changed     2026-11-22 10:30:00 (1 h 30 min ago)
File ID     00ff

MEMBER  HOLDS IT
fs2     yes
fs3     unknown
`
	if b.String() != want {
		t.Errorf("inspect =\n%s, want\n%s", &b, want)
	}
}

func TestHostPath(t *testing.T) {
	t.Chdir(t.TempDir())
	here, err := filepath.Abs(".")
	if err != nil {
		t.Fatal(err)
	}
	for typed, want := range map[string]string{
		"/srv/a/../b/": "/srv/b", "./x": here + "/x", "../x": filepath.Dir(here) + "/x", ".": here,
		"branch/projects/x": "branch/projects/x", "branch/projects": "branch/projects", "x": "", "": "", "x/": "",
	} {
		if got, err := hostPath(typed); got != want || (err != nil) != (want == "") {
			t.Errorf("hostPath(%q) = %q, %v, want %q", typed, got, err, want)
		}
	}
}
