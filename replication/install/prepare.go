package install

import (
	"errors"
	"fmt"

	"dfsd/internal/fsx"
	"dfsd/replication"
)

// ready makes the temporary of a step, with content and metadata, and the
// manifest line of what it displaces.
func (b *batch) ready(s *step) error {
	var err error
	switch s.Op {
	case Put:
		err = b.readyPut(s)
	case SetAttr:
		err = b.readySetAttr(s)
	}
	if err != nil {
		return err
	}
	displaces := s.temp != "" && !s.Expect.IsZero() || s.Op == Remove && s.Expect.Kind != fsx.Directory
	if displaces {
		if s.slot = s.temp; s.slot == "" {
			s.slot = b.in.temp()
		}
		s.line = b.in.store.intend(s.Item, s.slot, s.before.Inode)
	}
	return nil
}

func (b *batch) readyPut(s *step) error {
	var err error
	switch s.Record.Kind {
	case replication.Directory:
		err = b.makeDir(s)
	case replication.Symlink:
		err = b.makeLink(s)
	case replication.File:
		err = b.makeFile(s)
	default:
		err = errItem
	}
	if err != nil {
		return err
	}
	return b.dress(s)
}

// dress gives the temporary its metadata and notes how it looks then.
func (b *batch) dress(s *step) (err error) {
	if s.result.Degraded, err = b.in.applyAttr(s.handle, s.Record); err != nil {
		return err
	}
	s.before, err = s.handle.Info()
	return err
}

func (b *batch) makeDir(s *step) error {
	name := b.in.temp()
	if err := b.in.staging.Mkdir(name, privateMode); err != nil {
		return err
	}
	s.temp, s.before.Kind = name, fsx.Directory
	d, err := b.in.staging.OpenDir(name)
	if err == nil {
		s.handle = d
	}
	return err
}

func (b *batch) makeLink(s *step) error {
	name := b.in.temp()
	if err := b.in.staging.Symlink(s.Record.Target, name); err != nil {
		return err
	}
	s.temp = name
	h, err := b.in.staging.OpenLink(name)
	if err == nil {
		s.handle = h
	}
	return err
}

func (b *batch) makeFile(s *step) error {
	if s.Staged == "" {
		return b.makeSmall(s)
	}
	f, err := b.in.staging.Open(s.Staged, fsx.ReadWrite)
	if err != nil {
		return err
	}
	s.temp, s.handle = s.Staged, f
	i, err := f.Info()
	switch {
	case err != nil:
		return err
	case i.Size != s.Record.Size:
		return fmt.Errorf("temporary %s has %d bytes, its record %d", s.Staged, i.Size, s.Record.Size)
	case i.Links != 1:
		return fmt.Errorf("temporary %s has %d names", s.Staged, i.Links)
	}
	return nil
}

func (b *batch) makeSmall(s *step) error {
	if int64(len(s.Bytes)) != s.Record.Size {
		return fmt.Errorf("content has %d bytes, its record %d", len(s.Bytes), s.Record.Size)
	}
	create := b.createTemp
	if s.apart && !b.in.named.Load() {
		create = b.createFree
	}
	f, err := create(s)
	if err != nil {
		return err
	}
	return writeSparse(f, s.Bytes)
}

func (b *batch) createTemp(s *step) (fsx.File, error) {
	name := b.in.temp()
	f, err := b.in.staging.Create(name, firstMode(s.Record))
	if err == nil {
		s.temp, s.handle = name, f
	}
	return f, err
}

// readySetAttr opens what is there. A file with several names is copied, and
// the copy goes the way of a Put.
func (b *batch) readySetAttr(s *step) error {
	if s.Expect.Kind != fsx.Regular {
		return nil
	}
	dir, name, err := b.parent(s.Path)
	if errors.Is(err, fsx.ErrNotExist) {
		return nil // an item before this one may make the directory
	}
	if err != nil {
		return err
	}
	f, err := dir.Open(name, fsx.ReadOnly)
	if errors.Is(err, fsx.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	defer f.Close()
	i, err := f.Info()
	switch {
	case err != nil:
		return err
	case i.Links <= 1 || !s.Expect.unchanged(i):
		return nil
	}
	to, err := b.createTemp(s)
	if err != nil {
		return err
	}
	if err := copySparse(to, f, i.Size); err != nil {
		return err
	}
	return b.dress(s)
}
