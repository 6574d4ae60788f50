package engine

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zaptest"

	"dfsd/replication"
	"dfsd/replication/peer"
	"dfsd/replication/status"
)

// group is a few engines in one process, with their folders in temporary
// directories and their sessions over loopback.
type group struct {
	t       testing.TB
	config  replication.Config
	own     int           // Options.Own
	retry   time.Duration // Options.retry
	members []*member
}

type member struct {
	g        *group
	host     string
	root     string
	data     string
	identity *peer.Identity
	address  string

	engine *Engine
	stop   context.CancelFunc
	ended  chan error
}

const quick = 20 * time.Millisecond

func newGroup(t testing.TB, n int, topology replication.TopologyConfig) *group {
	t.Helper()
	g := &group{t: t}
	var gc replication.GroupConfig
	gc.Name, gc.Topology = "g", topology
	var f replication.FolderConfig
	f.Name, f.Primary, f.Settle, f.PreservedQuota, f.StagingQuota = "f", "m0", quick, 1<<30, 1<<30
	f.Members = map[string]replication.FolderMemberConfig{}
	for i := range n {
		m := &member{g: g, host: fmt.Sprintf("m%d", i), root: t.TempDir(), data: t.TempDir()}
		var err error
		if m.identity, err = peer.LoadOrCreateIdentity(m.data); err != nil {
			t.Fatal(err)
		}
		ln, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		m.address = ln.Addr().String()
		if err := ln.Close(); err != nil {
			t.Fatal(err)
		}
		gc.Members = append(gc.Members, replication.MemberConfig{Host: m.host, Address: m.address, Key: m.identity.Fingerprint()})
		f.Members[m.host] = replication.FolderMemberConfig{Path: m.root}
		g.members = append(g.members, m)
	}
	gc.Folders = []replication.FolderConfig{f}
	g.config.Groups = []replication.GroupConfig{gc}
	return g
}

func (g *group) start() {
	g.t.Helper()
	for _, m := range g.members {
		m.start()
	}
}

func (m *member) start() {
	t := m.g.t
	t.Helper()
	var err error
	level := zap.WarnLevel
	if testing.Verbose() {
		level = zap.DebugLevel
	}
	log := zaptest.NewLogger(t, zaptest.Level(level)).Named(m.host)
	m.engine, err = New(Options{Config: m.g.config, Host: m.host, DataDir: m.data, Identity: m.identity, Software: "test", Own: m.g.own, Log: log, retry: m.g.retry})
	if err != nil {
		t.Fatal(err)
	}
	ln, err := net.Listen("tcp", m.address)
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	m.ended = make(chan error, 1)
	go func() { m.ended <- m.engine.Run(ctx, ln) }()
	m.stop = sync.OnceFunc(func() {
		stop()
		if err := <-m.ended; err != nil {
			t.Errorf("%s: %v", m.host, err)
		}
	})
	t.Cleanup(m.stop)
}

func (m *member) path(name string) string { return filepath.Join(m.root, name) }

func (m *member) write(name, content string) {
	m.g.t.Helper()
	if err := os.MkdirAll(filepath.Dir(m.path(name)), 0o755); err != nil {
		m.g.t.Fatal(err)
	}
	if err := os.WriteFile(m.path(name), []byte(content), 0o644); err != nil {
		m.g.t.Fatal(err)
	}
}

// tree lists a folder, one line an object.
func (m *member) tree() string {
	var b strings.Builder
	err := filepath.WalkDir(m.root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, _ := filepath.Rel(m.root, path)
		if rel == "." {
			return nil
		}
		if rel == ".dfsd" {
			return fs.SkipDir
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		fmt.Fprintf(&b, "%s %v", rel, info.Mode())
		switch {
		case d.Type().IsRegular():
			content, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			fmt.Fprintf(&b, " %d %q", info.ModTime().UnixNano(), content[:min(len(content), 60)])
			fmt.Fprintf(&b, " %d", len(content))
		case d.Type()&fs.ModeSymlink != 0:
			target, _ := os.Readlink(path)
			fmt.Fprintf(&b, " -> %s", target)
		}
		b.WriteByte('\n')
		return nil
	})
	if err != nil {
		return "walk: " + err.Error() // something moved meanwhile: it is walked again
	}
	return b.String()
}

