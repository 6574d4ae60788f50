//go:build integration

package replicas

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"dfsd/replication/status"
)

// setup says what a group is to be; the zero value is two members in a full
// mesh.
type setup struct {
	members  int    // 0: two
	topology string // YAML; empty: full-mesh
	ways     []way  // the connections of that topology; nil: every member with every other
	imageMB  int    // of each member's disk; 0: 512
	folder   []string
	apart    bool // the index lies on another disk than the folder
	volume   bool // the folder is the root of its file system
	// lies are keys that stand wrong in configurations: what a member is told
	// of another one.
	lies map[way]string
	// seed fills roots before anybody starts.
	seed func(g *group)
	late []int // members that the test starts itself
}

// way is a direction between two members.
type way struct{ from, to int }

// group is some members of one replicated folder.
type group struct {
	t       testing.TB
	dir     string
	setup   setup
	members []*member
	proxies map[way]*proxy // where from dials to
	cuts    map[way]bool   // both ways of each link that is cut
}

// groups numbers the groups of this process: each has a subnet of loopback
// addresses for itself.
var groups atomic.Int32

// newGroup builds a group and starts all members but the late ones.
func newGroup(t testing.TB, s setup) *group {
	t.Helper()
	if s.members == 0 {
		s.members = 2
	}
	if s.imageMB == 0 {
		s.imageMB = 512
	}
	g := &group{t: t, dir: newLab(t).Dir("group"), setup: s, proxies: map[way]*proxy{}, cuts: map[way]bool{}}
	subnet := groups.Add(1)
	for i := range s.members {
		g.members = append(g.members, g.newMember(i, fmt.Sprintf("127.77.%d.%d:5722", subnet, i+1)))
	}
	for _, from := range g.members {
		for _, to := range g.members {
			if from != to {
				g.proxies[way{from.index, to.index}] = newProxy(t, to.listen)
			}
		}
	}
	t.Cleanup(g.end)
	for _, m := range g.members {
		m.configure()
	}
	if s.seed != nil {
		s.seed(g)
	}
	g.start(t, s.late...)
	return g
}

// start starts every member that does not run, but some.
func (g *group) start(t testing.TB, except ...int) {
	t.Helper()
	for _, m := range g.members {
		if !slices.Contains(except, m.index) && !m.running() {
			m.launch(t)
		}
	}
	for _, m := range g.members {
		if m.running() {
			m.awaitReady(t)
		}
	}
}

// end stops all members at once, and fails the test for one that does not end
// cleanly or wrote of a panic.
func (g *group) end() {
	var wg sync.WaitGroup
	for _, m := range g.members {
		if m.running() {
			wg.Go(func() { m.stop(g.t) })
		}
	}
	wg.Wait()
	for _, m := range g.members {
		m.inspectLog(g.t)
	}
	if g.t.Failed() {
		g.saveLogs()
	}
}

// saveLogs copies logs and configurations to where the caller asked for them.
func (g *group) saveLogs() {
	to := os.Getenv("DFSD_LAB_LOGS")
	if to == "" {
		return
	}
	for _, m := range g.members {
		into := filepath.Join(to, strings.ReplaceAll(g.t.Name(), "/", "-"), m.host)
		if err := os.MkdirAll(into, 0o755); err != nil {
			g.t.Log(err)
			return
		}
		for _, file := range []string{m.log, m.config} {
			b, err := os.ReadFile(file)
			if err == nil {
				err = os.WriteFile(filepath.Join(into, filepath.Base(file)), b, 0o644)
			}
			if err != nil {
				g.t.Log(err)
			}
		}
	}
}

// ways are the connections that the topology makes.
func (g *group) ways() []way {
	if g.setup.ways != nil {
		return g.setup.ways
	}
	var all []way
	for i := range g.members {
		for j := range g.members {
			if i != j {
				all = append(all, way{i, j})
			}
		}
	}
	return all
}

// cut cuts the link between two members.
func (g *group) cut(a, b int) { g.setCut(a, b, true) }

// heal lets the link work again.
func (g *group) heal(a, b int) { g.setCut(a, b, false) }

func (g *group) setCut(a, b int, cut bool) {
	for _, w := range []way{{a, b}, {b, a}} {
		g.proxies[w].setCut(cut)
		g.cuts[w] = cut
	}
}

// isolate cuts a member off from all others.
func (g *group) isolate(a int) { g.each(a, g.cut) }

// rejoin heals all links of a member.
func (g *group) rejoin(a int) { g.each(a, g.heal) }

func (g *group) each(a int, do func(a, b int)) {
	for _, m := range g.members {
		if m.index != a {
			do(a, m.index)
		}
	}
}

// wire is how many bytes went over all links, both ways, so far.
func (g *group) wire() int64 {
	var sum int64
	for _, p := range g.proxies {
		sum += p.bytes.Load()
	}
	return sum
}

// wireOf is how many bytes a member sent and received so far.
func (g *group) wireOf(a int) int64 {
	var sum int64
	for w, p := range g.proxies {
		if w.from == a || w.to == a {
			sum += p.bytes.Load()
		}
	}
	return sum
}

// open tells whether bytes may pass between the members of a way: both run
// and their link is not cut.
func (g *group) open(w way) bool {
	return !g.cuts[w] && g.members[w.from].running() && g.members[w.to].running()
}

// unsettled says what is still under way among the members that run, by what
// they say themselves.
func (g *group) unsettled() string {
	for _, m := range g.members {
		if !m.running() {
			continue
		}
		folder, err := m.folder()
		if err != nil {
			return err.Error()
		}
		if why := g.unsettledOn(m, folder); why != "" {
			return m.host + ": " + why
		}
	}
	return ""
}

func (g *group) unsettledOn(m *member, folder status.Folder) string {
	if folder.State != status.Normal {
		return fmt.Sprintf("the folder is %s: %s", folder.State, folder.Error)
	}
	said := map[way]status.Connection{}
	for _, c := range folder.Connections {
		said[way{g.indexOf(c.From), g.indexOf(c.To)}] = c
	}
	for _, w := range g.ways() {
		if w.from != m.index && w.to != m.index || !g.open(w) {
			continue
		}
		c, ok := said[w]
		name := fmt.Sprintf("the connection %s to %s", g.members[w.from].host, g.members[w.to].host)
		switch {
		case !ok:
			return name + " is not listed"
		case c.State != status.Connected:
			return fmt.Sprintf("%s is %s: %s", name, c.State, c.LastError)
		case c.BacklogFiles != 0 || c.BacklogBytes != 0:
			return fmt.Sprintf("%s has a backlog of %d files, %d bytes", name, c.BacklogFiles, c.BacklogBytes)
		}
	}
	return ""
}

// indexOf is the member of a name, -1 for a stranger.
func (g *group) indexOf(host string) int {
	return slices.IndexFunc(g.members, func(m *member) bool { return m.host == host })
}
