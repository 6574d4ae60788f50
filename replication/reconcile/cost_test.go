package reconcile

import (
	"slices"
	"testing"

	"dfsd/replication"
	"dfsd/replication/version"
)

// cheap fails unless what m did for n objects cost at most a fixed number of
// reads and writes for each.
func (m *mill) cheap(what string, n, each int) {
	m.t.Helper()
	if spent := m.spent(); spent > n*each {
		m.t.Errorf("%s: %d reads and writes for %d objects, more than %d each", what, spent, n, each)
	} else {
		m.t.Logf("%s: %.1f reads and writes for each of %d", what, float64(spent)/float64(n), n)
	}
}

// changed makes the next version of each record that was made.
func (m *mill) changed(records []replication.Record, change func(*replication.Record)) []replication.Record {
	out := slices.Clone(records)
	for i := range out {
		change(&out[i])
		out[i] = m.made(out[i])
	}
	return out
}

func gone(r *replication.Record) { *r = r.Tombstone() }

// TestCostOfMass: what a mass of changes costs grows with their number and not
// with its square: in trees, in one great directory, and among directories.
func TestCostOfMass(t *testing.T) {
	const files, dirs = 8_000, 400
	m := newMill(t, true)
	tree := m.tree(files, dirs)
	m.receive(tree)
	m.settle()
	m.cheap("creates in a tree", files+dirs, 25)
	if m.peak > DefaultLimits.Contents || m.most > DefaultLimits.Plans {
		t.Errorf("%d contents and %d plans at once", m.peak, m.most)
	}

	moved := m.changed(tree[dirs:], func(r *replication.Record) { r.Name += "x" })
	m.receive(moved)
	m.settle()
	m.cheap("renames", files, 25)

	dirsMoved := m.changed(tree[:dirs], func(r *replication.Record) { r.Name += "x" })
	m.receive(dirsMoved)
	m.settle()
	m.cheap("renames of directories", dirs, 60)

	edited := m.changed(moved, func(r *replication.Record) { r.Hash[20]++ })
	m.receive(edited)
	m.settle()
	m.cheap("edits", files, 25)

	m.receive(m.changed(edited, gone))
	m.settle()
	m.cheap("deletes", files, 25)

	slices.Reverse(dirsMoved)
	m.receive(m.changed(dirsMoved, gone))
	m.settle()
	m.cheap("deletes of directories", dirs, 60)
}

// TestCostOfGreatDirectory: all of one directory goes, and then the directory.
func TestCostOfGreatDirectory(t *testing.T) {
	const files = 8_000
	for name, order := range map[string]func(a, b replication.Record) int{
		"as they came":           nil,
		"by their IDs":           func(a, b replication.Record) int { return compareIDs(a.ID, b.ID) },
		"by their IDs, downward": func(a, b replication.Record) int { return compareIDs(b.ID, a.ID) },
	} {
		m := newMill(t, true)
		tree := m.tree(files, 1)
		m.receive(tree)
		m.settle()
		m.spent()
		slices.Reverse(tree)
		if order != nil {
			slices.SortFunc(tree[:files], order)
		}
		m.receive(m.changed(tree, gone))
		m.settle()
		m.cheap(name, files, 30)
	}
}

// TestCostOfWaiting: what goes on while many wait for contents costs nothing for
// those that wait.
func TestCostOfWaiting(t *testing.T) {
	const files = 8_000
	m := newMill(t, true)
	m.receive(m.tree(files, 20))
	for m.state.Pending() > files {
		n := slices.IndexFunc(m.todo, func(ev Event) bool { _, ok := ev.(Installed); return ok })
		m.step(m.todo[n])
		m.todo = slices.Delete(m.todo, n, n+1)
	}
	m.spent()
	for n := range 1000 {
		o := Object{At: root("x"), Kind: replication.File, Size: 1, Hash: replication.Hash{1: byte(n), 2: byte(n >> 8)}}
		if n > 0 {
			o.ID = replication.FileID{0xee}
		}
		m.step(Observed{Object: o, Fresh: replication.FileID{0xee}})
	}
	m.cheap("others while many wait", 1000, 10)
	if m.state.contents.slots != DefaultLimits.Contents {
		t.Errorf("%d contents are asked for, want %d", m.state.contents.slots, DefaultLimits.Contents)
	}
	m.settle()
}

// TestCostOfJoining: a member that has most of it already adopts that, and what
// nobody else has leaves the tree.
func TestCostOfJoining(t *testing.T) {
	const files, dirs, own = 6_000, 200, 6_000
	m := newMill(t, false)
	tree := m.tree(files, dirs)
	for i, r := range tree {
		o := Object{At: Place{r.Parent, r.Name}, Kind: r.Kind, Size: r.Size, Hash: r.Hash, Attr: r.Attr}
		if o.At.Parent != replication.RootID {
			o.At.Parent[15] ^= 0xff
		}
		r.ID[15] ^= 0xff
		m.step(Observed{Object: o, Fresh: r.ID})
		if i%1000 == 0 {
			m.restart()
		}
	}
	for n := range own {
		o := Object{At: Place{scatter(files + dirs), scatter(n).String()}, Kind: replication.File, Size: 1}
		if n == 0 {
			o.At, o.Kind = root("own"), replication.Directory
		}
		m.step(Observed{Object: o, Fresh: scatter(files + dirs + n)})
	}
	m.step(Scanned{})
	m.spent()
	m.receive(tree)
	m.settle()
	m.cheap("adoption and what is left over", files+dirs+own, 40)
	if got := m.state.Meta().Phase; got != Normal || len(m.store.All()) != files+dirs {
		t.Errorf("phase %v with %d entries, want %v with %d", got, len(m.store.All()), Normal, files+dirs)
	}
}

// TestCostOfStamps: versions made here, each pending for a while, hold back
// Held as they should and cost no more.
func TestCostOfStamps(t *testing.T) {
	m := newMill(t, true)
	for n := range 2_000 {
		o := Object{At: root("f"), Kind: replication.Directory}
		o.At.Name += scatter(n).String()
		m.step(Observed{Object: o, Fresh: scatter(n)})
	}
	var gone []Event
	for n := range 2_000 {
		gone = append(gone, Gone{ID: scatter(n)})
	}
	m.step(gone...)
	if held := m.state.Meta().Held; held.Count(version.Origin{1}) != 4_000 || m.state.Pending() != 0 {
		t.Errorf("held %v, %d pending", held, m.state.Pending())
	}
	m.cheap("local changes", 4_000, 10)
}

// restart loses all that is not in the store.
func (m *mill) restart() {
	m.t.Helper()
	s, err := New(m.store)
	if err != nil {
		m.t.Fatal(err)
	}
	m.state, m.todo = s, nil
}
