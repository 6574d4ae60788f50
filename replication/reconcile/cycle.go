package reconcile

import "dfsd/replication"

// cycle tells whether the known versions put the directory e below itself:
// two members moved two directories into one another. The least version of
// the cycle gives way, on every member alike.
func (s *State) cycle(e Entry) (cyclic, changed bool, err error) {
	loser := e
	seen := map[replication.FileID]bool{e.ID: true}
	for id := e.Known.Parent; ; {
		dir, ok, err := s.directory(id)
		if err != nil {
			return false, false, err
		}
		if !ok || dir == replication.RootID || s.rooted[dir] {
			s.root(seen)
			return false, false, nil
		}
		if dir == e.ID {
			break
		}
		if seen[dir] {
			return true, false, nil // below a cycle of others
		}
		seen[dir] = true
		p, _, err := s.store.Entry(dir)
		if err != nil {
			return false, false, err
		}
		if loser.Known.Beats(&p.Known) {
			loser = p
		}
		id = p.Known.Parent
	}
	if s.busy.has(loser.ID) {
		return true, false, nil
	}
	return true, true, s.giveWay(loser)
}

const maxRooted = 1 << 18 // of directories that are remembered to be in no cycle

// root notes that no directory of chain belongs below itself, so that a walk up
// ends at the first that was walked before: a deep tree that is heard of at once
// is walked once. What shifted does not forget stays true: an entry that is new
// continues a chain only where one was waiting for it.
func (s *State) root(chain map[replication.FileID]bool) {
	if len(s.rooted) >= maxRooted {
		clear(s.rooted)
	}
	for id := range chain {
		s.rooted[id] = true
	}
}

// giveWay puts the loser of a cycle back to where it stands on this disk if
// that ends the cycle, and to the root of the folder otherwise.
func (s *State) giveWay(e Entry) error {
	r := e.Known
	r.Parent = replication.RootID
	if e.Live() && e.At.Parent != HoldID {
		below, err := s.belongsBelow(e.At.Parent, e.ID)
		if err != nil {
			return err
		}
		if !below {
			r.Parent, r.Name = e.At.Parent, e.At.Name
		}
	}
	base := e.Known
	if e.OnRecord {
		base.History = base.History.Merge(e.Disk.History)
	}
	s.stamp(&r, &base)
	return s.learn(e, r)
}

// belongsBelow tells whether what belongs into dir is in id, or below it or below
// any cycle, by the known versions. dir may have passed its children on, to id
// even: then it is as good as that.
func (s *State) belongsBelow(dir, id replication.FileID) (bool, error) {
	seen := map[replication.FileID]bool{}
	for {
		heir, e, ok, err := s.resolve(dir)
		if err != nil || !ok || heir == replication.RootID {
			return false, err
		}
		if heir == id || seen[heir] {
			return true, nil
		}
		seen[heir] = true
		dir = e.Known.Parent
	}
}

// standsBelow tells whether dir is id or below it on disk.
func (s *State) standsBelow(dir, id replication.FileID) (bool, error) {
	for range maxDepth {
		if dir == id {
			return true, nil
		}
		e, ok, err := s.store.Entry(dir)
		if err != nil || !ok || !e.Live() {
			return false, err
		}
		dir = e.At.Parent
	}
	return true, nil
}
