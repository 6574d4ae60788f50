package engine

import (
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"dfsd/replication"
	"dfsd/replication/status"
)

// changed returns the configuration of g with its group changed.
func (g *group) changed(change func(*replication.GroupConfig)) replication.Config {
	c := g.config
	c.Groups = slices.Clone(c.Groups)
	gc := &c.Groups[0]
	gc.Members, gc.Folders = slices.Clone(gc.Members), slices.Clone(gc.Folders)
	for i := range gc.Folders {
		gc.Folders[i].Members = maps.Clone(gc.Folders[i].Members)
	}
	change(gc)
	return c
}

// follow has members use a configuration, one after the other.
func (g *group) follow(c replication.Config, members ...*member) {
	g.t.Helper()
	g.config = c
	for _, m := range members {
		ch, err := m.engine.Prepare(c)
		if err != nil {
			g.t.Fatalf("%s: %v", m.host, err)
		}
		ch.Use()
	}
}

// replica returns the open replica of a folder of m, once it is open.
func (m *member) replica(name string) *replica {
	m.g.t.Helper()
	var r *replica
	m.g.eventually(m.host+" does not open "+name, func() (bool, string) {
		folders, err := m.engine.pick(name)
		if err != nil {
			return false, err.Error()
		}
		r = folders[0].current()
		return r != nil, m.status()
	})
	return r
}

func (g *group) eventuallyHas(path, content string) {
	g.t.Helper()
	g.eventually(path, func() (bool, string) {
		b, err := os.ReadFile(path)
		return string(b) == content, fmt.Sprintf("%q, %v", b, err)
	})
}

// TestFolderAddedAndEnded: another folder begins and ends while the first one
// stays open.
func TestFolderAddedAndEnded(t *testing.T) {
	g := newGroup(t, 2, replication.TopologyConfig{})
	a, b := g.members[0], g.members[1]
	a.write("one", "1")
	g.start()
	g.level()
	before := a.replica("g/f")
	was := g.config

	dirs := []string{t.TempDir(), t.TempDir()}
	if err := os.WriteFile(filepath.Join(dirs[0], "new"), []byte("n"), 0o644); err != nil {
		t.Fatal(err)
	}
	g.follow(g.changed(func(gc *replication.GroupConfig) {
		f := gc.Folders[0]
		f.Name = "h"
		f.Members = map[string]replication.FolderMemberConfig{"m0": {Path: dirs[0]}, "m1": {Path: dirs[1]}}
		gc.Folders = append(gc.Folders, f)
	}), a, b)
	g.eventuallyHas(filepath.Join(dirs[1], "new"), "n")
	a.write("two", "2")
	g.eventuallyHas(b.path("two"), "2")
	if a.replica("g/f") != before {
		t.Error("the folder of which nothing changed was opened anew")
	}

	ended := a.replica("g/h")
	g.follow(was, a, b)
	if s, err := a.engine.Status(t.Context()); err != nil || len(s.Folders) != 1 || s.Folders[0].Folder != "f" {
		t.Errorf("status after the folder has ended: %+v, %v", s, err)
	}
	if ended.enter() {
		t.Error("the replica of the folder that ended is still open")
	}
	a.write("three", "3")
	g.eventuallyHas(b.path("three"), "3")
	if a.replica("g/f") != before {
		t.Error("the folder of which nothing changed was opened anew")
	}
}

// TestMemberAddedAndRemoved: a folder stays open while a member comes and goes, and
// one that went is cut off.
func TestMemberAddedAndRemoved(t *testing.T) {
	g := newGroup(t, 3, replication.TopologyConfig{})
	a, b, c := g.members[0], g.members[1], g.members[2]
	three := g.config
	two := g.changed(func(gc *replication.GroupConfig) { gc.Members = gc.Members[:2] })
	g.config = two
	a.write("one", "1")
	a.start()
	b.start()
	g.eventuallyHas(b.path("one"), "1")
	before := a.replica("g/f")

	g.follow(three, a, b)
	c.start()
	g.level()
	c.write("of the third", "3")
	g.level()

	g.follow(two, a, b)
	for _, m := range []*member{a, b} {
		if s, _ := m.engine.Status(t.Context()); len(s.Folders[0].Connections) != 2 {
			t.Errorf("%s still has connections %+v", m.host, s.Folders[0].Connections)
		}
	}
	g.eventually("the third is still connected", func() (bool, string) {
		s, _ := c.engine.Status(t.Context())
		for _, w := range s.Folders[0].Connections {
			if w.State == status.Connected {
				return false, c.status()
			}
		}
		return true, ""
	})
	a.write("two", "2")
	g.eventuallyHas(b.path("two"), "2")
	if _, err := os.Stat(c.path("two")); err == nil {
		t.Error("the member that was removed got a change")
	}
	if a.replica("g/f") != before {
		t.Error("the folder was opened anew")
	}
}

