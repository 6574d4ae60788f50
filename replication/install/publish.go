package install

import (
	"errors"

	"dfsd/internal/fsx"
)

// renameNew renames to a name that nothing has. Where the file system cannot
// promise that in one step, a file gets its second name before it loses the
// first, and a directory is renamed onto nothing or an empty directory.
func renameNew(from fsx.Dir, name string, to fsx.Dir, newName string) error {
	err := from.Rename(name, to, newName, fsx.NoReplace)
	if !errors.Is(err, fsx.ErrUnsupported) {
		return err
	}
	i, err := from.Stat(name)
	if err != nil {
		return err
	}
	if i.Kind != fsx.Directory {
		if err := from.Link(name, to, newName); err != nil {
			return err
		}
		return from.Remove(name)
	}
	if _, err := to.Stat(newName); !errors.Is(err, fsx.ErrNotExist) {
		if err == nil {
			err = fsx.ErrExist
		}
		return err
	}
	return from.Rename(name, to, newName, fsx.Replace)
}

// create shows a new object under a name that is free.
func (b *batch) create(s *step) error {
	dir, name, err := b.parent(s.Path)
	if err != nil {
		return err
	}
	if s.unnamed != nil {
		err = b.showUnnamed(s, dir, name)
	} else {
		err = renameNew(b.in.staging, s.temp, dir, name)
	}
	if err == nil {
		b.done(s)
	}
	return err
}

// done notes how the new object looks. What happened to it since it was ready
// is a user's doing and must not pass for ours: its identity is then one that
// no file has.
func (b *batch) done(s *step) {
	b.touch(s.Path)
	now, err := s.handle.Info()
	id := IdentityOf(now)
	if err != nil || now.Mode != s.before.Mode || now.UID != s.before.UID || now.GID != s.before.GID ||
		now.Kind != fsx.Directory && (now.Size != s.before.Size || now.MTime != s.before.MTime) {
		id = IdentityOf(s.before)
		id.CTime = 0
	}
	s.temp = ""
	s.result.Outcome, s.result.Identity = Done, id
}

// replace shows a new object in the place of the one that the caller knows.
// The two are exchanged in one step, so that what stood there can be looked
// at once more when nobody can reach it by its name any longer.
func (b *batch) replace(s *step) error {
	dir, name, err := b.parent(s.Path)
	if err != nil {
		return err
	}
	now, err := dir.Stat(name)
	if err != nil {
		return err
	}
	if !s.Expect.unchanged(now) {
		return ErrChanged
	}
	err = b.in.staging.Rename(s.temp, dir, name, fsx.Exchange)
	if errors.Is(err, fsx.ErrUnsupported) {
		return b.replaceByLink(s, dir, name)
	}
	if err != nil {
		return err
	}
	b.touch(s.Path)
	old, err := b.in.staging.Stat(s.slot)
	if err != nil || !s.Expect.moved(old) {
		return b.giveBack(s, dir, name)
	}
	b.depart(s, s.slot)
	b.done(s)
	return nil
}

// depart settles what becomes of the displaced file.
func (b *batch) depart(s *step, slot string) {
	s.slot, s.line.fate = slot, drop
	if s.Preserve.Why != Superseded {
		s.line.fate = keep
	}
}

// giveBack undoes an exchange with a file that was not the expected one. If
// somebody was faster once more, what he displaced is preserved.
func (b *batch) giveBack(s *step, dir fsx.Dir, name string) error {
	err := b.in.staging.Rename(s.slot, dir, name, fsx.Exchange)
	if errors.Is(err, fsx.ErrNotExist) { // our new file has been removed
		if err = renameNew(b.in.staging, s.slot, dir, name); err == nil {
			s.temp = ""
			return ErrChanged
		}
	}
	back, statErr := b.in.staging.Stat(s.slot)
	if err == nil && statErr == nil && back.Inode == s.before.Inode {
		return ErrChanged
	}
	b.keepStranger(s)
	return ErrChanged
}

