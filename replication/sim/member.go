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
	inbox    []reconcile.Event // to be given to the core in one step
	contents map[replication.FileID]string
	scanning bool                          // a scan is due
	scans    int                           // since the crash
	made     map[uint64]replication.FileID // what was installed since the crash, maybe not yet noted
	changed  map[replication.FileID]int    // scans when an install changed the disk
	calm     uint64                        // the digest when it was retried last
	count    uint64                        // of the last stamp that the oracles know
	held     version.Vector                // what it claimed last
	tries    map[replication.Hash]int      // how often a content was asked for
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
	m.begun()
}

// begun does the first scan. A slow one is done over and over for a while, with
// users about, and a crash can fall in it.
func (m *Member) begun() {
	if m.w.slow && m.w.rng.IntN(3) > 0 {
		m.again(m.w.soon(time.Second), m.begun)
		if m.w.rng.IntN(2) == 0 {
			m.scan()
		}
		return
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
	if m.w.tight > 0 {
		core.Limit(reconcile.Limits{Plans: m.w.tight, Contents: m.w.tight})
	}
	m.life++
	m.up, m.core, m.scanning = true, core, false
	m.scans, m.changed, m.made = 0, map[replication.FileID]int{}, map[uint64]replication.FileID{}
	m.inbox, m.contents, m.tries = nil, map[replication.FileID]string{}, map[replication.Hash]int{}
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
		m.boot()
		m.begun()
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
	m.post(reconcile.Retry{})
	if m.allTold() {
		m.post(reconcile.Told{})
	}
	m.again(2*time.Second+m.w.soon(time.Second), m.retry)
}

// allTold tells whether everybody has told m all that is held, and nothing has
// changed here for a while.
func (m *Member) allTold() bool {
	before := m.calm
	m.calm = m.digest()
	if m.calm != before || m.w.faults.Loss > 0 || len(m.w.cut) > 0 {
		return false
	}
	for _, o := range m.w.members {
		meta, _ := o.store.Meta()
		if !o.up || !m.core.Meta().Seen.Includes(meta.Held) {
			return false
		}
	}
	return true
}

func (m *Member) ask(from int) {
	if !m.w.sends[[2]int{from, m.index}] {
		return
	}
	seen, life := m.core.Meta().Seen, m.life
	m.w.post(m.index, from, func() { m.w.members[from].answer(m, life, seen) })
}

// answer tells to, which has seen what seen covers, what m holds. What to asked in
// an earlier life, nobody takes in: sessions end with the lives of both.
func (m *Member) answer(to *Member, life int, seen version.Vector) {
	records, b, ok, err := reconcile.Answer(m.store, seen)
	if err != nil {
		m.w.fail("%s: %v", m.name, err)
	}
	if !ok || err != nil {
		return
	}
	for r := range records {
		b.Records = append(b.Records, r)
	}
	m.w.records += len(b.Records)
	pieces := m.w.cutUp(b)
	own := m.life
	m.w.post(m.index, to.index, func() {
		if to.life == life {
			to.receive(m, own, pieces)
		}
	})
}

// cutUp parts some batches: all pieces but the last claim nothing.
func (w *World) cutUp(b reconcile.Batch) []reconcile.Batch {
	var out []reconcile.Batch
	for len(b.Records) > 1 && w.rng.IntN(3) == 0 {
		n := 1 + w.rng.IntN(len(b.Records)-1)
		out = append(out, reconcile.Batch{Records: b.Records[:n], Since: b.Since})
		b.Records = b.Records[n:]
	}
	return append(out, b)
}

// receive takes in one piece after the other. A crash or a cut link between two
// of them loses the rest.
func (m *Member) receive(from *Member, life int, pieces []reconcile.Batch) {
	m.post(reconcile.Received{From: from.name, Batch: pieces[0]})
	if len(pieces) == 1 {
		return
	}
	m.again(m.w.soon(100*time.Millisecond), func() {
		if !m.w.cut[[2]int{from.index, m.index}] && from.life == life {
			m.receive(from, life, pieces[1:])
		}
	})
}

// post gives ev to the core soon, maybe together with others.
func (m *Member) post(ev reconcile.Event) {
	m.inbox = append(m.inbox, ev)
	if len(m.inbox) > 1 {
		return
	}
	flush := func() {
		events := m.inbox
		m.inbox = nil
		m.step(events...)
	}
	if m.w.rng.IntN(2) == 0 {
		flush()
		return
	}
	m.again(m.w.soon(30*time.Millisecond), flush)
}

// step gives events to the core and does what it says.
func (m *Member) step(events ...reconcile.Event) {
	if m.w.err != nil {
		return
	}
	m.w.steps++
	m.w.note("%s takes %d events", m.name, len(events))
	for _, ev := range events {
		m.w.note("  %T", ev)
	}
	actions, err := m.core.Step(m.w.now+int64(m.skew), events...)
	if err != nil {
		m.w.fail("%s: %v: %v", m.name, events, err)
		return
	}
	m.done(actions)
	for _, ev := range events {
		m.recheck(ev)
	}
}

// recheck scans again if a scan came between an install and its note: what a
// user then did to the object was not told from its not being there yet.
func (m *Member) recheck(ev reconcile.Event) {
	ins, ok := ev.(reconcile.Installed)
	if !ok || ins.Outcome != reconcile.Done {
		return
	}
	if m.changed[ins.ID] != m.scans {
		m.touched()
	}
	delete(m.changed, ins.ID)
}

// done looks at what a step has left, and does what it says.
func (m *Member) done(actions []reconcile.Action) {
	m.w.watch(m)
	for _, a := range actions {
		m.act(a)
	}
}

func (m *Member) act(a reconcile.Action) {
	switch a := a.(type) {
	case reconcile.Want:
		m.fetch(a.Record)
	case reconcile.Refuse:
		m.w.fail("%s refuses what %s sends: %v", m.name, a.From, a.Err)
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
		if !ok { // what it preserved itself is no worse
			content, ok = m.disk.holds(r.Hash)
		}
		if ok {
			m.contents[r.ID] = content
		} else if m.tries[r.Hash] > 2*len(from) && m.w.nowhere(r.Hash) {
			m.post(reconcile.Unobtainable{ID: r.ID, Hash: r.Hash})
		}
		m.post(reconcile.Fetched{ID: r.ID, Hash: r.Hash, OK: ok})
	}
	m.again(5*time.Second, func() { m.post(reconcile.Fetched{ID: r.ID, Hash: r.Hash, OK: m.has(r)}) })
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
