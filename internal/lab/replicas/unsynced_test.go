//go:build integration

package replicas

import (
	"errors"
	"io/fs"
	"os"
	"strings"
	"testing"
)

// TestPowerLossOfWhatTravelled: users' programs save, rename and delete without a
// sync, as most do. What has reached the partner by the time the power goes is not
// undone by what the cut left of it, wherever the index lies.
func TestPowerLossOfWhatTravelled(t *testing.T) {
	for name, apart := range map[string]bool{"index on the same disk": false, "index on another disk": true} {
		t.Run(name, func(t *testing.T) {
			g := newGroup(t, setup{imageMB: 2048, apart: apart})
			a, b := g.members[0], g.members[1]
			write(t, a.path("old name"), "renamed")
			write(t, a.path("unwanted"), "deleted")
			g.converged(t, patience)
			must(t, "sync", "-f", a.root())

			saved := map[string]string{"folder/new name": "renamed"}
			check(t, os.Mkdir(a.path("folder"), 0o755))
			for i := range 8 {
				name := "report-" + string(rune('a'+i))
				saved[name] = strings.Repeat(name+" ", 3000*(i+1))
				check(t, os.WriteFile(a.path(name), []byte(saved[name]), 0o644))
			}
			check(t, os.Rename(a.path("old name"), a.path("folder/new name")))
			check(t, os.Remove(a.path("unwanted")))
			for name, text := range saved {
				b.awaitContent(t, name, text)
			}
			if why := await(patience, func() string {
				if _, err := os.Stat(b.path("unwanted")); !errors.Is(err, fs.ErrNotExist) {
					return "it is there"
				}
				return ""
			}); why != "" {
				t.Fatalf("the deletion does not travel: %s", why)
			}
			a.disk.cutPower(t)
			a.kill()
			check(t, a.disk.unmount())
			a.disk.mount(t)
			a.start(t)
			g.converged(t, 2*patience)
			for name, text := range saved {
				for _, m := range g.members {
					got, err := os.ReadFile(m.path(name))
					if err != nil || string(got) != text {
						t.Errorf("%s has %d of %d bytes of %s, %v", m.host, len(got), len(text), name, err)
					}
				}
			}
			for _, name := range []string{"old name", "unwanted"} {
				for _, m := range g.members {
					if _, err := os.Stat(m.path(name)); err == nil {
						t.Errorf("%s has %q again", m.host, name)
					}
				}
			}
		})
	}
}