// eventually polls until ok, or fails with what it says.
func (g *group) eventually(what string, ok func() (bool, string)) {
	g.t.Helper()
	deadline := time.After(time.Minute)
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for {
		done, said := ok()
		if done {
			return
		}
		select {
		case <-deadline:
			g.t.Fatalf("%s: %s", what, said)
		case <-tick.C:
		}
	}
}

// level waits until all trees are equal to want of m0's and nothing is owed.
func (g *group) level() string {
	g.t.Helper()
	var tree string
	g.eventually("trees are not equal", func() (bool, string) {
		tree = g.members[0].tree()
		for _, m := range g.members {
			if got := m.tree(); got != tree {
				return false, fmt.Sprintf("%s has\n%s\nm0 has\n%s\n%s", m.host, got, tree, m.status())
			}
			s, _ := m.engine.Status(g.t.Context())
			for _, f := range s.Folders {
				if f.State != status.Normal {
					return false, m.status()
				}
				for _, c := range f.Connections {
					if c.State != status.Connected || c.BacklogFiles > 0 {
						return false, m.status()
					}
				}
			}
		}
		return true, ""
	})
	return tree
}

func (m *member) status() string {
	s, err := m.engine.Status(context.Background())
	return fmt.Sprintf("%+v %v", s, err)
}

func TestInitialSync(t *testing.T) {
	g := newGroup(t, 2, replication.TopologyConfig{})
	a, b := g.members[0], g.members[1]
	a.write("one", "1")
	a.write("dir/two", strings.Repeat("2", 300_000))
	a.write("dir/deep/three", "3")
	a.write("both", "the same")
	b.write("both", "the same")
	b.write("differs", "b's")
	a.write("differs", "a's")
	b.write("only b has it", "pre-existing")
	g.start()
	if tree := g.level(); strings.Contains(tree, "only b") || !strings.Contains(tree, `"a's"`) || !strings.Contains(tree, "dir/deep/three") {
		t.Errorf("the tree is\n%s", tree)
	}
	kept, err := b.engine.Preserved(t.Context(), "")
	if err != nil || len(kept) != 2 {
		t.Errorf("preserved: %+v, %v", kept, err)
	}
}

// TestSyncOfPaused: who waits for a folder that is paused is told so, and does not
// wait for ever.
func TestSyncOfPaused(t *testing.T) {
	g := newGroup(t, 2, replication.TopologyConfig{})
	a := g.members[0]
	g.start()
	g.level()
	if err := a.engine.Pause(t.Context(), ""); err != nil {
		t.Fatal(err)
	}
	if err := a.engine.Sync(t.Context(), "", true); !errors.Is(err, ErrPaused) || !strings.Contains(err.Error(), "resume") {
		t.Errorf("Sync of a paused folder = %v, want ErrPaused and how it ends", err)
	}
	if err := a.engine.Resume(t.Context(), ""); err != nil {
		t.Fatal(err)
	}
	if err := a.engine.Sync(t.Context(), "", true); err != nil {
		t.Errorf("Sync after that = %v", err)
	}
}

func TestChangesTravel(t *testing.T) {
	g := newGroup(t, 3, replication.TopologyConfig{})
	a, b, c := g.members[0], g.members[1], g.members[2]
	g.start()
	g.level()
	a.write("x/file", "from a")
	g.level()
	b.write("x/file", "changed by b")
	b.write("x/y/z", "deep")
	g.level()
	if err := os.Rename(c.path("x/y"), c.path("moved")); err != nil {
		t.Fatal(err)
	}
	g.level()
	if err := os.RemoveAll(a.path("x")); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("nowhere", b.path("link")); err != nil {
		t.Fatal(err)
	}
	if tree := g.level(); strings.Contains(tree, "x/") || !strings.Contains(tree, "moved/z") || !strings.Contains(tree, "link") {
		t.Errorf("the tree is\n%s", tree)
	}
}

