package install

import (
	"errors"
	"strings"

	"dfsd/internal/fsx"
)

// mover is one move of a run.
type mover struct {
	*step
	from   string // where it is now, after the moves before it
	parked string // its name in staging while it waits for its place
	err    error  // why it could not move yet
}

// inPlace tells whether m is where it shall be.
func (m *mover) inPlace() bool { return m.parked == "" && m.from == m.To }

// moves makes a run of moves, in the order in which their new names become
// free. When all wait for each other, two of them trade names in one step, so
// that every file has a name whenever the power goes. What cannot trade (a
// directory with its own parent) waits in staging, with a line in the
// manifest that brings it back.
func (b *batch) moves(run []*step) {
	var waiting []*mover
	for _, s := range run {
		m := &mover{step: s, from: s.Path}
		if s.result.Outcome == 0 {
			if err := b.checkSource(m); err != nil {
				b.settle(s, err)
			} else {
				waiting = append(waiting, m)
			}
		}
	}
	for len(waiting) > 0 {
		left := b.moveFree(waiting)
		if len(left) == len(waiting) && !b.trade(left) {
			b.giveUp(left)
			return
		}
		waiting = unsettled(left)
	}
}

func unsettled(movers []*mover) (left []*mover) {
	for _, m := range movers {
		if m.result.Outcome == 0 {
			left = append(left, m)
		}
	}
	return left
}

func (b *batch) checkSource(m *mover) error {
	dir, name, err := b.parent(m.from)
	if err != nil {
		return err
	}
	now, err := dir.Stat(name)
	if err != nil {
		return err
	}
	if !m.Expect.unchanged(now) {
		return ErrChanged
	}
	return nil
}

// moveFree makes the moves whose new names are free and returns the others.
func (b *batch) moveFree(waiting []*mover) (left []*mover) {
	for _, m := range waiting {
		if m.inPlace() {
			left = append(left, m) // unless its directory moves on
			continue
		}
		from := m.from
		err := b.move(m)
		switch {
		case err == nil:
			for _, o := range waiting {
				o.from = rebase(o.from, from, m.To)
			}
		case errors.Is(err, fsx.ErrExist), errors.Is(err, fsx.ErrNotExist), errors.Is(err, fsx.ErrUnsupported):
			m.err = err
			left = append(left, m)
		default:
			b.putBack(m)
			b.settle(m.step, err)
		}
	}
	return left
}

// source opens the directory where m is.
func (b *batch) source(m *mover) (fsx.Dir, string, error) {
	if m.parked != "" {
		return b.in.staging, m.parked, nil
	}
	return b.parent(m.from)
}

// move renames m to its place if that is free, and looks whether what it
// moved was the expected.
func (b *batch) move(m *mover) error {
	from, name, err := b.source(m)
	if err != nil {
		return err
	}
	to, newName, err := b.parent(m.To)
	if err != nil {
		return err
	}
	err = renameNew(from, name, to, newName)
	if errors.Is(err, fsx.ErrExist) && sameName(m, to, newName) {
		err = from.Rename(name, to, newName, fsx.Replace)
	}
	if err != nil {
		return err
	}
	now, err := to.Stat(newName)
	if err != nil || !m.Expect.moved(now) {
		_ = renameNew(to, newName, from, name)
		return ErrChanged
	}
	b.moved(m, now)
	return nil
}

// sameName tells whether the new name differs from the old in case only and
// is taken by m itself: on a file system that folds case.
func sameName(m *mover, to fsx.Dir, newName string) bool {
	if m.parked != "" || !strings.EqualFold(m.from, m.To) {
		return false
	}
	i, err := to.Stat(newName)
	return err == nil && i.Inode != 0 && m.Expect.sameFile(i) && i.Links == 1
}

// moved settles a move that was made.
func (b *batch) moved(m *mover, now fsx.Info) {
	if m.parked == "" {
		b.touch(m.from)
	}
	b.touch(m.To)
	m.from = m.To
	if now.Kind == fsx.Directory {
		b.forget()
	}
	m.parked = ""
	m.result.Outcome, m.result.Identity = Done, IdentityOf(now)
}

// trade finds two that wait for each other's name and brings at least one of
// them nearer to its place; false when nobody waits for another.
func (b *batch) trade(waiting []*mover) bool {
	for _, m := range waiting {
		for _, occupant := range waiting {
			if occupant == m || m.inPlace() || occupant.parked != "" || occupant.inPlace() || occupant.from != m.To || !errors.Is(m.err, fsx.ErrExist) {
				continue
			}
			if m.parked != "" {
				return b.park(occupant)
			}
			if b.swap(m, waiting) {
				return true
			}
			return b.park(m)
		}
	}
	return false
}

// swap exchanges m with what has its name.
func (b *batch) swap(m *mover, waiting []*mover) bool {
	from, name, err := b.source(m)
	if err != nil {
		return false
	}
	to, newName, err := b.parent(m.To)
	if err != nil || from.Rename(name, to, newName, fsx.Exchange) != nil {
		return false
	}
	now, err := to.Stat(newName)
	if err != nil || !m.Expect.moved(now) {
		_ = from.Rename(name, to, newName, fsx.Exchange)
		b.settle(m.step, ErrChanged)
		return true
	}
	old := m.from
	b.forget()
	for _, o := range waiting {
		if o == m {
			continue
		}
		if there := rebase(o.from, m.To, old); there != o.from {
			o.from = there
		} else {
			o.from = rebase(o.from, old, m.To)
		}
	}
	b.moved(m, now)
	return true
}

// park brings m out of the way.
func (b *batch) park(m *mover) bool {
	slot := b.in.temp()
	m.slot = slot
	m.line = b.in.store.intend(m.Item, slot, 0)
	m.line.Path, m.line.Move = escaped(m.from), true
	from, name, err := b.source(m)
	if err == nil {
		err = errors.Join(b.in.store.append(m.line), b.in.store.sync())
	}
	if err == nil {
		err = renameNew(from, name, b.in.staging, slot)
	}
	if err != nil {
		b.settle(m.step, err)
		return true
	}
	b.touch(m.from)
	b.forget()
	m.parked = slot
	return true
}

// giveUp settles moves that are in place, and those that wait for what will
// not happen.
func (b *batch) giveUp(waiting []*mover) {
	for i := len(waiting) - 1; i >= 0; i-- {
		b.putBack(waiting[i])
	}
	for _, m := range waiting {
		if m.inPlace() {
			b.settle(m.step, b.arrived(m))
		} else {
			b.settle(m.step, m.err)
		}
	}
}

// arrived settles a move that others have made by the way.
func (b *batch) arrived(m *mover) error {
	to, name, err := b.parent(m.To)
	if err != nil {
		return err
	}
	now, err := to.Stat(name)
	if err != nil {
		return err
	}
	if !m.Expect.moved(now) {
		return ErrChanged
	}
	b.moved(m, now)
	return nil
}

// putBack brings a parked object back to where it was, or beside it.
func (b *batch) putBack(m *mover) {
	if m.parked == "" {
		return
	}
	if _, err := restore(b.in.root, b.in.staging, m.parked, m.from); err == nil {
		m.parked = ""
		return
	}
	m.line.fate = wait
}
