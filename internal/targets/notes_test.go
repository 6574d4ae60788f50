package targets

import (
	"strings"
	"testing"
	"time"

	"dfsd/replication/status"
	"dfsd/replication/summary"
)

// TestDecisionsReachOtherHosts: what is drained on one namespace server is
// drained on the others too, for as long as that one says so.
func TestDecisionsReachOtherHosts(t *testing.T) {
	now := time.Now()
	there, here := &fakeReplicas{}, &fakeReplicas{}
	for _, r := range []*fakeReplicas{there, here} {
		r.say("fs1", now, status.Normal, status.Connection{To: "fs2"})
		r.say("fs2", now, status.Normal, status.Connection{To: "fs1"})
	}
	ns := snapshot(t)
	other, own := keeper(t, t.TempDir(), ns, there), keeper(t, t.TempDir(), ns, here)
	if _, err := other.Offline(Request{Target: "fs1", Reason: "moves", By: "ann"}, now); err != nil {
		t.Fatal(err)
	}
	tell := func() {
		here.hosts = here.hosts[:2]
		here.hosts = append(here.hosts, summary.Host{Host: "ns2", HeardAt: now, Notes: other.Notes()})
		own.turn(now)
	}
	tell()
	link := ns.Match(`\x\public\projects`).Link
	if got := states(t, own); got != "offline up" {
		t.Errorf("states %s", got)
	}
	if why := own.State(link.Target(0)).Reason; !strings.Contains(why, "ann on ns2 (moves)") {
		t.Errorf("reason %q", why)
	}
	if d := own.Drains(); len(d) != 1 || !d[0].Elsewhere || d[0].Targets != 2 {
		t.Errorf("decisions %+v", d)
	}
	if _, err := own.Online(Request{Target: "fs1"}); err == nil || !strings.Contains(err.Error(), "ann on ns2: give the command there") {
		t.Errorf("online here: %v", err)
	}
	if _, err := other.Online(Request{Target: "fs1"}); err != nil {
		t.Fatal(err)
	}
	tell()
	if got := states(t, own); got != "up up" {
		t.Errorf("after online there: %s", got)
	}
}

// TestSenselessNotes: what another host should not have said harms nobody.
func TestSenselessNotes(t *testing.T) {
	for _, b := range []string{
		``, `{`, `[]`, `null`, `{"decisions":[{"kind":"up","host":"fs1"}]}`, `{"decisions":[{"kind":"offline"}]}`,
		`{"decisions":[{"kind":"offline","host":"fs1","target":"\\\\fs1\\x"}]}`, `{"decisions":7}`,
	} {
		if got := readNotes("ns2", []byte(b)); len(got) > 0 {
			t.Errorf("readNotes(%s) = %+v", b, got)
		}
	}
}

func FuzzNotes(f *testing.F) {
	f.Add([]byte(`{"decisions":[{"kind":"drained","path":"\\\\*\\public\\projects","target":"\\\\fs1\\projects","at":"2026-01-02T03:04:05Z"}]}`))
	f.Add([]byte(`{"decisions":[{"kind":"offline","host":"fs1","until":"2026-01-02T03:04:05Z"}]}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		for _, d := range readNotes("ns2", b) {
			if (d.Host == "") == (d.Target == "") || !strings.HasSuffix(d.By, " on ns2") {
				t.Errorf("%+v", d)
			}
		}
	})
}
