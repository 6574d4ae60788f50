//go:build integration

package replicas

import (
	"fmt"
	"os"
	"slices"
	"testing"
	"time"
)

// TestLatency prints how long a file that was closed at one member takes until
// it can be read at the other. It demands that each arrives, and no speed.
func TestLatency(t *testing.T) {
	const files = 200
	g := newGroup(t, setup{})
	g.converged(t, patience)
	g.change(t, 0, func(m *member) { mkdir(t, m.path("new")) })
	var took []time.Duration
	for i := range files {
		rel := fmt.Sprintf("new/%d", i)
		write(t, g.members[i%2].path(rel), "content")
		closed := time.Now()
		took = append(took, g.members[1-i%2].awaitFile(t, rel, closed, patience))
	}
	slices.Sort(took)
	t.Logf("close to visible over %d files, of which 50ms are settle time: median %s, p99 %s, greatest %s",
		files, took[files/2], took[files*99/100], took[files-1])
	g.converged(t, patience)
}

// awaitFile waits, looking every millisecond, until a file is there, and says
// how long that was after since.
func (m *member) awaitFile(t testing.TB, rel string, since time.Time, within time.Duration) time.Duration {
	t.Helper()
	look := time.NewTicker(time.Millisecond)
	defer look.Stop()
	for time.Since(since) < within {
		if _, err := os.Lstat(m.path(rel)); err == nil {
			return time.Since(since)
		}
		<-look.C
	}
	t.Fatalf("%s has not arrived at %s within %s\n%s", rel, m.host, within, m.group.report())
	return 0
}

// TestKillWith100kFiles prints how soon a new change travels, either way, after
// a member with 100,000 files was killed and started again.
func TestKillWith100kFiles(t *testing.T) {
	if os.Getenv("DFSD_100K") == "" {
		t.Skip("takes minutes; DFSD_100K=1 runs it")
	}
	const (
		files  = 100_000
		wanted = 5 * time.Second
	)
	g := newGroup(t, setup{imageMB: 4096, seed: func(g *group) {
		for i := range files {
			write(t, g.members[0].path(fmt.Sprintf("%03d/%06d", i%500, i)), fmt.Sprintf("number %d", i))
		}
	}})
	began := time.Now()
	g.converged(t, 10*time.Minute)
	t.Logf("the initial sync of %d files took %s", files, time.Since(began))
	for i, victim := range []int{0, 1, 0, 1} {
		m, other := g.members[victim], g.members[1-victim]
		m.kill()
		write(t, other.path(fmt.Sprintf("to-%d", i)), "while it was dead")
		m.launch(t)
		started := time.Now()
		m.awaitReady(t)
		ready := time.Since(started)
		write(t, m.path(fmt.Sprintf("from-%d", i)), "new")
		from := other.awaitFile(t, fmt.Sprintf("from-%d", i), time.Now(), time.Minute)
		to := m.awaitFile(t, fmt.Sprintf("to-%d", i), started, time.Minute)
		t.Logf("%s: ready %s after the start, its change travelled %s later, the other's was there %s after the start", m.host, ready, from, to)
		if ready+from > wanted || to > wanted {
			t.Errorf("changes took more than %s after the start", wanted)
		}
	}
	g.converged(t, 2*time.Minute)
}
