package fsx

type injectedDir struct {
	injectedHandle
	d Dir
}

// name asks about a call on a name below this directory.
func (d *injectedDir) name(op Op, path string, call func() error) error {
	if err := d.ask(Call{Op: op, Path: Join(d.path, path)}); err != nil {
		return err
	}
	return call()
}

func (d *injectedDir) OpenDir(path string) (dir Dir, err error) {
	err = d.name(OpOpenDir, path, func() error {
		below, err := d.d.OpenDir(path)
		if err == nil {
			dir = &injectedDir{injectedHandle{d.injector, Join(d.path, path), below}, below}
		}
		return err
	})
	return dir, err
}

func (d *injectedDir) ReadDir(yield func(Entry) bool) error {
	return d.on(OpReadDir, "", func() error { return d.d.ReadDir(yield) })
}

func (d *injectedDir) Stat(path string) (i Info, err error) {
	err = d.name(OpStat, path, func() error { i, err = d.d.Stat(path); return err })
	return i, err
}

func (d *injectedDir) Open(path string, access Access) (f File, err error) {
	err = d.name(OpOpen, path, func() error {
		below, err := d.d.Open(path, access)
		f = d.file(path, below)
		return err
	})
	return f, err
}

func (d *injectedDir) Create(path string, mode uint32) (f File, err error) {
	err = d.name(OpCreate, path, func() error {
		below, err := d.d.Create(path, mode)
		f = d.file(path, below)
		return err
	})
	return f, err
}

func (d *injectedDir) CreateUnnamed(mode uint32) (f File, err error) {
	err = d.on(OpCreateUnnamed, "", func() error {
		below, err := d.d.CreateUnnamed(mode)
		f = d.file("(unnamed)", below)
		return err
	})
	return f, err
}

func (d *injectedDir) LinkUnnamed(f File, path string) error {
	return d.name(OpLinkUnnamed, path, func() error { return d.d.LinkUnnamed(fileBelow(f), path) })
}

func (d *injectedDir) file(path string, below File) File {
	if below == nil {
		return nil
	}
	return &injectedFile{injectedHandle{d.injector, Join(d.path, path), below}, below}
}

func (d *injectedDir) OpenLink(path string) (h Handle, err error) {
	err = d.name(OpOpenLink, path, func() error {
		below, err := d.d.OpenLink(path)
		if err == nil {
			h = &injectedHandle{d.injector, Join(d.path, path), below}
		}
		return err
	})
	return h, err
}

func (d *injectedDir) Mkdir(path string, mode uint32) error {
	return d.name(OpMkdir, path, func() error { return d.d.Mkdir(path, mode) })
}

func (d *injectedDir) Symlink(target, path string) error {
	return d.name(OpSymlink, path, func() error { return d.d.Symlink(target, path) })
}

func (d *injectedDir) Readlink(path string) (target string, err error) {
	err = d.name(OpReadlink, path, func() error { target, err = d.d.Readlink(path); return err })
	return target, err
}

func (d *injectedDir) Link(path string, to Dir, newPath string) error {
	dest, prefix := dirBelow(to)
	if err := d.ask(Call{Op: OpLink, Path: Join(d.path, path), To: Join(prefix, newPath)}); err != nil {
		return err
	}
	return d.d.Link(path, dest, newPath)
}

func (d *injectedDir) Rename(path string, to Dir, newPath string, how RenameMode) error {
	dest, prefix := dirBelow(to)
	c := Call{Op: OpRename, Path: Join(d.path, path), To: Join(prefix, newPath), How: how}
	if err := d.ask(c); err != nil {
		return err
	}
	return d.d.Rename(path, dest, newPath, how)
}

// dirBelow is the directory that the back end made, and its path.
func dirBelow(d Dir) (below Dir, path string) {
	if wrapped, ok := d.(*injectedDir); ok {
		return wrapped.d, wrapped.path
	}
	return d, "."
}

func (d *injectedDir) Remove(path string) error {
	return d.name(OpRemove, path, func() error { return d.d.Remove(path) })
}

func (d *injectedDir) RemoveDir(path string) error {
	return d.name(OpRemoveDir, path, func() error { return d.d.RemoveDir(path) })
}

func (d *injectedDir) SyncFS() error { return d.on(OpSyncFS, "", d.d.SyncFS) }

func (d *injectedDir) Space() (s Space, err error) {
	err = d.on(OpSpace, "", func() error { s, err = d.d.Space(); return err })
	return s, err
}
