//go:build integration

package replicas

import (
	"os"
	"strings"
	"testing"
)

// TestPowerLossOfWhatTravelled: a user's program saves without a sync, as most do. What
// has reached the partner by the time the power goes is not undone by what the cut
// left of it.
func TestPowerLossOfWhatTravelled(t *testing.T) {
	g := newGroup(t, setup{imageMB: 2048})
	g.converged(t, patience)
	a, b := g.members[0], g.members[1]
	saved := map[string]string{}
	for i := range 8 {
		name := "report-" + string(rune('a'+i))
		saved[name] = strings.Repeat(name+" ", 3000*(i+1))
		check(t, os.WriteFile(a.path(name), []byte(saved[name]), 0o644))
	}
	for name, text := range saved {
		b.awaitContent(t, name, text)
	}
	a.disk.cutPower(t)
	a.kill()
	check(t, a.disk.unmount())
	a.disk.mount(t)
	for name, text := range saved {
		got, err := os.ReadFile(a.path(name))
		if err != nil || string(got) != text {
			t.Logf("the cut left %d of %d bytes of %s, %v", len(got), len(text), name, err)
		}
	}
	a.start(t)
	tree := g.converged(t, 2*patience)
	_ = tree
	for name, text := range saved {
		for _, m := range g.members {
			got, err := os.ReadFile(m.path(name))
			if err != nil || string(got) != text {
				t.Errorf("%s has %d of %d bytes of %s, %v", m.host, len(got), len(text), name, err)
			}
		}
	}
}