// TestLostIndex: a member that has lost its index knows its files again by
// their contents, and preserves nothing but what was edited and deleted.
func TestLostIndex(t *testing.T) {
	g := newGroup(t, 2, replication.TopologyConfig{})
	a, b := g.members[0], g.members[1]
	for i := range 1000 {
		a.write(fmt.Sprintf("%d/file %d", i%10, i), strings.Repeat(fmt.Sprint(i), 100))
	}
	g.start()
	g.level()
	for i, m := range []*member{b, a} {
		m.stop()
		other := g.members[i]
		other.write(fmt.Sprintf("3/file %d3", i+1), "edited meanwhile")
		if err := os.Remove(other.path(fmt.Sprintf("4/file %d4", i+1))); err != nil {
			t.Fatal(err)
		}
		before := other.tree()
		if err := os.RemoveAll(filepath.Join(m.data, "replication")); err != nil {
			t.Fatal(err)
		}
		m.start()
		if after := g.level(); after != before {
			t.Errorf("the tree was\n%s\nand is\n%s", before, after)
		}
		kept, err := m.engine.Preserved(t.Context(), "")
		if err != nil || len(kept) > 3 {
			t.Errorf("%s preserved %d files, %v", m.host, len(kept), err)
		}
		m.write("since", m.host)
		g.level()
	}
}

// TestFilteredFilesDoNotKeepAFolder: what filters leave alone stays where it is,
// and goes to the preserved store when its folder is deleted elsewhere.
func TestFilteredFilesDoNotKeepAFolder(t *testing.T) {
	g := newGroup(t, 2, replication.TopologyConfig{})
	g.config.Groups[0].Folders[0].Filters.Files = []string{"*.tmp"}
	a, b := g.members[0], g.members[1]
	g.start()
	a.write("dir/file", "travels")
	g.level()
	b.write("dir/Local.TMP", "stays")
	a.write("dir/more", "travels too")
	g.eventually("the second file did not come", func() (bool, string) {
		_, err := os.Stat(b.path("dir/more"))
		return err == nil, b.status()
	})
	if _, err := os.Stat(a.path("dir/Local.TMP")); err == nil {
		t.Error("a filtered file has travelled")
	}
	if err := os.RemoveAll(a.path("dir")); err != nil {
		t.Fatal(err)
	}
	if tree := g.level(); tree != "" {
		t.Errorf("the tree is\n%s", tree)
	}
	kept, err := b.engine.Preserved(t.Context(), "")
	if err != nil || !slices.ContainsFunc(kept, func(p status.PreservedFile) bool { return p.Path == "dir/Local.TMP" }) {
		t.Errorf("preserved: %+v, %v", kept, err)
	}
}

// TestBacklogIsRemembered: after a restart, what a partner held is known before
// it has been heard.
func TestBacklogIsRemembered(t *testing.T) {
	g := newGroup(t, 2, replication.TopologyConfig{})
	a, b := g.members[0], g.members[1]
	for i := range 50 {
		a.write(fmt.Sprint("file", i), "content")
	}
	g.start()
	g.level()
	b.stop()
	a.write("one more", "content")
	backlog := func() int64 {
		s, err := a.engine.Status(t.Context())
		if err != nil || len(s.Folders) != 1 || len(s.Folders[0].Connections) != 2 {
			t.Fatalf("%+v, %v", s, err)
		}
		return s.Folders[0].Connections[0].BacklogFiles
	}
	for range 2 {
		g.eventually("the backlog is not one file", func() (bool, string) { return backlog() == 1, a.status() })
		a.stop()
		a.start()
	}
}
