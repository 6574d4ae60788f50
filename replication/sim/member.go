package sim

import (
	"encoding/binary"
	"time"

	"dfsd/replication"
	"dfsd/replication/reconcile"
	"dfsd/replication/version"
)

// Member is one replica: a disk and an index that survive a crash, and a core
// and plans under way that do not.
type Member struct {
	w     *World
	index int
	name  string
	skew  time.Duration

	disk  *disk
	store *reconcile.Memory
	bound map[uint64]replication.FileID // which object an inode is; kept with the index

	up       bool
	life     int // raised by every crash: what was begun before is void
	core     *reconcile.State
	contents map[replication.FileID]string
	scanning bool                     // a scan is due
	count    uint64                   // of the last stamp that the oracles know
	held     version.Vector           // what it claimed last
	tries    map[replication.Hash]int // how often a content was asked for
}

// Add adds a member. The primary's content wins at the initial sync.
func (w *World) Add(name string, primary bool) *Member {
	m := &Member{w: w, index: len(w.members), name: name, disk: newDisk()}
	w.members = append(w.members, m)
	m.fresh(primary)
	return m
}

// Connect lets to pull from from.
func (w *World) Connect(from, to int) { w.sends[[2]int{from, to}] = true }

// fresh starts a member with an empty index.
func (m *Member) fresh(primary bool) {
	m.store, m.bound = reconcile.NewMemory(), map[uint64]replication.FileID{}
	m.count, m.held = 0, version.Vector{}
	m.boot()
	var o version.Origin
	m.random(o[:])
	o[15] = byte(m.index)
	m.step(reconcile.Begin{Origin: o, Primary: primary})
	for _, o := range m.disk.list(holdInode) {
		m.disk.preserve(o)
		m.disk.remove(o.inode)
	}
	m.scan()
	m.step(reconcile.Scanned{})
}

func (m *Member) boot() {
	core, err := reconcile.New(m.store)
	if err != nil {
		m.w.fail("%s: %v", m.name, err)
		return
	}
	m.life++
	m.up, m.core, m.scanning = true, core, false
	m.contents, m.tries = map[replication.FileID]string{}, map[replication.Hash]int{}
	m.again(m.w.soon(time.Second), m.pull)
	m.again(m.w.soon(3*time.Second), m.retry)
}

// crash loses all that is not on disk or in the index.
func (m *Member) crash() {
	if m.up {
		m.w.note("%s crashes", m.name)
		m.up = false
		m.life++
	}
}

func (m *Member) restart() {
	if m.up {
		return
	}
	m.w.note("%s restarts", m.name)
	if meta, _ := m.store.Meta(); meta.Phase == reconcile.Scanning {
		m.fresh(meta.Primary)
		return
	}
	m.boot()
	m.scan()
}

// lose crashes the member and takes its index away.
func (m *Member) lose() {
	m.crash()
	m.w.note("%s loses its index", m.name)
	m.fresh(false)
}

// again runs f unless the member has crashed by then.
func (m *Member) again(d time.Duration, f func()) {
	life := m.life
	m.w.after(d, func() {
		if m.up && m.life == life {
			f()
		}
	})
}

func (m *Member) pull() {
	for from := range m.w.members {
		m.ask(from)
	}
	m.again(time.Second+m.w.soon(time.Second), m.pull)
}

func (m *Member) retry() {
	m.step(reconcile.Retry{})
	m.again(2*time.Second+m.w.soon(time.Second), m.retry)
}

func (m *Member) ask(from int) {
	if !m.w.sends[[2]int{from, m.index}] {
		return
	}
	seen := m.core.Meta().Seen
	m.w.post(m.index, from, func() { m.w.members[from].step(reconcile.Asked{Peer: m.name, Seen: seen}) })
}

// step gives one event to the core and does what it says.
func (m *Member) step(ev reconcile.Event) {
	if m.w.err != nil {
		return
	}
	m.w.steps++
	m.w.note("%s %T", m.name, ev)
	actions, err := m.core.Step(m.w.now+int64(m.skew), ev)
	if err != nil {
		m.w.fail("%s: %T: %v", m.name, ev, err)
		return
	}
	m.w.watch(m)
	for _, a := range actions {
		m.act(a)
	}
}

func (m *Member) act(a reconcile.Action) {
	switch a := a.(type) {
	case reconcile.Want:
		m.fetch(a.Record)
	case reconcile.Send:
		to := m.w.named(a.Peer)
		m.w.records += len(a.Batch.Records)
		m.w.post(m.index, to.index, func() { to.step(reconcile.Received{Batch: a.Batch}) })
	case reconcile.Claim:
		for to := range m.w.members {
			if m.w.sends[[2]int{m.index, to}] {
				m.w.post(m.index, to, func() { m.w.members[to].ask(m.index) })
			}
		}
	case reconcile.Install:
		m.again(m.w.soon(50*time.Millisecond), func() { m.install(a.Plan) })
	}
}

// fetch asks one sender for a content; whoever it is may not have it.
func (m *Member) fetch(r replication.Record) {
	var from []int
	for i := range m.w.members {
		if m.w.sends[[2]int{i, m.index}] {
			from = append(from, i)
		}
	}
	answer := func(content string, ok bool) {
		if ok {
			m.contents[r.ID] = content
		} else if m.tries[r.Hash] > 2*len(from) && m.w.nowhere(r.Hash) {
			m.step(reconcile.Unobtainable{ID: r.ID, Hash: r.Hash})
		}
		m.step(reconcile.Fetched{ID: r.ID, Hash: r.Hash, OK: ok})
	}
	m.again(5*time.Second, func() { m.step(reconcile.Fetched{ID: r.ID, Hash: r.Hash, OK: m.has(r)}) })
	if len(from) == 0 {
		return
	}
	i := from[m.tries[r.Hash]%len(from)]
	m.tries[r.Hash]++
	life := m.life
	m.w.post(m.index, i, func() {
		content, ok := m.w.members[i].disk.holds(r.Hash)
		m.w.post(i, m.index, func() {
			if m.life == life {
				answer(content, ok)
			}
		})
	})
}

// nowhere tells whether every member can be asked for a content, and none has it.
func (w *World) nowhere(hash replication.Hash) bool {
	if len(w.cut) > 0 {
		return false
	}
	for _, m := range w.members {
		if _, ok := m.disk.holds(hash); ok || !m.up {
			return false
		}
	}
	return true
}

func (m *Member) has(r replication.Record) bool {
	c, ok := m.contents[r.ID]
	return ok && hashOf(c) == r.Hash
}

func (m *Member) random(b []byte) {
	for len(b) > 0 {
		var x [8]byte
		binary.LittleEndian.PutUint64(x[:], m.w.rng.Uint64())
		b = b[copy(b, x[:]):]
	}
}

func (w *World) named(name string) *Member {
	for _, m := range w.members {
		if m.name == name {
			return m
		}
	}
	return nil
}
