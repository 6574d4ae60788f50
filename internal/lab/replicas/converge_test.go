//go:build integration

package replicas

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
)

// patience is how long a group may take to become equal after ordinary
// changes, and one program to end; far above what they need on a slow machine that
// has much else to do, so that only a fault reaches it.
const patience = 2 * time.Minute

// calm is the time between two looks at the status of all members.
const calm = 60 * time.Millisecond

// settled tells whether all members said twice in a row that nothing is owed.
func (g *group) settled() string {
	for range 2 {
		if why := g.unsettled(); why != "" {
			return why
		}
		pause(calm)
	}
	return ""
}

// converged waits until the group is settled and the trees of its running
// members are equal, and returns that tree.
func (g *group) converged(t testing.TB, within time.Duration) tree {
	t.Helper()
	return g.awaitTree(t, within, nil, g.runningMembers())
}

// becomes waits until the group is settled and every running member has this
// tree.
func (g *group) becomes(t testing.TB, want tree, within time.Duration) {
	t.Helper()
	g.awaitTree(t, within, want, g.runningMembers())
}

// change lets a member's user do something, and waits until what he sees then
// is what everybody sees. A change that is undone by the daemon fails.
func (g *group) change(t testing.TB, by int, do func(m *member)) tree {
	t.Helper()
	do(g.members[by])
	want, err := readTree(g.members[by].root())
	if err != nil {
		t.Fatal(err)
	}
	g.becomes(t, want, patience)
	return want
}

func (g *group) runningMembers() []*member {
	return slices.DeleteFunc(slices.Clone(g.members), func(m *member) bool { return !m.running() })
}

// awaitTree waits until the group is settled and some members have the wanted
// tree; nil: that of the first of them.
func (g *group) awaitTree(t testing.TB, within time.Duration, want tree, of []*member) tree {
	t.Helper()
	var first tree
	why := await(within, func() string {
		if why := g.settled(); why != "" {
			return why
		}
		var why string
		first, why = differences(want, of)
		return why
	})
	if why != "" {
		t.Fatalf("not converged within %s: %s\n%s", within, why, g.report())
	}
	return first
}

// differences compares the trees of members with the wanted one, and returns
// that of the first member.
func differences(want tree, of []*member) (tree, string) {
	var first tree
	for i, m := range of {
		got, err := readTree(m.root())
		if err != nil {
			return nil, fmt.Sprintf("%s: %v", m.host, err)
		}
		if i == 0 {
			first = got
		}
		if want == nil {
			want = got
		}
		if d := diff(want, got); len(d) > 0 {
			return nil, fmt.Sprintf("%s has %d differences:\n  %s", m.host, len(d), strings.Join(d[:min(len(d), 20)], "\n  "))
		}
		if s := strays(got); len(s) > 0 {
			return nil, fmt.Sprintf("%s shows %s", m.host, strings.Join(s, ", "))
		}
	}
	return first, ""
}

// awaitContent waits until a file of the member holds something, whatever
// the members say of themselves.
func (m *member) awaitContent(t testing.TB, rel, want string) {
	t.Helper()
	if why := await(patience, func() string {
		if got := content(m.path(rel)); got != want {
			return fmt.Sprintf("%s holds %.40q, want %.40q", rel, got, want)
		}
		return ""
	}); why != "" {
		t.Fatalf("%s: %s\n%s", m.host, why, m.group.report())
	}
}

// report is what a failing test prints: what each member says, and the end of
// its log.
func (g *group) report() string {
	var b strings.Builder
	for _, m := range g.members {
		fmt.Fprintf(&b, "--- %s, running: %v\n", m.host, m.running())
		if m.running() {
			s, err := m.status()
			if err != nil {
				fmt.Fprintln(&b, err)
			} else if text, err := json.MarshalIndent(s, "", " "); err == nil {
				fmt.Fprintf(&b, "%s\n", text)
			}
		}
		fmt.Fprintf(&b, "... the end of its log:\n%s\n", tail(m.log, 40))
	}
	return b.String()
}