// keepStranger preserves a user's file that has lost its name to us.
func (b *batch) keepStranger(s *step) {
	s.line.Why, s.line.fate = Conflicting, keep
	s.temp = ""
}

// replaceByLink replaces where the file system cannot exchange: the old file
// gets a second name in staging, and loses its first to a plain rename. A
// user who renames another file to that name between the two loses that one:
// the race that Exchange closes.
func (b *batch) replaceByLink(s *step, dir fsx.Dir, name string) error {
	slot := s.slot + oldSuffix
	if err := dir.Link(name, b.in.staging, slot); err != nil {
		return err
	}
	linked, err := b.in.staging.Stat(slot)
	if err != nil || !s.Expect.moved(linked) {
		_ = b.in.staging.Remove(slot)
		return ErrChanged
	}
	if err := b.in.staging.Rename(s.temp, dir, name, fsx.Replace); err != nil {
		_ = b.in.staging.Remove(slot)
		return err
	}
	b.depart(s, slot)
	if now, err := b.in.staging.Stat(slot); err != nil || !s.Expect.moved(now) {
		s.line.Why, s.line.fate = Conflicting, keep
	}
	b.done(s)
	return nil
}

// remove takes an object away. One that is gone already is as good as done.
func (b *batch) remove(s *step) error {
	gone := func(err error) error {
		if errors.Is(err, fsx.ErrNotExist) {
			s.result.Outcome = Done
			return nil
		}
		return err
	}
	dir, name, err := b.parent(s.Path)
	if err != nil {
		return gone(err)
	}
	now, err := dir.Stat(name)
	if err != nil {
		return gone(err)
	}
	if !s.Expect.unchanged(now) {
		return ErrChanged
	}
	if now.Kind == fsx.Directory {
		return b.removeDir(s, dir, name)
	}
	if err := renameNew(dir, name, b.in.staging, s.slot); err != nil {
		return gone(err)
	}
	b.touch(s.Path)
	taken, err := b.in.staging.Stat(s.slot)
	if err == nil && s.Expect.moved(taken) {
		b.depart(s, s.slot)
		s.result.Outcome = Done
		return nil
	}
	if renameNew(b.in.staging, s.slot, dir, name) != nil {
		b.keepStranger(s)
	}
	return ErrChanged
}

func (b *batch) removeDir(s *step, dir fsx.Dir, name string) error {
	if err := dir.RemoveDir(name); err != nil {
		return err
	}
	b.forget()
	b.touch(s.Path)
	s.result.Outcome = Done
	return nil
}

// setAttr changes the metadata of what is there, on a handle.
func (b *batch) setAttr(s *step) error {
	dir, name, err := b.parent(s.Path)
	if err != nil {
		return err
	}
	switch s.Expect.Kind {
	case fsx.Directory:
		s.handle, err = held(dir.OpenDir(name))
	case fsx.Symlink:
		s.handle, err = dir.OpenLink(name)
	default:
		s.handle, err = held(dir.Open(name, fsx.ReadOnly))
	}
	if err != nil {
		return err
	}
	now, err := s.handle.Info()
	switch {
	case err != nil:
		return err
	case !s.Expect.unchanged(now), now.Kind == fsx.Regular && now.Links > 1:
		return ErrChanged
	}
	if s.result.Degraded, err = b.in.applyAttr(s.handle, s.Record); err != nil {
		return err
	}
	after, err := s.handle.Info()
	if err != nil {
		return err
	}
	s.result.Outcome, s.result.Identity = Done, IdentityOf(after)
	if after.Size != now.Size {
		s.result.Identity.CTime = 0 // written meanwhile: not ours to recognise
	}
	b.dressed = append(b.dressed, s)
	return nil
}

// held keeps an interface nil when nothing was opened.
func held[H fsx.Handle](h H, err error) (fsx.Handle, error) {
	if err != nil {
		return nil, err
	}
	return h, nil
}
