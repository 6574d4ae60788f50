package reconcile

import "dfsd/replication"

// Limits bound what is under way at once, and with it what a caller must have
// room for.
type Limits struct {
	Plans    int // installs; at least 1
	Contents int // contents asked for, or fetched and not yet installed; at least 1
}

// DefaultLimits are those of a new State.
var DefaultLimits = Limits{Plans: 1024, Contents: 2048}

// Limit sets the limits. What is under way above them goes on.
func (s *State) Limit(l Limits) {
	s.limits = Limits{max(1, l.Plans), max(1, l.Contents)}
}

// plans are the installs that are under way, with what they touch.
type plans struct {
	of      map[replication.FileID]Plan
	touched map[replication.FileID]int
	to      map[Place]replication.FileID
	movers  int // plans that move directories
}

func newPlans() plans {
	return plans{
		of: map[replication.FileID]Plan{}, touched: map[replication.FileID]int{},
		to: map[Place]replication.FileID{},
	}
}

func (b *plans) has(id replication.FileID) bool {
	_, ok := b.of[id]
	return ok
}

func (b *plans) start(p Plan) {
	b.of[p.ID] = p
	for _, id := range p.touches() {
		b.touched[id]++
	}
	if p.To.Name != "" {
		b.to[p.To] = p.ID
	}
	if p.movesDirectory() {
		b.movers++
	}
}

func (b *plans) end(p *Plan) {
	delete(b.of, p.ID)
	for _, id := range p.touches() {
		if b.touched[id]--; b.touched[id] == 0 {
			delete(b.touched, id)
		}
	}
	if b.to[p.To] == p.ID {
		delete(b.to, p.To)
	}
	if p.movesDirectory() {
		b.movers--
	}
}

func (p *Plan) movesDirectory() bool {
	return p.Record.Kind == replication.Directory && p.Op == Move
}

// touches returns the objects that p needs as they are: its own, the one in its
// way, and the directories that it takes from and puts into. An ID may come
// twice. The root is none.
func (p *Plan) touches() []replication.FileID {
	out := append(make([]replication.FileID, 0, 4), p.ID)
	if p.Occupant != nil {
		out = append(out, p.Occupant.ID)
	}
	for _, dir := range [...]replication.FileID{p.From.Parent, p.To.Parent} {
		if dir != replication.RootID && dir != HoldID {
			out = append(out, dir)
		}
	}
	return out
}

// plan starts p unless another plan that is under way stands in its way.
func (s *State) plan(e Entry, p Plan) (bool, error) {
	if len(s.busy.of) >= s.limits.Plans {
		s.agenda.enqueue(&s.agenda.plans)
		return false, nil
	}
	if s.hindered(&p) {
		return false, nil
	}
	r := p.Record
	e.Doing = &r
	if err := s.store.Put(e); err != nil { // nobody waits for that
		return false, err
	}
	s.doing.note(&e)
	s.busy.start(p)
	s.do(Install{p})
	return false, nil
}

// hindered tells whether p and a plan that is under way touch the same thing: an
// object, a name, a directory that one fills and the other moves, or two
// directories on the move. It notes what to wait for.
func (s *State) hindered(p *Plan) bool {
	a, before := &s.agenda, len(s.agenda.keys)
	if p.movesDirectory() && s.busy.movers > 0 {
		a.enqueue(&a.movers)
		return true
	}
	for _, id := range p.touches() {
		if s.busy.has(id) {
			a.waitObject(id)
		}
	}
	if s.busy.touched[p.ID] > 0 {
		a.wait(key{kind: onTouch, id: p.ID})
	}
	if p.Occupant != nil && s.busy.touched[p.Occupant.ID] > 0 {
		a.wait(key{kind: onTouch, id: p.Occupant.ID})
	}
	if id, ok := s.busy.to[p.To]; ok && p.To.Name != "" {
		a.waitObject(id)
	}
	a.brief = a.brief || len(a.keys) > before
	return len(a.keys) > before
}

// installed notes how a plan ended.
func (s *State) installed(ev Installed) error {
	p, ok := s.busy.of[ev.ID]
	if !ok {
		return nil
	}
	s.busy.end(&p)
	if err := s.conclude(p, ev.Outcome); err != nil {
		return err
	}
	a := &s.agenda
	a.changes++
	for _, id := range p.touches() {
		a.wake(key{kind: onTouch, id: id})
	}
	a.wake(key{kind: onObject, id: p.ID})
	a.readyID(p.ID)
	return nil
}

func (s *State) conclude(p Plan, o Outcome) error {
	e, ok, err := s.store.Entry(p.ID)
	if err != nil || !ok {
		return err
	}
	if o != Done {
		if o != Changed {
			s.block(p.ID, o)
		}
		if e.Doing == nil {
			return nil
		}
		e.Doing = nil
		return s.put(e)
	}
	if e.Foreign {
		return s.drop(e.ID)
	}
	if p.Op == Adopt {
		if err := s.handOver(p); err != nil {
			return err
		}
	} else if err := s.evicted(p); err != nil {
		return err
	}
	if e.Doing == nil {
		return nil // it has been observed already
	}
	e.Doing = nil
	e.At = p.To
	if p.Op != Move {
		e.OnRecord, e.Disk = true, p.Record
	}
	return s.put(e)
}

// block keeps the object of id from being tried again before a Retry.
func (s *State) block(id replication.FileID, o Outcome) {
	s.blocked[id] = o
	s.agenda.changes++
	if it, ok := s.agenda.items[id]; ok {
		s.agenda.setOpen(it, false)
	}
}

// evicted notes that the occupant of p.To is gone: it lost its name.
func (s *State) evicted(p Plan) error {
	if p.Occupant == nil {
		return nil
	}
	y, ok, err := s.store.Entry(p.Occupant.ID)
	if err != nil || !ok || !y.Live() {
		return err
	}
	if !y.Foreign && y.Disk.Stamp != p.Occupant.Stamp {
		return nil
	}
	return s.leave(y, p)
}

// leave notes that y is off the disk because the object of p took its place.
func (s *State) leave(y Entry, p Plan) error {
	if y.Foreign {
		return s.drop(y.ID)
	}
	if !y.Known.Displaced {
		if err := s.displace(y, p.ID, p.Record.Kind); err != nil {
			return err
		}
	}
	y, _, err := s.store.Entry(y.ID)
	if err != nil {
		return err
	}
	_, err = s.noted(y)
	return err
}

// handOver notes that what was the occupant's is now the object of p: all in
// it stands in that directory.
func (s *State) handOver(p Plan) error {
	y, ok, err := s.store.Entry(p.Occupant.ID)
	if err != nil || !ok {
		return err
	}
	var children []Entry
	if y.Disk.Kind == replication.Directory {
		if children, err = s.store.Children(y.ID); err != nil {
			return err
		}
	}
	if err := s.leave(y, p); err != nil {
		return err
	}
	for _, c := range children {
		if err := s.rehouse(c.ID, y.ID, p.ID); err != nil {
			return err
		}
	}
	return nil
}

func (s *State) rehouse(id, from, to replication.FileID) error {
	c, ok, err := s.store.Entry(id)
	if err != nil || !ok || !c.Live() || c.At.Parent != from {
		return err
	}
	c.At.Parent = to
	if c.Foreign {
		c.Known.Parent, c.Disk.Parent = to, to
	}
	return s.put(c)
}
