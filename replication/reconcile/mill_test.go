package reconcile

import (
	"encoding/binary"
	"fmt"
	"iter"
	"testing"

	"dfsd/replication"
	"dfsd/replication/version"
)

// counted is a store that counts what is read of it.
type counted struct {
	*Memory
	entries, listed, puts int
}

func (c *counted) Entry(id replication.FileID) (Entry, bool, error) {
	c.entries++
	return c.Memory.Entry(id)
}

func (c *counted) Children(dir replication.FileID) ([]Entry, error) {
	out, err := c.Memory.Children(dir)
	c.listed += len(out)
	return out, err
}

func (c *counted) Foreign() iter.Seq2[Entry, error] {
	return func(yield func(Entry, error) bool) {
		for e, err := range c.Memory.Foreign() {
			if c.listed++; !yield(e, err) {
				return
			}
		}
	}
}

func (c *counted) Put(e Entry) error {
	c.puts++
	return c.Memory.Put(e)
}

// mill is a member on which all goes well: every content is had and every
// install is done, in the order of the actions and so many at a time.
type mill struct {
	t     testing.TB
	store *counted
	state *State
	todo  []Event
	peak  int // of contents wanted and not installed
	most  int // of installs under way
	count uint64
	now   int64
}

func newMill(t testing.TB, primary bool) *mill {
	t.Helper()
	m := &mill{t: t, store: &counted{Memory: NewMemory()}, now: 1000}
	s, err := New(m.store)
	if err != nil {
		t.Fatal(err)
	}
	m.state = s
	m.step(Begin{Origin: version.Origin{1}, Primary: primary})
	if primary {
		m.step(Scanned{})
	}
	return m
}

func (m *mill) step(events ...Event) {
	m.t.Helper()
	m.now++
	actions, err := m.state.Step(m.now, events...)
	if err != nil {
		m.t.Fatal(err)
	}
	m.peak, m.most = max(m.peak, m.state.contents.slots), max(m.most, len(m.state.busy.of))
	for _, a := range actions {
		switch a := a.(type) {
		case Want:
			m.todo = append(m.todo, Fetched{a.Record.ID, a.Record.Hash, true})
		case Install:
			m.todo = append(m.todo, Installed{ID: a.Plan.ID})
		case Refuse:
			m.t.Fatal(a.Err)
		}
	}
}

// receive gives records to the core in batches, the last with the claim.
func (m *mill) receive(records []replication.Record) {
	m.t.Helper()
	since, claim := m.state.Meta().Seen, m.state.Meta().Seen
	for i := range records {
		claim = claim.With(records[i].Stamp)
	}
	for len(records) > 0 {
		n := min(4096, len(records))
		b := Batch{Records: records[:n], Since: since}
		if records = records[n:]; len(records) == 0 {
			b.Claim, b.Synced = claim, true
		}
		m.step(Received{From: "p", Batch: b})
	}
}

// settle answers all actions, 256 at a time.
func (m *mill) settle() {
	m.t.Helper()
	for len(m.todo) > 0 {
		n := min(256, len(m.todo))
		events := m.todo[:n:n]
		m.todo = m.todo[n:]
		m.step(events...)
	}
	if n := m.state.Pending(); n > 0 {
		for id := range m.state.agenda.items {
			e, _, _ := m.store.Memory.Entry(id)
			m.t.Fatalf("%d entries remain, one %q: %+v", n, m.state.Waiting(id), e)
		}
	}
}

// spent returns how many entries were read, listed and put since it was asked
// last.
func (m *mill) spent() int {
	n := m.store.entries + m.store.listed + m.store.puts
	m.store.entries, m.store.listed, m.store.puts = 0, 0, 0
	return n
}

// scatter makes an ID whose order says nothing about n.
func scatter(n int) (id replication.FileID) {
	binary.BigEndian.PutUint64(id[:], uint64(n+1)*0x9e3779b97f4a7c15)
	binary.BigEndian.PutUint64(id[8:], uint64(n))
	return id
}

// made gives r the next version of another member, on top of what it has.
func (m *mill) made(r replication.Record) replication.Record {
	m.count++
	r.Stamp = version.Stamp{Origin: version.Origin{2}, Count: m.count}
	r.History, r.Fence, r.Created = r.History.With(r.Stamp), 1, 500
	r.Clock = 600 + int64(m.count)
	return r
}

func (m *mill) directory(n int, parent replication.FileID) replication.Record {
	return m.made(replication.Record{ID: scatter(n), Parent: parent, Name: fmt.Sprint("d", n), Kind: replication.Directory, Attr: replication.Attr{Mode: 0o755}})
}

func (m *mill) file(n int, parent replication.FileID) replication.Record {
	r := replication.Record{ID: scatter(n), Parent: parent, Name: fmt.Sprint("f", n), Kind: replication.File, Size: 1, Attr: replication.Attr{Mode: 0o644}}
	binary.BigEndian.PutUint64(r.Hash[:], uint64(n)+1)
	return m.made(r)
}

// tree makes so many files in so many directories, which stand in one another.
func (m *mill) tree(files, dirs int) (out []replication.Record) {
	for d := range dirs {
		parent := replication.RootID
		if d > 0 {
			parent = scatter((d - 1) / 4)
		}
		out = append(out, m.directory(d, parent))
	}
	for f := range files {
		out = append(out, m.file(dirs+f, scatter(f%dirs)))
	}
	return out
}
