//go:build integration

package replicas

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"dfsd/replication/canary"
)

// metrics is what a member counts.
func (m *member) metrics() (string, error) {
	client := http.Client{Timeout: patience, Transport: &http.Transport{
		DisableKeepAlives: true,
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, "unix", m.socket())
		},
	}}
	answer, err := client.Get("http://dfsd/metrics")
	if err != nil {
		return "", err
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	return string(text), err
}

// TestCanary: each member's canary reaches the other again and again, its delay
// is measured, and the versions before do not fill the preserved store.
func TestCanary(t *testing.T) {
	g := newGroup(t, setup{folder: []string{"canary: 10s"}})
	g.change(t, 0, func(m *member) { write(t, m.path("a"), "one") })
	for i, m := range g.members {
		other := g.members[1-i]
		arrived := fmt.Sprintf(`dfsd_replication_convergence_seconds{folder="`+`%s",from="%s"`, strings.SplitN(groupFolder, "/", 2)[1], other.host)
		m.awaitMetric(t, arrived)
		m.awaitMetric(t, `dfsd_replication_canaries_total{result="written"} 3`)
		m.awaitContentOf(t, canary.Directory+"/"+canary.FileName(other.host), "dfsd-canary 1 "+other.host+" 3 ")
		if kept := m.preserved(t); len(kept) > 0 {
			t.Errorf("%s preserves %v", m.host, kept)
		}
	}
}

// awaitMetric waits until a line of the metrics begins with a text.
func (m *member) awaitMetric(t testing.TB, begins string) {
	t.Helper()
	var last string
	for end := time.Now().Add(patience); time.Now().Before(end); pause(200 * time.Millisecond) {
		text, err := m.metrics()
		if err == nil && strings.Contains(text, "\n"+begins) {
			return
		}
		if last = fmt.Sprint(err); err == nil {
			last = text
		}
	}
	for line := range strings.SplitSeq(last, "\n") {
		if strings.Contains(line, "canar") || strings.Contains(line, "convergence") {
			t.Log(line)
		}
	}
	t.Fatalf("%s: no metric %s", m.host, begins)
}

// awaitContentOf waits until a file begins with a text.
func (m *member) awaitContentOf(t testing.TB, rel, begins string) {
	t.Helper()
	for end := time.Now().Add(patience); !strings.HasPrefix(content(m.path(rel)), begins); pause(200 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("%s: %s is %q", m.host, rel, content(m.path(rel)))
		}
	}
}
