package smbtree

import (
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"dfsd/internal/fscc"
	"dfsd/namespace"
)

// TestOpenSurvivesReload: an open answers from the snapshot that it was made in,
// also after the folder and the whole namespace are gone.
func TestOpenSurvivesReload(t *testing.T) {
	current := snapshot(t, publicConfig())
	tree := connect(t, forestOf(&current), "Public", Client{})
	o := openDir(t, tree, "Team")
	before := listNames(t, o, "*")
	reloads := map[string]*namespace.Snapshot{
		"folder became a link": snapshot(t, namespace.Config{Name: "Public", TTL: 300e9, Folders: []namespace.FolderConfig{link("Team")}}),
		"namespace went":       snapshot(t),
	}
	for name, s := range reloads {
		current = s
		if after := listNames(t, o, "*"); strings.Join(after, "|") != strings.Join(before, "|") {
			t.Errorf("listing after %s = %q, want %q", name, after, before)
		}
	}
}

// TestTreesDuringReloads: clients list on one tree while reloads go on; each
// listing is that of some one snapshot.
func TestTreesDuringReloads(t *testing.T) {
	two := publicConfig()
	two.Folders = append(two.Folders, link("Zoo"))
	snapshots := []*namespace.Snapshot{snapshot(t, publicConfig()), snapshot(t, two)}
	var current atomic.Pointer[namespace.Snapshot]
	current.Store(snapshots[0])
	tree := connect(t, New(Options{Snapshot: current.Load}), "Public", Client{})
	lawful := map[string]bool{".|..|Empty|Projects|Team": true, ".|..|Empty|Projects|Team|Zoo": true}
	var wg sync.WaitGroup
	wg.Go(func() {
		for i := range 400 {
			current.Store(snapshots[i%2])
		}
	})
	for range 4 {
		wg.Go(func() {
			for range 100 {
				o, _, err := tree.Create(openRequest(""), false)
				if err != nil {
					t.Errorf("Create = %v", err)
					return
				}
				all, err := listAll(o, fscc.Names, "*", 40)
				if got := strings.Join(names(all), "|"); err != nil || !lawful[got] {
					t.Errorf("listing = %s, %v", got, err)
				}
			}
		})
	}
	wg.Wait()
}