// TestAddressChanged: a partner is found again at another address, and nothing else
// is touched.
func TestAddressChanged(t *testing.T) {
	g := newGroup(t, 2, replication.TopologyConfig{})
	a, b := g.members[0], g.members[1]
	g.start()
	g.level()
	before := a.replica("g/f")
	b.stop()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	b.address = ln.Addr().String()
	if err := ln.Close(); err != nil {
		t.Fatal(err)
	}
	// The one that moved does not know where the other is: only the other can dial.
	nowhere := g.changed(func(gc *replication.GroupConfig) { gc.Members[0].Address = "127.0.0.1:1" })
	nowhere.Groups[0].Members[1].Address = b.address
	g.config = nowhere
	b.start()
	g.follow(g.changed(func(gc *replication.GroupConfig) { gc.Members[0].Address = a.address }), a)
	a.write("one", "1")
	g.eventuallyHas(b.path("one"), "1")
	if a.replica("g/f") != before {
		t.Error("the folder was opened anew")
	}
}

// TestChangeRefused: a configuration that cannot be followed changes nothing.
func TestChangeRefused(t *testing.T) {
	g := newGroup(t, 2, replication.TopologyConfig{})
	a, b := g.members[0], g.members[1]
	g.start()
	g.level()
	wrong := g.changed(func(gc *replication.GroupConfig) {
		gc.Members[0].Key = b.identity.Fingerprint()
		gc.Folders = nil
	})
	if _, err := a.engine.Prepare(wrong); err == nil || !strings.Contains(err.Error(), "correct it") {
		t.Errorf("Prepare with the key of another = %v", err)
	}
	a.write("one", "1")
	g.level()
}

// TestFilterAdded: what a new filter names stays on both sides, and travels no
// more.
func TestFilterAdded(t *testing.T) {
	g := newGroup(t, 2, replication.TopologyConfig{})
	a, b := g.members[0], g.members[1]
	a.write("old.bak", "old")
	g.start()
	g.level()
	before := a.replica("g/f")
	g.follow(g.changed(func(gc *replication.GroupConfig) {
		gc.Folders[0].Filters = replication.FilterConfig{Files: []string{"*.bak"}}
	}), a, b)
	if a.replica("g/f") == before {
		t.Error("the folder goes on with the filters of before")
	}
	a.write("new.bak", "new")
	a.write("last", "l")
	g.eventuallyHas(b.path("last"), "l")
	if err := errors.Join(a.engine.Sync(t.Context(), "", true), b.engine.Sync(t.Context(), "", true)); err != nil {
		t.Fatal(err)
	}
	g.eventuallyHas(a.path("old.bak"), "old")
	g.eventuallyHas(b.path("old.bak"), "old")
	if _, err := os.Stat(b.path("new.bak")); err == nil {
		t.Error("what the filter names has travelled")
	}
}

// TestSyncOfOneThatEnds: who waits for a folder that ends is told so.
func TestSyncOfOneThatEnds(t *testing.T) {
	g := newGroup(t, 2, replication.TopologyConfig{})
	a := g.members[0]
	a.start() // alone: what it owes is never taken
	a.write("one", "1")
	a.replica("g/f")
	waited := make(chan error, 1)
	go func() { waited <- a.engine.Sync(t.Context(), "g/f", true) }()
	g.follow(g.changed(func(gc *replication.GroupConfig) { gc.Folders = nil }), a)
	if err := <-waited; !errors.Is(err, ErrUnknownFolder) && !errors.Is(err, errReopen) {
		t.Errorf("Sync = %v, want ErrUnknownFolder", err)
	}
}

// TestUseWithoutRun: a change that comes after the end holds nobody up.
func TestUseWithoutRun(t *testing.T) {
	g := newGroup(t, 2, replication.TopologyConfig{})
	a := g.members[0]
	a.start()
	ch, err := a.engine.Prepare(g.config)
	if err != nil {
		t.Fatal(err)
	}
	a.stop()
	ch.Use()
}

// TestReconfiguredAtRandom: whatever the configurations in between are, and
// whichever members have them when, all are equal in the end and no save is lost.
func TestReconfiguredAtRandom(t *testing.T) {
	g := newGroup(t, 3, replication.TopologyConfig{})
	whole := g.config
	rng := rand.New(rand.NewPCG(1, 2))
	g.start()
	g.level()
	var saved []string
	for i := range 40 {
		c := g.changed(func(gc *replication.GroupConfig) {
			switch rng.IntN(5) {
			case 0:
				gc.Folders = nil
			case 1:
				gc.Folders[0].Settle = time.Duration(1+rng.IntN(20)) * time.Millisecond
			case 2:
				gc.Topology = replication.TopologyConfig{Hubs: []string{fmt.Sprintf("m%d", rng.IntN(3))}}
			case 3:
				gc.Folders[0].PreservedQuota = 1<<30 + 1
			}
		})
		m := g.members[rng.IntN(3)]
		name := fmt.Sprintf("%s-%d", m.host, i)
		m.write(name, name)
		saved = append(saved, name)
		g.follow(c, g.members[rng.IntN(3)])
		g.config = whole
	}
	g.follow(whole, g.members...)
	tree := g.level()
	for _, name := range saved {
		if !strings.Contains(tree, fmt.Sprintf("%q", name)) {
			t.Errorf("%s is lost; the tree is\n%s", name, tree)
		}
	}
}
