package main

import (
	"context"
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"dfsd/internal/admin"
)

// oneDrain is a daemon's side that knows one drain, and is done with it once
// told so.
type oneDrain struct {
	admin.Targets
	mu sync.Mutex
	d  admin.TargetDecision // guarded by mu
}

func (o *oneDrain) now() admin.TargetDecision {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.d
}

func (o *oneDrain) done() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.d.Done, o.d.Phase, o.d.WaitingFor = true, "drained", []string{}
}

func (o *oneDrain) Drain(context.Context, admin.TargetChange) (admin.TargetDecision, error) {
	return o.now(), nil
}

func (o *oneDrain) Decisions(context.Context) ([]admin.TargetDecision, error) {
	return []admin.TargetDecision{o.now()}, nil
}

type draining struct {
	admin.Daemon
	targets *oneDrain
}

func (d draining) Targets() admin.Targets { return d.targets }

// serveDrain serves o on a socket until what it returns is called.
func serveDrain(t *testing.T, path string, o *oneDrain) (stop func()) {
	t.Helper()
	l, err := admin.ListenSocket(path)
	if err != nil {
		t.Fatal(err)
	}
	srv := &http.Server{Handler: admin.Handler(draining{targets: o}, nil, admin.HandlerOptions{}), ReadHeaderTimeout: time.Second}
	ended := make(chan error)
	go func() { ended <- srv.Serve(l) }()
	return sync.OnceFunc(func() {
		_ = srv.Close() // ended is awaited either way
		<-ended
	})
}

func newDrain() *oneDrain {
	return &oneDrain{d: admin.TargetDecision{Kind: "drained", Host: "fs2", Phase: "waiting for other targets", WaitingFor: []string{"fs1 to have caught up"}}}
}

func TestDrainThatDoesNotEndInTime(t *testing.T) {
	socket := filepath.Join(t.TempDir(), "admin.sock")
	defer serveDrain(t, socket, newDrain())()
	code, out, talk := dfsd(t, "target", "drain", "fs2", "--wait", "--timeout", "50ms", "--socket", socket)
	if code != exitTimedOut || out != "" || !strings.Contains(talk, "not drained within 50ms (waiting for other targets: fs1 to have caught up)") || !strings.Contains(talk, "dfsd target online") {
		t.Errorf("drain = %d, %q, %q", code, out, talk)
	}
}

// TestDrainOutlivesTheDaemon: who waits for a drain waits while the daemon is
// started again.
func TestDrainOutlivesTheDaemon(t *testing.T) {
	socket, o := filepath.Join(t.TempDir(), "admin.sock"), newDrain()
	stop := serveDrain(t, socket, o)
	talk := &lines{}
	type result struct {
		d   admin.TargetDecision
		err error
	}
	ended := make(chan result, 1)
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	go func() {
		d, err := awaitDrain(ctx, admin.NewClient(socket), o.now(), talk, time.Millisecond)
		ended <- result{d, err}
	}()
	stop()
	for !strings.Contains(talk.String(), "waiting for it") && ctx.Err() == nil {
		select {
		case r := <-ended:
			t.Fatalf("with the daemon away the waiting ended: %+v", r)
		case <-time.After(time.Millisecond):
		}
	}
	o.done()
	defer serveDrain(t, socket, o)()
	if r := <-ended; r.err != nil || !r.d.Done {
		t.Errorf("awaitDrain = %+v, %v; it said\n%s", r.d, r.err, talk)
	}
}

func TestOnlineOfAnUnknownHost(t *testing.T) {
	r := startDaemon(t)
	dir := filepath.Dir(r.file)
	r.write(configText(dir, "more") + "    folders: [{path: projects, targets: [{path: '\\\\fs7\\projects'}]}]\n")
	if _, err := r.client.Reload(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := r.client.Online(t.Context(), admin.TargetChange{Target: "fs8"}); !errors.Is(err, admin.ErrNotFound) {
		t.Errorf("Online of a host that nobody knows = %v", err)
	}
	for range 2 { // with a decision, and without
		if _, err := r.client.Online(t.Context(), admin.TargetChange{Target: "FS7."}); err != nil {
			t.Errorf("Online = %v", err)
		}
		if _, err := r.client.Offline(t.Context(), admin.TargetChange{Target: "fs7"}); err != nil {
			t.Errorf("Offline = %v", err)
		}
	}
	// Its targets are gone: what was decided can be ended all the same.
	r.write(configText(dir, "none"))
	if _, err := r.client.Reload(t.Context()); err != nil {
		t.Fatal(err)
	}
	if ended, err := r.client.Online(t.Context(), admin.TargetChange{Target: "fs7"}); err != nil || len(ended) != 1 {
		t.Errorf("Online of a host that was = %+v, %v", ended, err)
	}
	r.stop()
	<-r.ended
}

// TestDecisionsRightAfterTheStart: who asks before the first judgement is told of
// what was decided before the restart, and does not take it for ended.
func TestDecisionsRightAfterTheStart(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "dfsd.yaml")
	text := configText(dir, "more") + "    folders: [{path: projects, targets: [{path: '\\\\fs7\\projects'}]}]\n"
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	begin := func() *daemon {
		t.Helper()
		from := &fileFlags{file: file}
		s, err := readState(from)
		if err != nil {
			t.Fatal(err)
		}
		d, err := newDaemon(from, s, newLogger(s.config.Log, &lines{}))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = d.audit.Close() }) // of a folder that goes with the test
		return d
	}
	if _, err := begin().Targets().Offline(t.Context(), admin.TargetChange{Target: "fs7"}); err != nil {
		t.Fatal(err)
	}
	d := begin()
	if facts, err := d.Targets().Health(t.Context()); err != nil || len(facts.Decisions) != 1 {
		t.Errorf("Health tells of %+v, %v", facts.Decisions, err)
	}
	if all, err := begin().Targets().Decisions(t.Context()); err != nil || len(all) != 1 || all[0].Host != "fs7" {
		t.Errorf("Decisions = %+v, %v", all, err)
	}
}
