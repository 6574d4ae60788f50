package fsx

// names2 is what a rename or a link is about: two names, and what they hold
// now (nil: nothing).
type names2 struct {
	from, into       *inode
	name, newName    string
	source, occupant *inode
}

// pair looks both names up; the caller holds the lock.
func (d *memoryDir) pair(op Op, path string, to Dir, newPath string) (p names2, err error) {
	dest, ok := to.(*memoryDir)
	if !ok || dest.m != d.m {
		return p, refuse(op, path, ErrCrossDevice)
	}
	if p.from, p.name, err = d.walk(op, path); err != nil {
		return p, err
	}
	if p.into, p.newName, err = dest.walk(op, newPath); err != nil {
		return p, err
	}
	p.source, p.occupant = p.from.entries[p.name], p.into.entries[p.newName]
	if p.source == nil {
		return p, refuse(op, path, ErrNotExist)
	}
	return p, d.m.mayAdd(op, newPath, p.into, p.newName)
}

func (d *memoryDir) Link(path string, to Dir, newPath string) error {
	d.m.mu.Lock()
	defer d.m.mu.Unlock()
	p, err := d.pair(OpLink, path, to, newPath)
	switch {
	case err != nil:
		return err
	case p.source.kind == Directory:
		return refuse(OpLink, path, ErrPermission)
	case p.occupant != nil:
		return refuse(OpLink, newPath, ErrExist)
	}
	d.m.apply(change{p.into, p.newName, p.source})
	d.m.touch(p.source)
	return nil
}

func (d *memoryDir) LinkUnnamed(f File, path string) error {
	file, ok := f.(*memoryFile)
	if !ok || file.m != d.m {
		return refuse(OpLinkUnnamed, path, ErrCrossDevice)
	}
	d.m.mu.Lock()
	defer d.m.mu.Unlock()
	dir, name, err := d.walk(OpLinkUnnamed, path)
	if err != nil {
		return err
	}
	if _, taken := dir.entries[name]; taken {
		return refuse(OpLinkUnnamed, path, ErrExist)
	}
	if err := d.m.mayAdd(OpLinkUnnamed, path, dir, name); err != nil {
		return err
	}
	file.n.loose = file.n.loose || file.n.links == 0
	d.m.apply(change{dir, name, file.n})
	d.m.touch(file.n)
	return nil
}

func (d *memoryDir) Rename(path string, to Dir, newPath string, how RenameMode) error {
	d.m.mu.Lock()
	defer d.m.mu.Unlock()
	p, err := d.pair(OpRename, path, to, newPath)
	if err == nil {
		err = d.m.mayRename(p, how, newPath)
	}
	if err != nil || p.source == p.occupant {
		return err
	}
	if how == Exchange {
		d.m.apply(change{p.from, p.name, p.occupant}, change{p.into, p.newName, p.source})
		d.m.touch(p.occupant)
	} else {
		d.m.apply(change{p.from, p.name, nil}, change{p.into, p.newName, p.source})
	}
	d.m.touch(p.source)
	return nil
}

// mayRename holds the rules of renameat2.
func (m *Memory) mayRename(p names2, how RenameMode, newPath string) error {
	occupied := p.occupant != nil
	switch {
	case how == Exchange && m.o.NoExchange:
		return refuse(OpRename, newPath, ErrUnsupported)
	case how == Exchange && !occupied:
		return refuse(OpRename, newPath, ErrNotExist)
	case how == NoReplace && occupied:
		return refuse(OpRename, newPath, ErrExist)
	case p.source.kind == Directory && p.into.below(p.source):
		return refuse(OpRename, newPath, ErrUnsupported)
	case how == Exchange && p.occupant.kind == Directory && p.from.below(p.occupant):
		return refuse(OpRename, newPath, ErrUnsupported)
	case !occupied || how == Exchange:
		return nil
	case p.occupant.kind == Directory && p.source.kind != Directory:
		return refuse(OpRename, newPath, ErrIsDirectory)
	case p.occupant.kind != Directory && p.source.kind == Directory:
		return refuse(OpRename, newPath, ErrNotDirectory)
	case len(p.occupant.entries) > 0:
		return refuse(OpRename, newPath, ErrNotEmpty)
	}
	return nil
}
