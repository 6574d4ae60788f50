//go:build integration

package replicas

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"dfsd/replication/status"
)

// hubs is two branches that know each other by a hub only.
func hubs() setup {
	return setup{
		members:  3,
		topology: "{hubs: [m0.lab]}",
		ways:     []way{{0, 1}, {1, 0}, {0, 2}, {2, 0}},
	}
}

// oneWay is a publisher and a subscriber.
func oneWay() setup {
	return setup{topology: "{connections: [{from: m0.lab, to: m1.lab}]}", ways: []way{{0, 1}}}
}

// TestHubs: what a branch changes reaches the other branch through the hub,
// and the branches never call each other.
func TestHubs(t *testing.T) {
	g := newGroup(t, hubs())
	g.converged(t, patience)
	g.change(t, 1, func(m *member) { write(t, m.path("of/branch-1"), "one") })
	g.change(t, 2, func(m *member) {
		write(t, m.path("of/branch-2"), "two")
		save(t, m.root(), "of/branch-1", "one, edited")
	})
	g.change(t, 1, func(m *member) { remove(t, m.path("of/branch-2")) })
	for _, w := range []way{{1, 2}, {2, 1}} {
		if n := g.proxies[w].bytes.Load(); n != 0 {
			t.Errorf("%d bytes between the branches, want none", n)
		}
	}
	g.cut(0, 2)
	write(t, g.members[1].path("while-cut"), "later")
	write(t, g.members[2].path("while-cut-too"), "later")
	g.convergedPair(t, 0, 1)
	g.heal(0, 2)
	g.converged(t, patience)
}

// convergedPair waits until two members are equal, whatever the others have.
func (g *group) convergedPair(t testing.TB, a, b int) {
	t.Helper()
	g.awaitTree(t, patience, nil, []*member{g.members[a], g.members[b]})
}

// TestOneWay: changes of the sender travel, those of the receiver never do.
func TestOneWay(t *testing.T) {
	g := newGroup(t, oneWay())
	sender, receiver := g.members[0], g.members[1]
	g.converged(t, patience)
	g.change(t, 0, func(m *member) {
		for i := range 20 {
			write(t, m.path(fmt.Sprintf("dir/%d", i)), "sent")
		}
	})
	write(t, receiver.path("of-the-receiver"), "stays")
	write(t, sender.path("last"), "sent")
	receiver.awaitContent(t, "last", "sent")
	pause(time.Second) // time enough for what must not happen
	if got := content(sender.path("of-the-receiver")); got != "" {
		t.Errorf("the receiver's own file stands at the sender: %q", got)
	}
}

// TestPausedAndResumed: a paused folder says so and moves nothing, either way;
// a resumed one catches up by itself.
func TestPausedAndResumed(t *testing.T) {
	g := newGroup(t, setup{})
	g.converged(t, patience)
	g.change(t, 0, func(m *member) { write(t, m.path("a"), "one") })
	paused := g.members[1]
	if r := paused.command("replication", "pause", groupFolder); r.code != 0 {
		t.Fatal(r)
	}
	paused.awaitFolder(t, "paused", patience, func(f status.Folder) bool { return f.State == status.Paused })
	write(t, g.members[0].path("b"), "two")
	write(t, paused.path("c"), "three")
	pause(time.Second) // time enough for what must not happen
	if content(paused.path("b")) != "" || content(g.members[0].path("c")) != "" {
		t.Error("a change travelled although the folder is paused")
	}
	if r := paused.command("replication", "resume", groupFolder); r.code != 0 {
		t.Fatal(r)
	}
	if got := g.converged(t, patience); got["b"].size != 3 || got["c"].size != 5 {
		t.Errorf("after resuming the trees hold %v, want a, b and c", got)
	}
}

// TestThirdMemberJoins: a member that brings an equal tree needs to hear of
// the files but not their contents; what it has beyond them is preserved as
// pre-existing and leaves the tree.
func TestThirdMemberJoins(t *testing.T) {
	const (
		files = 2000
		// perFile is what one file may cost in each direction that speaks of
		// it, on the average, beyond the fixed part.
		perFile, fixed = 48 + 16, 96 << 10
	)
	fillWith := func(m *member) {
		for i := range files {
			path := m.path(fmt.Sprintf("%02d/document %04d.txt", i%40, i))
			write(t, path, fmt.Sprintf("content %d %s", i, strings.Repeat("x", i%997)))
			touch(t, path, time.Unix(1_700_000_000+int64(i), int64(i)*1000))
		}
	}
	g := newGroup(t, setup{members: 3, late: []int{2}, seed: func(g *group) {
		fillWith(g.members[0])
		fillWith(g.members[2])
		write(t, g.members[2].path("extra/of the third"), "only here")
	}})
	before := g.converged(t, patience)
	third := g.members[2]
	mark := g.wireOf(2)
	third.start(t)
	g.becomes(t, before, 2*patience)
	cost := g.wireOf(2) - mark
	t.Logf("joining with %d equal files cost %d bytes, %.1f a file", files, cost, float64(cost)/files)
	if limit := int64(files*2*perFile + fixed); cost > limit { // both partners may speak of all files
		t.Errorf("joining cost %d bytes, want %d at most", cost, limit)
	}
	preserved := third.preserved(t)
	if !slices.ContainsFunc(preserved, func(p status.PreservedFile) bool {
		return p.Path == "extra/of the third" && p.Why == "pre-existing" && p.Size == int64(len("only here"))
	}) {
		t.Errorf("preserved at the third: %+v, want its extra file as pre-existing", preserved)
	}
}
