package canary

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"
)

var hosts = []string{"fs1.example.com", "FS2.example.com", "fs3.example.com"}

// member is one member of a folder, below a directory of its own.
type member struct {
	t    testing.TB
	root string
	host string
	*Canary
	registry *prometheus.Registry
	logs     *observer.ObservedLogs
}

// newMember makes a member whose canary writes every minute; shape changes its
// options.
func newMember(t testing.TB, host string, shape ...func(*Options)) *member {
	t.Helper()
	core, logs := observer.New(zap.InfoLevel)
	m := &member{t: t, root: t.TempDir(), host: host, registry: prometheus.NewRegistry(), logs: logs}
	m.mark()
	o := Options{Root: m.root, Folder: "branch/projects", Host: host, Members: hosts, Every: time.Minute, Log: zap.New(core)}
	for _, f := range shape {
		f(&o)
	}
	m.Canary = New(o, NewMetrics(m.registry))
	return m
}

// mark makes the root that of a replicated folder.
func (m *member) mark() {
	m.t.Helper()
	must(m.t, os.MkdirAll(filepath.Join(m.root, ".dfsd"), 0o700))
	must(m.t, os.WriteFile(filepath.Join(m.root, marker), []byte("dfsd folder 1 x\n"), 0o600))
}

// start runs the canary until the bubble's test ends or stop is called.
func (m *member) start() (stop func()) {
	m.t.Helper()
	ctx, cancel := context.WithCancel(m.t.Context())
	var wg sync.WaitGroup
	wg.Go(func() {
		if err := m.Run(ctx); err != nil {
			m.t.Errorf("Run = %v", err)
		}
	})
	stop = func() { cancel(); wg.Wait() }
	m.t.Cleanup(stop)
	return stop
}

func (m *member) dir() string { return filepath.Join(m.root, Directory) }

func (m *member) file(host string) string { return filepath.Join(m.dir(), FileName(host)) }

// note reads what stands in a member's file.
func (m *member) note(host string) note {
	m.t.Helper()
	b, err := os.ReadFile(m.file(host))
	must(m.t, err)
	n, err := parse(b)
	if err != nil {
		m.t.Fatalf("%s holds %q: %v", m.file(host), b, err)
	}
	return n
}

// put writes a member's file as an install does.
func (m *member) put(host string, content []byte) {
	m.t.Helper()
	temp := filepath.Join(m.root, ".dfsd", "temp")
	must(m.t, os.MkdirAll(m.dir(), 0o755))
	must(m.t, os.WriteFile(temp, content, 0o644))
	must(m.t, os.Rename(temp, m.file(host)))
}

func (m *member) arrival(from string) (Arrival, bool) {
	for _, a := range m.Arrivals() {
		if a.From == from {
			return a, true
		}
	}
	return Arrival{}, false
}

func (m *member) counts(written, arrived, failed, skewed float64) {
	m.t.Helper()
	for _, c := range []struct {
		name string
		of   prometheus.Counter
		want float64
	}{
		{"written", m.m.written, written},
		{"arrived", m.m.arrived, arrived},
		{"failed", m.m.failed, failed},
		{"skewed", m.m.skewed, skewed},
	} {
		if got := testutil.ToFloat64(c.of); got != c.want {
			m.t.Errorf("%s counts %v %s, want %v", m.host, got, c.name, c.want)
		}
	}
}

// replicate carries a member's canary to another one, delay after it was
// written, until the test ends.
func replicate(t *testing.T, from, to *member, delay time.Duration) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	t.Cleanup(func() { cancel(); wg.Wait() })
	wg.Go(func() {
		var last []byte
		for tick := time.NewTicker(delay); ; {
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
			}
			b, err := os.ReadFile(from.file(from.host))
			if errors.Is(err, fs.ErrNotExist) || bytes.Equal(b, last) {
				continue
			}
			to.put(from.host, b)
			last = b
		}
	})
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// bubble runs a test by a clock of its own, which begins at a whole second.
func bubble(t *testing.T, test func(t *testing.T)) {
	t.Helper()
	synctest.Test(t, test)
}

// pass lets time go by, and everybody come to rest.
func pass(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}
