//go:build integration

package replicas

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"testing"

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
	// The trees are never level for long: each canary is a change.
	write(t, g.members[0].path("a"), "one")
	g.members[1].awaitContent(t, "a", "one")
	for i, m := range g.members {
		other := g.members[1-i]
		arrived := fmt.Sprintf(`dfsd_replication_convergence_seconds{folder="`+`%s",from="%s"`, strings.SplitN(groupFolder, "/", 2)[1], other.host)
		m.awaitMetric(t, arrived, 0)
		m.awaitMetric(t, `dfsd_replication_canaries_total{result="written"}`, 3)
		m.awaitCanary(t, other.host, 3)
		if kept := m.preserved(t); len(kept) > 0 {
			t.Errorf("%s preserves %v", m.host, kept)
		}
	}
}

// awaitMetric waits until a line of the metrics begins with a text and has a value
// of least or more: it goes up while nobody looks.
func (m *member) awaitMetric(t testing.TB, begins string, least float64) {
	t.Helper()
	var last string
	why := await(patience, func() string {
		text, err := m.metrics()
		if err != nil {
			return err.Error()
		}
		last = text
		for line := range strings.SplitSeq(text, "\n") {
			if !strings.HasPrefix(line, begins) {
				continue
			}
			value, err := strconv.ParseFloat(line[strings.LastIndex(line, " ")+1:], 64)
			if err == nil && value >= least {
				return ""
			}
		}
		return fmt.Sprintf("no metric %s of %v", begins, least)
	})
	if why == "" {
		return
	}
	for line := range strings.SplitSeq(last, "\n") {
		if strings.Contains(line, "canar") || strings.Contains(line, "convergence") {
			t.Log(line)
		}
	}
	t.Fatalf("%s: %s", m.host, why)
}

// awaitCanary waits until the member has a canary of another one, of a number or a
// later one.
func (m *member) awaitCanary(t testing.TB, of string, least int) {
	t.Helper()
	if why := await(patience, func() string {
		said := content(m.path(canary.Directory + "/" + canary.FileName(of)))
		var number int
		if _, err := fmt.Sscanf(said, "dfsd-canary 1 "+of+" %d ", &number); err != nil || number < least {
			return fmt.Sprintf("the canary of %s is %q, want number %d", of, said, least)
		}
		return ""
	}); why != "" {
		t.Fatalf("%s: %s", m.host, why)
	}
}
